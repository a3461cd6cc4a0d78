-- Another claim on the land in a period that shares a day (guarantee 1); without a period, in any.
SELECT pair.n,
       CASE WHEN land.is_sliver THEN 'sliver'
            WHEN pair.state = 'live' THEN 'live'
            WHEN pair.is_earlier THEN 'pending'
            ELSE 'pending_later' END,
       land.shape, land.area_m2, land.mean_width_m, 'claim', pair.key, pair.number,
       json_build_object('number', pair.number,
         'submitted_at', to_char(pair.submitted_at AT TIME ZONE 'Asia/Shanghai',
                                 'YYYY-MM-DD HH24:MI:SS'),
         'from', lower(pair.period), 'to', upper(pair.period) - 1)
FROM (
  SELECT candidate.n, candidate.geom, claim.geom AS other_geom, claim.key, claim.number,
         claim.state, claim.period, claim.submitted_at,
         own.id IS NULL OR (claim.submitted_at, claim.id) < (own.submitted_at, own.id)
           AS is_earlier
  FROM candidate
  JOIN parcels_claim AS claim
    ON claim.geom && candidate.geom AND claim.state IN ('pending', 'live')
   AND (%(period)s::daterange IS NULL OR claim.period && %(period)s::daterange)
   AND claim.id IS DISTINCT FROM %(own_claim)s::bigint
   AND ST_Intersects(candidate.sieve, claim.geom)
  LEFT JOIN parcels_claim AS own ON own.id = %(own_claim)s::bigint
) AS pair
CROSS JOIN LATERAL shared_land(pair.geom, pair.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land

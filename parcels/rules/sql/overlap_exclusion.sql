-- Another programme's project (article 6): registered or planned, it excludes the land whatever the
-- years; ended, only where its crediting period and the monitoring period share a day. A title has
-- no monitoring period: every year's counts.
SELECT pair.n,
       CASE WHEN land.is_sliver THEN 'sliver'
            WHEN pair.status <> 'ended' THEN pair.status
            WHEN %(period)s::daterange IS NULL THEN 'ended_any_period'
            WHEN pair.period && %(period)s::daterange THEN 'ended_in_period'
            ELSE 'ended' END,
       land.shape, land.area_m2, land.mean_width_m, 'exclusion', pair.key, pair.number,
       json_build_object('programme', pair.kind, 'number', pair.number,
                         'from', lower(pair.period), 'to', upper(pair.period) - 1)
FROM (
  SELECT candidate.n, candidate.geom, exclusion.geom AS other_geom, exclusion.key,
         exclusion.number, exclusion.kind, exclusion.status, exclusion.period
  FROM candidate
  JOIN parcels_exclusionarea AS exclusion
    ON exclusion.geom && candidate.geom AND exclusion.replaced_at IS NULL
   AND exclusion.kind <> 'harvest' AND ST_Intersects(candidate.sieve, exclusion.geom)
) AS pair
CROSS JOIN LATERAL shared_land(pair.geom, pair.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land

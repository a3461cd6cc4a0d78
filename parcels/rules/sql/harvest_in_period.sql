-- A harvest planned for a day of the monitoring period (article 6); tending is exempt.
SELECT pair.n,
       CASE WHEN land.is_sliver THEN 'sliver'
            WHEN pair.status = 'ended' THEN 'ended'
            ELSE 'clear_cut' END,
       land.shape, land.area_m2, land.mean_width_m, 'exclusion', pair.key, pair.number,
       json_build_object('number', pair.number, 'from', lower(pair.period),
                         'to', upper(pair.period) - 1)
FROM (
  SELECT candidate.n, candidate.geom, harvest.geom AS other_geom, harvest.key, harvest.number,
         harvest.status, harvest.period
  FROM candidate
  JOIN parcels_exclusionarea AS harvest
    ON harvest.geom && candidate.geom AND harvest.replaced_at IS NULL
   AND harvest.kind = 'harvest' AND harvest.method = 'clear_cut'
   AND (%(period)s::daterange IS NULL OR harvest.period && %(period)s::daterange)
   AND ST_Intersects(candidate.sieve, harvest.geom)
) AS pair
CROSS JOIN LATERAL shared_land(pair.geom, pair.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land

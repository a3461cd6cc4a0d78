-- A title under the project whose term ends before the last day of the monitoring period.
SELECT early.n, 'ends_early', land.shape, land.area_m2, land.mean_width_m,
       'certificate', early.key, early.number,
       json_build_object('number', early.number, 'ends_on', early.term_ends_on)
FROM (
  SELECT candidate.n, candidate.geom, candidate.sieve, hold.geom AS other_geom, certificate.key,
         certificate.number, certificate.term_ends_on
  FROM candidate
  JOIN parcels_verifiedtitle AS hold
    ON hold.geom && candidate.geom AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
  JOIN parcels_titlecertificate AS certificate ON certificate.id = hold.certificate_id
  WHERE certificate.term_ends_on < upper(%(period)s::daterange) - 1
  OFFSET 0  -- Terms are asked first: few are over, and only these are cut.
) AS early
CROSS JOIN LATERAL shared_land(early.geom, early.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land
WHERE ST_Intersects(early.sieve, early.other_geom) AND NOT land.is_sliver

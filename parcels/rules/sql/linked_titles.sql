-- Verified titles of tree ownership under the project that the application does not link. Where
-- none is left, every part that is covered at all is covered by a linked certificate (article 7).
SELECT open.n, 'unlinked', land.shape, land.area_m2, land.mean_width_m,
       'certificate', open.key, open.number, json_build_object('number', open.number)
FROM (
  SELECT candidate.n, candidate.geom, hold.geom AS other_geom, certificate.key, certificate.number
  FROM candidate
  JOIN parcels_verifiedtitle AS hold
    ON hold.geom && candidate.geom AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
   AND hold.certificate_id <> ALL (%(certificates)s::bigint[])
   AND ST_Intersects(candidate.sieve, hold.geom)
  JOIN parcels_titlecertificate AS certificate ON certificate.id = hold.certificate_id
) AS open
CROSS JOIN LATERAL shared_land(open.geom, open.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land
WHERE NOT land.is_sliver

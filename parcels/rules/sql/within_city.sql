-- The city's outline is schematic: leaving it is worth a look, never a refusal.
SELECT candidate.n,
       CASE WHEN ST_Intersects(city.geom, candidate.geom) THEN 'partly_outside' ELSE 'outside' END,
       ST_Multi(ST_CollectionExtract(ST_Difference(candidate.geom, city.geom), 3)),
       NULL::float8, NULL::float8, '', NULL::uuid, '', json_build_object()
FROM candidate CROSS JOIN base_basemapfeature AS city
WHERE city.layer = 'city' AND NOT ST_Covers(city.geom, candidate.geom)

-- Holes smaller than title.tiny_hole_m2.
SELECT hole.n, 'tiny', ST_Multi(ST_Collect(hole.shape)), sum(hole.area_m2), NULL::float8,
       '', NULL::uuid, '', json_build_object('count', count(*))
FROM (
  SELECT candidate.n, inner_ring.shape, ST_Area(inner_ring.shape::geography) AS area_m2
  FROM candidate
  CROSS JOIN LATERAL ST_Dump(candidate.geom) AS part
  CROSS JOIN LATERAL ST_DumpRings(part.geom) AS ring
  CROSS JOIN LATERAL (SELECT ring.geom AS shape) AS inner_ring
  WHERE ST_NRings(candidate.geom) > ST_NumGeometries(candidate.geom) AND ring.path[1] > 0
) AS hole
WHERE hole.area_m2 < %(title_tiny_hole_m2)s::float8
GROUP BY hole.n

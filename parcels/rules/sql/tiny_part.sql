-- Parts of a shape of several parts that are smaller than title.tiny_part_m2.
SELECT part.n, 'tiny', ST_Multi(ST_Collect(part.shape)), sum(part.area_m2), NULL::float8,
       '', NULL::uuid, '', json_build_object('count', count(*))
FROM (
  SELECT candidate.n, piece.geom AS shape, ST_Area(piece.geom::geography) AS area_m2
  FROM candidate CROSS JOIN LATERAL ST_Dump(candidate.geom) AS piece
  WHERE ST_NumGeometries(candidate.geom) > 1
) AS part
WHERE part.area_m2 < %(title_tiny_part_m2)s::float8
GROUP BY part.n

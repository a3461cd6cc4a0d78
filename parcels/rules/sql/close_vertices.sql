-- Neighbouring vertices closer than title.close_vertices_m; the first count is a cheap sieve.
SELECT pair.n, 'close', ST_Collect(ST_Transform(pair.point, 4490)), NULL::float8, NULL::float8,
       '', NULL::uuid, '',
       json_build_object('count', count(*), 'metres', round(min(pair.metres)::numeric, 4))
FROM (
  SELECT candidate.n, vertex.geom AS point,
         ST_Distance(vertex.geom, lead(vertex.geom) OVER around) AS metres
  FROM candidate
  CROSS JOIN LATERAL ST_Transform(candidate.geom, 4536) AS plane
  CROSS JOIN LATERAL ST_DumpPoints(plane) AS vertex
  WHERE ST_NPoints(ST_RemoveRepeatedPoints(plane, %(title_close_vertices_m)s::float8))
        < ST_NPoints(plane)
  WINDOW around AS (PARTITION BY candidate.n, vertex.path[1], vertex.path[2]
                    ORDER BY vertex.path[3])
) AS pair
WHERE pair.metres < %(title_close_vertices_m)s::float8
GROUP BY pair.n

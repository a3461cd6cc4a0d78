-- Corners sharper than title.sharp_angle_deg, spike or notch, in the plane.
SELECT corner.n, 'sharp', ST_Collect(ST_Transform(corner.point, 4490)), NULL::float8, NULL::float8,
       '', NULL::uuid, '',
       json_build_object('count', count(*),
                         'degrees', round(min(least(corner.turn, 360 - corner.turn))::numeric, 2))
FROM (
  -- A ring's last point repeats its first: its corner lies before the second point.
  SELECT walk.n, walk.at, walk.point,
         degrees(ST_Angle(walk.before, walk.point, coalesce(walk.after, walk.second))) AS turn
  FROM (
    SELECT candidate.n, vertex.path[3] AS at, vertex.geom AS point,
           lag(vertex.geom) OVER around AS before, lead(vertex.geom) OVER around AS after,
           nth_value(vertex.geom, 2) OVER
             (around ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS second
    FROM candidate
    CROSS JOIN LATERAL ST_DumpPoints(ST_Transform(candidate.geom, 4536)) AS vertex
    WINDOW around AS (PARTITION BY candidate.n, vertex.path[1], vertex.path[2]
                      ORDER BY vertex.path[3])
  ) AS walk
) AS corner
WHERE corner.at > 1 AND least(corner.turn, 360 - corner.turn) < %(title_sharp_angle_deg)s::float8
GROUP BY corner.n

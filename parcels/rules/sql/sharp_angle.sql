-- Corners sharper than title.sharp_angle_deg, spike or notch, in the plane. Of a million corners few
-- are near that: the product of their sides is a first sieve over plain numbers, the angle decides.
SELECT corner.n, 'sharp', ST_Collect(ST_Transform(corner.point, 4490)), NULL::float8, NULL::float8,
       '', NULL::uuid, '',
       json_build_object('count', count(*),
                         'degrees', round(min(least(corner.turn, 360 - corner.turn))::numeric, 2))
FROM (
  SELECT around.n, ST_SetSRID(suspect.point, 4536) AS point,
         degrees(ST_Angle(ST_MakePoint(around.x[suspect.at - 1], around.y[suspect.at - 1]),
                          suspect.point,
                          ST_MakePoint(suspect.after_x, suspect.after_y))) AS turn
  FROM (
    SELECT candidate.n, walk.x, walk.y
    FROM candidate
    CROSS JOIN LATERAL ST_Dump(ST_Transform(candidate.geom, 4536)) AS part
    CROSS JOIN LATERAL ST_DumpRings(part.geom) AS ring
    CROSS JOIN LATERAL (
      SELECT array_agg(ST_X(vertex.geom)) AS x, array_agg(ST_Y(vertex.geom)) AS y
      FROM ST_DumpPoints(ST_ExteriorRing(ring.geom)) AS vertex
    ) AS walk
  ) AS around
  -- A ring's last point repeats its first: its corner lies before the second point.
  CROSS JOIN LATERAL (
    SELECT side.*, ST_MakePoint(around.x[side.at], around.y[side.at]) AS point
    FROM (
      SELECT at, coalesce(around.x[at + 1], around.x[2]) AS after_x,
             coalesce(around.y[at + 1], around.y[2]) AS after_y
      FROM generate_subscripts(around.x, 1) AS at
      WHERE at > 1
    ) AS side
    CROSS JOIN LATERAL (
      SELECT around.x[side.at - 1] - around.x[side.at] AS ax,
             around.y[side.at - 1] - around.y[side.at] AS ay,
             side.after_x - around.x[side.at] AS bx, side.after_y - around.y[side.at] AS by
      OFFSET 0
    ) AS leg
    WHERE leg.ax * leg.bx + leg.ay * leg.by
          > cosd(least(1.01 * %(title_sharp_angle_deg)s::float8, 180))
            * sqrt((leg.ax ^ 2 + leg.ay ^ 2) * (leg.bx ^ 2 + leg.by ^ 2))
  ) AS suspect
) AS corner
WHERE least(corner.turn, 360 - corner.turn) < %(title_sharp_angle_deg)s::float8
GROUP BY corner.n

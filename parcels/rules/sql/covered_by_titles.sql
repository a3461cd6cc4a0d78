-- Carbon is counted only where tree ownership is verified (article 5). A shape that lies within
-- one title is passed at once; the rest is cut by the union of the titles it touches. They are united
-- as they are stored: of the vertices between them none has to be brought into the plane.
SELECT open.n, CASE WHEN land.is_sliver THEN 'sliver' ELSE 'uncovered' END,
       land.shape, land.area_m2, land.mean_width_m, '', NULL::uuid, '', json_build_object()
FROM (
  SELECT candidate.n, candidate.geom
  FROM candidate
  WHERE candidate.geom IS NOT NULL AND NOT EXISTS (
    SELECT FROM parcels_verifiedtitle AS hold
    WHERE hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
      AND hold.geom ~ candidate.sieve AND ST_Covers(hold.geom, candidate.sieve))
) AS open
CROSS JOIN LATERAL (
  -- Rounded once, when the shape is cut by it: rounding each title on the way takes twice as long.
  SELECT ST_Transform(ST_UnaryUnion(ST_Collect(hold.geom)), 4536) AS plane
  FROM parcels_verifiedtitle AS hold
  WHERE hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
    AND hold.geom && open.geom AND ST_Intersects(open.geom, hold.geom)
) AS cover
CROSS JOIN LATERAL uncovered_land(open.geom, cover.plane, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land

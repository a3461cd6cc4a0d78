"""Shared land is measured once, and compared on the grid only where the grid can decide."""

from django.db import migrations

# The grid of 0.1 mm moves a border by less than two of its steps. Of a single piece that is so wide, or
# so small, that this changes no judgement, cutting without the grid says the same, four times quicker.
# A piece without holes holds a disc wider than area / perimeter (each inner parallel of its border is
# shorter than the border), so that one far wider than the erosion need not be eroded to survive it.
FORWARD = """
CREATE OR REPLACE FUNCTION judged_land(plane geometry, sliver_area_m2 double precision,
  sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT part.is_sliver, ST_Multi(ST_Collect(part.shape)), sum(part.area_m2),
         2 * sum(part.plane_m2) / nullif(sum(part.perimeter_m), 0)
  FROM (
    SELECT measured.shape, measured.area_m2, piece.plane_m2, piece.perimeter_m,
           measured.area_m2 <= sliver_area_m2
             OR NOT (ST_NumInteriorRings(piece.geom) = 0
                     AND piece.plane_m2 > 2 * sliver_halfwidth_m * piece.perimeter_m)
                AND ST_IsEmpty(ST_Buffer(piece.geom, -sliver_halfwidth_m)) AS is_sliver
    -- OFFSET 0 keeps what is asked once from being written out wherever it is read.
    FROM (
      SELECT dumped.geom, ST_Area(dumped.geom) AS plane_m2, ST_Perimeter(dumped.geom) AS perimeter_m
      FROM ST_Dump(ST_CollectionExtract(plane, 3)) AS dumped
      WHERE NOT ST_IsEmpty(dumped.geom) OFFSET 0
    ) AS piece
    CROSS JOIN LATERAL (SELECT ST_Transform(piece.geom, 4490) AS shape OFFSET 0) AS lifted
    CROSS JOIN LATERAL (
      SELECT lifted.shape, ST_Area(lifted.shape::geography) AS area_m2 OFFSET 0
    ) AS measured
    OFFSET 0
  ) AS part
  WHERE NOT part.is_sliver OR 2 * part.plane_m2 >= 0.001 * part.perimeter_m
  GROUP BY part.is_sliver
$$;

-- What two shapes in the plane of EPSG:4536 share.
CREATE FUNCTION shared_in_plane(a geometry, b geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT land.is_sliver, land.shape, land.area_m2, land.mean_width_m
  FROM (SELECT a, b OFFSET 0) AS given
  CROSS JOIN LATERAL (
    SELECT ST_CollectionExtract(ST_Intersection(given.a, given.b), 3) AS shape OFFSET 0
  ) AS cut
  CROSS JOIN LATERAL (
    SELECT ST_NumGeometries(cut.shape) AS pieces, ST_NRings(cut.shape) AS rings,
           ST_Area(cut.shape) AS plane_m2, ST_Perimeter(cut.shape) AS perimeter_m OFFSET 0
  ) AS size
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN size.pieces = 0 THEN cut.shape
      WHEN size.pieces = 1 AND size.rings = 1 AND (
             size.plane_m2 < 0.9 * sliver_area_m2 - 2 * grid_m * size.perimeter_m
               AND abs(2 * size.plane_m2 - 0.001 * size.perimeter_m) > 4 * grid_m * size.perimeter_m
             OR size.plane_m2 > 1.1 * sliver_area_m2 + 2 * grid_m * size.perimeter_m
                AND size.plane_m2 > (2 * sliver_halfwidth_m + 4 * grid_m) * size.perimeter_m)
        THEN cut.shape
      ELSE ST_Intersection(given.a, given.b, grid_m) END AS shape
    OFFSET 0
  ) AS sure
  CROSS JOIN LATERAL judged_land(sure.shape, sliver_area_m2, sliver_halfwidth_m) AS land
$$;

CREATE OR REPLACE FUNCTION shared_land(a geometry, b geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT land.is_sliver, land.shape, land.area_m2, land.mean_width_m
  FROM shared_in_plane(ST_Transform(a, 4536), ST_Transform(b, 4536), grid_m, sliver_area_m2,
                       sliver_halfwidth_m) AS land
$$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION shared_land(a geometry, b geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT land.is_sliver, land.shape, land.area_m2, land.mean_width_m
  FROM judged_land(ST_Intersection(ST_Transform(a, 4536), ST_Transform(b, 4536), grid_m),
                   sliver_area_m2, sliver_halfwidth_m) AS land
$$;
DROP FUNCTION shared_in_plane(geometry, geometry, double precision, double precision,
                              double precision);
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0037_returned_changes_are_ended")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

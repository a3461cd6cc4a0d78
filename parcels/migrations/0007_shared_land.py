"""What the rules ask of two pieces of land: shared parts, uncovered parts, narrow gaps."""

from django.db import migrations

FORWARD = """
-- Parts in the plane of EPSG:4536, each judged alone as ``overlap_parts`` does, then summed up by
-- judgement: at most two rows. The mean width is 2 · area / perimeter over all parts of a row.
-- A sliver narrower than a millimetre is none: a border that one side draws with one more vertex
-- bends that much between longitude and latitude and the plane.
CREATE FUNCTION judged_land(plane geometry, sliver_area_m2 double precision,
  sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT part.is_sliver, ST_Multi(ST_Collect(part.shape)), sum(part.area_m2),
         2 * sum(part.plane_m2) / nullif(sum(part.perimeter_m), 0)
  FROM (
    SELECT lifted.shape, ST_Area(lifted.shape::geography) AS area_m2,
           ST_Area(piece.geom) AS plane_m2, ST_Perimeter(piece.geom) AS perimeter_m,
           ST_Area(lifted.shape::geography) <= sliver_area_m2
             OR ST_IsEmpty(ST_Buffer(piece.geom, -sliver_halfwidth_m)) AS is_sliver
    FROM ST_Dump(ST_CollectionExtract(plane, 3)) AS piece,
         LATERAL (SELECT ST_Transform(piece.geom, 4490) AS shape) AS lifted
    WHERE NOT ST_IsEmpty(piece.geom)
  ) AS part
  WHERE NOT part.is_sliver OR 2 * part.plane_m2 >= 0.001 * part.perimeter_m
  GROUP BY part.is_sliver
$$;

-- What two shapes in EPSG:4490 share.
CREATE FUNCTION shared_land(a geometry, b geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT land.is_sliver, land.shape, land.area_m2, land.mean_width_m
  FROM judged_land(ST_Intersection(ST_Transform(a, 4536), ST_Transform(b, 4536), grid_m),
                   sliver_area_m2, sliver_halfwidth_m) AS land
$$;

-- What of ``a`` (EPSG:4490) lies outside ``cover`` (in the plane of EPSG:4536; null for nothing).
CREATE FUNCTION uncovered_land(a geometry, cover geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (is_sliver boolean, shape geometry, area_m2 double precision,
               mean_width_m double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT land.is_sliver, land.shape, land.area_m2, land.mean_width_m
  FROM judged_land(CASE WHEN cover IS NULL THEN ST_Transform(a, 4536)
                        ELSE ST_Difference(ST_Transform(a, 4536), cover, grid_m) END,
                   sliver_area_m2, sliver_halfwidth_m) AS land
$$;

-- The places around united shapes that are narrower than ``width_m``, in the plane: closing them
-- by half of it from each side, with mitred corners, so that a mere corner is not filled.
CREATE FUNCTION narrow_gaps(plane geometry, width_m double precision, grid_m double precision)
RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ST_Difference(
    ST_Buffer(ST_Buffer(plane, width_m / 2, 'join=mitre mitre_limit=50'),
              -width_m / 2, 'join=mitre mitre_limit=50'), plane, grid_m)
$$;
"""
BACKWARD = """
DROP FUNCTION narrow_gaps(geometry, double precision, double precision);
DROP FUNCTION uncovered_land(geometry, geometry, double precision, double precision,
                             double precision);
DROP FUNCTION shared_land(geometry, geometry, double precision, double precision,
                          double precision);
DROP FUNCTION judged_land(geometry, double precision, double precision);
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0006_kept_runs")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

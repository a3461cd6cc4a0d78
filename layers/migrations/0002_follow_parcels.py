"""The map follows the parcels: triggers count shape changes and mark cells to prepare again."""

from django.db import migrations

FORWARD = """
-- The cell of the finest prepared zoom (11, sixteen to a tile's side) that a shape's middle is in.
CREATE FUNCTION layer_cell_of(shape geometry, OUT x int, OUT y int)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT floor((ST_X(middle) + 20037508.342789244) / (40075016.685578488 / 32768))::int,
         floor((20037508.342789244 - ST_Y(middle)) / (40075016.685578488 / 32768))::int
  FROM ST_Transform(ST_Centroid(ST_Envelope(shape)), 3857) AS middle
$$;
CREATE FUNCTION layer_cell_box(zoom int, x int, y int) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ST_Transform(ST_TileEnvelope(zoom + 4, x, y), 4490)
$$;
CREATE FUNCTION layer_snap(shape geometry, step double precision) RETURNS geometry
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  snapped geometry := ST_SnapToGrid(shape, step);
BEGIN
  IF snapped IS NULL OR ST_IsEmpty(snapped) OR ST_Area(snapped) = 0 THEN
    RETURN ST_Expand(ST_SnapToGrid(ST_Centroid(shape), step), step / 2);
  END IF;
  IF NOT ST_IsValid(snapped) THEN
    RETURN ST_CollectionExtract(ST_MakeValid(snapped), 3);
  END IF;
  RETURN snapped;
END $$;

CREATE FUNCTION parcel_shapes_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    INSERT INTO layers_shapechange (layer) VALUES ('parcels');
    INSERT INTO layers_dirtycell (x, y)
    SELECT DISTINCT own.x, own.y FROM changed, LATERAL layer_cell_of(changed.geom) AS own;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER map_follows_new_shapes AFTER INSERT ON parcels_parcelversion
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION parcel_shapes_changed();
CREATE TRIGGER map_follows_standing AFTER UPDATE ON parcels_parcelversion
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION parcel_shapes_changed();

-- A parcel's state is in its tile too.
CREATE FUNCTION verified_titles_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    INSERT INTO layers_shapechange (layer) VALUES ('parcels');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER map_follows_verified AFTER INSERT ON parcels_verifiedtitle
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION verified_titles_changed();
CREATE TRIGGER map_follows_ended AFTER UPDATE ON parcels_verifiedtitle
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION verified_titles_changed();
"""
BACKWARD = """
DROP TRIGGER map_follows_new_shapes ON parcels_parcelversion;
DROP TRIGGER map_follows_standing ON parcels_parcelversion;
DROP TRIGGER map_follows_verified ON parcels_verifiedtitle;
DROP TRIGGER map_follows_ended ON parcels_verifiedtitle;
DROP FUNCTION parcel_shapes_changed();
DROP FUNCTION verified_titles_changed();
DROP FUNCTION layer_snap(geometry, double precision);
DROP FUNCTION layer_cell_box(int, int, int);
DROP FUNCTION layer_cell_of(geometry);
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0001_prepared"), ("parcels", "0002_guarantees")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

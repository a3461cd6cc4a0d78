"""Guarantee 2: what is cut out of verified land stands only once its change is signed."""

from django.db import migrations

# A piece of a piece descends from the verified parcel as well. An import writes no piece: it finds
# parcels by the shape that stands.
FORWARD = """
CREATE FUNCTION land_is_held_above(piece bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE older (id) AS (
    SELECT parent_id FROM parcels_parcellineage WHERE child_id = piece
    UNION
    SELECT line.parent_id FROM older JOIN parcels_parcellineage AS line ON line.child_id = older.id
  )
  SELECT EXISTS (SELECT FROM older JOIN parcels_verifiedtitle AS hold ON hold.parcel_id = older.id
                 WHERE hold.ended_at IS NULL)
$$;

CREATE FUNCTION pieces_wait_for_the_signature() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'parcels_parcelversion' THEN
    IF EXISTS (SELECT FROM parcels_parcel WHERE id = NEW.parcel_id AND ended_at IS NOT NULL) THEN
      RAISE EXCEPTION 'a parcel that ended was to get a shape'
        USING ERRCODE = 'integrity_constraint_violation',
              CONSTRAINT = 'ended_parcel_gets_no_shape', TABLE = TG_TABLE_NAME;
    END IF;
    IF NOT land_is_held_above(NEW.parcel_id) THEN
      RETURN NEW;
    END IF;
  ELSIF NOT (land_is_held_above(NEW.child_id) AND EXISTS (
      SELECT FROM parcels_parcelversion
      WHERE parcel_id = NEW.child_id AND stands_from IS NOT NULL AND stands_to IS NULL)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a piece of verified land was to stand beside it'
    USING ERRCODE = 'integrity_constraint_violation',
          CONSTRAINT = 'pieces_wait_for_the_signature', TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER pieces_wait_for_the_signature
BEFORE INSERT OR UPDATE OF stands_from ON parcels_parcelversion
FOR EACH ROW WHEN (NEW.stands_from IS NOT NULL AND NEW.because <> 'import')
EXECUTE FUNCTION pieces_wait_for_the_signature();
CREATE TRIGGER pieces_wait_for_the_signature AFTER INSERT ON parcels_parcellineage
FOR EACH ROW EXECUTE FUNCTION pieces_wait_for_the_signature();
"""
BACKWARD = """
DROP TRIGGER pieces_wait_for_the_signature ON parcels_parcellineage;
DROP TRIGGER pieces_wait_for_the_signature ON parcels_parcelversion;
DROP FUNCTION pieces_wait_for_the_signature();
DROP FUNCTION land_is_held_above(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0027_reviewed_land_is_frozen")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

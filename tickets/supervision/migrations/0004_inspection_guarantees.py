"""What the database refuses about inspections: above all an edit after the signature."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_inspection_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.state IN ('signed', 'dropped') THEN
    RAISE EXCEPTION 'a signed inspection was to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'signed_inspection_stands', TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('proposed', 'proposed'), ('proposed', 'ordered'), ('proposed', 'dropped'),
       ('ordered', 'ordered'), ('ordered', 'signed'))
     OR (NEW.id, NEW.key, NEW.ticket_id, NEW.source) IS DISTINCT FROM
        (OLD.id, OLD.key, OLD.ticket_id, OLD.source) THEN
    RAISE EXCEPTION 'an inspection goes from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'inspection_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = 'signed' THEN
    NEW.signed_at := portal_now();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER inspection_moves BEFORE UPDATE ON supervision_inspection
FOR EACH ROW EXECUTE FUNCTION supervision_inspection_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON supervision_inspection
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON supervision_inspection
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE FUNCTION supervision_inspection_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.state NOT IN ('proposed', 'ordered') THEN
    RAISE EXCEPTION 'an inspection begins before it is signed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'inspection_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER inspection_begins BEFORE INSERT ON supervision_inspection
FOR EACH ROW EXECUTE FUNCTION supervision_inspection_begins();

-- A photo is added while the inspection is under way; the lock lets no signature pass between.
CREATE FUNCTION supervision_photo_is_added() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  standing text;
BEGIN
  SELECT state INTO standing FROM supervision_inspection WHERE id = NEW.inspection_id FOR SHARE;
  IF standing <> 'ordered' THEN
    RAISE EXCEPTION 'a photo was to be added to an inspection that is %', standing
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'signed_inspection_stands', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER photo_is_added BEFORE INSERT ON supervision_inspectionphoto
FOR EACH ROW EXECUTE FUNCTION supervision_photo_is_added();
SELECT portal_append_only('supervision_inspectionphoto');
"""
BACKWARD = """
DROP TRIGGER nothing_is_truncated ON supervision_inspectionphoto;
DROP TRIGGER nothing_is_rewritten ON supervision_inspectionphoto;
DROP TRIGGER photo_is_added ON supervision_inspectionphoto;
DROP FUNCTION supervision_photo_is_added();
DROP TRIGGER inspection_begins ON supervision_inspection;
DROP FUNCTION supervision_inspection_begins();
DROP TRIGGER nothing_is_truncated ON supervision_inspection;
DROP TRIGGER nothing_is_rewritten ON supervision_inspection;
DROP TRIGGER inspection_moves ON supervision_inspection;
DROP FUNCTION supervision_inspection_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("supervision", "0003_inspections")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

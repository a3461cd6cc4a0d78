"""A visit that follows one with measures says whether they are mended, and only such a visit does."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_follow_up_is_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  former supervision_inspection;
BEGIN
  SELECT * INTO former FROM supervision_inspection WHERE id = NEW.follows_id;
  IF NEW.follows_id IS NOT NULL
     AND (former.state <> 'signed' OR former.ticket_id <> NEW.ticket_id)
     OR TG_OP = 'UPDATE' AND NEW.follows_id IS DISTINCT FROM OLD.follows_id THEN
    RAISE EXCEPTION 'a follow-up is of a signed visit to the same ticket''s land'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_is_of_a_signed_visit',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (NEW.state = 'signed' AND former.outcome IS NOT DISTINCT FROM 'measures')
       <> (NEW.mended IS NOT NULL)
     OR NOT NEW.mended AND NEW.outcome = 'good' THEN
    RAISE EXCEPTION 'a follow-up says whether the measures are mended'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_says_what_is_mended',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER follow_up_is_whole BEFORE INSERT OR UPDATE ON supervision_inspection
FOR EACH ROW EXECUTE FUNCTION supervision_follow_up_is_whole();
"""
BACKWARD = """
DROP TRIGGER follow_up_is_whole ON supervision_inspection;
DROP FUNCTION supervision_follow_up_is_whole();
"""


class Migration(migrations.Migration):
    dependencies = [("supervision", "0011_mended_measures")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

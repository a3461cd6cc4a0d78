"""What owners agreed to is what is signed: a request keeps its facts, and a decided one its decision."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION offsets_request_stands() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  handling text[] := ARRAY[
    'state', 'prepared_by_id', 'prepared_at', 'opinion', 'decided_by_id', 'decided_at', 'reason'];
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state NOT IN ('asked', 'prepared')
     OR (to_jsonb(NEW) - handling) <> (to_jsonb(OLD) - handling) THEN
    RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER request_stands_as_asked BEFORE UPDATE OR DELETE ON offsets_offsetrequest
FOR EACH ROW EXECUTE FUNCTION offsets_request_stands();
"""
BACKWARD = """
DROP TRIGGER request_stands_as_asked ON offsets_offsetrequest;
DROP FUNCTION offsets_request_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("offsets", "0008_co_owners_sign_a_request")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""What was decided about a case stands, and its offset is exactly the case's."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_justice_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'opened' THEN
    RAISE EXCEPTION 'a case begins as opened'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_case_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - ARRAY['state', 'decided_by_id', 'reason', 'request_id']
       IS DISTINCT FROM to_jsonb(OLD) - ARRAY['state', 'decided_by_id', 'reason', 'request_id'] THEN
      RAISE EXCEPTION 'a case was to be rewritten'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
         ('opened', 'confirmed'), ('opened', 'refused'), ('confirmed', 'subscribed'),
         ('confirmed', 'refused'), ('subscribed', 'refused'))
       OR (OLD.state = 'subscribed' AND (
             NEW.request_id IS DISTINCT FROM OLD.request_id OR NOT EXISTS (
               SELECT FROM offsets_offsetrequest
               WHERE id = OLD.request_id AND state IN ('refused', 'withdrawn')))) THEN
      RAISE EXCEPTION 'a case goes from % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_case_moves_on_its_way',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.request_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM offsets_offsetrequest
         WHERE id = NEW.request_id AND purpose = 'eco_justice' AND ticket_id = NEW.ticket_id
           AND quantity_kg = NEW.quantity_kg AND authority = NEW.authority
           AND document_number = NEW.document_number) THEN
      RAISE EXCEPTION 'the offset asked for is not this case''s'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_offset_is_the_cases',
              TABLE = TG_TABLE_NAME;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER justice_moves BEFORE INSERT OR UPDATE ON supervision_justicecase
FOR EACH ROW EXECUTE FUNCTION supervision_justice_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON supervision_justicecase
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON supervision_justicecase
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
"""
BACKWARD = """
DROP TRIGGER nothing_is_truncated ON supervision_justicecase;
DROP TRIGGER nothing_is_rewritten ON supervision_justicecase;
DROP TRIGGER justice_moves ON supervision_justicecase;
DROP FUNCTION supervision_justice_moves();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0005_justice_cases"),
        ("offsets", "0002_guarantees"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

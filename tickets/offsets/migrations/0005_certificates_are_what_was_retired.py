"""A certificate stands for exactly the kilograms that were retired for it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION offsets_certificate_is_retired() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.quantity_kg IS DISTINCT FROM (
       SELECT sum(upper(kg) - lower(kg)) FROM registry_block
       WHERE because_id = NEW.cause_id AND closed_by_id IS NULL AND state = 'offset'
         AND ticket_id = NEW.ticket_id) THEN
    RAISE EXCEPTION 'the certificate is not what was retired'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_is_what_was_retired',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER certificate_is_what_was_retired AFTER INSERT ON offsets_offset
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION offsets_certificate_is_retired();
"""
BACKWARD = """
DROP TRIGGER certificate_is_what_was_retired ON offsets_offset;
DROP FUNCTION offsets_certificate_is_retired();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("offsets", "0004_certificates_are_kept"),
        ("registry", "0017_causes_and_events"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

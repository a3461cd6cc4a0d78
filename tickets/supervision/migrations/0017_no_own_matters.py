"""Who acts for a ticket's owner takes no part in its inspections, complaints and eco-justice cases."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_no_own_inspection() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  -- Each is judged at the time of his act.
  acting bigint[] := CASE NEW.state
    WHEN 'ordered' THEN ARRAY[NEW.ordered_by_id, NEW.inspector_id]
    WHEN 'signed' THEN ARRAY[NEW.inspector_id]
    ELSE ARRAY[NEW.dropped_by_id] END;
BEGIN
  IF EXISTS (SELECT FROM unnest(acting) AS person
             WHERE offsets_acted_in(person, NEW.ticket_id, portal_now())) THEN
    RAISE EXCEPTION 'who acts for an owner takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER inspection_is_no_own_matter BEFORE INSERT OR UPDATE ON supervision_inspection
FOR EACH ROW WHEN (NEW.state <> 'proposed') EXECUTE FUNCTION supervision_no_own_inspection();

CREATE FUNCTION supervision_no_own_complaint() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF offsets_acted_in(
       CASE NEW.state
         WHEN 'accepted' THEN NEW.accepted_by_id
         WHEN 'drafted' THEN NEW.drafted_by_id
         ELSE NEW.answered_by_id END,
       NEW.ticket_id, portal_now()) THEN
    RAISE EXCEPTION 'who acts for an owner takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
-- What is returned to the clerk is no act of his.
CREATE TRIGGER complaint_is_no_own_matter BEFORE UPDATE ON supervision_complaint
FOR EACH ROW WHEN (NEW.ticket_id IS NOT NULL AND NEW.state <> 'received'
                   AND (OLD.state, NEW.state) <> ('drafted', 'accepted'))
EXECUTE FUNCTION supervision_no_own_complaint();

CREATE FUNCTION supervision_no_own_case() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF offsets_acted_in(CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by_id ELSE NEW.decided_by_id END,
                      NEW.ticket_id, portal_now()) THEN
    RAISE EXCEPTION 'who acts for an owner takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
-- A subscription is the holder's act, or ecology's: it names nobody here.
CREATE TRIGGER case_is_no_own_matter BEFORE INSERT OR UPDATE ON supervision_justicecase
FOR EACH ROW WHEN (NEW.state <> 'subscribed') EXECUTE FUNCTION supervision_no_own_case();
"""
BACKWARD = """
DROP TRIGGER case_is_no_own_matter ON supervision_justicecase;
DROP FUNCTION supervision_no_own_case();
DROP TRIGGER complaint_is_no_own_matter ON supervision_complaint;
DROP FUNCTION supervision_no_own_complaint();
DROP TRIGGER inspection_is_no_own_matter ON supervision_inspection;
DROP FUNCTION supervision_no_own_inspection();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0016_inspections_are_handed_on"),
        ("offsets", "0006_consents_given_anew"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

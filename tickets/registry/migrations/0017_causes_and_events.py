"""What blocks stand for is what was registered, once; an issuance's events are its entries alone."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
-- An event by hand would part the journal's chain of an issuance from its entries for ever.
CREATE FUNCTION registry_refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an issuance has the events of its entries alone'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'events_of_issuances_are_entries',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER events_of_issuances_are_entries BEFORE INSERT ON journal_event
FOR EACH ROW WHEN (NEW.subject_kind = 'issuance' AND pg_trigger_depth() = 0)
EXECUTE FUNCTION registry_refuse_event();

-- A pledge holds what it was registered for, a cancellation is ordered, an offset is retired at once.
CREATE FUNCTION registry_causes_are_registered() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'pledge' AND NOT EXISTS (
       SELECT FROM registry_pledge AS pledge
       WHERE pledge.cause_id = NEW.cause AND pledge.behind_id IS NULL
         AND pledge.quantity_kg = (
           SELECT sum(upper(kg) - lower(kg)) FROM registry_block
           WHERE opened_by_id = NEW.id AND because_id = NEW.cause AND ticket_id = pledge.ticket_id))
     OR NEW.kind = 'cancel' AND NOT EXISTS (
       SELECT FROM registry_cancellation
       WHERE cause_id = NEW.cause AND issuance_id = NEW.issuance_id)
     OR NEW.kind = 'trade' AND EXISTS (
       SELECT FROM registry_block AS retired JOIN registry_block AS before
         ON before.because_id = retired.because_id AND before.opened_by_id < NEW.id
       WHERE retired.opened_by_id = NEW.id AND retired.state = 'offset'
         AND before.state = 'offset') THEN
    PERFORM registry_refuse('cause_is_what_was_registered', '23514', 'another was registered');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER takes_effect_as_registered AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('pledge', 'cancel', 'trade'))
EXECUTE FUNCTION registry_causes_are_registered();
"""
BACKWARD = """
DROP TRIGGER takes_effect_as_registered ON registry_ledgerentry;
DROP FUNCTION registry_causes_are_registered();
DROP TRIGGER events_of_issuances_are_entries ON journal_event;
DROP FUNCTION registry_refuse_event();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0016_printed_faces_are_kept"),
        ("journal", "0006_seals_bind_how_many"),
    ]
    operations = [
        migrations.AddConstraint(
            "ledgerentry",
            models.UniqueConstraint(
                name="a_cause_is_made_once",
                fields=["cause"],
                condition=Q(kind__in=["list", "pledge", "offset", "cancel"]),
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

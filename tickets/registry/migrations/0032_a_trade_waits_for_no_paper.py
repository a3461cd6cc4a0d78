"""A paper stops no trade that is paid: the register prevails, and what is listed is not printed."""

from django.db import migrations

CLOSES_WITH_PAPER = """
DROP TRIGGER paper_comes_back_before_its_ticket_closes ON registry_ledgerentry;
CREATE TRIGGER paper_comes_back_before_its_ticket_closes AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ({kinds}) AND NEW.content ? 'closed')
EXECUTE FUNCTION registry_paper_comes_back();
"""
FORWARD = """
-- Else a holder would print until the buyer has what he paid for.
CREATE FUNCTION registry_prints_unlisted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM registry_block
             WHERE ticket_id = NEW.ticket_id AND closed_by_id IS NULL AND state = 'listed') THEN
    RAISE EXCEPTION 'a paper of a ticket on the list'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'prints_are_of_unlisted_tickets',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER prints_are_of_unlisted_tickets BEFORE INSERT ON registry_ticketprint
FOR EACH ROW EXECUTE FUNCTION registry_prints_unlisted();
"""
BACKWARD = """
DROP TRIGGER prints_are_of_unlisted_tickets ON registry_ticketprint;
DROP FUNCTION registry_prints_unlisted();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0031_every_owner_agreed")]
    operations = [
        migrations.RunSQL(
            CLOSES_WITH_PAPER.format(kinds="'transfer', 'divide', 'correct', 'close'"),
            CLOSES_WITH_PAPER.format(kinds="'transfer', 'divide', 'correct', 'close', 'trade'"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

"""A printed ticket closes with its paper surrendered or marked, whoever writes the entry."""

from django.db import migrations

FORWARD = """
-- Article 16 and domain.md, "Paper": what is lost is reissued first. A court, a pledgee with a deed,
-- an order and the trading centre close a ticket without its holder's hand: the register prevails.
CREATE FUNCTION registry_paper_comes_back() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  printed bigint;
BEGIN
  SELECT count(*) INTO printed FROM jsonb_array_elements(NEW.content -> 'closed') AS gone
  JOIN registry_ticketprint AS print ON print.ticket_id = (gone ->> 'ticket')::uuid;
  IF printed > 0 AND NOT EXISTS (
       SELECT FROM registry_registration
       WHERE key = NEW.registration AND paper IN ('surrendered', 'marked')) THEN
    PERFORM registry_refuse('paper_comes_back_before_its_ticket_closes', '23514',
                            'the printed ticket is outstanding',
                            jsonb_build_object('count', printed));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER paper_comes_back_before_its_ticket_closes AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('transfer', 'divide', 'correct', 'close') AND NEW.content ? 'closed')
EXECUTE FUNCTION registry_paper_comes_back();
"""
BACKWARD = """
DROP TRIGGER paper_comes_back_before_its_ticket_closes ON registry_ledgerentry;
DROP FUNCTION registry_paper_comes_back();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0019_entry_numbers_are_drawn_once")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""A division opens tickets of the former owners alone (articles 15 and 16)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_divided_among_owners() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM jsonb_array_elements(NEW.content -> 'tickets') AS said
       CROSS JOIN jsonb_array_elements(said -> 'shares') AS share
       WHERE NOT EXISTS (
         SELECT FROM registry_ticketshare AS own JOIN accounts_party AS party ON party.id = own.party_id
         WHERE own.ticket_id = (said ->> 'parent')::uuid AND own.closed_by_id IS NULL
           AND party.key = (share ->> 0)::uuid)) THEN
    PERFORM registry_refuse('division_stays_among_the_owners', '23514', 'not an owner');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER takes_effect_among_owners AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind = 'divide') EXECUTE FUNCTION registry_divided_among_owners();
"""
BACKWARD = """
DROP TRIGGER takes_effect_among_owners ON registry_ledgerentry;
DROP FUNCTION registry_divided_among_owners();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_pledges_rank_by_rank")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

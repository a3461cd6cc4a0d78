"""No entry is written for a request that an owner has not agreed to who must (domain.md, "Shares")."""

from django.db import migrations

FORWARD = """
-- How many of those whom an act needs have not agreed: all owners, of a new name alone whose it is.
CREATE OR REPLACE FUNCTION registry_owners_lacking(of_registration bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  of_ticket uuid;
  named_alone bigint;
BEGIN
  SELECT ticket_id, renamed_id INTO of_ticket, named_alone
  FROM registry_registration WHERE id = of_registration;
  IF named_alone IS NOT NULL AND registry_changes_shares(of_registration) THEN
    named_alone := NULL;
  END IF;
  RETURN (
    SELECT count(*) FROM registry_ticketshare AS share
    WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL
      AND (named_alone IS NULL OR share.party_id = named_alone) AND NOT EXISTS (
        SELECT FROM registry_consent
        WHERE registration_id = of_registration AND party_id = share.party_id));
END $$;

-- As before, asking the same.
CREATE OR REPLACE FUNCTION registry_take_up(of_registration bigint)
RETURNS TABLE (registration registry_registration, ticket registry_carbonticket, missing bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  of_ticket uuid;
BEGIN
  SELECT ticket_id INTO of_ticket FROM registry_registration
  WHERE id = of_registration FOR UPDATE;
  PERFORM FROM registry_ledgerhead WHERE issuance_id = (
    SELECT issuance_id FROM registry_carbonticket WHERE key = of_ticket) FOR UPDATE;
  RETURN QUERY
  SELECT registration, ticket, registry_owners_lacking(of_registration)
  FROM registry_registration AS registration
  LEFT JOIN registry_carbonticket AS ticket ON ticket.key = of_ticket
  WHERE registration.id = of_registration;
END $$;

-- Before the entry takes effect: a change of shares has changed nothing yet.
CREATE FUNCTION registry_every_owner_agreed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  missing bigint;
BEGIN
  SELECT registry_owners_lacking(id) INTO missing FROM registry_registration
  WHERE key = NEW.registration AND kind IN (
    'sale', 'gift', 'company_division', 'divide', 'pledge', 'change', 'renumber');
  IF missing > 0 THEN
    PERFORM registry_refuse('every_owner_agreed', '23514', 'an owner has not agreed',
                            jsonb_build_object('count', missing));
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER registry_every_owner_agreed BEFORE INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.registration IS NOT NULL
                   AND NEW.kind IN ('transfer', 'divide', 'pledge', 'change', 'correct'))
EXECUTE FUNCTION registry_every_owner_agreed();
"""
BACKWARD = """
DROP TRIGGER registry_every_owner_agreed ON registry_ledgerentry;
DROP FUNCTION registry_every_owner_agreed();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0030_codes_of_128_bits")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

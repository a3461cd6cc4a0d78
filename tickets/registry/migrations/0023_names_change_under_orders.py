"""A change that leaves every share as it is goes on under a freeze, and asks whose name it is alone
(article 10: 应当及时办理)."""

from django.db import migrations

FORWARD = """
-- Whether a registered change is of shares, and not of the data behind an owner's name alone.
CREATE FUNCTION registry_changes_shares(of_registration bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT share.party_id, share.numerator, part.denominator
    FROM registry_allotment AS part
    JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
    WHERE part.registration_id = of_registration
    EXCEPT
    SELECT share.party_id, share.numerator, ticket.share_denominator
    FROM registry_registration AS registration
    JOIN registry_carbonticket AS ticket ON ticket.key = registration.ticket_id
    JOIN registry_ticketshare AS share ON share.ticket_id = ticket.key
    WHERE registration.id = of_registration AND share.closed_by_id IS NULL)
$$;

-- As before; of a new name or number alone its owner is asked, and no co-owner.
CREATE OR REPLACE FUNCTION registry_take_up(of_registration bigint)
RETURNS TABLE (registration registry_registration, ticket registry_carbonticket, missing bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  of_ticket uuid;
  named_alone bigint;
BEGIN
  SELECT ticket_id, renamed_id INTO of_ticket, named_alone
  FROM registry_registration WHERE id = of_registration FOR UPDATE;
  PERFORM FROM registry_ledgerhead WHERE issuance_id = (
    SELECT issuance_id FROM registry_carbonticket WHERE key = of_ticket) FOR UPDATE;
  IF named_alone IS NOT NULL AND registry_changes_shares(of_registration) THEN
    named_alone := NULL;
  END IF;
  RETURN QUERY
  SELECT registration, ticket, (
    SELECT count(*) FROM registry_ticketshare AS share
    WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL
      AND (named_alone IS NULL OR share.party_id = named_alone) AND NOT EXISTS (
        SELECT FROM registry_consent
        WHERE registration_id = of_registration AND party_id = share.party_id))
  FROM registry_registration AS registration
  LEFT JOIN registry_carbonticket AS ticket ON ticket.key = of_ticket
  WHERE registration.id = of_registration;
END $$;

-- As before; where a change opens the shares that it closes, nobody's security is touched.
CREATE OR REPLACE FUNCTION registry_keeps_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'change' THEN
    IF EXISTS (SELECT FROM (
                 SELECT ticket_id, party_id, numerator FROM registry_ticketshare
                 WHERE opened_by_id = NEW.id
                 EXCEPT
                 SELECT ticket_id, party_id, numerator FROM registry_ticketshare
                 WHERE closed_by_id = NEW.id) AS other
               JOIN registry_block AS block ON block.ticket_id = other.ticket_id
               WHERE block.closed_by_id IS NULL AND block.freezes <> '{}') THEN
      PERFORM registry_refuse('shares_change_on_unfrozen_tickets', '23514', 'the ticket is frozen');
    END IF;
  ELSIF NEW.document_sha256 IS NULL
        AND EXISTS (SELECT FROM registry_freezeorder WHERE key = NEW.freeze_order AND kind = 'court') THEN
    PERFORM registry_refuse('court_order_has_its_document', '23514', 'without a document');
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0022_judged_at_the_time")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION registry_changes_shares(bigint);")]

"""What several own moves by a request that all of them agreed to, whoever writes the rows, be it an entry
or a pledge that waits for its rank (domain.md, "Shares")."""

from django.db import migrations

ENTRIES = """
-- Before the entry takes effect: a change of shares has changed nothing yet. Who owns a ticket alone
-- is asked by no request; what is named must be that very act, be about this ticket, and wait still.
CREATE OR REPLACE FUNCTION registry_every_owner_agreed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wanted registry_registration;
  touched uuid[];
  missing bigint;
BEGIN
  touched := CASE NEW.kind
    WHEN 'change' THEN ARRAY(
      SELECT (said ->> 'ticket')::uuid FROM jsonb_array_elements(NEW.content -> 'shares') AS said)
    WHEN 'pledge' THEN ARRAY(
      SELECT (said ->> 'ticket')::uuid FROM jsonb_array_elements(NEW.content -> 'opens') AS said)
    ELSE ARRAY(
      SELECT (said ->> 'parent')::uuid FROM jsonb_array_elements(NEW.content -> 'tickets') AS said) END;
  IF NEW.registration IS NULL THEN
    SELECT max(owners) INTO missing FROM (
      SELECT count(*) AS owners FROM registry_ticketshare
      WHERE ticket_id = ANY(touched) AND closed_by_id IS NULL GROUP BY ticket_id) AS owned
    WHERE owners > 1;
  ELSE
    SELECT * INTO wanted FROM registry_registration WHERE key = NEW.registration;
    IF wanted.state IS DISTINCT FROM 'prepared' OR NOT touched <@ ARRAY[wanted.ticket_id]
       OR NOT wanted.kind = ANY(CASE NEW.kind
            WHEN 'transfer' THEN ARRAY['sale', 'gift', 'inheritance', 'merger', 'company_division']
            WHEN 'change' THEN ARRAY['change', 'renumber']
            WHEN 'correct' THEN ARRAY['correct', 'change']
            ELSE ARRAY[NEW.kind] END)
       OR EXISTS (SELECT FROM registry_ledgerentry WHERE registration = NEW.registration) THEN
      PERFORM registry_refuse('act_is_what_was_asked', '23514', 'no such act was asked for');
    END IF;
    IF wanted.kind IN ('sale', 'gift', 'company_division', 'divide', 'pledge', 'change', 'renumber') THEN
      missing := registry_owners_lacking(wanted.id);
    END IF;
  END IF;
  IF missing > 0 THEN
    PERFORM registry_refuse('every_owner_agreed', '23514', 'an owner has not agreed',
                            jsonb_build_object('count', missing));
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER registry_every_owner_agreed ON registry_ledgerentry;
CREATE TRIGGER registry_every_owner_agreed BEFORE INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('transfer', 'divide', 'pledge', 'change', 'correct'))
EXECUTE FUNCTION registry_every_owner_agreed();
"""

RANKS = """
-- At the end of the transaction, when the request is approved; its external number is one pledge's.
CREATE FUNCTION registry_rank_is_asked_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked bigint;
  missing bigint;
BEGIN
  SELECT id INTO asked FROM registry_registration
  WHERE ticket_id = NEW.ticket_id AND kind = 'pledge' AND state = 'approved'
    AND (pledge_id, pledgee_id, quantity_kg, amount_fen, begins_on, ends_on, external_number)
      = (NEW.behind_id, NEW.pledgee_id, NEW.quantity_kg, NEW.amount_fen, NEW.begins_on, NEW.ends_on,
         NEW.external_number)
  ORDER BY decided_at DESC LIMIT 1;
  IF asked IS NULL THEN
    PERFORM registry_refuse('act_is_what_was_asked', '23514', 'no such pledge was asked for');
  END IF;
  missing := registry_owners_lacking(asked);
  IF missing > 0 THEN
    PERFORM registry_refuse('every_owner_agreed', '23514', 'an owner has not agreed',
                            jsonb_build_object('count', missing));
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER later_rank_is_asked_for AFTER INSERT ON registry_pledge
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.behind_id IS NOT NULL)
EXECUTE FUNCTION registry_rank_is_asked_for();
"""

DISPOSAL = """
-- How many present owners of a ticket a person did not dispose of so many kilograms for, at a moment.
CREATE FUNCTION registry_owners_unspoken(person bigint, of_ticket uuid, kg bigint, at timestamptz)
RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*) FROM registry_ticketshare AS share
  WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL AND NOT EXISTS (
    SELECT FROM accounts_mandate AS mandate
    WHERE mandate.user_id = person AND mandate.party_id = share.party_id
      AND mandate.scope IN ('all', 'dispose') AND coalesce(mandate.quantity_kg_max, kg) >= kg
      AND mandate.given_at <= at AND coalesce(mandate.ended_at, 'infinity') > at
      AND (at AT TIME ZONE 'Asia/Shanghai')::date
          BETWEEN mandate.valid_from AND coalesce(mandate.valid_to, 'infinity'))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0035_found_losses_stand_still")]
    operations = [
        migrations.RunSQL(ENTRIES, migrations.RunSQL.noop),
        migrations.RunSQL(
            RANKS,
            "DROP TRIGGER later_rank_is_asked_for ON registry_pledge;"
            "DROP FUNCTION registry_rank_is_asked_for();",
        ),
        migrations.RunSQL(
            DISPOSAL, "DROP FUNCTION registry_owners_unspoken(bigint, uuid, bigint, timestamptz);"
        ),
    ]

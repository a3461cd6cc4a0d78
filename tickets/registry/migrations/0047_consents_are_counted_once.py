"""Of an act that its own entry asks about, consents are counted once, and in fewer reads."""

from django.db import migrations

LACKING = """
-- As before (0031), in one read.
CREATE OR REPLACE FUNCTION registry_owners_lacking(of_registration bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN (
    SELECT count(*) FROM registry_registration AS wanted
    JOIN registry_ticketshare AS share
      ON share.ticket_id = wanted.ticket_id AND share.closed_by_id IS NULL
    WHERE wanted.id = of_registration
      AND (wanted.renamed_id IS NULL OR share.party_id = wanted.renamed_id
           OR registry_changes_shares(of_registration))
      AND NOT EXISTS (SELECT FROM registry_consent
                      WHERE registration_id = of_registration AND party_id = share.party_id));
END $$;
"""

ENTRIES = """
-- As before (0036); of the request the few columns that are compared, of the content no list but its own.
CREATE OR REPLACE FUNCTION registry_every_owner_agreed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  touched jsonb := jsonb_path_query_array(NEW.content, CASE NEW.kind
    WHEN 'change' THEN '$.shares[*].ticket'::jsonpath
    WHEN 'pledge' THEN '$.opens[*].ticket'
    ELSE '$.tickets[*].parent' END);
  wanted record;
  missing bigint;
BEGIN
  IF NEW.registration IS NULL THEN
    SELECT max(owners) INTO missing FROM (
      SELECT count(*) AS owners FROM registry_ticketshare
      WHERE ticket_id IN (SELECT jsonb_array_elements_text(touched)::uuid)
        AND closed_by_id IS NULL GROUP BY ticket_id) AS owned
    WHERE owners > 1;
  ELSE
    SELECT id, state, kind, ticket_id INTO wanted
    FROM registry_registration WHERE key = NEW.registration;
    IF wanted.state IS DISTINCT FROM 'prepared'
       OR NOT touched <@ jsonb_build_array(wanted.ticket_id)
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
"""

TAKE_UP = """
-- As before (0031), but what a transfer or a division lacks is told by its own entry; the other kinds may
-- end without one.
CREATE OR REPLACE FUNCTION registry_take_up(of_registration bigint)
RETURNS TABLE (registration registry_registration, ticket registry_carbonticket, missing bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  of_ticket uuid;
  of_kind text;
BEGIN
  SELECT ticket_id, kind INTO of_ticket, of_kind FROM registry_registration
  WHERE id = of_registration FOR UPDATE;
  PERFORM FROM registry_ledgerhead WHERE issuance_id = (
    SELECT issuance_id FROM registry_carbonticket WHERE key = of_ticket) FOR UPDATE;
  RETURN QUERY
  SELECT registration, ticket,
         CASE WHEN of_kind IN ('sale', 'gift', 'company_division', 'divide') THEN 0
              ELSE registry_owners_lacking(of_registration) END
  FROM registry_registration AS registration
  LEFT JOIN registry_carbonticket AS ticket ON ticket.key = of_ticket
  WHERE registration.id = of_registration;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0046_numbers_in_every_script")]
    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop)
        for statement in (LACKING, ENTRIES, TAKE_UP)
    ]

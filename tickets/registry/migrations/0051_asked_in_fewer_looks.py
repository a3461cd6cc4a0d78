"""An entry looks for no other of its request, and at its kind and names only where somebody has ceased."""

from django.db import migrations

AGREED = """
-- As before (0047); that a request is registered once is the unique index's.
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
            ELSE ARRAY[NEW.kind] END){once} THEN
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
# Asked by hand before there was the index.
ONCE = """
       OR EXISTS (SELECT FROM registry_ledgerentry WHERE registration = NEW.registration)"""

RECEIVING = """
-- As before (0043); few parties have ceased, and of nearly every entry nothing more is read.
CREATE OR REPLACE FUNCTION registry_receivers_stand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  ceased jsonb;
BEGIN{nobody}
  SELECT jsonb_build_object('name', former.name, 'successor', successor.name) INTO ceased
  FROM opened
  JOIN registry_partysuccession AS passed ON passed.former_id = opened.party_id
  JOIN registry_ledgerentry AS entry ON entry.id = opened.opened_by_id
  JOIN accounts_party AS former ON former.id = passed.former_id
  JOIN accounts_party AS successor ON successor.id = passed.successor_id
  WHERE entry.kind IN ('transfer', 'court', 'trade', 'enforce') LIMIT 1;
  IF ceased IS NOT NULL THEN
    PERFORM registry_refuse('nothing_passes_to_who_ceased', '23514', 'the party has ceased', ceased);
  END IF;
  RETURN NULL;
END $$;
"""
NOBODY = """
  IF NOT EXISTS (SELECT FROM opened JOIN registry_partysuccession ON former_id = opened.party_id) THEN
    RETURN NULL;
  END IF;"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0050_found_by_inspections_alone")]
    operations = [
        migrations.RunSQL(AGREED.format(once=""), AGREED.format(once=ONCE)),
        migrations.RunSQL(RECEIVING.format(nobody=NOBODY), RECEIVING.format(nobody="")),
    ]

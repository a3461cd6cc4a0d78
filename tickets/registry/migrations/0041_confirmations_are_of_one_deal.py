"""A confirmation of the trading centre is of one deal: tickets of the same owners sold to the same takers,
each once, whatever became of it since. Groups of digits in its number stay apart."""

from django.db import migrations

KEY = """
-- One spelling of a document's number: letters and digits alone{apart}.
CREATE OR REPLACE FUNCTION registry_number_key(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
  SELECT upper({key})
$$;
REINDEX INDEX registration_by_confirmation;
"""
KEY_WITH_GROUPS = KEY.format(
    apart=", with what stands between two digits as a dash",
    key="""regexp_replace(
    regexp_replace(normalize(said, NFKC), '[^0-9A-Za-z一-鿿]+', '-', 'g'),
    '(?<![0-9])-|-(?![0-9])', '', 'g')""",
)
KEY_WITHOUT = KEY.format(
    apart="", key="regexp_replace(normalize(said, NFKC), '[^0-9A-Za-z一-鿿]', '', 'g')"
)
USED = """
-- Whether a sale that was not rejected stands on the confirmation and is of the ticket, of one that it
-- came from, or of another deal: of other owners or, where the takers are told, to others.
CREATE FUNCTION registry_confirmation_used(
  said text, of_ticket uuid, takers bigint[], but bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE above (key) AS (
    SELECT of_ticket
    UNION
    SELECT one.parent_id FROM above JOIN registry_carbonticket AS one ON one.key = above.key
    WHERE one.parent_id IS NOT NULL)
  SELECT EXISTS (
    SELECT FROM registry_registration AS former
    WHERE former.kind = 'sale' AND former.state <> 'rejected' AND former.id IS DISTINCT FROM but
      AND registry_number_key(former.document_number) = registry_number_key(said)
      AND (former.ticket_id IN (SELECT key FROM above)
           OR (SELECT array_agg(party_id ORDER BY party_id) FROM registry_ticketshare
               WHERE ticket_id = former.ticket_id AND closed_by_id IS NULL)
              IS DISTINCT FROM
              (SELECT array_agg(party_id ORDER BY party_id) FROM registry_ticketshare
               WHERE ticket_id = of_ticket AND closed_by_id IS NULL)
           OR takers <> (
              SELECT array_agg(share.party_id ORDER BY share.party_id)
              FROM registry_allotment AS allotted
              JOIN registry_allotmentshare AS share ON share.allotment_id = allotted.id
              WHERE allotted.registration_id = former.id)))
$$;
"""
ONE_SALE = """
CREATE OR REPLACE FUNCTION registry_one_sale_per_confirmation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  confirmation text := registry_number_key(NEW.document_number);
BEGIN
  -- One after the other, so that each sees the one before.
  PERFORM pg_advisory_xact_lock(hashtextextended('registry_sale:' || confirmation, 0));
  IF {used} THEN
    PERFORM registry_refuse('one_sale_per_confirmation', '23505', 'sold by it already');
  END IF;
  RETURN NULL;
END $$;
"""
ONE_DEAL = ONE_SALE.replace(
    # Its takers are written after it; the operation asks for them.
    "{used}",
    "registry_confirmation_used(NEW.document_number, NEW.ticket_id, NULL, NEW.id)",
)
OF_EACH_TICKET = ONE_SALE.replace(
    "{used}",
    """EXISTS (SELECT FROM registry_registration
             WHERE kind = 'sale' AND registry_number_key(document_number) = confirmation
               AND ticket_id = NEW.ticket_id AND state <> 'rejected' AND id <> NEW.id)""",
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0040_papers_are_marked_again")]
    operations = [
        migrations.RunSQL(KEY_WITH_GROUPS, KEY_WITHOUT),
        migrations.RunSQL(
            USED, "DROP FUNCTION registry_confirmation_used(text, uuid, bigint[], bigint);"
        ),
        migrations.RunSQL(ONE_DEAL, OF_EACH_TICKET),
    ]

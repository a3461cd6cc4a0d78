"""A deal's owners are those of its first registration's moment; its takers are asked of every sale on its
confirmation when they are written."""

from django.db import migrations

LINE = """
-- Who owned a ticket at a moment: of one opened since, whoever owned what it came from without a deal,
-- by division, reissue or correction or by law in an owner's place (article 10). NULL where it was
-- issued, or acquired in another way, since.
CREATE FUNCTION registry_owners_at(of_ticket uuid, at timestamptz) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE line (key) AS (
    SELECT of_ticket
    UNION
    SELECT one.parent_id FROM line
    JOIN registry_carbonticket AS one ON one.key = line.key AND one.opened_at > at
    JOIN registry_ledgerentry AS opening ON opening.id = one.opened_by_id
    WHERE opening.kind IN ('divide', 'reissue', 'correct')
       OR EXISTS (SELECT FROM registry_registration
                  WHERE key = opening.registration AND kind IN ('inheritance', 'merger')))
  SELECT array_agg(share.party_id ORDER BY share.party_id)
  FROM line JOIN registry_carbonticket AS stood ON stood.key = line.key AND stood.opened_at <= at
  JOIN registry_ticketshare AS share ON share.ticket_id = stood.key
   AND share.opened_at <= at AND (share.closed_at IS NULL OR share.closed_at > at)
$$;

-- The sales that stand on a confirmation, but one; those that were rejected do not count. A part of
-- the questions that ask it, whose search path it has.
CREATE FUNCTION registry_sales_on(confirmation text, but bigint)
RETURNS SETOF registry_registration LANGUAGE sql STABLE AS $$
  SELECT * FROM registry_registration
  WHERE kind = 'sale' AND state <> 'rejected' AND id <> but
    AND registry_number_key(document_number) = confirmation
$$;

CREATE FUNCTION registry_takers_of(sale bigint) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT array_agg(share.party_id ORDER BY share.party_id)
  FROM registry_allotment AS allotted
  JOIN registry_allotmentshare AS share ON share.allotment_id = allotted.id
  WHERE allotted.registration_id = sale
$$;
"""
LINE_GONE = """
DROP FUNCTION registry_owners_at(uuid, timestamptz);
DROP FUNCTION registry_sales_on(text, bigint);
DROP FUNCTION registry_takers_of(bigint);
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
OWNERS_THEN = ONE_SALE.replace(
    "{used}",
    """EXISTS (
       WITH RECURSIVE above (key) AS (
         SELECT NEW.ticket_id
         UNION
         SELECT one.parent_id FROM above JOIN registry_carbonticket AS one ON one.key = above.key)
       SELECT FROM registry_sales_on(confirmation, NEW.id) AS former
       JOIN above ON above.key = former.ticket_id)
     OR EXISTS (
       SELECT FROM (SELECT * FROM registry_sales_on(confirmation, NEW.id) ORDER BY id LIMIT 1)
         AS deal
       WHERE (registry_owners_at(deal.ticket_id, deal.prepared_at)
              = registry_owners_at(NEW.ticket_id, deal.prepared_at)) IS NOT TRUE)""",
)
# As it was before (0041): the owners as they are now, the takers by the operation's own question.
OWNERS_NOW = ONE_SALE.replace(
    "{used}",
    "registry_confirmation_used(NEW.document_number, NEW.ticket_id, NULL, NEW.id)",
)
USED = """
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
USED_GONE = "DROP FUNCTION registry_confirmation_used(text, uuid, bigint[], bigint);"
TAKERS = """
CREATE FUNCTION registry_takers_of_one_deal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  sale registry_registration;
  confirmation text;
BEGIN
  FOR sale IN
    SELECT DISTINCT ON (asked.id) asked.* FROM written
    JOIN registry_allotment AS allotted ON allotted.id = written.allotment_id
    JOIN registry_registration AS asked
      ON asked.id = allotted.registration_id AND asked.kind = 'sale'
  LOOP
    confirmation := registry_number_key(sale.document_number);
    -- Held since the sale was written, unless its takers come later.
    PERFORM pg_advisory_xact_lock(hashtextextended('registry_sale:' || confirmation, 0));
    IF EXISTS (SELECT FROM registry_sales_on(confirmation, sale.id) AS former
               WHERE registry_takers_of(former.id) <> registry_takers_of(sale.id)) THEN
      PERFORM registry_refuse('one_sale_per_confirmation', '23505', 'sold by it to others');
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER takers_are_of_one_deal AFTER INSERT ON registry_allotmentshare
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION registry_takers_of_one_deal();
"""
TAKERS_GONE = """
DROP TRIGGER takers_are_of_one_deal ON registry_allotmentshare;
DROP FUNCTION registry_takers_of_one_deal();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0041_confirmations_are_of_one_deal")]
    operations = [
        migrations.RunSQL(LINE, LINE_GONE),
        migrations.RunSQL(OWNERS_THEN, OWNERS_NOW),
        migrations.RunSQL(USED_GONE, USED),
        migrations.RunSQL(TAKERS, TAKERS_GONE),
    ]

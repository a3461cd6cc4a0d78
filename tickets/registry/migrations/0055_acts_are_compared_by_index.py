"""An act is compared with what stood at it by the index of what stood when, however much has happened to
its ticket; blanks around an order's number tell nothing."""

from django.db import migrations

# As before (0045), the issuance named wherever it is asked what stood as of the entry: the index that keeps
# kilograms apart (issuance, kilograms, during) then finds it, and nothing of before or after is read.
GIVEN = """
CREATE OR REPLACE FUNCTION registry_gives_what_was_asked(
  entry registry_ledgerentry, wanted registry_registration) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF registry_given(entry.id) IS DISTINCT FROM registry_asked(wanted, entry.id) THEN
    RETURN false;
  END IF;
  IF entry.kind = 'issue' THEN
    RETURN EXISTS (SELECT FROM registry_issuance
                   WHERE id = entry.issuance_id AND filing_id = wanted.filing_id);
  ELSIF entry.kind = 'enforce' THEN
    IF entry.cause IS DISTINCT FROM wanted.pledge_id THEN
      RETURN false;
    END IF;
  ELSIF EXISTS (SELECT FROM registry_carbonticket
                WHERE opened_by_id = entry.id AND parent_id IS DISTINCT FROM wanted.ticket_id) THEN
    RETURN false;
  END IF;
  IF wanted.quantity_kg IS NOT NULL THEN
    RETURN true;
  END IF;
  RETURN NOT EXISTS (
    SELECT FROM registry_allotment AS part
    JOIN registry_carbonticket AS opened ON opened.opened_by_id = entry.id
    JOIN registry_block AS rest
      ON rest.issuance_id = entry.issuance_id AND rest.ticket_id = opened.parent_id
     AND rest.during @> entry.id
    WHERE part.registration_id = wanted.id AND part.quantity_kg IS NULL AND CASE entry.kind
      WHEN 'court' THEN rest.state IN ('held', 'listed', 'pledged')
      WHEN 'enforce' THEN rest.because_id = entry.cause
      ELSE rest.state = 'held' AND rest.freezes = '{}' END);
END $$;
"""

STANDING = """
CREATE OR REPLACE FUNCTION registry_stands_for_what_was_asked(
  entry registry_ledgerentry, wanted registry_registration) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE entry.kind
    WHEN 'pledge' THEN EXISTS (
      SELECT FROM registry_pledge
      WHERE cause_id = entry.cause AND behind_id IS NULL AND wanted.pledge_id IS NULL
        AND (ticket_id, pledgee_id, quantity_kg, amount_fen, begins_on, ends_on, external_number)
          = (wanted.ticket_id, wanted.pledgee_id, wanted.quantity_kg, wanted.amount_fen,
             wanted.begins_on, wanted.ends_on, wanted.external_number))
    WHEN 'release' THEN entry.cause = wanted.pledge_id AND CASE
      WHEN wanted.quantity_kg IS NULL THEN NOT EXISTS (
        SELECT FROM registry_block
        WHERE issuance_id = entry.issuance_id AND because_id = entry.cause AND during @> entry.id)
      ELSE wanted.quantity_kg = (
        SELECT sum(CASE closed_by_id WHEN entry.id THEN upper(kg) - lower(kg)
                   ELSE lower(kg) - upper(kg) END)
        FROM registry_block
        WHERE (opened_by_id = entry.id OR closed_by_id = entry.id) AND because_id = entry.cause) END
    ELSE entry.issuance_id = wanted.issuance_id AND EXISTS (
      SELECT FROM registry_cancellation
      WHERE cause_id = entry.cause AND ordered_kg = coalesce(wanted.quantity_kg, ordered_kg)
        AND (issuance_id, reason, authority, document_number)
          = (wanted.issuance_id, wanted.cancel_reason, wanted.authority, wanted.document_number))
    END;
END $$;
"""

FREEZES = """
CREATE OR REPLACE FUNCTION registry_freezes_as_asked(entry registry_ledgerentry, wanted registry_registration)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ordered registry_freezeorder;
  laid_kg bigint;
BEGIN
  SELECT * INTO ordered FROM registry_freezeorder WHERE key = entry.freeze_order;
  SELECT sum(CASE opened_by_id WHEN entry.id THEN upper(kg) - lower(kg)
             ELSE lower(kg) - upper(kg) END) INTO laid_kg
  FROM registry_block
  WHERE (opened_by_id = entry.id OR closed_by_id = entry.id) AND entry.freeze_order = ANY(freezes);
  RETURN (ordered.ticket_id, ordered.quantity_kg) = (wanted.ticket_id, laid_kg)
    AND coalesce(wanted.order_id, ordered.key) = ordered.key
    AND ordered.kind = CASE wanted.kind WHEN 'loss' THEN 'loss' ELSE wanted.freeze_kind END
    AND {numbers}
    AND NOT EXISTS (
      SELECT FROM registry_block
      WHERE opened_by_id = entry.id AND entry.freeze_order = ANY(freezes)
        AND ticket_id <> wanted.ticket_id AND (ordered.kind <> 'inspection' OR ticket_id NOT IN (
          SELECT * FROM registry_same_owners_tickets(wanted.ticket_id))))
    AND (laid_kg = wanted.quantity_kg
         OR (wanted.quantity_kg IS NULL OR ordered.kind = 'inspection' AND laid_kg < wanted.quantity_kg)
            AND NOT EXISTS (
              SELECT FROM registry_block
              WHERE {place}ticket_id = wanted.ticket_id
                AND during @> entry.id
                AND state IN ('held', 'listed', 'pledged') AND NOT entry.freeze_order = ANY(freezes)));
END $$;
"""
# Orders of findings were once written as typed, their requests without blanks.
OF_ONE_NUMBER = FREEZES.format(
    place="issuance_id = entry.issuance_id AND ",
    numbers="""(btrim(ordered.authority), btrim(ordered.document_number))
      = (btrim(wanted.authority), btrim(wanted.document_number))""",
)
OF_EQUAL_TEXTS = FREEZES.format(
    place="",
    numbers="(ordered.authority, ordered.document_number) = (wanted.authority, wanted.document_number)",
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0054_cancellations_are_asked_for")]
    operations = [
        migrations.RunSQL(GIVEN, migrations.RunSQL.noop),
        migrations.RunSQL(STANDING, migrations.RunSQL.noop),
        migrations.RunSQL(OF_ONE_NUMBER, OF_EQUAL_TEXTS),
    ]

"""A ticket that was sold on whole is not a cancelled one: a claim on it is admitted."""

from django.db import migrations

ADMITTED = """
-- As the owner: the ledger's heads are not the application's to lock.
CREATE OR REPLACE FUNCTION finance_claim_is_admitted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  insured finance_insurancepolicy;
  paid bigint;
BEGIN
  -- Claims of one policy come one after the other, so that their sum is known.
  SELECT * INTO insured FROM finance_insurancepolicy WHERE id = NEW.policy_id;
  PERFORM pg_advisory_xact_lock(hashtextextended('insurance:' || NEW.policy_id, 0));
  IF TG_OP = 'UPDATE' THEN
    IF OLD.state <> 'made'
       OR to_jsonb(NEW) - ARRAY['state', 'paid_fen', 'decided_by_id']
          IS DISTINCT FROM to_jsonb(OLD) - ARRAY['state', 'paid_fen', 'decided_by_id'] THEN
      RAISE EXCEPTION 'a claim was to be rewritten'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
              TABLE = TG_TABLE_NAME;
    END IF;
    SELECT coalesce(sum(paid_fen), 0) INTO paid FROM finance_insuranceclaim
    WHERE policy_id = NEW.policy_id AND id <> NEW.id;
    IF paid + NEW.paid_fen > insured.sum_fen THEN
      RAISE EXCEPTION 'more was to be paid than is insured'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'paid_at_most_what_is_insured',
              TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.state <> 'made' THEN
    RAISE EXCEPTION 'a claim begins before it is decided'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'insurance_claim_is_whole',
            TABLE = TG_TABLE_NAME;
  END IF;
  -- The issuance's head orders this with what is being registered on the ticket.
  PERFORM FROM registry_ledgerhead
  WHERE issuance_id = (SELECT issuance_id FROM registry_carbonticket WHERE key = insured.ticket_id)
  FOR SHARE;
  IF EXISTS (
       SELECT FROM registry_carbonticket
       WHERE key = insured.ticket_id AND closed_because = 'cancelled')
     OR NOT EXISTS (%standing%) THEN
    RAISE EXCEPTION 'the ticket is cancelled'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_claim_on_a_cancelled_ticket',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.happened_on NOT BETWEEN insured.begins_on AND insured.ends_on
     OR NEW.happened_on > (portal_now() AT TIME ZONE 'Asia/Shanghai')::date THEN
    RAISE EXCEPTION 'it did not happen within the term'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_happened_within_the_term',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""
OF_THE_TICKET = """
       SELECT FROM registry_block
       WHERE ticket_id = insured.ticket_id AND closed_by_id IS NULL AND state <> 'cancelled'"""
# What has passed to others stands on the tickets that came of it.
OF_ITS_FAMILY = """
       WITH RECURSIVE family AS (
         SELECT key FROM registry_carbonticket WHERE key = insured.ticket_id
         UNION ALL
         SELECT child.key FROM registry_carbonticket AS child
         JOIN family ON child.parent_id = family.key)
       SELECT FROM registry_block JOIN family ON ticket_id = family.key
       WHERE closed_by_id IS NULL AND state <> 'cancelled'"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0003_rows_end_after_they_begin")]
    operations = [
        migrations.RunSQL(
            ADMITTED.replace("%standing%", OF_ITS_FAMILY),
            ADMITTED.replace("%standing%", OF_THE_TICKET),
        )
    ]

"""What the database refuses in finance: rewriting, claims on cancelled tickets, paying too much."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION finance_row_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF to_jsonb(NEW) - ARRAY['confirmed_by_id', 'ended_on']
       IS DISTINCT FROM to_jsonb(OLD) - ARRAY['confirmed_by_id', 'ended_on']
     OR (OLD.confirmed_by_id IS NOT NULL
         AND NEW.confirmed_by_id IS DISTINCT FROM OLD.confirmed_by_id)
     OR (OLD.ended_on IS NOT NULL AND NEW.ended_on IS DISTINCT FROM OLD.ended_on) THEN
    RAISE EXCEPTION 'a row of the register was to be rewritten'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER finance_row_moves BEFORE UPDATE ON finance_financerow
FOR EACH ROW EXECUTE FUNCTION finance_row_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON finance_financerow
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
SELECT portal_append_only('finance_insurancepolicy');

-- As the owner: the ledger's heads are not the application's to lock.
CREATE FUNCTION finance_claim_is_admitted() RETURNS trigger
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
     OR NOT EXISTS (
       SELECT FROM registry_block
       WHERE ticket_id = insured.ticket_id AND closed_by_id IS NULL AND state <> 'cancelled') THEN
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
CREATE TRIGGER claim_is_admitted BEFORE INSERT OR UPDATE ON finance_insuranceclaim
FOR EACH ROW EXECUTE FUNCTION finance_claim_is_admitted();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON finance_insuranceclaim
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON finance_insuranceclaim
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
"""
BACKWARD = """
DROP TRIGGER nothing_is_truncated ON finance_insuranceclaim;
DROP TRIGGER nothing_is_rewritten ON finance_insuranceclaim;
DROP TRIGGER claim_is_admitted ON finance_insuranceclaim;
DROP FUNCTION finance_claim_is_admitted();
DROP TRIGGER nothing_is_truncated ON finance_insurancepolicy;
DROP TRIGGER nothing_is_rewritten ON finance_insurancepolicy;
DROP TRIGGER nothing_is_rewritten ON finance_financerow;
DROP TRIGGER finance_row_moves ON finance_financerow;
DROP FUNCTION finance_row_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_finance")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

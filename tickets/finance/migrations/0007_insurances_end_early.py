"""An insurance ends before its term, once, for a reason; what happens afterwards is not claimed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

ENDS = """
DROP TRIGGER nothing_is_rewritten ON finance_insurancepolicy;
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON finance_insurancepolicy
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE FUNCTION finance_policy_ends() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  end_of_it text[] := ARRAY['ended_on', 'ended_by_id', 'ended_because'];
BEGIN
  IF to_jsonb(NEW) - end_of_it IS DISTINCT FROM to_jsonb(OLD) - end_of_it THEN
    RAISE EXCEPTION 'an insurance was to be rewritten'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.ended_on IS NOT NULL THEN
    RAISE EXCEPTION 'an insurance was to end twice'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'insurance_policy_ends_once',
            TABLE = TG_TABLE_NAME;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('insurance:' || NEW.id, 0));
  IF EXISTS (SELECT FROM finance_insuranceclaim
             WHERE policy_id = NEW.id AND state <> 'refused' AND happened_on > NEW.ended_on) THEN
    RAISE EXCEPTION 'a claim tells of a later day'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'insurance_policy_ends_after_its_claims',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER policy_ends BEFORE UPDATE ON finance_insurancepolicy
FOR EACH ROW EXECUTE FUNCTION finance_policy_ends();

DO $$ BEGIN
  EXECUTE format('GRANT UPDATE (ended_on, ended_by_id, ended_because) ON finance_insurancepolicy TO %I',
                 (SELECT app_role FROM base_installation));
END $$;
"""
NEVER_ENDS = """
DO $$ BEGIN
  EXECUTE format('REVOKE UPDATE (ended_on, ended_by_id, ended_because) ON finance_insurancepolicy FROM %I',
                 (SELECT app_role FROM base_installation));
END $$;
DROP TRIGGER policy_ends ON finance_insurancepolicy;
DROP FUNCTION finance_policy_ends();
DROP TRIGGER nothing_is_rewritten ON finance_insurancepolicy;
CREATE TRIGGER nothing_is_rewritten BEFORE UPDATE OR DELETE ON finance_insurancepolicy
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
"""
UNTIL_ITS_END = """
-- As the owner: the ledger's heads are not the application's to lock.
CREATE OR REPLACE FUNCTION finance_claim_is_admitted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  insured finance_insurancepolicy;
  paid bigint;
BEGIN
  -- Claims of one policy and its end come one after the other: their sum and its last day are known.
  PERFORM pg_advisory_xact_lock(hashtextextended('insurance:' || NEW.policy_id, 0));
  SELECT * INTO insured FROM finance_insurancepolicy WHERE id = NEW.policy_id;
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
       WITH RECURSIVE family AS (
         SELECT key FROM registry_carbonticket WHERE key = insured.ticket_id
         UNION ALL
         SELECT child.key FROM registry_carbonticket AS child
         JOIN family ON child.parent_id = family.key)
       SELECT FROM registry_block JOIN family ON ticket_id = family.key
       WHERE closed_by_id IS NULL AND state <> 'cancelled') THEN
    RAISE EXCEPTION 'the ticket is cancelled'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_claim_on_a_cancelled_ticket',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.happened_on NOT BETWEEN insured.begins_on AND coalesce(insured.ended_on, insured.ends_on)
     OR NEW.happened_on > (portal_now() AT TIME ZONE 'Asia/Shanghai')::date THEN
    RAISE EXCEPTION 'it did not happen within the term'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_happened_within_the_term',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""
UNTIL_ITS_TERM = """
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
     OR NOT EXISTS (
       WITH RECURSIVE family AS (
         SELECT key FROM registry_carbonticket WHERE key = insured.ticket_id
         UNION ALL
         SELECT child.key FROM registry_carbonticket AS child
         JOIN family ON child.parent_id = family.key)
       SELECT FROM registry_block JOIN family ON ticket_id = family.key
       WHERE closed_by_id IS NULL AND state <> 'cancelled') THEN
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


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0006_rows_are_struck"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            "insurancepolicy",
            "ended_on",
            models.DateField(null=True, verbose_name="提前终止日期"),
        ),
        migrations.AddField(
            "insurancepolicy",
            "ended_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "insurancepolicy",
            "ended_because",
            models.CharField(blank=True, default="", max_length=300, verbose_name="终止理由"),
        ),
        migrations.AddConstraint(
            "insurancepolicy",
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ended_because="")
                | (
                    Q(ended_on__range=(F("begins_on"), F("ends_on")), ended_by__isnull=False)
                    & ~Q(ended_because="")
                ),
                name="insurance_policy_ends_early_for_a_reason",
            ),
        ),
        migrations.RemoveConstraint("insurancepolicy", "one_insurance_policy_of_a_number"),
        migrations.AddConstraint(
            "insurancepolicy",
            models.UniqueConstraint(
                condition=Q(ended_on__isnull=True),
                fields=("insurer", "number"),
                name="one_insurance_policy_of_a_number",
            ),
        ),
        migrations.RunSQL(ENDS, NEVER_ENDS),
        migrations.RunSQL(UNTIL_ITS_END, UNTIL_ITS_TERM),
    ]

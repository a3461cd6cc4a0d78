"""An insurance that has not begun may be ended, too: it was never in force."""

from django.db import migrations, models
from django.db.models import F, Q

UNBEGUN = """
CREATE OR REPLACE FUNCTION finance_policy_ends() RETURNS trigger
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
  -- Before its first day ends only what has not begun: it was never in force.
  IF NEW.ended_on < NEW.begins_on
     AND NEW.begins_on <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date THEN
    RAISE EXCEPTION 'the insurance has begun'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'insurance_policy_ends_early_for_a_reason',
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
"""
ONLY_BEGUN = """
CREATE OR REPLACE FUNCTION finance_policy_ends() RETURNS trigger
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
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0009_valued_at_public_trades")]
    operations = [
        migrations.RunSQL(UNBEGUN, ONLY_BEGUN),
        migrations.RemoveConstraint("insurancepolicy", "insurance_policy_ends_early_for_a_reason"),
        migrations.AddConstraint(
            "insurancepolicy",
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ended_because="")
                | (Q(ended_on__lte=F("ends_on"), ended_by__isnull=False) & ~Q(ended_because="")),
                name="insurance_policy_ends_early_for_a_reason",
            ),
        ),
    ]

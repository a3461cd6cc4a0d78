"""Each owner of a project answers for his share of what a cancellation could not find."""

import django.db.models.deletion
from django.db import migrations, models

REASONS = [
    ("revocation", "材料不实，撤销"),
    ("fire", "火灾等灾害损失"),
    ("inspection", "检查核减"),
    ("court", "法院裁判"),
]

# Cancelled and ordered kilograms differ by what is owed, at the end of the act.
FORWARD = """
CREATE FUNCTION registry_debts_sum() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  of_cancellation registry_cancellation%ROWTYPE;
BEGIN
  SELECT * INTO of_cancellation FROM registry_cancellation WHERE cause_id =
    CASE TG_TABLE_NAME WHEN 'registry_debt' THEN (to_jsonb(NEW) ->> 'cancellation_id')::uuid
    ELSE (to_jsonb(NEW) ->> 'cause_id')::uuid END;
  IF of_cancellation.ordered_kg - of_cancellation.cancelled_kg <>
       (SELECT coalesce(sum(quantity_kg), 0) FROM registry_debt
        WHERE cancellation_id = of_cancellation.cause_id)
     OR of_cancellation.cancelled_kg <>
       (SELECT coalesce(sum(upper(kg) - lower(kg)), 0) FROM registry_block
        WHERE because_id = of_cancellation.cause_id AND closed_by_id IS NULL) THEN
    RAISE EXCEPTION 'what was ordered is neither cancelled nor owed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ordered_is_cancelled_or_owed',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ordered_is_cancelled_or_owed AFTER INSERT ON registry_cancellation
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_debts_sum();
CREATE CONSTRAINT TRIGGER ordered_is_cancelled_or_owed AFTER INSERT ON registry_debt
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_debts_sum();
"""
BACKWARD = """
DROP TRIGGER ordered_is_cancelled_or_owed ON registry_debt;
DROP TRIGGER ordered_is_cancelled_or_owed ON registry_cancellation;
DROP FUNCTION registry_debts_sum();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0014_what_an_act_may_say")]
    operations = [
        migrations.AlterField(
            "debt",
            "cancellation",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="debts",
                to="registry.cancellation",
            ),
        ),
        migrations.AddConstraint(
            "debt",
            models.UniqueConstraint(
                fields=("cancellation", "party"), name="one_debt_of_a_cancellation_per_owner"
            ),
        ),
        migrations.AlterField(
            "cancellation",
            "reason",
            models.CharField(choices=REASONS, max_length=10, verbose_name="原因"),
        ),
        migrations.AlterField(
            "registration",
            "cancel_reason",
            models.CharField(
                blank=True, choices=REASONS, default="", max_length=10, verbose_name="注销原因"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

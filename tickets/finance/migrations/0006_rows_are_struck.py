"""What was recorded wrongly is struck for a reason, and its contract's number is free again."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

BEFORE = """
CREATE OR REPLACE FUNCTION finance_row_moves() RETURNS trigger
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
"""
AFTER = """
CREATE OR REPLACE FUNCTION finance_row_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  moves text[] := ARRAY['confirmed_by_id', 'ended_on', 'ended_by_id', 'struck_by_id', 'struck_because'];
BEGIN
  IF OLD.struck_by_id IS NOT NULL THEN
    RAISE EXCEPTION 'a struck row was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'struck_finance_row_stands',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF to_jsonb(NEW) - moves IS DISTINCT FROM to_jsonb(OLD) - moves
     OR (OLD.confirmed_by_id IS NOT NULL
         AND NEW.confirmed_by_id IS DISTINCT FROM OLD.confirmed_by_id)
     OR (OLD.ended_on IS NOT NULL
         AND (NEW.ended_on, NEW.ended_by_id) IS DISTINCT FROM (OLD.ended_on, OLD.ended_by_id)) THEN
    RAISE EXCEPTION 'a row of the register was to be rewritten'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  -- Rows that ended before this was asked name nobody.
  IF OLD.ended_on IS NULL AND (NEW.ended_on IS NULL) <> (NEW.ended_by_id IS NULL) THEN
    RAISE EXCEPTION 'somebody ends a row'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_row_is_ended_by_somebody',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


def user_field():
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0005_alerts_of_pledges"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField("financerow", "ended_by", user_field()),
        migrations.AddField("financerow", "struck_by", user_field()),
        migrations.AddField(
            "financerow",
            "struck_because",
            models.CharField(blank=True, default="", max_length=300, verbose_name="撤销理由"),
        ),
        migrations.AddConstraint(
            "financerow",
            models.CheckConstraint(
                condition=Q(struck_by__isnull=True, struck_because="")
                | (Q(struck_by__isnull=False) & ~Q(struck_because="")),
                name="finance_row_is_struck_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            "financerow",
            models.CheckConstraint(
                condition=Q(struck_by__isnull=True) | ~Q(struck_by=F("recorded_by")),
                name="who_records_a_finance_row_does_not_strike_it",
            ),
        ),
        migrations.RemoveConstraint("financerow", "one_finance_row_of_a_contract"),
        migrations.AddConstraint(
            "financerow",
            models.UniqueConstraint(
                condition=Q(struck_by__isnull=True),
                fields=("institution", "number"),
                name="one_finance_row_of_a_contract",
            ),
        ),
        migrations.RunSQL(AFTER, BEFORE),
    ]

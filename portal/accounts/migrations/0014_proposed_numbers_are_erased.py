"""A number that was proposed and never registered may be erased."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
CREATE OR REPLACE FUNCTION accounts_number_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  moving text[] := '{identity_key_id,identity_sealed,valid_from,ended_at}';
BEGIN
  -- It may be another person's: emptied as a whole, once, and never the party's after that.
  IF TG_OP = 'UPDATE' AND OLD.valid_from IS NULL AND NEW.identity_sealed IS NULL THEN
    moving := moving || '{identity_digest,identity_prefix,identity_last4}'::text[];
  END IF;
  IF TG_OP = 'UPDATE'
     AND to_jsonb(OLD) - moving = to_jsonb(NEW) - moving
     AND (OLD.identity_sealed IS NULL) <= (NEW.identity_sealed IS NULL)
     AND coalesce(OLD.valid_from, NEW.valid_from) IS NOT DISTINCT FROM NEW.valid_from
     AND coalesce(OLD.ended_at, NEW.ended_at) IS NOT DISTINCT FROM NEW.ended_at THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% on % refused: what is closed stays closed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
          TABLE = TG_TABLE_NAME;
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION accounts_number_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE'
     AND to_jsonb(OLD) - '{identity_key_id,identity_sealed,valid_from,ended_at}'::text[]
       = to_jsonb(NEW) - '{identity_key_id,identity_sealed,valid_from,ended_at}'::text[]
     AND coalesce(OLD.valid_from, NEW.valid_from) IS NOT DISTINCT FROM NEW.valid_from
     AND coalesce(OLD.ended_at, NEW.ended_at) IS NOT DISTINCT FROM NEW.ended_at THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% on % refused: what is closed stays closed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
          TABLE = TG_TABLE_NAME;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_numbers_change")]
    operations = [
        migrations.AlterField(
            "partynumber",
            "identity_digest",
            models.BinaryField(editable=False, max_length=32, null=True),
        ),
        migrations.AlterField(
            "partynumber", "identity_sealed", models.BinaryField(editable=False, null=True)
        ),
        migrations.AddConstraint(
            "partynumber",
            models.CheckConstraint(
                name="number_is_whole_or_erased",
                condition=Q(identity_sealed__isnull=False, identity_digest__isnull=False)
                | Q(
                    valid_from__isnull=True,
                    identity_key_id="",
                    identity_sealed__isnull=True,
                    identity_digest__isnull=True,
                    identity_prefix="",
                    identity_last4="",
                ),
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

"""A party's identity number may give way to another; the former one is kept (article 10)."""

import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import portal.base.clock

FORWARD = """
-- A number begins and ends once, and may be sealed with a newer key; else it stands as it was written.
CREATE FUNCTION accounts_number_moves() RETURNS trigger
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
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_partynumber
FOR EACH ROW EXECUTE FUNCTION accounts_number_moves();

-- Whoever writes it: a checked party has another number only with the former one on record.
CREATE FUNCTION accounts_former_number_is_kept() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM accounts_partynumber
                 WHERE party_id = OLD.id AND identity_digest = OLD.identity_digest
                   AND ended_at IS NOT NULL)
     OR NOT EXISTS (SELECT FROM accounts_partynumber
                    WHERE party_id = OLD.id AND identity_digest = NEW.identity_digest
                      AND valid_from IS NOT NULL AND ended_at IS NULL) THEN
    RAISE EXCEPTION 'the former number is not kept'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'former_number_is_kept',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER former_number_is_kept BEFORE UPDATE OF identity_digest ON accounts_party
FOR EACH ROW WHEN (OLD.checked_at IS NOT NULL
                   AND OLD.identity_digest <> NEW.identity_digest)
EXECUTE FUNCTION accounts_former_number_is_kept();
"""
BACKWARD = """
DROP TRIGGER former_number_is_kept ON accounts_party;
DROP FUNCTION accounts_former_number_is_kept();
DROP TRIGGER closes_once ON accounts_partynumber;
DROP FUNCTION accounts_number_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_count_requests_of_browsers")]
    operations = [
        migrations.CreateModel(
            name="PartyNumber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("identity_key_id", models.CharField(editable=False, max_length=8)),
                ("identity_sealed", models.BinaryField()),
                ("identity_digest", models.BinaryField(max_length=32)),
                ("identity_prefix", models.CharField(editable=False, max_length=6)),
                ("identity_last4", models.CharField(editable=False, max_length=4)),
                ("doubtful", models.BooleanField(default=False, verbose_name="号码存疑")),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="提交时间",
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(editable=False, null=True, verbose_name="自"),
                ),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="至")),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="numbers",
                        to="accounts.party",
                    ),
                ),
            ],
            options={
                "verbose_name": "证件号码",
                "verbose_name_plural": "证件号码",
                "constraints": [
                    models.UniqueConstraint(
                        name="one_present_number_per_party",
                        fields=["party"],
                        condition=Q(valid_from__isnull=False, ended_at__isnull=True),
                    ),
                    models.CheckConstraint(
                        name="number_ends_after_it_begins",
                        condition=Q(ended_at__isnull=True)
                        | Q(valid_from__isnull=False, ended_at__gte=F("valid_from")),
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

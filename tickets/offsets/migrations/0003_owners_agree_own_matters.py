"""Every owner agrees to an offset, and who acts for one of them neither prepares nor signs it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.base.clock

FORWARD = """
SELECT portal_append_only('offsets_offsetconsent');

CREATE FUNCTION offsets_no_own_matter() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_ticketshare AS share
       JOIN accounts_mandate AS mandate ON mandate.party_id = share.party_id
       WHERE share.ticket_id = NEW.ticket_id AND share.closed_by_id IS NULL
         AND mandate.user_id IN (NEW.prepared_by_id, NEW.decided_by_id) AND mandate.ended_at IS NULL
         AND mandate.valid_from <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
         AND coalesce(mandate.valid_to, 'infinity')
             >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date) THEN
    RAISE EXCEPTION 'who acts for an owner takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER offset_is_no_own_matter BEFORE UPDATE ON offsets_offsetrequest
FOR EACH ROW WHEN (NEW.state IN ('prepared', 'signed', 'refused') AND NEW.state <> OLD.state)
EXECUTE FUNCTION offsets_no_own_matter();
"""
BACKWARD = """
DROP TRIGGER offset_is_no_own_matter ON offsets_offsetrequest;
DROP FUNCTION offsets_no_own_matter();
DROP TRIGGER nothing_is_rewritten ON offsets_offsetconsent;
DROP TRIGGER nothing_is_truncated ON offsets_offsetconsent;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("offsets", "0002_guarantees"),
        ("registry", "0013_own_matters_and_article_25"),
        ("accounts", "0002_identities_and_mandates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="OffsetConsent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "given_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="时间",
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.party",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to="offsets.offsetrequest",
                    ),
                ),
            ],
            options={"verbose_name": "抵消同意", "verbose_name_plural": "抵消同意"},
        ),
        migrations.AddConstraint(
            "offsetconsent",
            models.UniqueConstraint(
                fields=("request", "party"), name="one_offset_consent_per_owner"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

"""What an upheld objection asked for has been done: said once, with a reason, by an officer."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARANTEE = """
CREATE OR REPLACE FUNCTION casework_objection_is_made() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.answered_at IS NULL THEN
      NEW.answered_at := portal_now();
      NEW.cure := ''; NEW.cured_by_id := NULL; NEW.cured_at := NULL;
      RETURN NEW;
    END IF;
    IF OLD.cured_at IS NOT NULL
       OR (NEW.upheld, NEW.answer, NEW.answered_by_id, NEW.answered_at) IS DISTINCT FROM
          (OLD.upheld, OLD.answer, OLD.answered_by_id, OLD.answered_at) THEN
      RAISE EXCEPTION 'an objection is answered once, and cured once'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.cured_at := portal_now();
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM casework_notice AS notice
                 WHERE notice.id = NEW.notice_id AND notice.withdrawn_at IS NULL
                   AND (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
                       BETWEEN notice.opens_on AND notice.closes_on) THEN
    RAISE EXCEPTION 'the notice is not open'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'objection_comes_while_notice_is_open',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.made_at := portal_now();
  RETURN NEW;
END $$;
DO $$ BEGIN
  EXECUTE format('GRANT UPDATE (cure, cured_by_id, cured_at) ON casework_noticeobjection TO %I',
                 (SELECT app_role FROM base_installation));
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0006_overdue_is_told_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="noticeobjection",
            name="cure",
            field=models.TextField(blank=True, default="", verbose_name="已消除的理由"),
        ),
        migrations.AddField(
            model_name="noticeobjection",
            name="cured_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="消除时间"),
        ),
        migrations.AddField(
            model_name="noticeobjection",
            name="cured_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="noticeobjection",
            constraint=models.CheckConstraint(
                name="upheld_objection_is_cured_by_somebody",
                condition=models.Q(cure="", cured_by__isnull=True, cured_at__isnull=True)
                | (
                    models.Q(upheld=True, cured_by__isnull=False, cured_at__isnull=False)
                    & ~models.Q(cure="")
                ),
            ),
        ),
        migrations.RunSQL(GUARANTEE, migrations.RunSQL.noop),
    ]

"""A disqualified party takes part as a co-owner no more than as the owner, nor after a return."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_nobody_applying_is_disqualified() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM projects_disqualification AS barred
             WHERE barred.scope = 'party' AND barred.decided_at IS NOT NULL
               AND barred.until >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
               AND (barred.party_id IN (SELECT party_id FROM projects_applicationshare
                                        WHERE application_id = NEW.id)
                    OR barred.party_id = (SELECT applicant_id FROM projects_project
                                          WHERE id = NEW.project_id))) THEN
    RAISE EXCEPTION 'the owner or a co-owner is disqualified'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'applicant_is_not_disqualified',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER nobody_applying_is_disqualified BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_nobody_applying_is_disqualified();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0005_no_escape_by_withdrawal")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER nobody_applying_is_disqualified ON projects_application;"
            "DROP FUNCTION projects_nobody_applying_is_disqualified();",
        ),
    ]

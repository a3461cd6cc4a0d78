"""Who is to be disqualified does not escape by withdrawing the application (article 7)."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_no_withdrawal_under_disqualification() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM projects_disqualification AS proposed
             JOIN casework_reviewcase AS matter ON matter.id = proposed.case_id
             WHERE proposed.application_id = NEW.id AND matter.closed_at IS NULL) THEN
    RAISE EXCEPTION 'a disqualification is proposed and not decided'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_withdrawal_under_disqualification',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER no_withdrawal_under_disqualification BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state = 'withdrawn' AND OLD.state <> 'withdrawn')
EXECUTE FUNCTION projects_no_withdrawal_under_disqualification();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0004_results_of_land"),
        ("casework", "0005_regulation_days_confirmed"),
    ]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER no_withdrawal_under_disqualification ON projects_application;"
            "DROP FUNCTION projects_no_withdrawal_under_disqualification();",
        ),
    ]

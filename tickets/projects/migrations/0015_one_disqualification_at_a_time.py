"""A second disqualification is not proposed while one is undecided, nor of what is not under way."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_one_disqualification_at_a_time() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  -- Proposals wait for one another, and for whatever else moves the application.
  PERFORM FROM projects_application WHERE id = NEW.application_id
    AND state IN ('submitted', 'returned', 'determined') FOR UPDATE;
  IF NOT FOUND OR EXISTS (
       SELECT FROM projects_disqualification AS proposed
       JOIN casework_reviewcase AS matter ON matter.id = proposed.case_id
       WHERE proposed.application_id = NEW.application_id AND matter.closed_at IS NULL) THEN
    RAISE EXCEPTION 'a disqualification is proposed already, or nothing is under way'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'one_disqualification_at_a_time',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER one_disqualification_at_a_time BEFORE INSERT ON projects_disqualification
FOR EACH ROW EXECUTE FUNCTION projects_one_disqualification_at_a_time();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0014_verifier_is_a_third_party")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER one_disqualification_at_a_time ON projects_disqualification;"
            "DROP FUNCTION projects_one_disqualification_at_a_time();",
        ),
    ]

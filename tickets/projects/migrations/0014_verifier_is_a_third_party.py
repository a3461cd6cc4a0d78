"""Who signed the report acts for nobody whose matter it is, co-owners who came later included (article 4)."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_verifier_is_a_third_party() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF casework_acts_in((SELECT verifier_id FROM projects_accountingresult
                       WHERE application_id = NEW.id ORDER BY id DESC LIMIT 1),
                      NEW.case_id, false) THEN
    RAISE EXCEPTION 'the verifier of application % acts for a party of it', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'verifier_is_a_third_party',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- Afterwards: owner and co-owners are parties of the case by then (co_owners_agree).
CREATE TRIGGER verifier_is_a_third_party AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_verifier_is_a_third_party();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0013_titles_stand_under_the_land")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER verifier_is_a_third_party ON projects_application;"
            "DROP FUNCTION projects_verifier_is_a_third_party();",
        ),
    ]

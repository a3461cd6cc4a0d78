"""Nothing is determined or filed on a material that the clerk has not confirmed, however late it came."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_materials_are_confirmed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM (SELECT DISTINCT ON (kind) confirmed_by_id FROM projects_material
                    WHERE application_id = NEW.id ORDER BY kind, version DESC) AS latest
       WHERE latest.confirmed_by_id IS NULL) THEN
    RAISE EXCEPTION 'a material of application % is not confirmed', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'materials_are_confirmed',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER materials_are_confirmed BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state = 'submitted' AND NEW.state = 'determined'
                   OR OLD.state = 'determined' AND NEW.state = 'filed')
EXECUTE FUNCTION projects_materials_are_confirmed();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0007_consents_name_their_terms")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER materials_are_confirmed ON projects_application;"
            "DROP FUNCTION projects_materials_are_confirmed();",
        ),
    ]

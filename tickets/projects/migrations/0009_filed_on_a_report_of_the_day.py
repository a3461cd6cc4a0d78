"""Land is found free on the day of the signature, not on that of its preparation (article 24)."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_filing_has_a_report_of_its_day() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM parcels_rulerun AS report WHERE report.id = NEW.uniqueness_report_id
         AND (report.made_at AT TIME ZONE 'Asia/Shanghai')::date
             = (NEW.signed_at AT TIME ZONE 'Asia/Shanghai')::date) THEN
    RAISE EXCEPTION 'the uniqueness report is of another day than the signature'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'filing_has_a_report_of_its_day',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER filing_has_a_report_of_its_day BEFORE INSERT ON projects_filing
FOR EACH ROW EXECUTE FUNCTION projects_filing_has_a_report_of_its_day();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0008_materials_are_confirmed")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER filing_has_a_report_of_its_day ON projects_filing;"
            "DROP FUNCTION projects_filing_has_a_report_of_its_day();",
        ),
    ]

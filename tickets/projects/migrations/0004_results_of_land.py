"""A signed result is of an area and of days; no application goes forward on another's."""

import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

# What was told before was signed for the land that its application has.
FORMER = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE projects_accountingresult DISABLE TRIGGER USER;
UPDATE projects_accountingresult AS result
SET area_version_id = application.area_version_id, period = application.period
FROM projects_application AS application WHERE application.id = result.application_id;
ALTER TABLE projects_accountingresult ENABLE TRIGGER USER;
"""
GUARANTEE = """
CREATE FUNCTION projects_report_is_of_the_applied_land() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  result projects_accountingresult;
BEGIN
  SELECT * INTO result FROM projects_accountingresult
  WHERE application_id = NEW.id ORDER BY id DESC LIMIT 1;
  IF (result.area_version_id, result.period) IS DISTINCT FROM (NEW.area_version_id, NEW.period) THEN
    RAISE EXCEPTION 'the latest report is of other land or other days'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'report_is_of_the_applied_land',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER report_is_of_the_applied_land BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_report_is_of_the_applied_land();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_fixed_notice"),
        ("parcels", "0015_bulk_screenings"),
    ]
    operations = [
        migrations.AddField(
            model_name="accountingresult",
            name="area_version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parcels.projectareaversion",
                verbose_name="核算范围",
            ),
        ),
        migrations.AddField(
            model_name="accountingresult",
            name="period",
            field=django.contrib.postgres.fields.ranges.DateRangeField(
                null=True, verbose_name="核算监测期"
            ),
        ),
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="accountingresult",
            name="area_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parcels.projectareaversion",
                verbose_name="核算范围",
            ),
        ),
        migrations.AlterField(
            model_name="accountingresult",
            name="period",
            field=django.contrib.postgres.fields.ranges.DateRangeField(verbose_name="核算监测期"),
        ),
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER report_is_of_the_applied_land ON projects_application;"
            "DROP FUNCTION projects_report_is_of_the_applied_land();",
        ),
    ]

"""Each measure of the design has its place on the project's land (article 4)."""

from django.db import migrations

GUARANTEE = """
-- Those without a place, beyond the land, or begun after the monitoring period.
CREATE FUNCTION projects_measures_astray(wanted bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT measure.id
  FROM projects_application AS application
  JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
  JOIN projects_measure AS measure ON measure.application_id = application.id
  WHERE application.id = wanted
    AND (measure.place IS NULL OR NOT ST_Intersects(version.geom, measure.place)
         OR measure.done_from >= upper(application.period))
$$;

CREATE FUNCTION projects_measures_lie_on_the_land() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM projects_measures_astray(NEW.id)) THEN
    RAISE EXCEPTION 'a measure of application % has no place on its land', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'measures_lie_on_the_land',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER measures_lie_on_the_land AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_measures_lie_on_the_land();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0016_objections_outlive_their_notice")]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER measures_lie_on_the_land ON projects_application;"
            "DROP FUNCTION projects_measures_lie_on_the_land();"
            "DROP FUNCTION projects_measures_astray(bigint);",
        ),
    ]

"""What was said against a project stays in the way when its area is drawn anew, unless its patch is left out.

Until now the newest notice's objections alone were asked: a millimetre redrawn did away with all others.
"""

from django.db import migrations

OBJECTIONS = """
-- Not answered, or upheld and not cured: of the newest notice all, of earlier ones those that name no
-- patch and those whose patch is still part of the land.
CREATE FUNCTION projects_open_objections(wanted bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT objection.id
  FROM projects_application AS application
  JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
  JOIN casework_notice AS notice
    ON notice.kind = 'publicity' AND notice.subject_kind = 'application'
   AND notice.subject_key = application.key
  JOIN casework_noticeobjection AS objection ON objection.notice_id = notice.id
  WHERE application.id = wanted
    AND objection.upheld IS DISTINCT FROM false AND objection.cured_at IS NULL
    AND (coalesce(ST_Dimension(objection.shape), 0) < 2
         OR NOT EXISTS (SELECT FROM casework_notice AS newer
                        WHERE newer.kind = notice.kind AND newer.subject_kind = notice.subject_kind
                          AND newer.subject_key = notice.subject_key AND newer.id > notice.id)
         OR EXISTS (SELECT FROM shared_land(version.geom, ST_MakeValid(objection.shape),
                      policy_number('overlap.grid_m'), policy_number('overlap.sliver_area_m2'),
                      policy_number('overlap.sliver_halfwidth_m')) AS land
                    WHERE NOT land.is_sliver))
$$;
"""
GUARANTEE = """
CREATE OR REPLACE FUNCTION projects_publicity_is_over() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  shown casework_notice;
  refused text;
BEGIN
  SELECT * INTO shown FROM casework_notice
  WHERE kind = 'publicity' AND subject_kind = 'application' AND subject_key = NEW.key
    AND withdrawn_at IS NULL
  ORDER BY id DESC LIMIT 1;
  refused := CASE
    WHEN shown.id IS NULL
         OR shown.closes_on >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
      THEN 'publicity_is_over'
    WHEN EXISTS ({objections})
      THEN 'objections_are_settled'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'application % is not determined: %', NEW.key, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('closes_on', shown.closes_on)::text;
  END IF;
  RETURN NEW;
END $$;
"""
OF_THE_NEWEST = """SELECT FROM casework_noticeobjection
                 WHERE notice_id = shown.id AND upheld IS DISTINCT FROM false AND cured_at IS NULL"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0015_one_disqualification_at_a_time")]
    operations = [
        migrations.RunSQL(OBJECTIONS, "DROP FUNCTION projects_open_objections(bigint);"),
        migrations.RunSQL(
            GUARANTEE.format(objections="SELECT FROM projects_open_objections(NEW.id)"),
            GUARANTEE.format(objections=OF_THE_NEWEST),
        ),
    ]

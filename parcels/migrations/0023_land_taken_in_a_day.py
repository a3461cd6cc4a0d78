import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# domain.md, "What the public may see": exports whose union exceeds 25 km² are guarded. Of the union over
# a day the sum of what differs is never less: files of other land, and shapes that programs read.
# What left with a reason and a second factor was answered for and counts no more.
FORWARD = """
CREATE FUNCTION land_taken_m2(person bigint, except_what text, except_subject text)
RETURNS double precision LANGUAGE sql STABLE AS $$
  SELECT coalesce((
    SELECT sum(area) FROM (
      SELECT max(area_m2) AS area FROM parcels_boundaryexport
      WHERE made_by_id = person AND NOT by_code
        AND made_at >= date_trunc('day', portal_now(), 'Asia/Shanghai')
        AND (what, subject) <> (except_what, except_subject)
      GROUP BY what, subject) AS file), 0)
  + coalesce((
    SELECT sum(area_m2) FROM parcels_landread
    WHERE user_id = person AND day = (portal_now() AT TIME ZONE 'Asia/Shanghai')::date), 0)
$$;
CREATE OR REPLACE FUNCTION boundary_export_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  limit_km2 double precision := policy_number('export.exact_km2');
BEGIN
  -- Two files of one person at once are added up one after the other.
  PERFORM FROM accounts_user WHERE id = NEW.made_by_id FOR NO KEY UPDATE;
  NEW.made_at := portal_now();
  IF coalesce(NEW.area_m2 + land_taken_m2(NEW.made_by_id, NEW.what, NEW.subject)
              > limit_km2 * 1000000, true)
     AND (NEW.reason = '' OR NOT NEW.by_code) THEN
    RAISE EXCEPTION 'exact boundaries of much land leave without a reason or a second factor'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'large_export_is_guarded',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('limit', limit_km2)::text;
  END IF;
  RETURN NEW;
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION boundary_export_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  limit_km2 double precision := policy_number('export.exact_km2');
BEGIN
  NEW.made_at := portal_now();
  IF coalesce(NEW.area_m2 > limit_km2 * 1000000, true) AND (NEW.reason = '' OR NOT NEW.by_code) THEN
    RAISE EXCEPTION 'exact boundaries of much land leave without a reason or a second factor'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'large_export_is_guarded',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('limit', limit_km2)::text;
  END IF;
  RETURN NEW;
END $$;
DROP FUNCTION land_taken_m2(bigint, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("parcels", "0022_problems_counted_whole"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LandRead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("shape", models.UUIDField()),
                ("area_m2", models.FloatField()),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "day", "shape"), name="a_shape_counts_once_a_day"
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

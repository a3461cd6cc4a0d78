"""A comparison of a side belongs to the shapes it was made on, and a title is verified on four."""

import django.db.models.deletion
from django.db import migrations, models

# Comparisons are append-only: the owner of the table alone says what the earlier ones were made on.
EARLIER = """
ALTER TABLE parcels_sidecheck DISABLE TRIGGER USER;
UPDATE parcels_sidecheck AS tick SET shape_id = (
  SELECT coalesce(max(row.id) FILTER (WHERE row.made_at <= tick.made_at), min(row.id))
  FROM parcels_reviewshape AS row WHERE row.review_id = tick.review_id);
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE parcels_sidecheck ENABLE TRIGGER USER;
"""
GUARD = """
CREATE FUNCTION title_is_verified_with_four_sides() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  missing text := (
    SELECT string_agg(side, ' ') FROM unnest(ARRAY['east', 'south', 'west', 'north']) AS side
    WHERE NOT EXISTS (
      SELECT FROM parcels_sidecheck AS tick
      WHERE tick.review_id = NEW.id AND tick.side = side AND tick.shape_id = (
        SELECT max(id) FROM parcels_reviewshape WHERE review_id = NEW.id)));
BEGIN
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'sides of the reviewed shapes were not compared: %', missing
      USING ERRCODE = 'check_violation', CONSTRAINT = 'title_is_verified_with_four_sides',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('sides', missing)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER title_is_verified_with_four_sides BEFORE UPDATE ON parcels_titlereview
FOR EACH ROW WHEN (NEW.state = 'verified' AND OLD.state <> 'verified')
EXECUTE FUNCTION title_is_verified_with_four_sides();
"""
NO_GUARD = """
DROP TRIGGER title_is_verified_with_four_sides ON parcels_titlereview;
DROP FUNCTION title_is_verified_with_four_sides();
"""


def shape(*, null: bool) -> models.ForeignKey:
    return models.ForeignKey(
        null=null,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="parcels.reviewshape",
    )


class Migration(migrations.Migration):
    dependencies = [("parcels", "0025_land_of_another")]
    operations = [
        migrations.AddField("sidecheck", "shape", shape(null=True)),
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
        migrations.AlterField("sidecheck", "shape", shape(null=False)),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]

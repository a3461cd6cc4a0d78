"""Guarantee 2: what an ended registration drew ends with its pieces, and what it corrected stands as before."""

from django.db import migrations, models

# Every first version of the line is somebody's drawing: nothing of it came from the register.
DRAWN = """
CREATE FUNCTION land_was_drawn(piece bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE line (id) AS (
    SELECT piece
    UNION
    SELECT lineage.parent_id
    FROM line JOIN parcels_parcellineage AS lineage ON lineage.child_id = line.id
  )
  SELECT NOT EXISTS (
    SELECT FROM line JOIN parcels_parcelversion AS first
      ON first.parcel_id = line.id AND first.number = 1
    WHERE first.because = 'import' OR first.made_by_id IS NULL)
$$;
CREATE FUNCTION land_is_nobodys(parcel bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM parcels_verifiedtitle WHERE parcel_id = parcel)
    AND NOT EXISTS (
      SELECT FROM parcels_right AS held
      JOIN parcels_titlecertificate AS title ON title.id = held.certificate_id
      WHERE held.parcel_id = parcel AND title.state IN ('registered', 'verified'))
$$;
"""
NOT_DRAWN = """
DROP FUNCTION land_was_drawn(bigint);
DROP FUNCTION land_is_nobodys(bigint);
"""
EARLIER = """
CREATE TEMP TABLE let_go ON COMMIT DROP AS
SELECT DISTINCT parcel.id
FROM parcels_titlereview AS review
JOIN parcels_reviewshape AS row ON row.review_id = review.id
JOIN parcels_parcel AS parcel ON parcel.id = row.parcel_id AND parcel.ended_at IS NULL
WHERE review.state IN ('withdrawn', 'rejected') AND review.because <> 'takeover'
  AND land_was_drawn(parcel.id) AND land_is_nobodys(parcel.id);
UPDATE parcels_parcelversion SET stands_to = portal_now()
WHERE parcel_id IN (SELECT id FROM let_go) AND stands_from IS NOT NULL AND stands_to IS NULL;
UPDATE parcels_parcel SET ended_at = portal_now() WHERE id IN (SELECT id FROM let_go);
SET CONSTRAINTS ALL IMMEDIATE;
"""
BEGINNING = """
CREATE OR REPLACE FUNCTION ended_review_lets_go() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM parcels_titlecertificate
             WHERE id = NEW.certificate_id AND state <> 'cancelled')
"""
FORMER = """
     OR EXISTS (
       SELECT FROM parcels_reviewshape AS row
       JOIN parcels_parcelversion AS first ON first.parcel_id = row.parcel_id AND first.number = 1
        AND first.because = 'drawing' AND first.made_by_id IS NOT NULL
       JOIN parcels_parcelversion AS stands ON stands.parcel_id = row.parcel_id
        AND stands.stands_from IS NOT NULL AND stands.stands_to IS NULL
       WHERE row.review_id = NEW.id
         AND NOT EXISTS (SELECT FROM parcels_verifiedtitle WHERE parcel_id = row.parcel_id)
         AND NOT EXISTS (
           SELECT FROM parcels_right AS held
           JOIN parcels_titlecertificate AS title ON title.id = held.certificate_id
           WHERE held.parcel_id = row.parcel_id AND title.state IN ('registered', 'verified')))
"""
WHOLE = """
     OR EXISTS (
       SELECT FROM parcels_reviewshape AS row
       JOIN parcels_parcelversion AS stands ON stands.parcel_id = row.parcel_id
        AND stands.stands_from IS NOT NULL AND stands.stands_to IS NULL
       WHERE row.review_id = NEW.id
         AND land_was_drawn(row.parcel_id) AND land_is_nobodys(row.parcel_id))
     OR EXISTS (
       SELECT FROM parcels_reviewshape AS row
       JOIN parcels_parcelversion AS stands ON stands.id = row.version_id
        AND stands.because IN ('correction', 'repair')
        AND stands.stands_from IS NOT NULL AND stands.stands_to IS NULL
       WHERE row.review_id = NEW.id
         AND row.id = (SELECT min(id) FROM parcels_reviewshape WHERE version_id = stands.id)
         AND NOT EXISTS (SELECT FROM parcels_verifiedtitle
                         WHERE parcel_id = row.parcel_id AND ended_at IS NULL))
"""
END = """
  THEN
    RAISE EXCEPTION 'certificate or land of an ended review was to stay'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ended_review_lets_go',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0040_titles_of_one_parcel")]
    operations = [
        migrations.AlterField(
            model_name="parcelversion",
            name="because",
            field=models.CharField(
                choices=[
                    ("import", "导入"),
                    ("drawing", "手工绘制"),
                    ("correction", "更正"),
                    ("repair", "修复"),
                    ("split", "分割"),
                    ("merge", "合并"),
                    ("restoration", "恢复"),
                ],
                max_length=12,
                verbose_name="缘由",
            ),
        ),
        migrations.RunSQL(DRAWN, NOT_DRAWN),
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
        migrations.RunSQL(BEGINNING + WHOLE + END, BEGINNING + FORMER + END),
    ]

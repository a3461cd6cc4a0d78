"""Guarantee 2: what a signed review freezes is the very land that it was about."""

from django.db import migrations

# A title that is verified by its review holds the newest version of each parcel that the review was
# about, and no other: what an import or another certificate put in its place meanwhile was seen by
# nobody. Its name comes after ``certificates_change_state``, which has written the holds.
FORWARD = """
CREATE FUNCTION titles_hold_the_reviewed_land() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  clash record;
BEGIN
  WITH newly AS (
    SELECT id FROM now_is WHERE state = 'verified' AND takeover_id IS NULL
    EXCEPT SELECT id FROM was WHERE state = 'verified'
  ), reviewed AS (
    SELECT DISTINCT ON (review.certificate_id, row.parcel_id)
           review.certificate_id, row.parcel_id, row.version_id, row.leaves
    FROM newly
    JOIN parcels_titlereview AS review
      ON review.certificate_id = newly.id AND review.state = 'verified'
    JOIN parcels_reviewshape AS row ON row.review_id = review.id
    ORDER BY review.certificate_id, row.parcel_id, row.id DESC
  ), held AS (
    SELECT DISTINCT hold.certificate_id, hold.parcel_id, hold.version_id
    FROM newly JOIN parcels_verifiedtitle AS hold
      ON hold.certificate_id = newly.id AND hold.ended_at IS NULL
  )
  SELECT coalesce(seen.number::text, '-') AS seen, coalesce(stands.number::text, '-') AS stands
  INTO clash
  FROM (SELECT * FROM reviewed WHERE NOT leaves) AS looked_at
  FULL JOIN held USING (certificate_id, parcel_id)
  LEFT JOIN parcels_parcelversion AS seen ON seen.id = looked_at.version_id
  LEFT JOIN parcels_parcelversion AS stands ON stands.id = held.version_id
  WHERE looked_at.version_id IS DISTINCT FROM held.version_id
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'other land than was reviewed was to be frozen'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'titles_hold_the_reviewed_land', TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('seen', clash.seen, 'now', clash.stands)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER titles_hold_the_reviewed_land AFTER UPDATE ON parcels_titlecertificate
REFERENCING OLD TABLE AS was NEW TABLE AS now_is
FOR EACH STATEMENT EXECUTE FUNCTION titles_hold_the_reviewed_land();
"""
BACKWARD = """
DROP TRIGGER titles_hold_the_reviewed_land ON parcels_titlecertificate;
DROP FUNCTION titles_hold_the_reviewed_land();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0026_sides_of_a_shape")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

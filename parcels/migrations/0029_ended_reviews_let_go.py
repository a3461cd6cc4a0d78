"""Guarantee 2: a registration that is withdrawn or rejected leaves neither certificate nor land."""

from django.db import migrations

# What an owner drew stands on the public map and against every honest neighbour until it is ended.
# A takeover's certificate is the register's own and stays registered, whatever its review came to.
EARLIER = """
UPDATE parcels_titlecertificate SET state = 'cancelled'
WHERE state = 'registered'
  AND id IN (SELECT certificate_id FROM parcels_titlereview
             WHERE state IN ('withdrawn', 'rejected') AND because <> 'takeover')
  AND id NOT IN (SELECT certificate_id FROM parcels_titlereview
                 WHERE state NOT IN ('withdrawn', 'rejected'));
CREATE TEMP TABLE let_go ON COMMIT DROP AS
SELECT DISTINCT parcel.id
FROM parcels_titlereview AS review
JOIN parcels_reviewshape AS row ON row.review_id = review.id
JOIN parcels_parcel AS parcel ON parcel.id = row.parcel_id AND parcel.ended_at IS NULL
JOIN parcels_parcelversion AS first ON first.parcel_id = parcel.id AND first.number = 1
 AND first.because = 'drawing' AND first.made_by_id IS NOT NULL
WHERE review.state IN ('withdrawn', 'rejected') AND review.because <> 'takeover'
  AND NOT EXISTS (SELECT FROM parcels_right AS held
                  JOIN parcels_titlecertificate AS title ON title.id = held.certificate_id
                  WHERE held.parcel_id = parcel.id AND title.state IN ('registered', 'verified'))
  AND NOT EXISTS (SELECT FROM parcels_verifiedtitle WHERE parcel_id = parcel.id);
UPDATE parcels_parcelversion SET stands_to = portal_now()
WHERE parcel_id IN (SELECT id FROM let_go) AND stands_from IS NOT NULL AND stands_to IS NULL;
UPDATE parcels_parcel SET ended_at = portal_now() WHERE id IN (SELECT id FROM let_go);
SET CONSTRAINTS ALL IMMEDIATE;
"""
GUARD = """
CREATE FUNCTION ended_review_lets_go() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM parcels_titlecertificate
             WHERE id = NEW.certificate_id AND state <> 'cancelled')
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
  THEN
    RAISE EXCEPTION 'certificate or land of an ended review was to stay'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ended_review_lets_go',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ended_review_lets_go BEFORE UPDATE ON parcels_titlereview
FOR EACH ROW WHEN (NEW.state IN ('withdrawn', 'rejected') AND NEW.state <> OLD.state
                   AND NEW.because <> 'takeover')
EXECUTE FUNCTION ended_review_lets_go();
"""
NO_GUARD = """
DROP TRIGGER ended_review_lets_go ON parcels_titlereview;
DROP FUNCTION ended_review_lets_go();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0028_pieces_wait")]
    operations = [
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]

"""Guarantee 2: land that a cancelled title held is nobody's once the last other certificate ends."""

from django.db import migrations

NOBODYS = """
CREATE OR REPLACE FUNCTION land_is_nobodys(parcel bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM parcels_verifiedtitle WHERE parcel_id = parcel {held})
    AND NOT EXISTS (
      SELECT FROM parcels_right AS held
      JOIN parcels_titlecertificate AS title ON title.id = held.certificate_id
      WHERE held.parcel_id = parcel AND title.state IN ('registered', 'verified'))
$$;
"""
# As migration 0041 did: what ended registrations had drawn on such land stands no more.
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


class Migration(migrations.Migration):
    dependencies = [("parcels", "0043_verified_titles_end_by_a_signature")]
    operations = [
        migrations.RunSQL(NOBODYS.format(held="AND ended_at IS NULL"), NOBODYS.format(held="")),
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
    ]

"""Guarantee 2: while a title lies with its owner, the bureau does not say what its review is about."""

from django.db import migrations

BEGINNING = """
CREATE OR REPLACE FUNCTION review_is_shaped_by_its_people() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  day date := (portal_now() AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
  PERFORM FROM accounts_mandate AS mandate
  WHERE mandate.user_id = NEW.made_by_id AND mandate.ended_at IS NULL
    AND mandate.scope IN ('all', 'apply')
    AND mandate.valid_from <= day AND coalesce(mandate.valid_to, 'infinity') >= day
    AND mandate.party_id IN (
      SELECT coalesce(link.checked_id, held.party_id)
      FROM parcels_titlereview AS review
      JOIN parcels_right AS held ON held.certificate_id = review.certificate_id
      LEFT JOIN accounts_partylink AS link
        ON link.name_only_id = held.party_id AND link.ended_at IS NULL
      WHERE review.id = NEW.review_id)
    AND EXISTS (SELECT FROM accounts_party
                WHERE id = mandate.party_id AND checked_at IS NOT NULL)
    AND EXISTS (SELECT FROM accounts_user WHERE id = NEW.made_by_id AND is_active)
  FOR SHARE;
  IF NOT FOUND
"""
OFFICERS = """
     AND NOT casework_holds(NEW.made_by_id, 'clerk', 'natural_resources')
     AND NOT casework_holds(NEW.made_by_id, 'approver', 'natural_resources') THEN
"""
# A draft by office is one that its officer is opening.
OFFICERS_IN_HAND = """
     AND NOT (
       (casework_holds(NEW.made_by_id, 'clerk', 'natural_resources')
        OR casework_holds(NEW.made_by_id, 'approver', 'natural_resources'))
       AND EXISTS (
         SELECT FROM parcels_titlereview AS review
         WHERE review.id = NEW.review_id AND review.state <> 'returned'
           AND (review.state <> 'draft' OR review.because IN ('takeover', 'office')))) THEN
"""
END = """
    RAISE EXCEPTION 'a stranger was to say what a review is about'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'review_is_shaped_by_its_people', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0035_differing_sides_are_explained")]
    operations = [migrations.RunSQL(BEGINNING + OFFICERS_IN_HAND + END, BEGINNING + OFFICERS + END)]

"""Guarantee 2: what a review is about is said by who acts for its holders, or by the bureau."""

from django.db import migrations

# The grant or mandate is locked against an end under way, as that of a verdict is.
FORWARD = """
CREATE FUNCTION review_is_shaped_by_its_people() RETURNS trigger
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
  IF NOT FOUND AND NOT casework_holds(NEW.made_by_id, 'clerk', 'natural_resources')
     AND NOT casework_holds(NEW.made_by_id, 'approver', 'natural_resources') THEN
    RAISE EXCEPTION 'a stranger was to say what a review is about'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'review_is_shaped_by_its_people', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER review_is_shaped_by_its_people BEFORE INSERT ON parcels_reviewshape
FOR EACH ROW EXECUTE FUNCTION review_is_shaped_by_its_people();
"""
BACKWARD = """
DROP TRIGGER review_is_shaped_by_its_people ON parcels_reviewshape;
DROP FUNCTION review_is_shaped_by_its_people();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("parcels", "0033_divided_land_is_left"),
        ("casework", "0002_guarantees"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

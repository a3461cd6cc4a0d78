"""Guarantee 2: the bureau reshapes land of several verified titles, in a case of each at once."""

from django.db import migrations

BEGINNING = """
CREATE OR REPLACE FUNCTION land_of_another_is_not_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  own parcels_titlecertificate;
  theirs text;
BEGIN
  -- A change is what leaves, and a shape that this row brings: an import's, or one that another
  -- review has had, is only looked at.
  IF NOT NEW.leaves AND (
       EXISTS (SELECT FROM parcels_reviewshape WHERE version_id = NEW.version_id)
       OR NOT EXISTS (SELECT FROM parcels_parcelversion
                      WHERE id = NEW.version_id AND number > 1 AND because <> 'import')) THEN
    RETURN NEW;
  END IF;
  -- What is in being no more changes no more: a review that was about it goes over to its parts.
  IF NEW.leaves AND EXISTS (SELECT FROM parcels_parcel
                            WHERE id = NEW.parcel_id AND ended_at IS NOT NULL) THEN
    RETURN NEW;
  END IF;
  SELECT certificate.* INTO own
  FROM parcels_titlereview AS review
  JOIN parcels_titlecertificate AS certificate ON certificate.id = review.certificate_id
  WHERE review.id = NEW.review_id;
  SELECT other.number INTO theirs
  FROM parcels_right AS held
  JOIN parcels_titlecertificate AS other ON other.id = held.certificate_id
  JOIN accounts_party AS holder ON holder.id = held.party_id
  LEFT JOIN accounts_partylink AS link ON link.name_only_id = holder.id AND link.ended_at IS NULL
  WHERE held.parcel_id = NEW.parcel_id
    AND other.id <> own.id AND other.id IS DISTINCT FROM own.supersedes_id
    AND (other.state = 'verified' OR (other.state = 'registered' AND other.record_id IS NOT NULL))
    AND NOT (other.state = 'registered' AND holder.kind = 'name_only' AND link.id IS NULL
             AND other.number_key = own.number_key)
    AND coalesce(link.checked_id, holder.id) NOT IN (
      SELECT coalesce(mine_link.checked_id, mine.party_id)
      FROM parcels_right AS mine
      LEFT JOIN accounts_partylink AS mine_link
        ON mine_link.name_only_id = mine.party_id AND mine_link.ended_at IS NULL
      WHERE mine.certificate_id = own.id)
"""
TOGETHER = """
    -- Several titles of one parcel are changed by office together, and signed together: a shape that
    -- one of them still holds is frozen (migration 0008).
    AND NOT EXISTS (
      SELECT FROM parcels_titlereview AS mine
      JOIN parcels_titlereview AS beside ON beside.because = 'office'
       AND beside.state IN ('draft', 'preparing', 'returned', 'approving')
      JOIN parcels_titlecertificate AS newer
        ON newer.id = beside.certificate_id AND newer.supersedes_id = other.id
      WHERE mine.id = NEW.review_id AND mine.because = 'office')
"""
END = """
  ORDER BY other.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'land of another title was to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'land_of_another_is_not_changed', TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('number', theirs)::text;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0039_registers_are_judged_once")]
    operations = [migrations.RunSQL(BEGINNING + TOGETHER + END, BEGINNING + END)]

"""Guarantee 2: the shape of land that is proved another's is not changed in a review of one's own."""

from django.db import migrations

# A certificate proves its land when it is verified or came with a file (``parcels.access.proves_land``).
# Names are the parties that they are linked to; of a paper of the same number, names that nobody has
# been linked to may be these holders, which the officer before whom it lies decides.
FORWARD = """
CREATE FUNCTION land_of_another_is_not_changed() RETURNS trigger
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
  ORDER BY other.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'land of another title was to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'land_of_another_is_not_changed', TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('number', theirs)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER land_of_another_is_not_changed BEFORE INSERT ON parcels_reviewshape
FOR EACH ROW EXECUTE FUNCTION land_of_another_is_not_changed();
"""
BACKWARD = """
DROP TRIGGER land_of_another_is_not_changed ON parcels_reviewshape;
DROP FUNCTION land_of_another_is_not_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("parcels", "0024_screening_language"),
        ("accounts", "0002_identities_and_mandates"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

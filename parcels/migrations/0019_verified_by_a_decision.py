"""Guarantee 2: a title becomes verified by a signed review or with its register, by nothing else."""

from django.db import migrations

# Article 3: natural resources audits titles. A review that ended as verified was prepared and signed
# by two (title_review_is_signed_by_another), and so was a takeover (takeover_is_signed_by_another). Of
# a takeover as many titles are verified as its decision counted: none is slipped in later.
FORWARD = """
CREATE FUNCTION titles_are_verified_by_a_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  decision bigint;
  unsound boolean := EXISTS (
    SELECT FROM (SELECT id FROM now_is WHERE state = 'verified' AND takeover_id IS NULL
                 EXCEPT SELECT id FROM was WHERE state = 'verified') AS one
    WHERE NOT EXISTS (SELECT FROM parcels_titlereview AS review
                      WHERE review.certificate_id = one.id AND review.state = 'verified'));
BEGIN
  FOR decision IN
    SELECT DISTINCT one.takeover_id
    FROM (SELECT id, takeover_id FROM now_is WHERE state = 'verified' AND takeover_id IS NOT NULL
          EXCEPT SELECT id, takeover_id FROM was WHERE state = 'verified') AS one
  LOOP
    -- Two sessions that verify under one decision count one after the other.
    PERFORM FROM parcels_takeover WHERE id = decision FOR UPDATE;
    unsound := unsound OR (SELECT verified FROM parcels_takeover WHERE id = decision)
      IS DISTINCT FROM (SELECT count(*) FROM parcels_titlecertificate WHERE takeover_id = decision);
  END LOOP;
  IF unsound THEN
    RAISE EXCEPTION 'a title was to be verified without a decision'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'title_is_verified_by_a_decision', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER titles_are_verified_by_a_decision AFTER UPDATE ON parcels_titlecertificate
REFERENCING OLD TABLE AS was NEW TABLE AS now_is
FOR EACH STATEMENT EXECUTE FUNCTION titles_are_verified_by_a_decision();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0018_takeovers_of_titles")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

"""Guarantee 2: a verified title gives way to a signed change alone, and none is cancelled past a claim."""

from django.db import migrations

# Decision 0015: a change of a verified title is signed by two; that review is written before its effect.
GIVES_WAY = """
CREATE FUNCTION verified_title_gives_way_by_a_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM parcels_titlereview AS review
       JOIN parcels_titlecertificate AS newer ON newer.id = review.certificate_id
       WHERE newer.supersedes_id = OLD.id AND review.state = 'verified') THEN
    RAISE EXCEPTION 'a verified title was to be superseded without a decision'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'verified_title_gives_way_by_a_decision', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER verified_title_gives_way_by_a_decision BEFORE UPDATE ON parcels_titlecertificate
FOR EACH ROW WHEN (OLD.state = 'verified' AND NEW.state = 'superseded')
EXECUTE FUNCTION verified_title_gives_way_by_a_decision();
"""
FREE = """
DROP TRIGGER verified_title_gives_way_by_a_decision ON parcels_titlecertificate;
DROP FUNCTION verified_title_gives_way_by_a_decision();
"""

LOCK = """
-- The lock that every writer of claims takes of its land: of a claim and a cancellation at one moment
-- the second sees the first.
CREATE FUNCTION lock_claims_on_title(title bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM lock_land(2, (SELECT array_agg(geom) FROM parcels_verifiedtitle
                        WHERE certificate_id = title AND ended_at IS NULL));
END $$;
"""
NO_LOCK = "DROP FUNCTION lock_claims_on_title(bigint);"

# As migration 0042 has it, but for the lock; the claims are asked in a statement after it.
CANCELLED = """
CREATE OR REPLACE FUNCTION verified_title_is_cancelled_by_a_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  standing text;
BEGIN
  {lock}
  standing := (SELECT string_agg(number, '、') FROM claims_on_title(OLD.id));
  IF NOT EXISTS (
       SELECT FROM parcels_titlereview AS review
       JOIN parcels_titlecertificate AS newer ON newer.id = review.certificate_id
       WHERE newer.supersedes_id = OLD.id AND review.because = 'office'
         AND review.state = 'rejected' AND review.proposal = 'cancelled') THEN
    RAISE EXCEPTION 'a verified title was to be cancelled without a decision'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'verified_title_is_cancelled_by_a_decision', TABLE = TG_TABLE_NAME;
  END IF;
  IF standing IS NOT NULL THEN
    RAISE EXCEPTION 'claims stand on the land of a title that was to be cancelled'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'cancelled_title_bears_no_claim', TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('numbers', standing)::text;
  END IF;
  RETURN NEW;
END $$;
"""

# Article 7: whose the trees are proves a claim; another kind of right bears none.
CLAIMS = """
CREATE OR REPLACE FUNCTION claims_on_title(title bigint) RETURNS TABLE (number varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT claim.number
  FROM parcels_verifiedtitle AS hold
  JOIN parcels_claim AS claim ON claim.geom && hold.geom AND claim.state IN ('pending', 'live')
   AND ST_Intersects(eroded(hold.geom), claim.geom)
  CROSS JOIN LATERAL overlap_parts(
    hold.geom, claim.geom, policy_number('overlap.grid_m'),
    policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m')) AS part
  WHERE hold.certificate_id = title AND hold.ended_at IS NULL {kind} AND NOT part.is_sliver
  ORDER BY claim.number
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0042_verified_titles_are_cancelled")]
    operations = [
        migrations.RunSQL(GIVES_WAY, FREE),
        migrations.RunSQL(
            CLAIMS.format(kind="AND hold.kind = 'tree_ownership'"), CLAIMS.format(kind="")
        ),
        migrations.RunSQL(LOCK, NO_LOCK),
        migrations.RunSQL(
            CANCELLED.format(lock="PERFORM lock_claims_on_title(OLD.id);"),
            CANCELLED.format(lock=""),
        ),
    ]

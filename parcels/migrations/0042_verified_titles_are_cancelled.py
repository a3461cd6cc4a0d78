"""Guarantee 2: a verified title that is wrong as a whole is cancelled by a signed case by office alone."""

from django.db import migrations, models
from django.db.models import Q

# A claim stands on land that its applicant proved by titles (articles 4 and 5): while it does, so do
# these. Land that only borders on it, or shares a sliver, is not its land.
CLAIMS = """
CREATE FUNCTION claims_on_title(title bigint) RETURNS TABLE (number varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT claim.number
  FROM parcels_verifiedtitle AS hold
  JOIN parcels_claim AS claim ON claim.geom && hold.geom AND claim.state IN ('pending', 'live')
   AND ST_Intersects(eroded(hold.geom), claim.geom)
  CROSS JOIN LATERAL overlap_parts(
    hold.geom, claim.geom, policy_number('overlap.grid_m'),
    policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m')) AS part
  WHERE hold.certificate_id = title AND hold.ended_at IS NULL AND NOT part.is_sliver
  ORDER BY claim.number
$$;
CREATE FUNCTION verified_title_is_cancelled_by_a_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  standing text := (SELECT string_agg(number, '、') FROM claims_on_title(OLD.id));
BEGIN
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
CREATE TRIGGER verified_title_is_cancelled_by_a_decision BEFORE UPDATE ON parcels_titlecertificate
FOR EACH ROW WHEN (OLD.state = 'verified' AND NEW.state = 'cancelled')
EXECUTE FUNCTION verified_title_is_cancelled_by_a_decision();
"""
NO_CLAIMS = """
DROP TRIGGER verified_title_is_cancelled_by_a_decision ON parcels_titlecertificate;
DROP FUNCTION verified_title_is_cancelled_by_a_decision();
DROP FUNCTION claims_on_title(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0041_drawn_pieces_let_go")]
    operations = [
        migrations.AlterField(
            model_name="titlereview",
            name="proposal",
            field=models.CharField(
                blank=True,
                choices=[
                    ("verified", "审核通过"),
                    ("verified_difference", "面积差异说明后通过"),
                    ("rejected", "不予通过"),
                    ("cancelled", "注销原证书"),
                ],
                default="",
                max_length=20,
                verbose_name="拟定结论",
            ),
        ),
        migrations.RemoveConstraint("titlereview", "title_proposal_gives_its_reason"),
        migrations.AddConstraint(
            "titlereview",
            models.CheckConstraint(
                name="title_proposal_gives_its_reason",
                condition=Q(proposal__in=["", "verified"])
                | (Q(proposal="verified_difference") & ~Q(reason=""))
                | (Q(proposal__in=["rejected", "cancelled"]) & ~Q(reason="") & ~Q(article="")),
            ),
        ),
        migrations.AddConstraint(
            "titlereview",
            models.CheckConstraint(
                name="an_office_alone_cancels_a_title",
                condition=~Q(proposal="cancelled") | (Q(because="office") & ~Q(state="verified")),
            ),
        ),
        migrations.RunSQL(CLAIMS, NO_CLAIMS),
    ]

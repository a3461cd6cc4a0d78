"""A draft that its owner gives up ends: it is listed no more and asks nobody for consent."""

from django.db import migrations, models

MOVES = """
CREATE OR REPLACE FUNCTION projects_application_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  matter text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'draft' THEN
      RAISE EXCEPTION 'an application begins as a draft'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'application_moves_by_the_table',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.submitted_at := NULL;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.key, NEW.project_id) IS DISTINCT FROM (OLD.id, OLD.key, OLD.project_id)
     OR OLD.case_id IS NOT NULL AND NEW.case_id IS DISTINCT FROM OLD.case_id
     OR OLD.state NOT IN ('draft', 'returned') AND
        (NEW.area_version_id, NEW.period, NEW.share_denominator, NEW.claim_id) IS DISTINCT FROM
        (OLD.area_version_id, OLD.period, OLD.share_denominator, OLD.claim_id) THEN
    RAISE EXCEPTION 'what was submitted is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = OLD.state THEN
    RETURN NEW;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('draft', 'submitted'), ('draft', 'discarded'), ('submitted', 'returned'), ('returned', 'submitted'),
       ('returned', 'determined'),
       ('submitted', 'determined'), ('determined', 'filed'), ('determined', 'returned'),
       ('submitted', 'rejected'), ('determined', 'rejected'),
       ('submitted', 'withdrawn'), ('returned', 'withdrawn'), ('determined', 'withdrawn'),
       ('submitted', 'disqualified'), ('returned', 'disqualified'),
       ('determined', 'disqualified')) THEN
    RAISE EXCEPTION 'an application does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'application_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.state = 'draft' AND NEW.state = 'submitted' THEN
    -- Article 25; and the shares are somebody's.
    IF NOT EXISTS (SELECT FROM casework_regulation
                   WHERE (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
                         BETWEEN valid_from AND valid_to) THEN
      RAISE EXCEPTION 'the regulation is not in force'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'application_under_a_regulation_in_force',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NOT EXISTS (SELECT FROM projects_applicationshare WHERE application_id = NEW.id)
       OR EXISTS (SELECT FROM projects_applicationshare
                  WHERE application_id = NEW.id AND consented_at IS NULL) THEN
      RAISE EXCEPTION 'a share is missing or not consented to'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'every_share_is_consented_to',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF EXISTS (SELECT FROM projects_disqualification AS barred
               JOIN projects_project AS project ON project.id = NEW.project_id
               WHERE barred.party_id = project.applicant_id AND barred.scope = 'party'
                 AND barred.decided_at IS NOT NULL
                 AND barred.until >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date) THEN
      RAISE EXCEPTION 'the applicant is disqualified'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'applicant_is_not_disqualified',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.submitted_at := portal_now();
  END IF;
  -- The application follows its case and never runs ahead of it.
  SELECT state INTO matter FROM casework_reviewcase WHERE id = NEW.case_id;
  IF NEW.state = 'filed' AND matter <> 'approved'
     OR NEW.state = 'rejected' AND matter <> 'rejected'
     OR NEW.state = 'withdrawn' AND matter <> 'withdrawn'
     OR NEW.state = 'disqualified' AND matter <> 'disqualified'
     OR NEW.state = 'determined' AND NOT EXISTS (
          SELECT FROM casework_reviewstep WHERE case_id = NEW.case_id
            AND kind = 'determination' AND status = 'endorsed')
     OR NEW.state = 'determined' AND NOT EXISTS (
          SELECT FROM parcels_claim WHERE id = NEW.claim_id AND state = 'live')
     OR NEW.state = 'filed' AND NOT EXISTS (
          SELECT FROM projects_filing WHERE application_id = NEW.id) THEN
    RAISE EXCEPTION 'an application becomes % by its case only', NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'application_follows_its_case',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""
STATES = [
    ("draft", "填报中"),
    ("submitted", "审核中"),
    ("returned", "待补正"),
    ("determined", "已审定"),
    ("filed", "已备案签发"),
    ("rejected", "不予通过"),
    ("withdrawn", "已撤回"),
    ("disqualified", "已取消申报资格"),
    ("discarded", "已作废"),
]
WHOLE = models.Q(
    area_version__isnull=False,
    period__isnull=False,
    case__isnull=False,
    claim__isnull=False,
    submitted_at__isnull=False,
    submitted_by__isnull=False,
)


class Migration(migrations.Migration):
    dependencies = [("projects", "0017_measures_lie_on_the_land")]
    operations = [
        migrations.AlterField(
            model_name="application",
            name="state",
            field=models.CharField(
                choices=STATES, default="draft", max_length=12, verbose_name="状态"
            ),
        ),
        migrations.RemoveConstraint(
            model_name="application", name="submitted_application_is_whole"
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                name="submitted_application_is_whole",
                condition=models.Q(state__in=["draft", "discarded"]) | WHOLE,
            ),
        ),
        migrations.RunSQL(MOVES, migrations.RunSQL.noop),
    ]

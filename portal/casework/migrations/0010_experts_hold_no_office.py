"""Who advises on a case as an expert decides nothing in it, and the other way round (articles 4 and 8)."""

from django.db import migrations

# An expert who was asked and keeps silent bars himself from nothing: only a given opinion counts.
# What the applicant's side says (resubmit, withdraw) is no word of an office.
GUARANTEE = """
CREATE FUNCTION casework_expert_gives_no_verdict() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM casework_opinion AS opinion
             JOIN casework_expert AS person ON person.id = opinion.expert_id
             JOIN casework_reviewstep AS step ON step.id = opinion.step_id
             WHERE person.user_id = NEW.actor_id AND opinion.given_at IS NOT NULL
               AND step.case_id = (SELECT case_id FROM casework_reviewstep
                                   WHERE id = NEW.step_id)) THEN
    RAISE EXCEPTION 'the actor of verdict % was heard as an expert on the case', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'expert_gives_no_verdict',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- Afterwards: the case's row is held by then, and what opinions commit under it is seen.
CREATE TRIGGER expert_gives_no_verdict AFTER INSERT ON casework_verdict
FOR EACH ROW WHEN (NEW.verdict NOT IN ('resubmit', 'withdraw'))
EXECUTE FUNCTION casework_expert_gives_no_verdict();

CREATE FUNCTION casework_officer_gives_no_opinion() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
  matter bigint := (SELECT case_id FROM casework_reviewstep WHERE id = NEW.step_id);
BEGIN
  PERFORM FROM casework_reviewcase WHERE id = matter FOR UPDATE;
  IF EXISTS (SELECT FROM casework_verdict AS verdict
             JOIN casework_reviewstep AS step ON step.id = verdict.step_id
             WHERE step.case_id = matter AND verdict.verdict NOT IN ('resubmit', 'withdraw')
               AND verdict.actor_id = (SELECT user_id FROM casework_expert
                                       WHERE id = NEW.expert_id)) THEN
    RAISE EXCEPTION 'the expert decided in the case already'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'officer_gives_no_opinion',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinion_is_no_officers BEFORE INSERT OR UPDATE ON casework_opinion
FOR EACH ROW EXECUTE FUNCTION casework_officer_gives_no_opinion();
"""
BACKWARD = """
DROP TRIGGER opinion_is_no_officers ON casework_opinion;
DROP FUNCTION casework_officer_gives_no_opinion();
DROP TRIGGER expert_gives_no_verdict ON casework_verdict;
DROP FUNCTION casework_expert_gives_no_verdict();
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0009_offices_end")]
    operations = [migrations.RunSQL(GUARANTEE, BACKWARD)]

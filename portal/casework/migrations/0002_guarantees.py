"""A step moves by its verdicts alone, along the one table of moves, whoever writes."""

from django.db import migrations

from portal.casework.moves import rows  # The one table: pure data, imported on purpose.

TABLE = """
CREATE TABLE casework_move (
  before text NOT NULL, verdict text NOT NULL, after text NOT NULL, said_by text NOT NULL,
  pair boolean,
  PRIMARY KEY (before, verdict)
);
SELECT portal_read_only('casework_move');
"""

STEPS = """
CREATE FUNCTION casework_case_is_opened() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.state := 'open';
  NEW.opened_at := portal_now();
  NEW.closed_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER case_is_opened BEFORE INSERT ON casework_reviewcase
FOR EACH ROW EXECUTE FUNCTION casework_case_is_opened();

-- The steps of the lowest order begin with the case; none is added once somebody has spoken.
CREATE FUNCTION casework_step_is_laid_out() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  first boolean;
BEGIN
  PERFORM FROM casework_reviewcase WHERE id = NEW.case_id FOR UPDATE;
  IF EXISTS (SELECT FROM casework_verdict JOIN casework_reviewstep AS step ON step.id = step_id
             WHERE step.case_id = NEW.case_id)
     OR EXISTS (SELECT FROM casework_reviewstep
                WHERE case_id = NEW.case_id AND "order" > NEW."order") THEN
    RAISE EXCEPTION 'the steps of a case are laid out once, in their order'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'steps_are_laid_out_once_in_order',
            TABLE = TG_TABLE_NAME;
  END IF;
  first := NOT EXISTS (SELECT FROM casework_reviewstep
                       WHERE case_id = NEW.case_id AND "order" < NEW."order");
  NEW.status := CASE WHEN first THEN 'open' ELSE 'waiting' END;
  NEW.opened_at := CASE WHEN first THEN portal_now() END;
  NEW.round := first::int;
  NEW.revision := 0;
  NEW.prepared_by_id := NULL; NEW.prepared_at := NULL;
  NEW.decided_by_id := NULL; NEW.decided_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER step_is_laid_out BEFORE INSERT ON casework_reviewstep
FOR EACH ROW EXECUTE FUNCTION casework_step_is_laid_out();

-- Nobody at all, the verdicts' own trigger included, moves a step off the table.
CREATE FUNCTION casework_step_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.status <> OLD.status AND NOT EXISTS (
       SELECT FROM casework_move WHERE before = OLD.status AND after = NEW.status) THEN
    RAISE EXCEPTION 'a step does not move from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'step_moves_by_the_table',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('now', OLD.status)::text;
  END IF;
  IF NEW.status NOT IN ('waiting', 'closed') AND EXISTS (
       SELECT FROM casework_reviewstep AS before
       WHERE before.case_id = NEW.case_id AND before."order" < NEW."order"
         AND before.status <> 'endorsed') THEN
    RAISE EXCEPTION 'an earlier step is not endorsed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'no_step_is_skipped', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER step_moves BEFORE UPDATE OF status ON casework_reviewstep
FOR EACH ROW EXECUTE FUNCTION casework_step_moves();
"""

VERDICTS = """
-- Locked against a revocation under way, so that a role taken away meanwhile is gone.
CREATE FUNCTION casework_holds(person bigint, wanted text, office text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM accounts_rolegrant AS held
  WHERE held.user_id = person AND held.role = wanted AND held.department = office
    AND held.valid_from <= portal_now()
    AND (held.valid_to IS NULL OR held.valid_to > portal_now())
  FOR SHARE;
  RETURN FOUND AND EXISTS (SELECT FROM accounts_user WHERE id = person AND is_active);
END $$;

-- Whether somebody acts for a party of the case; ``applying``: may apply for the applicant.
CREATE FUNCTION casework_acts_in(person bigint, matter bigint, applying boolean) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM casework_caseparty AS place
    JOIN accounts_mandate AS mandate
      ON mandate.party_id = place.party_id OR EXISTS (
           SELECT FROM accounts_partylink AS link
           WHERE link.name_only_id = place.party_id AND link.checked_id = mandate.party_id
             AND link.ended_at IS NULL)
    WHERE place.case_id = matter AND (place.applies OR NOT applying)
      AND mandate.user_id = person AND mandate.ended_at IS NULL
      AND (mandate.scope IN ('all', 'apply') OR NOT applying)
      AND mandate.valid_from <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
      AND coalesce(mandate.valid_to, 'infinity')
          >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date)
$$;

CREATE FUNCTION casework_verdict_is_given() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  matter casework_reviewcase;
  step casework_reviewstep;
  rule casework_move;
  moment timestamptz := portal_now();
  refused text;
  given int;
  agreed int;
  following smallint;
BEGIN
  -- The case's row orders all that is said in it.
  SELECT found.* INTO matter FROM casework_reviewcase AS found
  WHERE found.id = (SELECT case_id FROM casework_reviewstep WHERE id = NEW.step_id) FOR UPDATE;
  SELECT found.* INTO step FROM casework_reviewstep AS found WHERE found.id = NEW.step_id FOR UPDATE;
  SELECT found.* INTO rule FROM casework_move AS found
  WHERE found.before = step.status AND found.verdict = NEW.verdict;
  refused := CASE
    WHEN matter.closed_at IS NOT NULL THEN 'closed_case_stays_closed'
    WHEN NEW.seen <> step.revision THEN 'verdict_saw_the_present_step'
    WHEN rule.before IS NULL OR rule.said_by = 'course' OR rule.pair <> step.pair
      THEN 'step_moves_by_the_table'
    WHEN NEW.rewind_to IS NOT NULL AND (NEW.verdict <> 'resubmit' OR NEW.rewind_to > step."order")
      THEN 'step_moves_by_the_table'
  END;
  IF refused IS NULL AND rule.said_by = 'applicant' THEN
    IF NOT casework_acts_in(NEW.actor_id, matter.id, true) THEN
      refused := 'applicant_alone_answers';
    END IF;
  ELSIF refused IS NULL THEN
    refused := CASE
      WHEN EXISTS (SELECT FROM casework_recusal AS recusal
                   WHERE recusal.case_id = matter.id AND recusal.user_id = NEW.actor_id
                     AND (recusal.step_id IS NULL OR recusal.step_id = step.id))
        THEN 'recused_person_takes_no_part'
      WHEN casework_acts_in(NEW.actor_id, matter.id, false) THEN 'nobody_decides_an_own_matter'
      WHEN step.status = 'prepared' AND rule.said_by = 'approver'
           AND NEW.actor_id = step.prepared_by_id THEN 'who_prepares_does_not_decide'
      WHEN NOT CASE rule.said_by
        WHEN 'approver' THEN casework_holds(NEW.actor_id, 'approver', step.department)
        WHEN 'authority' THEN casework_holds(NEW.actor_id, 'approver', 'forestry')
        ELSE CASE WHEN step.entrusted
          THEN NEW.actor_id = step.assigned_to_id
               AND casework_holds(NEW.actor_id, 'verifier', '')
          ELSE casework_holds(NEW.actor_id, step.role, step.department) END
        END THEN 'verdict_is_given_by_the_office'
    END;
  END IF;
  IF refused IS NULL AND step.opinions_needed > 0 AND step.status = 'open'
     AND NEW.verdict IN ('prepare', 'endorse') THEN
    SELECT count(*), count(*) FILTER (WHERE advice = 'pass') INTO given, agreed
    FROM casework_opinion AS opinion
    WHERE opinion.step_id = step.id AND opinion.round = step.round AND given_at IS NOT NULL;
    refused := CASE WHEN given < step.opinions_needed THEN 'enough_opinions_are_given'
                    WHEN agreed * 2 <= given THEN 'most_opinions_agree' END;
  END IF;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'verdict % on step % refused: %', NEW.verdict, step.kind, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('now', step.status, 'verdict', NEW.verdict,
              'needed', step.opinions_needed, 'given', given, 'agreed', agreed)::text;
  END IF;
  NEW.before := step.status;
  NEW.after := rule.after;
  NEW.given_at := moment;
  UPDATE casework_reviewstep SET
    status = rule.after, revision = revision + 1,
    prepared_by_id = CASE WHEN NEW.verdict = 'prepare' THEN NEW.actor_id
                          WHEN rule.after IN ('endorsed', 'rejected') THEN prepared_by_id END,
    prepared_at = CASE WHEN NEW.verdict = 'prepare' THEN moment
                       WHEN rule.after IN ('endorsed', 'rejected') THEN prepared_at END,
    decided_by_id = CASE WHEN rule.after IN ('endorsed', 'rejected') THEN NEW.actor_id END,
    decided_at = CASE WHEN rule.after IN ('endorsed', 'rejected') THEN moment END
  WHERE id = step.id;

  IF rule.after IN ('rejected', 'closed') THEN
    UPDATE casework_reviewstep SET status = 'closed', revision = revision + 1
    WHERE case_id = matter.id AND status IN ('waiting', 'open', 'prepared', 'returned');
    UPDATE casework_clockstop SET resumed_at = moment
    WHERE case_id = matter.id AND resumed_at IS NULL;
    UPDATE casework_reviewcase SET closed_at = moment, due_on = NULL, due_provisional = false,
      state = CASE NEW.verdict WHEN 'withdraw' THEN 'withdrawn'
                               WHEN 'disqualify' THEN 'disqualified' ELSE 'rejected' END
    WHERE id = matter.id;
  ELSIF rule.after = 'returned' THEN
    INSERT INTO casework_clockstop (case_id, verdict_id, stopped_at)
    VALUES (matter.id, NEW.id, moment);
    UPDATE casework_reviewcase SET state = 'stopped' WHERE id = matter.id;
  ELSIF NEW.verdict = 'resubmit' THEN
    UPDATE casework_clockstop SET resumed_at = moment
    WHERE resumed_at IS NULL AND verdict_id IN (
      SELECT id FROM casework_verdict WHERE step_id = step.id);
    IF NEW.rewind_to IS NOT NULL THEN
      -- From the last to the first, so that no step ever stands after one that is not endorsed.
      FOR following IN SELECT DISTINCT "order" FROM casework_reviewstep
                       WHERE case_id = matter.id AND "order" >= NEW.rewind_to ORDER BY 1 DESC LOOP
        UPDATE casework_reviewstep SET status = 'waiting', revision = revision + 1,
          prepared_by_id = NULL, prepared_at = NULL, decided_by_id = NULL, decided_at = NULL
        WHERE case_id = matter.id AND "order" = following
          AND status IN ('open', 'prepared', 'returned', 'endorsed');
      END LOOP;
      UPDATE casework_clockstop SET resumed_at = moment
      WHERE case_id = matter.id AND resumed_at IS NULL;
      UPDATE casework_reviewstep SET status = 'open', opened_at = moment, round = round + 1,
        revision = revision + 1
      WHERE case_id = matter.id AND "order" = NEW.rewind_to;
    END IF;
    UPDATE casework_reviewcase SET
      received_on = CASE WHEN step.intake THEN (moment AT TIME ZONE 'Asia/Shanghai')::date
                         ELSE received_on END,
      state = CASE WHEN EXISTS (SELECT FROM casework_reviewstep
                                WHERE case_id = matter.id AND status = 'returned')
                   THEN 'stopped' ELSE 'open' END
    WHERE id = matter.id;
  ELSIF rule.after = 'endorsed' AND NOT EXISTS (
      SELECT FROM casework_reviewstep WHERE case_id = matter.id AND "order" = step."order"
        AND status <> 'endorsed') THEN
    SELECT min("order") INTO following FROM casework_reviewstep
    WHERE case_id = matter.id AND status = 'waiting';
    IF following IS NULL THEN
      UPDATE casework_reviewcase SET state = 'approved', closed_at = moment, due_on = NULL,
        due_provisional = false
      WHERE id = matter.id;
    ELSE
      UPDATE casework_reviewstep SET status = 'open', opened_at = moment, round = round + 1,
        revision = revision + 1
      WHERE case_id = matter.id AND "order" = following;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER verdict_is_given BEFORE INSERT ON casework_verdict
FOR EACH ROW EXECUTE FUNCTION casework_verdict_is_given();
SELECT portal_append_only('casework_verdict');
"""

OPINIONS = """
CREATE FUNCTION casework_opinion_is_asked() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  step casework_reviewstep;
  person casework_expert;
  day date := (portal_now() AT TIME ZONE 'Asia/Shanghai')::date;
  refused text;
BEGIN
  SELECT * INTO step FROM casework_reviewstep WHERE id = NEW.step_id;
  SELECT * INTO person FROM casework_expert WHERE id = NEW.expert_id FOR SHARE;
  refused := CASE
    WHEN step.status <> 'open' OR step.opinions_needed = 0 THEN 'opinions_belong_to_an_open_step'
    WHEN day NOT BETWEEN person.valid_from AND person.valid_to
         OR NOT casework_holds(person.user_id, 'expert', '') THEN 'expert_is_in_term'
    WHEN EXISTS (SELECT FROM casework_expertconflict AS declared
                 JOIN casework_caseparty AS place ON place.party_id = declared.party_id
                 WHERE declared.expert_id = person.id AND place.case_id = step.case_id)
         OR EXISTS (SELECT FROM casework_recusal AS recusal
                    WHERE recusal.case_id = step.case_id AND recusal.user_id = person.user_id
                      AND (recusal.step_id IS NULL OR recusal.step_id = step.id))
         OR casework_acts_in(person.user_id, step.case_id, false)
      THEN 'expert_has_no_conflict'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'opinion refused: %', refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME;
  END IF;
  IF TG_OP = 'INSERT' THEN
    NEW.round := step.round;
    NEW.asked_at := portal_now();
    NEW.advice := ''; NEW.text := ''; NEW.given_at := NULL;
    RETURN NEW;
  END IF;
  IF OLD.given_at IS NOT NULL OR OLD.round <> step.round THEN
    RAISE EXCEPTION 'an opinion is given once'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.given_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER opinion_is_asked BEFORE INSERT OR UPDATE ON casework_opinion
FOR EACH ROW EXECUTE FUNCTION casework_opinion_is_asked();

CREATE FUNCTION casework_objection_is_made() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.answered_at IS NOT NULL THEN
      RAISE EXCEPTION 'an objection is answered once'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.answered_at := portal_now();
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM casework_notice AS notice
                 WHERE notice.id = NEW.notice_id AND notice.withdrawn_at IS NULL
                   AND (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
                       BETWEEN notice.opens_on AND notice.closes_on) THEN
    RAISE EXCEPTION 'the notice is not open'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'objection_comes_while_notice_is_open',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.made_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER objection_is_made BEFORE INSERT OR UPDATE ON casework_noticeobjection
FOR EACH ROW EXECUTE FUNCTION casework_objection_is_made();
"""

RIGHTS = """
SELECT portal_append_only('casework_document');
SELECT portal_append_only('casework_comment');
SELECT portal_append_only('casework_comment_attachments');
SELECT portal_append_only('casework_caseparty');
SELECT portal_append_only('casework_recusal');
SELECT portal_append_only('casework_expertconflict');
SELECT portal_append_only('casework_signingkey');
SELECT portal_read_only('casework_clockstop');
DO $$
DECLARE
  app name := (SELECT app_role FROM base_installation);
  written record;
BEGIN
  FOR written IN SELECT * FROM (VALUES
    ('casework_reviewcase', 'due_on, due_provisional'),
    ('casework_reviewstep', 'due_on, due_provisional, assigned_to_id, entrusted'),
    ('casework_opinion', 'advice, text, given_at'),
    ('casework_notice', 'withdrawn_at'),
    ('casework_noticeobjection', 'upheld, answer, answered_by_id, answered_at')
  ) AS given (name, columns) LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', written.name, app);
    EXECUTE format('GRANT UPDATE (%s) ON %I TO %I', written.columns, written.name, app);
    EXECUTE format('CREATE TRIGGER nothing_is_removed BEFORE DELETE ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', written.name);
    EXECUTE format('CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', written.name);
  END LOOP;
END $$;
"""


def write_moves(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DELETE FROM casework_move")
        cursor.executemany("INSERT INTO casework_move VALUES (%s, %s, %s, %s, %s)", rows())


class Migration(migrations.Migration):
    dependencies = [("casework", "0001_cases")]
    operations = [
        migrations.RunSQL(TABLE, migrations.RunSQL.noop),
        migrations.RunPython(write_moves, migrations.RunPython.noop),
        migrations.RunSQL(STEPS, migrations.RunSQL.noop),
        migrations.RunSQL(VERDICTS, migrations.RunSQL.noop),
        migrations.RunSQL(OPINIONS, migrations.RunSQL.noop),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]

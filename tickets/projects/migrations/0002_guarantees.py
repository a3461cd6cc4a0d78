"""Applications move by their case, shares sum up, and no filing exceeds its calculation."""

from django.db import migrations

APPLICATIONS = """
CREATE FUNCTION projects_application_moves() RETURNS trigger
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
       ('draft', 'submitted'), ('submitted', 'returned'), ('returned', 'submitted'),
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
  IF OLD.state = 'draft' THEN
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
CREATE TRIGGER application_moves BEFORE INSERT OR UPDATE ON projects_application
FOR EACH ROW EXECUTE FUNCTION projects_application_moves();

-- What belongs to an application changes while it is a draft or returned, never afterwards.
CREATE FUNCTION projects_part_is_open() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  part record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  PERFORM FROM projects_application
  WHERE id = part.application_id AND state IN ('draft', 'returned') FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the application is under review'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'submitted_application_is_not_changed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN part;
END $$;
CREATE TRIGGER part_is_open BEFORE INSERT OR UPDATE OR DELETE ON projects_applicationshare
FOR EACH ROW EXECUTE FUNCTION projects_part_is_open();
CREATE TRIGGER part_is_open BEFORE INSERT OR UPDATE OR DELETE ON projects_applicationtitle
FOR EACH ROW EXECUTE FUNCTION projects_part_is_open();
CREATE TRIGGER part_is_open BEFORE INSERT OR UPDATE OR DELETE ON projects_measure
FOR EACH ROW EXECUTE FUNCTION projects_part_is_open();
CREATE TRIGGER part_is_open BEFORE INSERT ON projects_material
FOR EACH ROW EXECUTE FUNCTION projects_part_is_open();
CREATE TRIGGER part_is_open BEFORE INSERT ON projects_accountingresult
FOR EACH ROW EXECUTE FUNCTION projects_part_is_open();

-- None, or the whole: judged at commit, with the application locked so that two sessions that each
-- write shares are judged one after the other.
CREATE FUNCTION projects_shares_sum() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  part record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  owner bigint;
  denominator bigint;
  total bigint;
BEGIN
  owner := CASE TG_TABLE_NAME WHEN 'projects_application' THEN (to_jsonb(part)->>'id')::bigint
                              ELSE (to_jsonb(part)->>'application_id')::bigint END;
  SELECT share_denominator INTO denominator FROM projects_application
  WHERE id = owner FOR UPDATE;
  SELECT sum(numerator) INTO total FROM projects_applicationshare WHERE application_id = owner;
  IF total IS NOT NULL AND total <> denominator THEN
    RAISE EXCEPTION 'the shares sum to % of %', total, denominator
      USING ERRCODE = 'check_violation', CONSTRAINT = 'application_shares_sum_to_the_whole',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('total', total, 'denominator', denominator)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER application_shares_sum_to_the_whole
  AFTER INSERT OR UPDATE OR DELETE ON projects_applicationshare DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION projects_shares_sum();
CREATE CONSTRAINT TRIGGER application_shares_sum_to_the_whole
  AFTER UPDATE OF share_denominator ON projects_application DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION projects_shares_sum();

-- A material is confirmed once; all else of it stays as it was written.
CREATE FUNCTION projects_material_is_confirmed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.confirmed_by_id IS NOT NULL THEN
    RAISE EXCEPTION 'a material is confirmed once'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.confirmed_at := CASE WHEN NEW.confirmed_by_id IS NOT NULL THEN portal_now() END;
  RETURN NEW;
END $$;
CREATE TRIGGER material_is_confirmed BEFORE UPDATE ON projects_material
FOR EACH ROW EXECUTE FUNCTION projects_material_is_confirmed();

CREATE FUNCTION projects_disqualification_is_decided() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.decided_at := NULL;
    RETURN NEW;
  END IF;
  IF OLD.decided_at IS NOT NULL THEN
    RAISE EXCEPTION 'decided once'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NOT EXISTS (SELECT FROM casework_reviewcase WHERE id = NEW.case_id AND state = 'approved') THEN
    RAISE EXCEPTION 'a disqualification is decided in a case of its own'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'application_follows_its_case',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.decided_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER disqualification_is_decided BEFORE INSERT OR UPDATE ON projects_disqualification
FOR EACH ROW EXECUTE FUNCTION projects_disqualification_is_decided();
"""

FILINGS = """
CREATE FUNCTION projects_filing_is_signed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  application projects_application;
  result projects_accountingresult;
  report parcels_rulerun;
  refused text;
BEGIN
  SELECT * INTO application FROM projects_application WHERE id = NEW.application_id FOR UPDATE;
  SELECT * INTO result FROM projects_accountingresult
  WHERE application_id = NEW.application_id ORDER BY id DESC LIMIT 1;
  SELECT * INTO report FROM parcels_rulerun WHERE id = NEW.uniqueness_report_id;
  refused := CASE
    WHEN application.state <> 'determined' OR NOT EXISTS (
           SELECT FROM casework_reviewcase AS matter
           JOIN casework_reviewstep AS step ON step.case_id = matter.id AND step.kind = 'filing'
           WHERE matter.id = application.case_id AND matter.state = 'approved'
             AND step.decided_by_id = NEW.signed_by_id AND step.prepared_by_id = NEW.prepared_by_id)
      THEN 'filing_follows_every_step'
    WHEN (NEW.area_version_id, NEW.period) IS DISTINCT FROM
         (application.area_version_id, application.period)
         OR NOT EXISTS (SELECT FROM parcels_claim AS claim
                        WHERE claim.id = application.claim_id AND claim.state = 'live'
                          AND claim.version_id = NEW.area_version_id
                          AND claim.period = NEW.period)
      THEN 'filing_is_of_the_claimed_land'
    WHEN result.id IS NULL OR NEW.accounting_result_id <> result.id
         OR (NEW.method_code, NEW.method_version, NEW.parameters_sha256) IS DISTINCT FROM
            (result.method_code, result.method_version, result.parameters_sha256)
      THEN 'filing_is_of_the_latest_report'
    WHEN result.quantity_kg_calculated <> result.quantity_kg_reported
      THEN 'report_and_calculation_agree'
    WHEN NEW.quantity_kg > result.quantity_kg_calculated THEN 'filing_is_within_the_calculation'
    WHEN report.area_version_id IS DISTINCT FROM NEW.area_version_id
         OR report.period IS DISTINCT FROM NEW.period OR report.number = ''
         OR report.verdict = 'conflict'
      THEN 'filing_has_a_clear_uniqueness_report'
    WHEN abs(extract(epoch FROM NEW.signed_at - portal_now())) > 60 THEN 'filing_is_signed_now'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'filing % refused: %', NEW.number, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('calculated_kg', result.quantity_kg_calculated,
              'reported_kg', result.quantity_kg_reported, 'quantity_kg', NEW.quantity_kg)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER filing_is_signed BEFORE INSERT ON projects_filing
FOR EACH ROW EXECUTE FUNCTION projects_filing_is_signed();
SELECT portal_append_only('projects_filing');
SELECT portal_append_only('projects_accountingresult');
DO $$
DECLARE
  app name := (SELECT app_role FROM base_installation);
  written record;
BEGIN
  FOR written IN SELECT * FROM (VALUES
    ('projects_material', 'checked, confirmed_by_id'),
    ('projects_disqualification', 'decided_at'),
    ('projects_project', 'name, type')
  ) AS given (name, columns) LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', written.name, app);
    EXECUTE format('GRANT UPDATE (%s) ON %I TO %I', written.columns, written.name, app);
    EXECUTE format('CREATE TRIGGER nothing_is_removed BEFORE DELETE ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', written.name);
    EXECUTE format('CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', written.name);
  END LOOP;
  EXECUTE format('REVOKE DELETE, TRUNCATE ON projects_application FROM %I', app);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_applications")]
    operations = [
        migrations.RunSQL(APPLICATIONS, migrations.RunSQL.noop),
        migrations.RunSQL(FILINGS, migrations.RunSQL.noop),
    ]

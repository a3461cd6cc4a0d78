"""Whoever was disqualified meanwhile is neither determined nor filed (article 7), as is said in Python."""

from django.db import migrations

GUARANTEE = """
-- The owner, the co-owners and who stands behind a name on paper: as ``applicants_of`` has them.
CREATE FUNCTION projects_refuse_disqualified(wanted bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       WITH applying AS (
         SELECT share.party_id FROM projects_applicationshare AS share
         WHERE share.application_id = wanted
         UNION
         SELECT project.applicant_id FROM projects_application AS application
         JOIN projects_project AS project ON project.id = application.project_id
         WHERE application.id = wanted)
       SELECT FROM projects_disqualification AS barred
       WHERE barred.scope = 'party' AND barred.decided_at IS NOT NULL
         AND barred.until >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
         AND (barred.party_id IN (SELECT party_id FROM applying)
              OR barred.party_id IN (
                SELECT link.checked_id FROM accounts_partylink AS link
                WHERE link.name_only_id IN (SELECT party_id FROM applying)
                  AND link.ended_at IS NULL))) THEN
    RAISE EXCEPTION 'the owner or a co-owner of application % is disqualified', wanted
      USING ERRCODE = 'check_violation', CONSTRAINT = 'applicant_is_not_disqualified',
            TABLE = 'projects_application';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION projects_nobody_applying_is_disqualified() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM projects_refuse_disqualified(NEW.id);
  RETURN NEW;
END $$;
DROP TRIGGER nobody_applying_is_disqualified ON projects_application;
CREATE TRIGGER nobody_applying_is_disqualified BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('submitted', 'determined', 'filed'))
EXECUTE FUNCTION projects_nobody_applying_is_disqualified();

CREATE FUNCTION projects_filing_has_nobody_disqualified() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM projects_refuse_disqualified(NEW.application_id);
  RETURN NEW;
END $$;
CREATE TRIGGER filing_has_nobody_disqualified BEFORE INSERT ON projects_filing
FOR EACH ROW EXECUTE FUNCTION projects_filing_has_nobody_disqualified();
"""
BACKWARD = """
DROP TRIGGER filing_has_nobody_disqualified ON projects_filing;
DROP FUNCTION projects_filing_has_nobody_disqualified();
DROP TRIGGER nobody_applying_is_disqualified ON projects_application;
CREATE OR REPLACE FUNCTION projects_nobody_applying_is_disqualified() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM projects_disqualification AS barred
             WHERE barred.scope = 'party' AND barred.decided_at IS NOT NULL
               AND barred.until >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
               AND (barred.party_id IN (SELECT party_id FROM projects_applicationshare
                                        WHERE application_id = NEW.id)
                    OR barred.party_id = (SELECT applicant_id FROM projects_project
                                          WHERE id = NEW.project_id))) THEN
    RAISE EXCEPTION 'the owner or a co-owner is disqualified'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'applicant_is_not_disqualified',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER nobody_applying_is_disqualified BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_nobody_applying_is_disqualified();
DROP FUNCTION projects_refuse_disqualified(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0020_old_consents_are_asked_again")]
    operations = [migrations.RunSQL(GUARANTEE, BACKWARD)]

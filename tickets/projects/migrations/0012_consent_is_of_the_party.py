"""A consent is the party's own word: a mandate to apply for a co-owner is none (article 5).

Consents that were written by such a mandate are taken out of what is not submitted; they are asked
for again.
"""

from django.db import migrations

CONSENT = """
-- Who consented acted, on that day, for the party in all matters; for the owner who proposes the terms
-- a mandate to apply is enough, and with it whoever applies brings a co-owner's word on paper.
CREATE FUNCTION projects_may_consent(share projects_applicationshare) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM projects_application AS application
    JOIN projects_project AS project ON project.id = application.project_id
    CROSS JOIN LATERAL (SELECT projects_standing_party(project.applicant_id) AS id) AS owner
    CROSS JOIN LATERAL (SELECT projects_standing_party(share.party_id) AS id) AS sharer
    JOIN accounts_mandate AS mandate
      ON mandate.user_id = share.consented_by_id
     AND (mandate.party_id = sharer.id AND mandate.scope = 'all'
          OR mandate.party_id = owner.id AND mandate.scope IN ('all', 'apply')
             AND (owner.id = sharer.id OR share.consent_document_id IS NOT NULL))
    CROSS JOIN LATERAL (
      SELECT (share.consented_at AT TIME ZONE 'Asia/Shanghai')::date AS day) AS given
    WHERE application.id = share.application_id AND share.consented_at <= portal_now()
      AND mandate.valid_from <= given.day AND coalesce(mandate.valid_to, 'infinity') >= given.day
      AND coalesce(mandate.ended_at, 'infinity') > share.consented_at)
$$;
"""
FORMER = """
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE projects_applicationshare AS share
SET consented_at = NULL, consented_by_id = NULL, consented_to = '', consent_document_id = NULL
FROM projects_application AS application
WHERE application.id = share.application_id AND application.state IN ('draft', 'returned')
  AND share.consented_at IS NOT NULL AND NOT projects_may_consent(share);
SET CONSTRAINTS ALL IMMEDIATE;
"""
GUARANTEE = """
CREATE FUNCTION projects_consent_is_of_the_party() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT projects_may_consent(NEW) THEN
    RAISE EXCEPTION 'user % does not consent for party %', NEW.consented_by_id, NEW.party_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_is_of_the_party',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER consent_is_of_the_party BEFORE INSERT OR UPDATE ON projects_applicationshare
FOR EACH ROW WHEN (NEW.consented_at IS NOT NULL)
EXECUTE FUNCTION projects_consent_is_of_the_party();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0011_publicity_is_over")]
    operations = [
        migrations.RunSQL(
            CONSENT, "DROP FUNCTION projects_may_consent(projects_applicationshare);"
        ),
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER consent_is_of_the_party ON projects_applicationshare;"
            "DROP FUNCTION projects_consent_is_of_the_party();",
        ),
    ]

"""A consent names what was consented to, and every member of a collective whose land is in shares."""

from django.db import migrations, models

TERMS = """
-- What a co-owner consents to: the land and its days, everybody's share, the agreement's file.
CREATE FUNCTION projects_terms(wanted bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(
    version.key, lower(application.period), upper(application.period),
    application.share_denominator,
    (SELECT jsonb_agg(jsonb_build_array(party.key, share.numerator) ORDER BY party.key)
     FROM projects_applicationshare AS share JOIN accounts_party AS party ON party.id = share.party_id
     WHERE share.application_id = application.id),
    (SELECT coalesce(document.sha256, '') FROM projects_material AS material
     LEFT JOIN casework_document AS document ON document.id = material.document_id
     WHERE material.application_id = application.id AND material.kind = 'agreement'
     ORDER BY material.version DESC LIMIT 1)
  )::text, 'UTF8')), 'hex')
  FROM projects_application AS application
  LEFT JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
  WHERE application.id = wanted
$$;

-- The checked party that a bare name stands for, or the party itself.
CREATE FUNCTION projects_standing_party(named bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT checked_id FROM accounts_partylink
                   WHERE name_only_id = named AND ended_at IS NULL), named)
$$;

-- Members of the applicant (or of a co-owner) who hold part of the land and have no share (article 5).
CREATE FUNCTION projects_members_without_share(wanted bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH land AS (
    SELECT version.geom, project.applicant_id FROM projects_application AS application
    JOIN projects_project AS project ON project.id = application.project_id
    JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
    WHERE application.id = wanted
  ), sharing AS (
    SELECT party_id, projects_standing_party(party_id) AS standing_id
    FROM projects_applicationshare WHERE application_id = wanted
  ), members AS (
    SELECT projects_standing_party(member_id) AS standing_id FROM accounts_partymember
    WHERE ended_at IS NULL AND collective_id IN (
      SELECT applicant_id FROM land UNION ALL SELECT party_id FROM sharing)
  )
  SELECT DISTINCT holder.standing_id
  FROM land
  JOIN parcels_verifiedtitle AS hold
    ON hold.geom && land.geom AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
  JOIN parcels_right AS held
    ON held.certificate_id = hold.certificate_id AND held.parcel_id = hold.parcel_id
   AND held.kind = hold.kind
  CROSS JOIN LATERAL (SELECT projects_standing_party(held.party_id) AS standing_id) AS holder
  WHERE holder.standing_id IN (SELECT standing_id FROM members)
    AND holder.standing_id NOT IN (SELECT standing_id FROM sharing)
    AND EXISTS (
      SELECT FROM shared_land(land.geom, hold.geom, policy_number('overlap.grid_m')::float8,
        policy_number('overlap.sliver_area_m2')::float8,
        policy_number('overlap.sliver_halfwidth_m')::float8) AS part
      WHERE NOT part.is_sliver)
$$;
"""
# What was consented to before is taken to be what stands.
FORMER = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE projects_applicationshare DISABLE TRIGGER USER;
UPDATE projects_applicationshare SET consented_to = projects_terms(application_id)
WHERE consented_at IS NOT NULL;
ALTER TABLE projects_applicationshare ENABLE TRIGGER USER;
"""
GUARANTEE = """
CREATE FUNCTION projects_co_owners_agree() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  refused text;
BEGIN
  refused := CASE
    WHEN NOT EXISTS (SELECT FROM projects_applicationshare WHERE application_id = NEW.id)
         OR EXISTS (SELECT FROM projects_applicationshare
                    WHERE application_id = NEW.id
                      AND (consented_at IS NULL OR consented_to <> projects_terms(NEW.id)))
      THEN 'every_share_is_consented_to'
    WHEN EXISTS (SELECT FROM projects_members_without_share(NEW.id))
      THEN 'every_member_with_land_has_a_share'
    WHEN EXISTS (SELECT FROM projects_applicationshare AS share
                 WHERE share.application_id = NEW.id AND share.party_id NOT IN (
                   SELECT party_id FROM casework_caseparty WHERE case_id = NEW.case_id))
      THEN 'co_owners_are_parties_of_the_case'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'application % is not put forward: %', NEW.key, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- Afterwards, so that land and shares written together with the state are the ones that are judged.
CREATE TRIGGER co_owners_agree AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state IN ('draft', 'returned') AND NEW.state IN ('submitted', 'determined'))
EXECUTE FUNCTION projects_co_owners_agree();
"""
BACKWARD = """
DROP TRIGGER co_owners_agree ON projects_application;
DROP FUNCTION projects_co_owners_agree();
"""
WHOLE = models.Q(consented_at__isnull=True, consented_by__isnull=True, consented_to="") | (
    models.Q(consented_at__isnull=False, consented_by__isnull=False) & ~models.Q(consented_to="")
)


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0006_no_disqualified_co_owner"),
        ("accounts", "0011_count_co_owner_look_ups"),
        ("parcels", "0021_quick_sieve"),
    ]
    operations = [
        migrations.RunSQL(
            TERMS,
            "DROP FUNCTION projects_members_without_share(bigint);"
            "DROP FUNCTION projects_standing_party(bigint);"
            "DROP FUNCTION projects_terms(bigint);",
        ),
        migrations.AddField(
            model_name="applicationshare",
            name="consented_to",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="applicationshare", name="consent_is_whole_or_absent"
        ),
        migrations.AddConstraint(
            model_name="applicationshare",
            constraint=models.CheckConstraint(name="consent_is_whole_or_absent", condition=WHOLE),
        ),
        migrations.RunSQL(GUARANTEE, BACKWARD),
    ]

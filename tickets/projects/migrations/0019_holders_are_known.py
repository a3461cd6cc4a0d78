"""Whoever owns the trees of the land is a checked party: a bare name neither consents nor applies (article 5).

Until now it was a warning at the submission and stopped the determination.
"""

from django.db import migrations

GUARANTEE = """
-- Bare names, linked to nobody, that hold trees on the land or a share of the tonnes.
CREATE FUNCTION projects_bare_names(wanted bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT named.id FROM accounts_party AS named
  WHERE named.kind = 'name_only'
    AND NOT EXISTS (SELECT FROM accounts_partylink AS link
                    WHERE link.name_only_id = named.id AND link.ended_at IS NULL)
    AND (named.id IN (SELECT party_id FROM projects_applicationshare
                      WHERE application_id = wanted)
         OR named.id IN (
           SELECT held.party_id FROM projects_application AS application
           JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
           JOIN parcels_verifiedtitle AS hold
             ON hold.geom && version.geom AND hold.ended_at IS NULL
            AND hold.kind = 'tree_ownership'
           JOIN parcels_right AS held
             ON held.certificate_id = hold.certificate_id AND held.parcel_id = hold.parcel_id
            AND held.kind = hold.kind
           WHERE application.id = wanted
             AND EXISTS (
               SELECT FROM shared_land(version.geom, hold.geom,
                 policy_number('overlap.grid_m')::float8,
                 policy_number('overlap.sliver_area_m2')::float8,
                 policy_number('overlap.sliver_halfwidth_m')::float8) AS part
               WHERE NOT part.is_sliver)))
$$;

CREATE FUNCTION projects_refuse_bare_names(wanted bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
  names text;
BEGIN
  SELECT string_agg(name, '、' ORDER BY name) INTO names
  FROM accounts_party WHERE id IN (SELECT projects_bare_names(wanted));
  IF names IS NOT NULL THEN
    RAISE EXCEPTION 'application % goes no further: owners are bare names', wanted
      USING ERRCODE = 'check_violation', CONSTRAINT = 'holders_are_known',
            TABLE = 'projects_application', DETAIL = json_build_object('names', names)::text;
  END IF;
END $$;

CREATE FUNCTION projects_holders_are_known() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM projects_refuse_bare_names(NEW.id);
  RETURN NULL;
END $$;
-- Afterwards, as titles_stand: land written together with the state is the one that is judged.
CREATE TRIGGER holders_are_known AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('submitted', 'determined', 'filed'))
EXECUTE FUNCTION projects_holders_are_known();

CREATE FUNCTION projects_filing_has_known_holders() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM projects_refuse_bare_names(NEW.application_id);
  RETURN NEW;
END $$;
CREATE TRIGGER filing_has_known_holders BEFORE INSERT ON projects_filing
FOR EACH ROW EXECUTE FUNCTION projects_filing_has_known_holders();
"""
BACKWARD = """
DROP TRIGGER filing_has_known_holders ON projects_filing;
DROP FUNCTION projects_filing_has_known_holders();
DROP TRIGGER holders_are_known ON projects_application;
DROP FUNCTION projects_holders_are_known();
DROP FUNCTION projects_refuse_bare_names(bigint);
DROP FUNCTION projects_bare_names(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0018_drafts_are_discarded"),
        ("parcels", "0036_what_lies_with_its_owner"),
    ]
    operations = [migrations.RunSQL(GUARANTEE, BACKWARD)]

"""A kept run is written once, whole, and hashed by the database (design.md, guarantees 6 and 7)."""

from django.db import migrations

FORWARD = """
-- Every field is preceded by its length, so that no two runs share a text. Session settings that
-- change how times and ranges are written are fixed.
CREATE FUNCTION rule_run_sha256(run parcels_rulerun) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp SET timezone = 'UTC'
SET datestyle = 'ISO, YMD' SET extra_float_digits = 1 AS $$
  WITH part AS (
    SELECT 0 AS finding, field.at, coalesce(field.text, '') AS text
    FROM unnest(ARRAY[run.key::text, run.number, run.subject, run.stage,
      run.certificate_id::text, run.area_version_id::text, run.period::text, run.candidates::text,
      run.policy_values::text, run.rules_sha256, run.verdict, run.finding_count::text,
      run.made_by_id::text, run.made_at::text]) WITH ORDINALITY AS field (text, at)
    UNION ALL
    SELECT finding.id, field.at, coalesce(field.text, '')
    FROM parcels_finding AS finding,
      unnest(ARRAY[finding.candidate, finding.rule, finding.level, finding.severity,
        encode(ST_AsEWKB(finding.shape), 'hex'), finding.area_m2::text,
        finding.mean_width_m::text, finding.other_kind, finding.other_key::text,
        finding.other_number, finding.facts::text]) WITH ORDINALITY AS field (text, at)
    WHERE finding.run_id = run.id
  )
  SELECT sha256(convert_to(
    string_agg(octet_length(text) || ':' || text, '' ORDER BY finding, at), 'UTF8')) FROM part
$$;

-- The findings are written first (the key to the run is checked at commit), then the run, which
-- closes them: the lock makes a finding that somebody else slips in wait, and then be refused.
CREATE FUNCTION rule_run_is_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  found_count int;
BEGIN
  PERFORM pg_advisory_xact_lock(3, hashint8(NEW.id));
  SELECT count(*) INTO found_count FROM parcels_finding WHERE run_id = NEW.id;
  IF found_count <> NEW.finding_count THEN
    RAISE EXCEPTION 'a run of % findings says it has %', found_count, NEW.finding_count
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_kept_run_is_whole', TABLE = TG_TABLE_NAME;
  END IF;
  NEW.made_at := portal_now();
  NEW.content_sha256 := rule_run_sha256(NEW);
  RETURN NEW;
END $$;
CREATE TRIGGER rule_run_is_kept BEFORE INSERT ON parcels_rulerun
FOR EACH ROW EXECUTE FUNCTION rule_run_is_kept();

CREATE FUNCTION findings_are_of_an_open_run() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(3, key)
  FROM (SELECT DISTINCT hashint8(run_id) AS key FROM written ORDER BY 1) AS runs;
  IF EXISTS (SELECT FROM parcels_rulerun WHERE id IN (SELECT run_id FROM written)) THEN
    RAISE EXCEPTION 'a kept run takes no further finding'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'a_kept_run_is_whole',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER findings_are_of_an_open_run AFTER INSERT ON parcels_finding
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION findings_are_of_an_open_run();

SELECT portal_append_only('parcels_finding');
SELECT portal_append_only('parcels_rulerun');
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0005_rule_runs")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

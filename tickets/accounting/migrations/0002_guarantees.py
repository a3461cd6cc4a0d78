"""What the database itself refuses: strata that overlap or leave the area, signed reports that
change, parameters that are rewritten, volumes that no forest has."""

from django.db import migrations

PARAMETERS = """
CREATE FUNCTION accounting_data_is_published() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  latest int;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(TG_TABLE_NAME || ':' || NEW.code, 0));
  EXECUTE format('SELECT coalesce(max(version), 0) FROM %I WHERE code = $1', TG_TABLE_NAME)
  INTO latest USING NEW.code;
  IF NEW.version <> latest + 1 THEN
    RAISE EXCEPTION 'version % of % follows version %', NEW.version, NEW.code, latest
      USING ERRCODE = 'check_violation', CONSTRAINT = 'versions_follow_each_other',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('latest', latest)::text;
  END IF;
  NEW.made_at := portal_now();
  NEW.content_sha256 := sha256(convert_to(
    (to_jsonb(NEW) - ARRAY['id', 'content_sha256', 'made_at', 'made_by_id'])::text, 'UTF8'));
  RETURN NEW;
END $$;
CREATE TRIGGER method_is_published BEFORE INSERT ON accounting_method
FOR EACH ROW EXECUTE FUNCTION accounting_data_is_published();
CREATE TRIGGER parameter_set_is_published BEFORE INSERT ON accounting_parameterset
FOR EACH ROW EXECUTE FUNCTION accounting_data_is_published();
CREATE TRIGGER equation_is_published BEFORE INSERT ON accounting_biomassequation
FOR EACH ROW EXECUTE FUNCTION accounting_data_is_published();
SELECT portal_append_only('accounting_method');
SELECT portal_append_only('accounting_parameterset');
SELECT portal_append_only('accounting_biomassequation');
"""

REPORTS = """
ALTER TABLE accounting_accountingreport
  ADD CONSTRAINT signed_content_has_its_hash CHECK (
    content IS NULL OR content_sha256 = sha256(convert_to(content, 'UTF8'))),
  ADD CONSTRAINT report_period_is_finite CHECK (daterange('1900-01-01', '3000-01-01') @> period);

CREATE FUNCTION report_is_opened() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.state <> 'draft' THEN
    RAISE EXCEPTION 'a report begins as a draft'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'report_begins_as_draft',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.version <> 1 + coalesce((SELECT max(version) FROM accounting_accountingreport
                                  WHERE series = NEW.series), 0) THEN
    RAISE EXCEPTION 'versions of a report follow each other'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'versions_follow_each_other',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.opened_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER report_is_opened BEFORE INSERT ON accounting_accountingreport
FOR EACH ROW EXECUTE FUNCTION report_is_opened();

CREATE FUNCTION report_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  incomplete text;
BEGIN
  IF OLD.state = 'signed' THEN
    RAISE EXCEPTION 'a signed report was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'signed_report_is_frozen',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (NEW.id, NEW.key, NEW.series, NEW.version, NEW.opened_by_id, NEW.opened_at)
     IS DISTINCT FROM (OLD.id, OLD.key, OLD.series, OLD.version, OLD.opened_by_id, OLD.opened_at)
  THEN
    RAISE EXCEPTION 'the identity of a report was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = 'signed' THEN
    SELECT coalesce(stratum.code, '') INTO incomplete
    FROM (SELECT NEW.id AS report) AS this
    LEFT JOIN accounting_stratum AS stratum ON stratum.report_id = this.report
    LEFT JOIN accounting_stratumspecies AS species ON species.stratum_id = stratum.id
    WHERE species.id IS NULL
       OR (species.basis = 'volume'
           AND (species.volume_begin IS NULL OR species.volume_end IS NULL))
    ORDER BY stratum.id LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'a report without strata or stocks was to be signed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'signed_report_is_complete',
              TABLE = TG_TABLE_NAME, DETAIL = json_build_object('stratum', incomplete)::text;
    END IF;
    IF upper(NEW.period) > (portal_now() AT TIME ZONE 'Asia/Shanghai')::date THEN
      RAISE EXCEPTION 'a report on days to come was to be signed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'monitoring_period_is_over',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.signed_at := portal_now();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER report_moves BEFORE UPDATE ON accounting_accountingreport
FOR EACH ROW EXECUTE FUNCTION report_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON accounting_accountingreport
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON accounting_accountingreport
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- Writers of a report's inputs lock the report, so that a signature and an edit cannot cross.
CREATE FUNCTION report_is_open(report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM accounting_accountingreport WHERE id = report FOR UPDATE;
  IF EXISTS (SELECT FROM accounting_accountingreport WHERE id = report AND state <> 'draft') THEN
    RAISE EXCEPTION 'an input of a signed report was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'signed_report_is_frozen',
            TABLE = 'accounting_accountingreport';
  END IF;
END $$;

CREATE FUNCTION report_input_is_open() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM report_is_open(OLD.report_id);
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  PERFORM report_is_open(NEW.report_id);
  RETURN NEW;
END $$;
CREATE FUNCTION stratum_input_is_open() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM report_is_open((SELECT report_id FROM accounting_stratum WHERE id = OLD.stratum_id));
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  PERFORM report_is_open((SELECT report_id FROM accounting_stratum WHERE id = NEW.stratum_id));
  RETURN NEW;
END $$;
CREATE TRIGGER a_report_is_open BEFORE INSERT OR UPDATE OR DELETE ON accounting_stratum
FOR EACH ROW EXECUTE FUNCTION report_input_is_open();
CREATE TRIGGER a_report_is_open BEFORE INSERT OR UPDATE OR DELETE ON accounting_reportfile
FOR EACH ROW EXECUTE FUNCTION report_input_is_open();
CREATE TRIGGER a_report_is_open BEFORE INSERT OR UPDATE OR DELETE ON accounting_stratumspecies
FOR EACH ROW EXECUTE FUNCTION stratum_input_is_open();
CREATE TRIGGER a_report_is_open BEFORE INSERT OR UPDATE OR DELETE ON accounting_plotmeasurement
FOR EACH ROW EXECUTE FUNCTION stratum_input_is_open();
CREATE TRIGGER a_report_is_open BEFORE INSERT OR UPDATE OR DELETE ON accounting_stratum_stands
FOR EACH ROW EXECUTE FUNCTION stratum_input_is_open();
"""

STRATA = """
ALTER TABLE accounting_stratum
  ADD CONSTRAINT stratum_geom_is_not_empty CHECK (NOT ST_IsEmpty(geom)),
  ADD CONSTRAINT stratum_geom_is_on_earth CHECK (
    ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180
    AND ST_YMin(geom) >= -90 AND ST_YMax(geom) <= 90);

-- The area that counts, in hectares to the square metre: of a title whose certificate names less
-- than is mapped under it, only that share of each of its parts.
CREATE FUNCTION counted_area_ha(shape geometry) RETURNS numeric
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT greatest(0, round(((ST_Area(shape::geography) - coalesce(sum(
           ST_Area(ST_Intersection(shape, hold.geom)::geography)
           * (1 - title.area_m2_certified / mapped.area_m2)), 0)) / 10000)::numeric, 4))
  FROM parcels_verifiedtitle AS hold
  JOIN parcels_titlecertificate AS title ON title.id = hold.certificate_id
  CROSS JOIN LATERAL (
    SELECT sum(ST_Area(own.geom::geography)) AS area_m2 FROM parcels_verifiedtitle AS own
    WHERE own.certificate_id = hold.certificate_id AND own.kind = hold.kind
      AND own.ended_at IS NULL) AS mapped
  WHERE hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
    AND hold.geom && shape AND ST_Intersects(hold.geom, shape)
    AND title.area_m2_certified < mapped.area_m2
$$;

CREATE FUNCTION stratum_is_measured() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  vertices int := ST_NPoints(NEW.geom);
  vertex_limit double precision := policy_number('geometry.vertex_limit');
BEGIN
  IF vertices > vertex_limit THEN
    RAISE EXCEPTION 'a shape of % vertices', vertices
      USING ERRCODE = 'check_violation', CONSTRAINT = 'shape_is_within_the_vertex_limit',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('vertices', vertices, 'limit', vertex_limit)::text;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.report_id <> OLD.report_id THEN
    RAISE EXCEPTION 'a stratum was to be moved to another report'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.area_ha_counted := counted_area_ha(NEW.geom);
  RETURN NEW;
END $$;
CREATE TRIGGER stratum_is_measured BEFORE INSERT OR UPDATE ON accounting_stratum
FOR EACH ROW EXECUTE FUNCTION stratum_is_measured();

-- The reports' rows are locked by a_report_is_open, so that two sessions cannot write strata of one
-- report past each other.
CREATE FUNCTION strata_have_their_places() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
  grid_m double precision := policy_number('overlap.grid_m');
  sliver_area_m2 double precision := policy_number('overlap.sliver_area_m2');
  sliver_halfwidth_m double precision := policy_number('overlap.sliver_halfwidth_m');
  fault record;
BEGIN
  SELECT mine.code, sum(land.area_m2) AS area_m2, ST_CollectionExtract(ST_Collect(land.shape), 3) AS shape
  INTO fault
  FROM written
  JOIN accounting_stratum AS mine ON mine.id = written.id
  JOIN accounting_accountingreport AS report ON report.id = mine.report_id
  JOIN parcels_projectareaversion AS area ON area.id = report.area_version_id
  CROSS JOIN LATERAL uncovered_land(mine.geom, ST_Transform(area.geom, 4536), grid_m,
                                    sliver_area_m2, sliver_halfwidth_m) AS land
  WHERE NOT ST_Covers(area.geom, land_sieve(mine.geom)) AND NOT land.is_sliver
  GROUP BY mine.id, mine.code ORDER BY mine.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'stratum % leaves the project area by % m²', fault.code, fault.area_m2
      USING ERRCODE = 'check_violation', CONSTRAINT = 'strata_lie_within_the_area',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('code', fault.code,
              'area_m2', round(fault.area_m2::numeric, 2),
              'shape', ST_AsGeoJSON(fault.shape, 8)::json)::text;
  END IF;
  SELECT mine.code, other.code AS other, sum(part.area_m2) AS area_m2,
         ST_CollectionExtract(ST_Collect(part.shape), 3) AS shape
  INTO fault
  FROM written
  JOIN accounting_stratum AS mine ON mine.id = written.id
  JOIN accounting_stratum AS other
    ON other.report_id = mine.report_id AND other.id <> mine.id AND other.geom && mine.geom
   AND ST_Intersects(land_sieve(mine.geom), other.geom)
  CROSS JOIN LATERAL overlap_parts(mine.geom, other.geom, grid_m, sliver_area_m2,
                                   sliver_halfwidth_m) AS part
  WHERE NOT part.is_sliver
  GROUP BY mine.id, mine.code, other.id, other.code ORDER BY mine.id, other.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'strata % and % overlap by % m²', fault.code, fault.other, fault.area_m2
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'strata_do_not_overlap',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('code', fault.code, 'other', fault.other,
              'area_m2', round(fault.area_m2::numeric, 2),
              'shape', ST_AsGeoJSON(fault.shape, 8)::json)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER new_strata_have_their_places AFTER INSERT ON accounting_stratum
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION strata_have_their_places();
CREATE TRIGGER strata_have_their_places AFTER UPDATE ON accounting_stratum
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION strata_have_their_places();

-- A report whose land is drawn anew must hold its strata still.
CREATE FUNCTION report_area_holds_its_strata() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.area_version_id <> OLD.area_version_id THEN
    UPDATE accounting_stratum SET code = code WHERE report_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER report_area_holds_its_strata AFTER UPDATE ON accounting_accountingreport
FOR EACH ROW EXECUTE FUNCTION report_area_holds_its_strata();

CREATE FUNCTION volume_is_possible() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  most numeric := policy_number('accounting.volume_most_m3_per_ha');
  found numeric := greatest(coalesce(NEW.volume_begin, 0), coalesce(NEW.volume_end, 0))
                   * CASE NEW.volume_unit WHEN 'mu' THEN 15 ELSE 1 END;
BEGIN
  IF found > most THEN
    RAISE EXCEPTION 'a volume of % m³/ha', found
      USING ERRCODE = 'check_violation', CONSTRAINT = 'volume_is_possible', TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('volume', trim_scale(found),
                                       'most', trim_scale(most))::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER volume_is_possible BEFORE INSERT OR UPDATE ON accounting_stratumspecies
FOR EACH ROW EXECUTE FUNCTION volume_is_possible();
"""

RIGHTS = """
DO $$
DECLARE
  app name := (SELECT app_role FROM base_installation);
BEGIN
  EXECUTE format('REVOKE DELETE, TRUNCATE ON accounting_accountingreport FROM %I', app);
  EXECUTE format('REVOKE TRUNCATE ON accounting_stratum, accounting_stratumspecies, '
                 'accounting_plotmeasurement, accounting_reportfile, accounting_stratum_stands '
                 'FROM %I', app);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0001_reports"), ("parcels", "0007_shared_land")]
    operations = [
        migrations.RunSQL(PARAMETERS, migrations.RunSQL.noop),
        migrations.RunSQL(REPORTS, migrations.RunSQL.noop),
        migrations.RunSQL(STRATA, migrations.RunSQL.noop),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]

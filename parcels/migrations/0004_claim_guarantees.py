"""Guarantee 1 of design.md: land has one claim at a time, whoever writes it."""

from django.db import migrations

AREAS = """
ALTER TABLE parcels_projectareaversion
  ADD CONSTRAINT project_geom_is_not_empty CHECK (NOT ST_IsEmpty(geom)),
  ADD CONSTRAINT project_geom_is_on_earth CHECK (
    ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180
    AND ST_YMin(geom) >= -90 AND ST_YMax(geom) <= 90);
CREATE TRIGGER project_version_is_made BEFORE INSERT ON parcels_projectareaversion
FOR EACH ROW EXECUTE FUNCTION parcel_version_is_made();
SELECT portal_append_only('parcels_projectareaversion');

ALTER TABLE parcels_exclusionarea
  ADD CONSTRAINT exclusion_geom_is_not_empty CHECK (NOT ST_IsEmpty(geom)),
  ADD CONSTRAINT exclusion_geom_is_on_earth CHECK (
    ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180
    AND ST_YMin(geom) >= -90 AND ST_YMax(geom) <= 90),
  ADD CONSTRAINT exclusion_period_is_finite CHECK (
    isfinite(lower(period)) AND (upper_inf(period) OR isfinite(upper(period))));
CREATE TRIGGER exclusion_is_made BEFORE INSERT ON parcels_exclusionarea
FOR EACH ROW EXECUTE FUNCTION parcel_version_is_made();

-- Written once; its status moves on, and a corrected row replaces it once.
CREATE FUNCTION exclusion_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  moving text[] := ARRAY['status', 'status_changed_at', 'replaced_at', 'geom', 'geom_public',
                         'area_m2'];
BEGIN
  IF (to_jsonb(NEW) - moving) <> (to_jsonb(OLD) - moving)
     OR NOT ST_OrderingEquals(NEW.geom, OLD.geom)
     OR NOT ST_OrderingEquals(NEW.geom_public, OLD.geom_public)
     OR (OLD.replaced_at IS NOT NULL AND NEW IS DISTINCT FROM OLD) THEN
    RAISE EXCEPTION 'an exclusion area was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.status <> OLD.status THEN
    IF (OLD.status, NEW.status) NOT IN (('planned', 'registered'), ('planned', 'ended'),
                                        ('registered', 'ended')) THEN
      RAISE EXCEPTION 'an exclusion area does not move from % to %', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'exclusion_moves_by_the_table',
              DETAIL = json_build_object('now', OLD.status, 'wanted', NEW.status)::text;
    END IF;
    NEW.status_changed_at := portal_now();
  END IF;
  IF NEW.replaced_at IS DISTINCT FROM OLD.replaced_at THEN
    NEW.replaced_at := portal_now();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exclusion_moves BEFORE UPDATE ON parcels_exclusionarea
FOR EACH ROW EXECUTE FUNCTION exclusion_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON parcels_exclusionarea
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON parcels_exclusionarea
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
"""

CLAIMS = """
ALTER TABLE parcels_claim
  ADD CONSTRAINT claim_period_is_finite CHECK (daterange('1900-01-01', '3000-01-01') @> period);

-- The eroded shape, unless the erosion took more than a thin rim: then the shape itself, so that
-- the sieve in front of the exact comparison never lets a conflict through.
CREATE FUNCTION land_sieve(shape geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN ST_Area(core) > 0.99 * ST_Area(shape) THEN core ELSE shape END
  FROM eroded(shape) AS core
$$;

-- What the writer says of times, ends and land is not believed: the database says it.
CREATE FUNCTION claim_is_made() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.state NOT IN ('pending', 'live') THEN
    RAISE EXCEPTION 'a claim begins as pending or live'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_begins_pending_or_live',
            TABLE = TG_TABLE_NAME;
  END IF;
  SELECT geom INTO NEW.geom FROM parcels_projectareaversion WHERE id = NEW.version_id;
  NEW.submitted_at := portal_now();
  NEW.live_at := CASE WHEN NEW.state = 'live' THEN NEW.submitted_at END;
  NEW.filed_at := NULL;
  NEW.ended_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER claim_is_made BEFORE INSERT ON parcels_claim
FOR EACH ROW EXECUTE FUNCTION claim_is_made();

CREATE FUNCTION claim_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.key, NEW.number, NEW.version_id, NEW.period, NEW.submitted_at, NEW.made_by_id)
       IS DISTINCT FROM
     (OLD.id, OLD.key, OLD.number, OLD.version_id, OLD.period, OLD.submitted_at, OLD.made_by_id)
     OR NOT ST_OrderingEquals(NEW.geom, OLD.geom) THEN
    RAISE EXCEPTION 'the land and period of a claim were to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'claim_land_and_period_never_change', TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
       (('pending', 'live'), ('pending', 'ended'), ('live', 'ended')) THEN
    RAISE EXCEPTION 'a claim does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_moves_by_the_table',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('now', OLD.state, 'wanted', NEW.state)::text;
  END IF;
  -- Once filed, for ever: used-up, cancelled, reissued and expired tickets keep their land.
  IF OLD.filed_at IS NOT NULL AND NEW.state <> OLD.state
     AND (NEW.ended_because <> 'issuance_cancelled' OR NEW.ended_decision = '') THEN
    RAISE EXCEPTION 'a filed claim ends by a decision of its own only'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'filed_claim_ends_by_decision_only',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('number', OLD.number)::text;
  END IF;
  IF NEW.filed_at IS DISTINCT FROM OLD.filed_at
     AND (OLD.filed_at IS NOT NULL OR OLD.state <> 'live' OR NEW.state <> 'live') THEN
    RAISE EXCEPTION 'only a live claim is filed, and once'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'live_claim_is_filed_once',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.state = 'ended' AND (NEW.ended_because, NEW.ended_decision)
                             IS DISTINCT FROM (OLD.ended_because, OLD.ended_decision) THEN
    RAISE EXCEPTION 'the end of a claim was to be rewritten'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.filed_at := CASE WHEN OLD.filed_at IS NULL AND NEW.filed_at IS NOT NULL
                       THEN portal_now() ELSE OLD.filed_at END;
  NEW.live_at := CASE WHEN OLD.state <> 'live' AND NEW.state = 'live'
                      THEN portal_now() ELSE OLD.live_at END;
  NEW.ended_at := CASE WHEN OLD.state <> 'ended' AND NEW.state = 'ended'
                       THEN portal_now() ELSE OLD.ended_at END;
  RETURN NEW;
END $$;
CREATE TRIGGER claim_moves BEFORE UPDATE ON parcels_claim
FOR EACH ROW EXECUTE FUNCTION claim_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON parcels_claim
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON parcels_claim
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- VOLATILE: after the locks are held, each query sees what others have committed meanwhile. Every
-- writer of claims locks its land, so that a pending claim under way is waited for too.
CREATE FUNCTION claims_do_not_conflict() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  grid_m double precision;
  sliver_area_m2 double precision;
  sliver_halfwidth_m double precision;
  touched bigint[];
  becoming_live bigint[];
  clash record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(id), array_agg(id) FILTER (WHERE state = 'live')
    INTO touched, becoming_live FROM written;
  ELSE
    SELECT array_agg(written.id) INTO becoming_live
    FROM written JOIN was USING (id) WHERE written.state = 'live' AND was.state <> 'live';
    touched := becoming_live;
  END IF;
  IF touched IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM lock_land(2, (SELECT array_agg(geom) FROM parcels_claim WHERE id = ANY(touched)));
  IF becoming_live IS NULL THEN
    RETURN NULL;
  END IF;
  grid_m := policy_number('overlap.grid_m');
  sliver_area_m2 := policy_number('overlap.sliver_area_m2');
  sliver_halfwidth_m := policy_number('overlap.sliver_halfwidth_m');
  SELECT mine.number, theirs.key AS other, theirs.number AS other_number,
         theirs.state AS other_state, theirs.submitted_at, sum(part.area_m2) AS area_m2,
         ST_Multi(ST_Collect(part.shape)) AS shape
  INTO clash
  FROM (SELECT id, number, geom, period, submitted_at, land_sieve(geom) AS sieve
        FROM parcels_claim WHERE id = ANY(becoming_live)) AS mine
  JOIN parcels_claim AS theirs
    ON theirs.id <> mine.id AND theirs.geom && mine.geom AND theirs.period && mine.period
   AND theirs.state IN ('pending', 'live')
   AND (theirs.state = 'live'
        OR (theirs.submitted_at, theirs.id) < (mine.submitted_at, mine.id))
   AND ST_Intersects(mine.sieve, theirs.geom)
  CROSS JOIN LATERAL overlap_parts(mine.geom, theirs.geom, grid_m, sliver_area_m2,
                                   sliver_halfwidth_m) AS part
  WHERE NOT part.is_sliver
  GROUP BY mine.id, mine.number, theirs.id, theirs.key, theirs.number, theirs.state,
           theirs.submitted_at
  ORDER BY mine.id, theirs.state, theirs.id
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'claim % conflicts with claim % by % m²', clash.number, clash.other_number,
                    round(clash.area_m2::numeric, 2)
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'land_has_one_claim_at_a_time',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('number', clash.number, 'other', clash.other,
              'other_number', clash.other_number, 'other_state', clash.other_state,
              'other_submitted_at', clash.submitted_at,
              'area_m2', round(clash.area_m2::numeric, 2),
              'shape', ST_AsGeoJSON(clash.shape, 8)::json)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER new_claims_do_not_conflict AFTER INSERT ON parcels_claim
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION claims_do_not_conflict();
CREATE TRIGGER claims_do_not_conflict AFTER UPDATE ON parcels_claim
REFERENCING OLD TABLE AS was NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION claims_do_not_conflict();
"""

RIGHTS = """
DO $$
DECLARE
  app name := (SELECT app_role FROM base_installation);
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON parcels_claim FROM %I', app);
  EXECUTE format('GRANT UPDATE (state, filed_at, ended_because, ended_decision) '
                 'ON parcels_claim TO %I', app);
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON parcels_exclusionarea FROM %I', app);
  EXECUTE format('GRANT UPDATE (status, replaced_at) ON parcels_exclusionarea TO %I', app);
  EXECUTE format('REVOKE DELETE, TRUNCATE ON parcels_projectarea FROM %I', app);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0003_areas_and_claims")]
    operations = [
        migrations.RunSQL(AREAS, migrations.RunSQL.noop),
        migrations.RunSQL(CLAIMS, migrations.RunSQL.noop),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]

"""Guarantees 2 and 3 of design.md: what the database itself refuses about shapes and titles."""

from django.db import migrations

SHAPES = """
ALTER TABLE parcels_parcelversion
  ADD CONSTRAINT parcel_geom_is_not_empty CHECK (NOT ST_IsEmpty(geom)),
  ADD CONSTRAINT parcel_geom_is_on_earth CHECK (
    ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -90 AND ST_YMax(geom) <= 90);
ALTER TABLE parcels_stand
  ADD CONSTRAINT stand_geom_is_not_empty CHECK (NOT ST_IsEmpty(geom));

-- The generalised shape of domain.md, "What the public may see": every vertex moves to a node of a
-- coarse grid. Neighbours share nodes, so the picture stays a mosaic. The grid's origin is odd, so
-- that no surveyed vertex lies on a node by chance. What collapses becomes one cell of the grid.
CREATE FUNCTION generalised_shape(exact geometry, grid_m double precision) RETURNS geometry
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  lat_step double precision := grid_m / 111132.0;
  lon_step double precision := grid_m / (111320.0 * cos(radians(44)));
  lon_origin CONSTANT double precision := 0.0000371828182;
  lat_origin CONSTANT double precision := 0.0000214159265;
  snapped geometry;
  middle geometry;
BEGIN
  snapped := ST_SnapToGrid(exact, lon_origin, lat_origin, lon_step, lat_step);
  IF snapped IS NOT NULL AND NOT ST_IsEmpty(snapped) THEN
    IF NOT ST_IsValid(snapped) THEN
      snapped := ST_CollectionExtract(ST_MakeValid(snapped), 3);
    END IF;
    IF NOT ST_IsEmpty(snapped) AND ST_Area(snapped) > 0 THEN
      RETURN ST_Multi(snapped);
    END IF;
  END IF;
  middle := ST_SnapToGrid(ST_Centroid(exact), lon_origin, lat_origin, lon_step, lat_step);
  RETURN ST_Multi(ST_MakeEnvelope(
    ST_X(middle) - lon_step / 2, ST_Y(middle) - lat_step / 2,
    ST_X(middle) + lon_step / 2, ST_Y(middle) + lat_step / 2, ST_SRID(exact)));
END $$;

CREATE FUNCTION parcel_version_is_made() RETURNS trigger LANGUAGE plpgsql AS $$
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
  NEW.geom_public := generalised_shape(NEW.geom, policy_number('public.generalise_m')::double precision);
  NEW.made_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER parcel_version_is_made BEFORE INSERT ON parcels_parcelversion
FOR EACH ROW EXECUTE FUNCTION parcel_version_is_made();

-- A version is written once; only its standing is written later, and each end of it once.
CREATE FUNCTION parcel_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - ARRAY['stands_from', 'stands_to', 'geom', 'geom_public', 'area_m2'])
       <> (to_jsonb(OLD) - ARRAY['stands_from', 'stands_to', 'geom', 'geom_public', 'area_m2'])
     OR NOT ST_OrderingEquals(NEW.geom, OLD.geom)
     OR NOT ST_OrderingEquals(NEW.geom_public, OLD.geom_public)
     OR (OLD.stands_from IS NOT NULL AND NEW.stands_from IS DISTINCT FROM OLD.stands_from)
     OR (OLD.stands_to IS NOT NULL AND NEW.stands_to IS DISTINCT FROM OLD.stands_to) THEN
    RAISE EXCEPTION 'a frozen version was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.stands_to IS NULL AND NEW.stands_to IS NOT NULL AND EXISTS (
       SELECT FROM parcels_verifiedtitle WHERE version_id = OLD.id AND ended_at IS NULL) THEN
    RAISE EXCEPTION 'a verified shape is frozen'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'verified_shape_is_frozen',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER parcel_version_stands BEFORE UPDATE ON parcels_parcelversion
FOR EACH ROW EXECUTE FUNCTION parcel_version_stands();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON parcels_parcelversion
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON parcels_parcelversion
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
"""

OVERLAPS = """
-- One lock order for all who write land: the all-city lock shared first, then the cells that the
-- shapes touch, ascending; above 64 cells the all-city lock exclusively.
CREATE FUNCTION lock_land(purpose int, shapes geometry[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  cell_deg CONSTANT double precision := 0.05;
  cells int[];
  cell int;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'land is checked under READ COMMITTED only'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'land_is_checked_under_read_committed';
  END IF;
  SELECT array_agg(DISTINCT (x + 3600) * 8192 + (y + 1800) + 1) INTO cells
  FROM unnest(shapes) AS shape,
       generate_series(floor(ST_XMin(shape) / cell_deg)::int,
                       least(floor(ST_XMax(shape) / cell_deg)::int,
                             floor(ST_XMin(shape) / cell_deg)::int + 64)) AS x,
       generate_series(floor(ST_YMin(shape) / cell_deg)::int,
                       least(floor(ST_YMax(shape) / cell_deg)::int,
                             floor(ST_YMin(shape) / cell_deg)::int + 64)) AS y;
  IF cardinality(cells) > 64 THEN
    PERFORM pg_advisory_xact_lock(purpose, 0);
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock_shared(purpose, 0);
  FOR cell IN SELECT unnest(cells) ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(purpose, cell);
  END LOOP;
END $$;

-- The parts that two shapes share, each judged alone (domain.md, "Overlap, sliver, gap"): compared
-- on a 0.1 mm grid in the plane of EPSG:4536; a sliver is at most 1 m² or vanishes when shrunk.
CREATE FUNCTION overlap_parts(a geometry, b geometry, grid_m double precision,
  sliver_area_m2 double precision, sliver_halfwidth_m double precision)
RETURNS TABLE (shape geometry, area_m2 double precision, mean_width_m double precision,
               is_sliver boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT back.shape, back.area_m2,
         2 * ST_Area(part.geom) / nullif(ST_Perimeter(part.geom), 0),
         back.area_m2 <= sliver_area_m2 OR ST_IsEmpty(ST_Buffer(part.geom, -sliver_halfwidth_m))
  FROM ST_Dump(ST_CollectionExtract(
         ST_Intersection(ST_Transform(a, 4536), ST_Transform(b, 4536), grid_m), 3)) AS part,
       LATERAL (SELECT ST_Transform(part.geom, 4490) AS shape) AS lifted,
       LATERAL (SELECT lifted.shape, ST_Area(lifted.shape::geography) AS area_m2) AS back
  WHERE NOT ST_IsEmpty(part.geom)
$$;

-- A millimetre (in degrees, at most) taken off all round: a cheap first sieve, since touching
-- neighbours no longer intersect and nothing as narrow as that counts as an overlap.
CREATE FUNCTION eroded(shape geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ST_Buffer(shape, -0.000000009, 1) $$;
"""

TITLES = """
CREATE FUNCTION certificate_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.state_changed_at := portal_now();
    NEW.made_at := portal_now();
    IF NEW.state <> 'registered' THEN
      RAISE EXCEPTION 'a certificate begins as registered'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_begins_registered';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.state <> OLD.state THEN
    IF (OLD.state, NEW.state) NOT IN (('registered', 'verified'), ('registered', 'cancelled'),
                                      ('registered', 'superseded'),
                                      ('verified', 'superseded'), ('verified', 'cancelled')) THEN
      RAISE EXCEPTION 'a certificate does not move from % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_moves_by_the_table',
              DETAIL = json_build_object('now', OLD.state, 'wanted', NEW.state)::text;
    END IF;
    NEW.state_changed_at := portal_now();
  END IF;
  IF OLD.state <> 'registered'
     AND (to_jsonb(NEW) - ARRAY['state', 'state_changed_at'])
         <> (to_jsonb(OLD) - ARRAY['state', 'state_changed_at']) THEN
    RAISE EXCEPTION 'a decided certificate is frozen'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'verified_title_is_frozen',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER certificate_moves BEFORE INSERT OR UPDATE ON parcels_titlecertificate
FOR EACH ROW EXECUTE FUNCTION certificate_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON parcels_titlecertificate
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

-- Rights are written while their certificate is registered, never after.
CREATE FUNCTION right_is_open(certificate bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  SELECT state INTO found FROM parcels_titlecertificate WHERE id = certificate FOR SHARE;
  IF found <> 'registered' THEN
    RAISE EXCEPTION 'the rights of a decided certificate are frozen'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'verified_title_is_frozen';
  END IF;
END $$;
CREATE FUNCTION rights_are_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Locked before it is looked at and held until commit, so that no one verifies the
  -- certificate under a right still being written.
  PERFORM FROM parcels_titlecertificate
  WHERE id IN (SELECT certificate_id FROM written) ORDER BY id FOR SHARE;
  IF EXISTS (SELECT FROM parcels_titlecertificate AS certificate
             WHERE certificate.id IN (SELECT certificate_id FROM written)
               AND certificate.state <> 'registered') THEN
    RAISE EXCEPTION 'the rights of a decided certificate are frozen'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'verified_title_is_frozen';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER rights_are_written AFTER INSERT ON parcels_right
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION rights_are_written();
CREATE FUNCTION right_is_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM right_is_open(OLD.certificate_id);
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  PERFORM right_is_open(NEW.certificate_id);
  RETURN NEW;
END $$;
CREATE TRIGGER right_is_changed BEFORE UPDATE OR DELETE ON parcels_right
FOR EACH ROW EXECUTE FUNCTION right_is_changed();

-- One join for a whole statement, so that taking over a register is one join.
CREATE FUNCTION certificates_change_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE parcels_verifiedtitle AS hold SET ended_at = portal_now()
  FROM was JOIN now_is USING (id)
  WHERE hold.certificate_id = was.id AND hold.ended_at IS NULL
    AND was.state = 'verified' AND now_is.state <> 'verified';

  IF EXISTS (SELECT FROM was JOIN now_is USING (id)
             WHERE was.state <> 'verified' AND now_is.state = 'verified'
               AND NOT EXISTS (SELECT FROM parcels_right WHERE certificate_id = was.id)) THEN
    RAISE EXCEPTION 'a certificate without rights cannot be verified'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'verified_certificate_has_rights';
  END IF;

  INSERT INTO parcels_verifiedtitle
    (certificate_id, parcel_id, version_id, kind, unit_number_key, geom, verified_at)
  SELECT DISTINCT ON (held.parcel_id, held.kind, now_is.id)
         now_is.id, held.parcel_id, version.id, held.kind, parcel.unit_number_key, version.geom,
         portal_now()
  FROM was JOIN now_is USING (id)
  JOIN parcels_right AS held ON held.certificate_id = now_is.id
  JOIN parcels_parcel AS parcel ON parcel.id = held.parcel_id
  JOIN parcels_parcelversion AS version ON version.parcel_id = held.parcel_id
    AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
  WHERE was.state <> 'verified' AND now_is.state = 'verified';
  RETURN NULL;
END $$;
CREATE TRIGGER certificates_change_state AFTER UPDATE ON parcels_titlecertificate
REFERENCING OLD TABLE AS was NEW TABLE AS now_is
FOR EACH STATEMENT EXECUTE FUNCTION certificates_change_state();

CREATE FUNCTION verified_titles_do_not_conflict() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  grid_m double precision := policy_number('overlap.grid_m');
  sliver_area_m2 double precision := policy_number('overlap.sliver_area_m2');
  sliver_halfwidth_m double precision := policy_number('overlap.sliver_halfwidth_m');
  clash record;
BEGIN
  IF NOT EXISTS (SELECT FROM written) THEN
    RETURN NULL;
  END IF;
  PERFORM lock_land(1, (SELECT array_agg(geom) FROM written));
  SELECT mine.certificate_id AS mine, theirs.certificate_id AS theirs, mine.kind,
         certificate.number, part.area_m2, ST_AsText(ST_PointOnSurface(part.shape), 7) AS place
  INTO clash
  FROM (SELECT id, certificate_id, parcel_id, kind, geom, eroded(geom) AS core FROM written) AS mine
  JOIN parcels_verifiedtitle AS theirs
    ON theirs.kind = mine.kind AND theirs.parcel_id <> mine.parcel_id
   AND theirs.ended_at IS NULL AND theirs.geom && mine.geom
   AND ST_Intersects(mine.core, theirs.geom)
  JOIN parcels_titlecertificate AS certificate ON certificate.id = theirs.certificate_id
  CROSS JOIN LATERAL overlap_parts(mine.geom, theirs.geom, grid_m, sliver_area_m2,
                                   sliver_halfwidth_m) AS part
  WHERE NOT part.is_sliver
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'verified titles conflict by % m²', clash.area_m2
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'no_two_verified_titles_conflict',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('certificate', clash.mine, 'other', clash.theirs,
              'number', clash.number, 'kind', clash.kind,
              'area_m2', round(clash.area_m2::numeric, 2), 'place', clash.place)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER verified_titles_do_not_conflict AFTER INSERT ON parcels_verifiedtitle
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION verified_titles_do_not_conflict();
SELECT portal_read_only('parcels_verifiedtitle');
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0001_titles"), ("base", "0004_policy_defaults")]
    operations = [
        migrations.RunSQL(SHAPES, migrations.RunSQL.noop),
        migrations.RunSQL(OVERLAPS, migrations.RunSQL.noop),
        migrations.RunSQL(TITLES, migrations.RunSQL.noop),
    ]

"""Shapes are written by the hundred thousand: policy is read once a statement, rows compared bare."""

from django.db import migrations

FORWARD = """
-- Policy values of a statement: read once before its first row. The row trigger of the same
-- statement reads nothing else, so a setting that somebody made before is overwritten in time.
CREATE FUNCTION parcel_versions_are_made() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM set_config('portal.vertex_limit', policy_number('geometry.vertex_limit')::text, true),
          set_config('portal.generalise_m', policy_number('public.generalise_m')::text, true);
  RETURN NULL;
END $$;
CREATE TRIGGER parcel_versions_are_made BEFORE INSERT ON parcels_parcelversion
FOR EACH STATEMENT EXECUTE FUNCTION parcel_versions_are_made();

CREATE OR REPLACE FUNCTION parcel_version_is_made() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  vertices int := ST_NPoints(NEW.geom);
  vertex_limit double precision := current_setting('portal.vertex_limit')::double precision;
BEGIN
  IF vertices > vertex_limit THEN
    RAISE EXCEPTION 'a shape of % vertices', vertices
      USING ERRCODE = 'check_violation', CONSTRAINT = 'shape_is_within_the_vertex_limit',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('vertices', vertices, 'limit', vertex_limit)::text;
  END IF;
  NEW.geom_public := generalised_shape(
    NEW.geom, current_setting('portal.generalise_m')::double precision);
  NEW.made_at := portal_now();
  RETURN NEW;
END $$;

-- As before; the shapes are compared as shapes only, not written out as text besides.
CREATE OR REPLACE FUNCTION parcel_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  bare_new parcels_parcelversion := NEW;
  bare_old parcels_parcelversion := OLD;
BEGIN
  bare_new.geom := NULL; bare_new.geom_public := NULL;
  bare_old.geom := NULL; bare_old.geom_public := NULL;
  IF (to_jsonb(bare_new) - ARRAY['stands_from', 'stands_to', 'area_m2'])
       <> (to_jsonb(bare_old) - ARRAY['stands_from', 'stands_to', 'area_m2'])
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
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0007_shared_land")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

"""What a verified title goes through walks its indexes, whatever the planner believes of the tables.

Rows of the transaction's own are in no statistics: a register that is taken over looks as if the
tables were empty, and the planner then compares each row with each.
"""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION certificates_change_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  -- Set operations hash or sort: no number of rows makes them compare each with each.
  no_more bigint[] := ARRAY(SELECT id FROM was WHERE state = 'verified'
                            EXCEPT SELECT id FROM now_is WHERE state = 'verified');
  newly bigint[] := ARRAY(SELECT id FROM now_is WHERE state = 'verified'
                          EXCEPT SELECT id FROM was WHERE state = 'verified');
BEGIN
  UPDATE parcels_verifiedtitle AS hold SET ended_at = portal_now()
  FROM unnest(no_more) AS one (id)
  WHERE hold.certificate_id = one.id AND hold.ended_at IS NULL;

  IF EXISTS (SELECT FROM unnest(newly) AS one (id)
             WHERE NOT EXISTS (SELECT FROM parcels_right
                               WHERE certificate_id = one.id OFFSET 0)) THEN
    RAISE EXCEPTION 'a certificate without rights cannot be verified'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'verified_certificate_has_rights';
  END IF;

  INSERT INTO parcels_verifiedtitle
    (certificate_id, parcel_id, version_id, kind, unit_number_key, geom, verified_at)
  SELECT one.id, held.parcel_id, version.id, held.kind, parcel.unit_number_key, version.geom,
         portal_now()
  FROM unnest(newly) AS one (id)
  CROSS JOIN LATERAL (
    SELECT DISTINCT parcel_id, kind FROM parcels_right WHERE certificate_id = one.id OFFSET 0
  ) AS held
  JOIN parcels_parcel AS parcel ON parcel.id = held.parcel_id
  JOIN parcels_parcelversion AS version ON version.parcel_id = held.parcel_id
    AND version.stands_from IS NOT NULL AND version.stands_to IS NULL;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION verified_titles_do_not_conflict() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  grid_m double precision := policy_number('overlap.grid_m');
  sliver_area_m2 double precision := policy_number('overlap.sliver_area_m2');
  sliver_halfwidth_m double precision := policy_number('overlap.sliver_halfwidth_m');
  this xid := pg_current_xact_id()::xid;
  clash record;
BEGIN
  IF NOT EXISTS (SELECT FROM written) THEN
    RETURN NULL;
  END IF;
  -- Boxes are enough for the locks; a million shapes would not fit into one array.
  PERFORM lock_land(1, (SELECT array_agg(ST_Envelope(geom)) FROM written));
  -- OFFSET 0 keeps the order: each row shrunk once, then its neighbours by the index of places.
  -- Of two rows of one statement only the later judges: what this transaction wrote under a
  -- higher id is of this statement and judged from its own side.
  SELECT mine.certificate_id AS mine, theirs.certificate_id AS theirs, mine.kind,
         certificate.number, part.area_m2, ST_AsText(ST_PointOnSurface(part.shape), 7) AS place
  INTO clash
  FROM (SELECT id, certificate_id, parcel_id, kind, geom, eroded(geom) AS core
        FROM written OFFSET 0) AS mine
  CROSS JOIN LATERAL (
    SELECT near.certificate_id, near.geom
    FROM parcels_verifiedtitle AS near
    WHERE near.geom && mine.geom AND NOT (near.id > mine.id AND near.xmin = this)
      AND near.kind || '' = mine.kind AND near.parcel_id + 0 <> mine.parcel_id
      AND near.ended_at IS NULL AND ST_Intersects(mine.core, near.geom)
    OFFSET 0
  ) AS theirs
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
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0015_bulk_screenings")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

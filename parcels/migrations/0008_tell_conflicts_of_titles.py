"""A variable named ``found`` hid PL/pgSQL's FOUND, so that every verification failed."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION verified_titles_do_not_conflict() RETURNS trigger
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
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0007_shared_land")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

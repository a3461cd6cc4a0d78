"""Guarantee 2: a register that is taken over is compared once, and the guard reads what came of it."""

from django.db import migrations

# ``judge_titles`` locks the land, compares and tells the conflicts; what has none it writes down where
# nobody else can write. The guard takes that for its own comparison only where nothing can have come
# between: in the same transaction, so under the same locks, of the same versions, for the very next
# statement that verifies titles, and for all of its rows or none.
FORWARD = """
CREATE UNLOGGED TABLE parcels_judgedtitle (
  judged_in xid8 NOT NULL, certificate_id bigint NOT NULL, parcel_id bigint NOT NULL,
  version_id bigint NOT NULL, kinds text[] NOT NULL, sieve geometry NOT NULL
);
CREATE INDEX judged_title_version ON parcels_judgedtitle (judged_in, version_id);
SELECT portal_read_only('parcels_judgedtitle');

-- The conflicts that registered certificates would have if they were verified now, each pair once;
-- ``other_parcel`` is null where the other side is verified already.
CREATE FUNCTION judge_titles(certificates bigint[])
RETURNS TABLE (certificate bigint, parcel bigint, other bigint, other_parcel bigint,
               area_m2 double precision, shape geometry)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
-- Each row's neighbours by the index of places, whatever the planner believes of rows that no
-- statistics know yet; by several processes, since all of it is reading.
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1 SET jit = off
SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0
SET max_parallel_workers_per_gather = 2 AS $$
DECLARE
  grid_m double precision := policy_number('overlap.grid_m');
  sliver_area_m2 double precision := policy_number('overlap.sliver_area_m2');
  sliver_halfwidth_m double precision := policy_number('overlap.sliver_halfwidth_m');
  this xid8 := pg_current_xact_id();
BEGIN
  -- What was judged before, here or in a transaction that verified nothing, counts no more.
  DELETE FROM parcels_judgedtitle
  WHERE ctid = ANY (ARRAY(SELECT ctid FROM parcels_judgedtitle FOR UPDATE SKIP LOCKED));
  INSERT INTO parcels_judgedtitle
  SELECT this, title.id, held.parcel_id, version.id, held.kinds, land_sieve(version.geom)
  FROM unnest(certificates) AS one (id)
  JOIN parcels_titlecertificate AS title ON title.id = one.id AND title.state = 'registered'
  CROSS JOIN LATERAL (
    SELECT parcel_id, array_agg(DISTINCT kind) AS kinds
    FROM parcels_right WHERE certificate_id = one.id GROUP BY parcel_id
  ) AS held
  JOIN parcels_parcel AS land ON land.id = held.parcel_id AND land.ended_at IS NULL
  JOIN parcels_parcelversion AS version ON version.parcel_id = held.parcel_id
    AND version.stands_from IS NOT NULL AND version.stands_to IS NULL;
  PERFORM lock_land(1, (
    SELECT array_agg(ST_Envelope(version.geom))
    FROM parcels_judgedtitle AS mine
    JOIN parcels_parcelversion AS version ON version.id = mine.version_id
    WHERE mine.judged_in = this));

  CREATE TEMP TABLE judged_pair ON COMMIT DROP AS
  SELECT mine.certificate_id AS certificate, mine.parcel_id AS parcel, mine.version_id AS version,
         theirs.certificate_id AS other, theirs.parcel_id AS other_parcel, near.geom AS other_geom
  FROM parcels_judgedtitle AS mine
  JOIN parcels_parcelversion AS near
    ON near.parcel_id > mine.parcel_id AND near.stands_from IS NOT NULL AND near.stands_to IS NULL
   AND near.geom && mine.sieve AND ST_Intersects(mine.sieve, near.geom)
  JOIN parcels_judgedtitle AS theirs
    ON theirs.version_id = near.id AND theirs.judged_in = this AND theirs.kinds && mine.kinds
  WHERE mine.judged_in = this;
  INSERT INTO judged_pair
  SELECT DISTINCT ON (mine.certificate_id, mine.parcel_id, hold.certificate_id, hold.parcel_id)
         mine.certificate_id, mine.parcel_id, mine.version_id, hold.certificate_id, NULL, hold.geom
  FROM parcels_judgedtitle AS mine
  JOIN parcels_verifiedtitle AS hold
    ON hold.ended_at IS NULL AND hold.parcel_id + 0 <> mine.parcel_id
   AND hold.kind || '' = ANY (mine.kinds)
   AND hold.geom && mine.sieve AND ST_Intersects(mine.sieve, hold.geom)
  WHERE mine.judged_in = this;

  CREATE TEMP TABLE judged_clash ON COMMIT DROP AS
  SELECT pair.certificate, pair.parcel, pair.other, pair.other_parcel, land.area_m2, land.shape
  FROM judged_pair AS pair
  JOIN parcels_parcelversion AS version ON version.id = pair.version
  CROSS JOIN LATERAL (
    SELECT sum(part.area_m2) AS area_m2, ST_Multi(ST_Collect(part.shape)) AS shape
    FROM overlap_parts(version.geom, pair.other_geom, grid_m, sliver_area_m2, sliver_halfwidth_m)
      AS part
    WHERE NOT part.is_sliver
  ) AS land
  WHERE land.area_m2 IS NOT NULL;
  DELETE FROM parcels_judgedtitle AS judged
  WHERE judged.judged_in = this AND judged.certificate_id IN (
    SELECT clash.certificate FROM judged_clash AS clash
    UNION SELECT clash.other FROM judged_clash AS clash);
  RETURN QUERY SELECT * FROM judged_clash;
  DROP TABLE judged_pair, judged_clash;
END $$;
"""
BACKWARD = """
DROP FUNCTION judge_titles(bigint[]);
DROP TABLE parcels_judgedtitle;
"""
# Into the guard's text, before it locks the land and compares; used once: whatever is verified next, on
# land that nobody compared with this, is compared.
COMPARE = "  -- Boxes are enough for the locks"
UNLESS_JUDGED = """\
  IF NOT EXISTS (
       SELECT certificate_id, version_id, kind::text FROM written
       EXCEPT
       SELECT mine.certificate_id, mine.version_id, unnest(mine.kinds)
       FROM parcels_judgedtitle AS mine WHERE mine.judged_in = pg_current_xact_id()) THEN
    DELETE FROM parcels_judgedtitle WHERE judged_in = pg_current_xact_id();
    RETURN NULL;
  END IF;
  DELETE FROM parcels_judgedtitle WHERE judged_in = pg_current_xact_id();
"""
GUARD = """
DO $guard$ BEGIN
  EXECUTE replace(pg_get_functiondef('verified_titles_do_not_conflict'::regproc),
                  $text${former}$text$, $text${now}$text$);
END $guard$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0038_shared_land_in_the_plane")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunSQL(
            GUARD.format(former=COMPARE, now=UNLESS_JUDGED + COMPARE),
            GUARD.format(former=UNLESS_JUDGED + COMPARE, now=COMPARE),
        ),
    ]

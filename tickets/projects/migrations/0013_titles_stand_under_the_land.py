"""The linked certificates are verified and cover the land whenever an application goes forward (article 7).

Until now only the rules' kept runs said so: at submission and at the filing, not in between.
"""

from django.db import migrations

GUARANTEE = """
-- The same question and tolerance as the rule ``covered_by_titles`` asks, of the linked titles alone.
-- Verified titles of one right do not overlap, so where these cover the land no other one does.
CREATE FUNCTION projects_titles_cover_land(wanted bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM projects_application AS application
    JOIN parcels_projectareaversion AS version ON version.id = application.area_version_id
    CROSS JOIN LATERAL (
      SELECT ST_Transform(ST_UnaryUnion(ST_Collect(hold.geom)), 4536) AS plane
      FROM projects_applicationtitle AS linked
      JOIN parcels_verifiedtitle AS hold ON hold.certificate_id = linked.certificate_id
      WHERE linked.application_id = application.id
        AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
        AND hold.geom && version.geom AND ST_Intersects(version.geom, hold.geom)
    ) AS cover
    CROSS JOIN LATERAL uncovered_land(version.geom, cover.plane,
      policy_number('overlap.grid_m')::float8, policy_number('overlap.sliver_area_m2')::float8,
      policy_number('overlap.sliver_halfwidth_m')::float8) AS land
    WHERE application.id = wanted AND NOT land.is_sliver
      -- Within one title: passed at once, as the rule does.
      AND NOT EXISTS (
        SELECT FROM projects_applicationtitle AS linked
        JOIN parcels_verifiedtitle AS hold ON hold.certificate_id = linked.certificate_id
        WHERE linked.application_id = application.id
          AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
          AND hold.geom && version.geom AND ST_Covers(hold.geom, land_sieve(version.geom))))
$$;

CREATE FUNCTION projects_titles_stand() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
  gone text;
  refused text;
BEGIN
  -- Held, so that none is superseded between this look and the commit.
  PERFORM FROM parcels_titlecertificate
  WHERE id IN (SELECT certificate_id FROM projects_applicationtitle WHERE application_id = NEW.id)
  ORDER BY id FOR SHARE;
  SELECT string_agg(certificate.number, '、' ORDER BY certificate.number) INTO gone
  FROM projects_applicationtitle AS linked
  JOIN parcels_titlecertificate AS certificate ON certificate.id = linked.certificate_id
  WHERE linked.application_id = NEW.id AND certificate.state <> 'verified';
  refused := CASE WHEN gone IS NOT NULL THEN 'linked_titles_are_verified'
                  WHEN NOT projects_titles_cover_land(NEW.id) THEN 'linked_titles_cover_the_land' END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'application % does not become %: %', NEW.key, NEW.state, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('titles', gone)::text;
  END IF;
  RETURN NULL;
END $$;
-- Afterwards, so that land written together with the state is the one that is judged.
CREATE TRIGGER titles_stand AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('submitted', 'determined', 'filed'))
EXECUTE FUNCTION projects_titles_stand();

-- Articles 6 and 24: what the rules say of the land is asked on the day of the decision.
CREATE FUNCTION projects_land_was_asked() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM parcels_rulerun AS run
       WHERE run.area_version_id = NEW.area_version_id AND run.period = NEW.period
         AND run.stage = 'review' AND run.verdict <> 'conflict'
         AND (run.made_at AT TIME ZONE 'Asia/Shanghai')::date
             = (portal_now() AT TIME ZONE 'Asia/Shanghai')::date) THEN
    RAISE EXCEPTION 'the land of application % was not asked today', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'land_was_asked_on_the_day',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER was_asked_on_the_day AFTER UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state = 'submitted' AND NEW.state = 'determined')
EXECUTE FUNCTION projects_land_was_asked();
"""
BACKWARD = """
DROP TRIGGER was_asked_on_the_day ON projects_application;
DROP FUNCTION projects_land_was_asked();
DROP TRIGGER titles_stand ON projects_application;
DROP FUNCTION projects_titles_stand();
DROP FUNCTION projects_titles_cover_land(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0012_consent_is_of_the_party"), ("parcels", "0021_quick_sieve")]
    operations = [migrations.RunSQL(GUARANTEE, BACKWARD)]

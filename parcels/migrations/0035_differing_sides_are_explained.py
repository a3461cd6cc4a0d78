"""Guarantee 2: a title is verified over a side that differs with a written reason only."""

from django.db import migrations

# What was compared last on the reviewed shapes counts; that all four were is asked by another guard.
FORWARD = """
CREATE FUNCTION differing_side_gives_its_reason() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  differing text := (
    SELECT string_agg(last.side, ' ') FROM (
      SELECT DISTINCT ON (tick.side) tick.side, tick.agrees
      FROM parcels_sidecheck AS tick
      WHERE tick.review_id = NEW.id AND tick.shape_id = (
        SELECT max(id) FROM parcels_reviewshape WHERE review_id = NEW.id)
      ORDER BY tick.side, tick.id DESC) AS last
    WHERE NOT last.agrees);
BEGIN
  IF differing IS NOT NULL AND btrim(NEW.reason) = '' THEN
    RAISE EXCEPTION 'sides that differ were not explained: %', differing
      USING ERRCODE = 'check_violation', CONSTRAINT = 'differing_side_gives_its_reason',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('sides', differing)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER differing_side_gives_its_reason BEFORE UPDATE ON parcels_titlereview
FOR EACH ROW WHEN (NEW.state = 'verified' AND OLD.state <> 'verified')
EXECUTE FUNCTION differing_side_gives_its_reason();
"""
BACKWARD = """
DROP TRIGGER differing_side_gives_its_reason ON parcels_titlereview;
DROP FUNCTION differing_side_gives_its_reason();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0034_reviews_are_shaped_by_their_people")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

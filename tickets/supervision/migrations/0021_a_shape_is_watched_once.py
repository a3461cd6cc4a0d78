"""A shape that is imported again is the same shape: its digest is the database's, and unique."""

from django.db import migrations, models

# Points of a ring may begin anywhere and still be the same land. Of shapes that had been imported more
# than once before, the first has the digest and the others none: what was recorded stays.
FORWARD = """
CREATE FUNCTION supervision_shape_digest(kind text, seen_on date, source text, geom geometry)
RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(
    convert_to(kind || '|' || to_char(seen_on, 'YYYY-MM-DD') || '|' || source || '|', 'UTF8')
    || ST_AsEWKB(ST_Normalize(geom))), 'hex')
$$;
CREATE FUNCTION supervision_shape_is_known_by_its_digest() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.digest := supervision_shape_digest(NEW.kind, NEW.seen_on, NEW.source, NEW.geom);
  RETURN NEW;
END $$;
ALTER TABLE supervision_watchedshape DISABLE TRIGGER nothing_is_rewritten;
UPDATE supervision_watchedshape AS shape SET digest = first.digest
FROM (
  SELECT DISTINCT ON (digest) id, digest
  FROM (SELECT id, supervision_shape_digest(kind, seen_on, source, geom) AS digest
        FROM supervision_watchedshape) AS known
  ORDER BY digest, id
) AS first
WHERE first.id = shape.id;
ALTER TABLE supervision_watchedshape ENABLE TRIGGER nothing_is_rewritten;
CREATE TRIGGER shape_is_known_by_its_digest BEFORE INSERT ON supervision_watchedshape
FOR EACH ROW EXECUTE FUNCTION supervision_shape_is_known_by_its_digest();
"""
BACKWARD = """
DROP TRIGGER shape_is_known_by_its_digest ON supervision_watchedshape;
DROP FUNCTION supervision_shape_is_known_by_its_digest();
DROP FUNCTION supervision_shape_digest(text, date, text, geometry);
"""


class Migration(migrations.Migration):
    dependencies = [("supervision", "0020_dropped_visits_are_proposed_again")]
    operations = [
        migrations.AddField(
            "watchedshape", "digest", models.CharField(editable=False, max_length=64, null=True)
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddConstraint(
            "watchedshape",
            models.UniqueConstraint(fields=("digest",), name="shape_is_watched_once"),
        ),
    ]

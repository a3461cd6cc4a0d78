"""Projects and exclusion areas follow their tables: each statement that changes them is counted."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION layer_rows_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    INSERT INTO layers_shapechange (layer) VALUES (TG_ARGV[0]);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER map_follows_new_claims AFTER INSERT ON parcels_claim
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('projects');
CREATE TRIGGER map_follows_claims AFTER UPDATE ON parcels_claim
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('projects');
CREATE TRIGGER map_follows_new_exclusions AFTER INSERT ON parcels_exclusionarea
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('exclusions');
CREATE TRIGGER map_follows_exclusions AFTER UPDATE ON parcels_exclusionarea
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('exclusions');

-- The first change of a layer is where its past begins.
INSERT INTO layers_shapechange (layer, made_at)
SELECT 'projects', min(submitted_at) FROM parcels_claim HAVING count(*) > 0
UNION ALL
SELECT 'exclusions', min(made_at) FROM parcels_exclusionarea HAVING count(*) > 0;

-- Townships are prepared with the cells: every cell once more.
INSERT INTO layers_dirtycell (x, y) SELECT x, y FROM layers_parcelcell WHERE zoom = 11;
"""
BACKWARD = """
DROP TRIGGER map_follows_new_claims ON parcels_claim;
DROP TRIGGER map_follows_claims ON parcels_claim;
DROP TRIGGER map_follows_new_exclusions ON parcels_exclusionarea;
DROP TRIGGER map_follows_exclusions ON parcels_exclusionarea;
DROP FUNCTION layer_rows_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0003_townshiparea"), ("parcels", "0004_claim_guarantees")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

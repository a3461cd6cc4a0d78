"""The map of tickets follows issuances alone: what becomes of the tonnes changes no shape."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER map_follows_issuances AFTER INSERT ON registry_issuance
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('tickets');
INSERT INTO layers_shapechange (layer, made_at)
SELECT 'tickets', min(made_at) FROM registry_issuance HAVING count(*) > 0;
"""
BACKWARD = "DROP TRIGGER map_follows_issuances ON registry_issuance;"


class Migration(migrations.Migration):
    dependencies = [("layers", "0005_land_questions"), ("registry", "0001_tables")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

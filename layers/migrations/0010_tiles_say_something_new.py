"""Tiles of today's queries get new addresses: kept ones of the same shapes told other identifiers.

A migration like this one goes with each change of what a tile says about shapes that stand already.
"""

from django.db import migrations

# Of layers with a past alone: a first row is taken as the layer's beginning.
FORWARD = """
INSERT INTO layers_shapechange (layer)
SELECT DISTINCT layer FROM layers_shapechange
WHERE layer IN ('parcels', 'projects', 'tickets', 'exclusions');
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0009_facts_follow_owners")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

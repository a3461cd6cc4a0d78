"""The villages of parcels that stand already; and townships say their English name."""

from django.db import migrations

FORWARD = """
INSERT INTO layers_villagearea (township_code, village, parcels, box)
SELECT parcel.township_code, parcel.village, count(*),
       ST_SetSRID(ST_Extent(version.geom_public)::geometry, 4490)
FROM parcels_parcel AS parcel
JOIN parcels_parcelversion AS version ON version.parcel_id = parcel.id
 AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
WHERE parcel.village <> ''
GROUP BY parcel.township_code, parcel.village;
-- Of a layer with a past alone, as in 0010.
INSERT INTO layers_shapechange (layer)
SELECT DISTINCT layer FROM layers_shapechange WHERE layer = 'townships';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("layers", "0011_villagearea"),
        ("base", "0011_townships_in_english"),
        ("parcels", "0027_reviewed_land_is_frozen"),
    ]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

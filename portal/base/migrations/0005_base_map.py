"""The schematic base map and the townships, from fixtures/basemap (licences in its README)."""

import csv
import json

from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry
from django.db import migrations

SHEETS = [
    ("county", "counties.geojson"),
    ("city", "yining.geojson"),
    ("natural", "natural.geojson"),
]


def shape(geometry):
    """GeoJSON says 4326 of everything; these numbers are CGCS2000."""
    made = GEOSGeometry(json.dumps(geometry))
    made.srid = 4490
    return made


def load(apps, schema_editor):
    feature_model = apps.get_model("base", "BaseMapFeature")
    township_model = apps.get_model("base", "Township")
    folder = settings.FIXTURES / "basemap"
    for layer, name in SHEETS:
        collection = json.loads((folder / name).read_text(encoding="utf-8"))
        feature_model.objects.using(schema_editor.connection.alias).bulk_create(
            feature_model(
                layer=layer,
                code=str(item["properties"].get("code", "")),
                name=item["properties"].get("name") or "",
                properties=item["properties"],
                geom=shape(item["geometry"]),
            )
            for item in collection["features"]
        )
    with (folder / "townships.csv").open(encoding="utf-8-sig", newline="") as lines:
        township_model.objects.using(schema_editor.connection.alias).bulk_create(
            township_model(code=row["code"], name=row["name"]) for row in csv.DictReader(lines)
        )


class Migration(migrations.Migration):
    dependencies = [("base", "0004_policy_defaults")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

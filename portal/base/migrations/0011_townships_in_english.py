"""English names of the townships, from fixtures/basemap (their spelling is told in its README)."""

import csv

from django.conf import settings
from django.db import migrations


def name(apps, schema_editor):
    townships = apps.get_model("base", "Township").objects.using(schema_editor.connection.alias)
    file = settings.FIXTURES / "basemap" / "townships.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            townships.filter(code=row["code"]).update(name_en=row["name_en"])


class Migration(migrations.Migration):
    dependencies = [("base", "0010_township_name_en")]
    operations = [migrations.RunPython(name, migrations.RunPython.noop)]

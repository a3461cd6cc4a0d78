"""Parameter sets and tree equation of pines, where an earlier 0003 did not load them yet."""

import json

from django.conf import settings
from django.db import migrations

GROUP = "pinus"


def load(apps, schema_editor):
    for name, model in (
        ("parameter_sets", "ParameterSet"),
        ("biomass_equations", "BiomassEquation"),
    ):
        published = apps.get_model("accounting", model)
        standing = published.objects.using(schema_editor.connection.alias)
        rows = json.loads(
            (settings.FIXTURES / "parameters" / f"{name}.json").read_text(encoding="utf-8")
        )
        standing.bulk_create(
            published(**row, content_sha256=b"")
            for row in rows
            if row["group"] == GROUP and not standing.filter(code=row["code"]).exists()
        )


class Migration(migrations.Migration):
    dependencies = [("accounting", "0004_report_of_an_application")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

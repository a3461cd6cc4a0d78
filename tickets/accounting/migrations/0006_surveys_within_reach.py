"""How far a survey may lie from the day whose stock it tells [usual]: policy, no constant."""

from django.db import migrations


def load(apps, schema_editor):
    apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias).create(
        code="inventory.survey_reach_years",
        value="5",
        unit="年",
        label="小班调查与监测期起止日的最大间隔",
        article="policy",
    )


class Migration(migrations.Migration):
    dependencies = [("accounting", "0005_parameters_of_pines")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

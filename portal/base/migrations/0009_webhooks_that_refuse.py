"""An address that refuses everything is counted, and given up at a number that policy names."""

from django.db import migrations, models


def insert(apps, schema_editor):
    policies = apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias)
    policies.create(
        code="webhook.refusals_max",
        value="100",
        unit="次",
        label="系统对接连续拒收多少次后停用",
        article="",
    )


class Migration(migrations.Migration):
    dependencies = [("base", "0008_webhooks")]
    operations = [
        migrations.AddField(
            model_name="webhook",
            name="refusals",
            field=models.IntegerField(default=0, verbose_name="连续拒收"),
        ),
        migrations.RunPython(insert, migrations.RunPython.noop),
    ]

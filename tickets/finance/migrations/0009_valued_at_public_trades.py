"""Collateral is valued at the mean of the last public trades, not at what two made out between them."""

from django.db import migrations


def load(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).create(
        code="finance.valuation_trades",
        value="10",
        unit="笔",
        label="质押估值所取的最近公开成交笔数",
        article="第十八条",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0008_no_own_matters"),
        ("base", "0003_policy_is_read_by_sql"),
    ]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

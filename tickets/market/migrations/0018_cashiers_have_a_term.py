"""What a buyer says to have paid is looked at within a term of the policy, or called overdue; and how
many unpaid orders one may have."""

from django.db import migrations, models

POLICIES = [
    ("market.cashier_hours", "48", "h", "付款凭证上传后确认到账的期限", "第十五条"),
    ("market.retail_waiting_max", "5", "", "同一联系方式在一个零售池的待付款订单上限", "第十二条"),
]

SHOWN = """
UPDATE market_trade SET confirm_by = paid_at + policy_number('market.cashier_hours') * interval '1 h'
WHERE state = 'agreed' AND paid_at IS NOT NULL;
"""


def insert(apps, schema_editor):
    policies = apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias)
    for code, value, unit, label, article in POLICIES:
        policies.create(code=code, value=value, unit=unit, label=label, article=article)


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0017_one_number_one_payment"),
        ("base", "0009_webhooks_that_refuse"),
    ]
    operations = [
        migrations.AddField(
            "trade",
            "confirm_by",
            models.DateTimeField(null=True, verbose_name="确认到账期限"),
        ),
        migrations.AddField(
            "trade", "overdue_at", models.DateTimeField(null=True, verbose_name="逾期告知")
        ),
        migrations.RunPython(insert, migrations.RunPython.noop),
        migrations.RunSQL(SHOWN, migrations.RunSQL.noop),
    ]

"""What a bank was told about its pledge, so that it is told once."""

import django.db.models.deletion
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0004_claims_on_sold_tickets"),
        ("registry", "0010_fewer_statements"),
    ]
    operations = [
        migrations.CreateModel(
            name="PledgeAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("frozen", "质押的减排量被冻结"),
                            ("reversed", "该批减排量发生过核减"),
                            ("expiring", "质押 30 天内到期"),
                            ("expired", "质押期限已过"),
                            ("below", "按市价已低于担保金额"),
                        ],
                        max_length=8,
                        verbose_name="类型",
                    ),
                ),
                (
                    "source",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="来源"),
                ),
                (
                    "told_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="提示时间",
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="解除时间")),
                (
                    "pledge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="registry.pledge",
                    ),
                ),
            ],
            options={
                "verbose_name": "质押提示",
                "verbose_name_plural": "质押提示",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("pledge", "kind", "source"),
                        name="one_standing_alert_of_a_cause",
                    )
                ],
            },
        ),
    ]

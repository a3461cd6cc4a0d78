"""A deposit is returned or forfeited; a disputed trade names the order that freezes it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_count_retail_orders"),
        ("market", "0006_orders_from_listings_guarantees"),
        ("registry", "0009_hold_and_read_at_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="ended_at",
            field=models.DateTimeField(null=True, verbose_name="退还或没收时间"),
        ),
        migrations.AddField(
            model_name="deposit",
            name="ended_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deposit",
            name="payment_number",
            field=models.CharField(
                blank=True, default="", max_length=60, verbose_name="退款流水号"
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="freeze",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_trades",
                to="registry.freezeorder",
            ),
        ),
        migrations.AlterField(
            model_name="deposit",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "待确认"),
                    ("accepted", "已确认"),
                    ("refused", "未通过"),
                    ("returned", "已退还"),
                    ("forfeited", "不予退还"),
                ],
                default="waiting",
                max_length=9,
                verbose_name="状态",
            ),
        ),
        migrations.AddConstraint(
            model_name="deposit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False),
                        ("ended_by__isnull", False),
                        ("state", "returned"),
                        models.Q(("payment_number", ""), _negated=True),
                    ),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("ended_by__isnull", False),
                        ("state", "forfeited"),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    models.Q(
                        ("state__in", ["waiting", "accepted", "refused"]),
                        ("ended_at__isnull", True),
                        ("ended_by__isnull", True),
                        ("payment_number", ""),
                    ),
                    _connector="OR",
                ),
                name="ended_deposit_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="deposit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_by__isnull", True),
                    models.Q(("ended_by", models.F("decided_by")), _negated=True),
                    _connector="OR",
                ),
                name="who_accepted_a_deposit_does_not_end_it",
            ),
        ),
    ]

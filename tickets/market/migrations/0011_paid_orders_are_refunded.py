"""An order that was paid but not certified in time is refunded: who said it, found it, paid it back."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_ANYBODY = {
    "null": True,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": settings.AUTH_USER_MODEL,
}


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0010_resales_owe_their_premium"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AlterField(
            model_name="retailorder",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "待付款"),
                    ("settled", "已出凭证"),
                    ("lapsed", "逾期失效"),
                    ("refund", "待退款"),
                    ("refunded", "已退款"),
                ],
                default="waiting",
                max_length=8,
                verbose_name="状态",
            ),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="said_number",
            field=models.CharField(
                blank=True, default="", max_length=60, verbose_name="付款人所填流水号"
            ),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="said_at",
            field=models.DateTimeField(null=True, verbose_name="付款人告知时间"),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="found_by",
            field=models.ForeignKey(**_ANYBODY),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="refund_number",
            field=models.CharField(
                blank=True, default="", max_length=60, verbose_name="退款流水号"
            ),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="refunded_by",
            field=models.ForeignKey(**_ANYBODY),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="refunded_at",
            field=models.DateTimeField(null=True, verbose_name="退款时间"),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="理由"),
        ),
        migrations.AddConstraint(
            model_name="retailorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("found_by__isnull", False),
                        ("refunded_by__isnull", False),
                        ("state", "refunded"),
                        ("refunded_at__isnull", False),
                        models.Q(("refund_number", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "refunded"), _negated=True),
                        ("refund_number", ""),
                        ("refunded_at__isnull", True),
                        ("refunded_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="refunded_order_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="retailorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("found_by__isnull", True),
                    models.Q(
                        ("state__in", ["refund", "refunded"]),
                        models.Q(("payment_number", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="receipt_found_is_owed_back",
            ),
        ),
        migrations.AddConstraint(
            model_name="retailorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("refunded_by__isnull", True),
                    models.Q(("refunded_by", models.F("found_by")), _negated=True),
                    _connector="OR",
                ),
                name="who_found_a_receipt_does_not_refund_it",
            ),
        ),
    ]

"""A case may take its tonnes from a listing or a pool."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0006_orders_from_listings_guarantees"),
        ("offsets", "0002_guarantees"),
        ("registry", "0009_hold_and_read_at_once"),
        ("supervision", "0008_watched_guarantees"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="justicecase",
            name="subscribed_case_has_its_request",
        ),
        migrations.AddField(
            model_name="justicecase",
            name="listing",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="justice_cases",
                to="market.listing",
            ),
        ),
        migrations.AddField(
            model_name="justicecase",
            name="order",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="justice_case",
                to="market.retailorder",
            ),
        ),
        migrations.AddField(
            model_name="justicecase",
            name="pool",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="justice_cases",
                to="market.retailpool",
            ),
        ),
        migrations.AlterField(
            model_name="justicecase",
            name="state",
            field=models.CharField(
                choices=[
                    ("opened", "待审批"),
                    ("confirmed", "待同意"),
                    ("subscribed", "已认购"),
                    ("refused", "不予办理"),
                ],
                default="opened",
                max_length=10,
                verbose_name="状态",
            ),
        ),
        migrations.AddConstraint(
            model_name="justicecase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("listing__isnull", True),
                        ("request__isnull", False),
                        ("state", "subscribed"),
                    ),
                    models.Q(
                        ("listing__isnull", False),
                        ("order__isnull", False),
                        ("state", "subscribed"),
                    ),
                    models.Q(
                        ("order__isnull", True),
                        ("request__isnull", True),
                        ("state__in", ["opened", "confirmed"]),
                    ),
                    ("state", "refused"),
                    _connector="OR",
                ),
                name="subscribed_case_has_its_tonnes",
            ),
        ),
        migrations.AddConstraint(
            model_name="justicecase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("listing__isnull", True), ("order__isnull", True), ("pool__isnull", True)
                    ),
                    models.Q(("listing__isnull", False), ("request__isnull", True)),
                    _connector="OR",
                ),
                name="justice_tonnes_come_from_one_place",
            ),
        ),
    ]

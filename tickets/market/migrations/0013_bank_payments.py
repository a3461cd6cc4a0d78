"""A bank's number has one table for trades and orders."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("market", "0012_refunds_move_by_the_table")]
    operations = [
        migrations.CreateModel(
            name="BankPayment",
            fields=[
                (
                    "number",
                    models.CharField(
                        max_length=60, primary_key=True, serialize=False, verbose_name="银行流水号"
                    ),
                ),
                (
                    "order",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_payment",
                        to="market.retailorder",
                    ),
                ),
                (
                    "trade",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_payment",
                        to="market.trade",
                    ),
                ),
            ],
            options={
                "verbose_name": "到账流水",
                "verbose_name_plural": "到账流水",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("order__isnull", True), ("trade__isnull", False)),
                            models.Q(("order__isnull", False), ("trade__isnull", True)),
                            _connector="OR",
                        ),
                        name="bank_payment_is_for_one_deal",
                    )
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="trade", name="one_payment_for_one_trade"),
        migrations.RemoveConstraint(model_name="retailorder", name="one_payment_for_one_order"),
    ]

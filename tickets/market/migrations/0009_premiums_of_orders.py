"""A premium is owed for an order too, not for a trade alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("market", "0008_deposits_and_disputes_guarantees")]
    operations = [
        migrations.AddField(
            model_name="premiumshare",
            name="order",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="premium_share",
                to="market.retailorder",
            ),
        ),
        migrations.AlterField(
            model_name="premiumshare",
            name="trade",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="premium_share",
                to="market.trade",
            ),
        ),
        migrations.AddConstraint(
            model_name="premiumshare",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("order__isnull", True), ("trade__isnull", False)),
                    models.Q(("order__isnull", False), ("trade__isnull", True)),
                    _connector="OR",
                ),
                name="premium_is_of_one_resale",
            ),
        ),
    ]

"""An order names its listing; the pool is one way to it."""

import django.db.models.deletion
from django.db import migrations, models

# The deferred checks of the filled column come now, before the table is altered again.
FILL = """
UPDATE market_retailorder AS wanted SET listing_id = pool.listing_id
FROM market_retailpool AS pool WHERE pool.id = wanted.pool_id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0004_retail_and_reserve_guarantees")]
    operations = [
        migrations.AddField(
            model_name="retailorder",
            name="listing",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="market.listing",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="retailorder",
            name="listing",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="market.listing",
            ),
        ),
        migrations.AlterField(
            model_name="retailorder",
            name="pool",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="market.retailpool",
            ),
        ),
        migrations.AddConstraint(
            model_name="retailorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("pool__isnull", False), ("purpose", "eco_justice"), _connector="OR"
                ),
                name="order_without_a_pool_is_for_eco_justice",
            ),
        ),
    ]

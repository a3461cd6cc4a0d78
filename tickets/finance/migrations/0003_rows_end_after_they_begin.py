"""A product ends on a day of its own, once it is confirmed."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_count_retail_orders"),
        ("finance", "0002_guarantees"),
        ("registry", "0009_hold_and_read_at_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="financerow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_on__isnull", True),
                    models.Q(
                        ("confirmed_by__isnull", False), ("ended_on__gte", models.F("begins_on"))
                    ),
                    _connector="OR",
                ),
                name="confirmed_finance_row_ends_after_it_begins",
            ),
        ),
    ]

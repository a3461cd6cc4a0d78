"""A ticket ends by an act that takes its last live kilogram away or by its cancellation as used up."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("registry", "0051_asked_in_fewer_looks")]
    operations = [
        migrations.AddConstraint(
            "ledgerentry",
            models.CheckConstraint(
                name="tickets_end_by_their_acts",
                condition=~Q(content__has_key="closed")
                | Q(
                    kind__in=[
                        "transfer", "divide", "court", "trade", "enforce", "reissue", "correct",
                        "cancel", "close",
                    ]
                ),
            ),
        ),
    ]  # fmt: skip

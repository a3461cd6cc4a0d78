"""A screening keeps how its file was read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parcels", "0031_titles_sieved_as_claims")]
    operations = [
        migrations.AddField(
            model_name="bulkscreening", name="reading", field=models.JSONField(default=dict)
        )
    ]

"""The sheets of a screening speak the language of whoever asked for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parcels", "0023_land_taken_in_a_day")]
    operations = [
        migrations.AddField(
            model_name="bulkscreening",
            name="language",
            field=models.CharField(default="zh-hans", max_length=10),
        )
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("base", "0009_webhooks_that_refuse")]
    operations = [
        migrations.AddField(
            "township", "name_en", models.CharField(blank=True, default="", max_length=60)
        ),
    ]

"""A seal binds how many chains of each kind it is over, so that none can be left out of an export."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0005_fewer_statements")]
    operations = [
        migrations.AddField("seal", "chains", models.JSONField(null=True)),
    ]

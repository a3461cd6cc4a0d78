from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("layers", "0012_villages_of_today")]
    operations = [
        migrations.AddField("shapechange", "changes", models.IntegerField(db_default=1)),
    ]

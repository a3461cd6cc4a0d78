import django.contrib.gis.db.models.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("layers", "0010_tiles_say_something_new")]
    operations = [
        migrations.CreateModel(
            name="VillageArea",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("township_code", models.CharField(blank=True, max_length=9)),
                ("village", models.CharField(max_length=100)),
                ("parcels", models.IntegerField()),
                (
                    "box",
                    django.contrib.gis.db.models.fields.PolygonField(
                        spatial_index=False, srid=4490
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("township_code", "village"), name="one_area_a_village"
                    )
                ],
                "indexes": [
                    django.contrib.postgres.indexes.GistIndex(
                        fields=["box"], name="village_area_box"
                    )
                ],
            },
        ),
    ]

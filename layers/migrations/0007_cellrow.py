from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("layers", "0006_follow_tickets")]

    operations = [
        migrations.CreateModel(
            name="CellRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("layer", models.CharField(max_length=20)),
                ("row", models.BigIntegerField()),
                ("x", models.IntegerField()),
                ("y", models.IntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["layer", "x", "y"], name="cell_rows_by_place")],
                "constraints": [
                    models.UniqueConstraint(fields=("layer", "row"), name="one_cell_a_row")
                ],
            },
        ),
    ]

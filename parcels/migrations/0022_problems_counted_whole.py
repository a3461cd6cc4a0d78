from django.db import migrations, models

# Records made before: what was kept of their warnings is all that is known of them.
COUNT_WARNINGS = """
UPDATE parcels_importrecord AS record SET warnings = told.count
FROM (SELECT record_id, count(*) FROM parcels_importproblem
      WHERE severity = 'warning' GROUP BY record_id) AS told
WHERE told.record_id = record.id
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0021_quick_sieve")]

    operations = [
        migrations.AddField(
            model_name="importrecord",
            name="warnings",
            field=models.IntegerField(default=0, verbose_name="提示"),
        ),
        migrations.RunSQL(COUNT_WARNINGS, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="importproblem",
            index=models.Index(fields=["record", "row", "id"], name="import_problem_in_order"),
        ),
    ]

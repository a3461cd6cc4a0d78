"""Of which deadline a step's approver was told: a night without the job is made up for."""

from django.db import migrations, models

# What fell due under the former rule was told on the day after.
TOLD = """
UPDATE casework_reviewstep SET overdue_told_of = due_on
WHERE due_on < (portal_now() AT TIME ZONE 'Asia/Shanghai')::date;
"""
RIGHTS = """
DO $$ BEGIN
  EXECUTE format('GRANT UPDATE (overdue_told_of) ON casework_reviewstep TO %I',
                 (SELECT app_role FROM base_installation));
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0005_regulation_days_confirmed")]
    operations = [
        migrations.AddField(
            model_name="reviewstep",
            name="overdue_told_of",
            field=models.DateField(editable=False, null=True),
        ),
        migrations.RunSQL(TOLD + RIGHTS, migrations.RunSQL.noop),
    ]

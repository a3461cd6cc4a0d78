"""What was dropped and still stands is proposed again after some days; the database notes the day.

Once something was proposed again this migration cannot be reversed: the former constraint counts both.
"""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION supervision_drop_is_timed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.dropped_at := CASE NEW.state WHEN 'dropped' THEN portal_now() END;
  RETURN NEW;
END $$;
CREATE TRIGGER drop_is_timed BEFORE INSERT OR UPDATE ON supervision_inspection
FOR EACH ROW EXECUTE FUNCTION supervision_drop_is_timed();
"""
BACKWARD = """
DROP TRIGGER drop_is_timed ON supervision_inspection;
DROP FUNCTION supervision_drop_is_timed();
"""


def load(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).create(
        code="supervision.dropped_again_days",
        value="90",
        unit="日",
        label="决定不检查后，事由仍在的再次建议检查的间隔",
        article="第二十一条",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0019_losses_stand_still_at_the_signature"),
        ("base", "0003_policy_is_read_by_sql"),
    ]
    operations = [
        migrations.AddField(
            "inspection",
            "dropped_at",
            models.DateTimeField(editable=False, null=True, verbose_name="决定不检查的时间"),
        ),
        migrations.RemoveConstraint("inspection", "one_inspection_of_a_proposal"),
        migrations.AddConstraint(
            "inspection",
            models.UniqueConstraint(
                condition=~models.Q(source="") & ~models.Q(state="dropped"),
                fields=("ticket", "source"),
                name="one_inspection_of_a_proposal",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(load, migrations.RunPython.noop),
    ]

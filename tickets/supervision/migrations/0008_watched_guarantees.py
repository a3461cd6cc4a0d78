"""Imported shapes and published news are never rewritten; how near a fire point counts."""

from django.db import migrations

FORWARD = """
SELECT portal_append_only('supervision_watchedshape');
SELECT portal_append_only('supervision_policynews');
"""
BACKWARD = """
DROP TRIGGER nothing_is_truncated ON supervision_policynews;
DROP TRIGGER nothing_is_rewritten ON supervision_policynews;
DROP TRIGGER nothing_is_truncated ON supervision_watchedshape;
DROP TRIGGER nothing_is_rewritten ON supervision_watchedshape;
"""


def load(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).create(
        code="supervision.fire_radius_m",
        value="375",
        unit="m",
        label="火点的影响半径（卫星像元大小）",
        article="第二十一条",
    )


class Migration(migrations.Migration):
    dependencies = [("supervision", "0007_watched_shapes"), ("base", "0003_policy_is_read_by_sql")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(load, migrations.RunPython.noop),
    ]

"""Policy of 这里有什么: how coarse the public answer is, and how much one may ask about."""

from django.db import migrations

PRIVACY = "domain.md · What the public may see"
NUMBERS = [
    ("here.step_m", "20", "m", "“这里有什么”作答的格网", PRIVACY),
    ("here.share_step_percent", "5", "%", "“这里有什么”占比的取整", PRIVACY),
    ("here.max_km2", "10", "km²", "“这里有什么”一次查询的最大面积", "policy"),
]


def insert(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).bulk_create(
        policy(code=code, value=value, unit=unit, label=label, article=article)
        for code, value, unit, label, article in NUMBERS
    )


class Migration(migrations.Migration):
    dependencies = [("layers", "0004_follow_projects"), ("base", "0005_base_map")]
    operations = [migrations.RunPython(insert, migrations.RunPython.noop)]

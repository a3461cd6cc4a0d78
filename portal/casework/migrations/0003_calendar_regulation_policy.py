"""The official calendar, the regulation's first version, and what casework leaves to policy."""

import json
from datetime import date

from django.conf import settings
from django.db import migrations

POLICIES = [
    ("filing.working_days", "10", "工作日", "备案签发期限", "第八条"),
    ("title_review.working_days", "10", "工作日", "权属审核期限（审核期限之内）", "第三条"),
    ("publicity.days", "7", "日", "项目公示期", "第三条"),
    ("experts.minimum", "3", "人", "专家评审的最少人数", "第四条"),
    ("document.limit_mib", "50", "MiB", "单个申报材料的大小上限", "第七条"),
]


def load(apps, schema_editor):
    years = json.loads((settings.FIXTURES / "calendar" / "official.json").read_text("utf-8"))
    apps.get_model("casework", "CalendarYear").objects.using(
        schema_editor.connection.alias
    ).bulk_create(
        apps.get_model("casework", "CalendarYear")(year=int(year), source=table["source"])
        for year, table in years.items()
    )
    working_day = apps.get_model("casework", "WorkingDay")
    working_day.objects.using(schema_editor.connection.alias).bulk_create(
        working_day(
            day=date.fromisoformat(row["day"]),
            calendar_id=int(year),
            works=row["works"],
            name=row["name"],
        )
        for year, table in years.items()
        for row in table["days"]
    )
    # Article 25: in force 30 days after it was announced, for two years. Versions are data: the
    # administrator enters the true days and later versions.
    apps.get_model("casework", "Regulation").objects.using(schema_editor.connection.alias).create(
        version="试行",
        title="伊宁市林业碳票管理办法",
        announced_on=date(2026, 1, 1),
        valid_from=date(2026, 1, 31),
        valid_to=date(2028, 1, 30),
    )
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).bulk_create(
        policy(code=code, value=value, unit=unit, label=label, article=article)
        for code, value, unit, label, article in POLICIES
    )


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0002_guarantees"),
        ("base", "0005_base_map"),
    ]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

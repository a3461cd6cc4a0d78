"""Certificates and factors are never rewritten; the first factors, each with its source."""

from django.db import migrations

FORWARD = """
SELECT portal_append_only('offsets_offset');
SELECT portal_append_only('offsets_emissionfactor');
"""
BACKWARD = """
DROP TRIGGER nothing_is_rewritten ON offsets_offset;
DROP TRIGGER nothing_is_truncated ON offsets_offset;
DROP TRIGGER nothing_is_rewritten ON offsets_emissionfactor;
DROP TRIGGER nothing_is_truncated ON offsets_emissionfactor;
"""
USUAL = "通行估算值，待市生态环境主管部门确认后以新版本替换"
FACTORS = [
    ("electricity", "用电", "千瓦时", "0.5366",
     "生态环境部、国家统计局《2022年电力二氧化碳排放因子》全国平均值"),
    ("car", "小客车行驶", "车公里", "0.2", USUAL),
    ("coach", "大巴", "人公里", "0.03", USUAL),
    ("train", "铁路", "人公里", "0.03", USUAL),
    ("plane", "民航", "人公里", "0.15", USUAL),
    ("night", "住宿", "间夜", "20", USUAL),
    ("attendee", "会场与餐饮", "人天", "5", USUAL),
]  # fmt: skip


def insert(apps, schema_editor):
    factor = apps.get_model("offsets", "EmissionFactor")
    for code, label, unit, value, source in FACTORS:
        factor.objects.create(
            code=code, version=1, label=label, unit=unit, kg_per_unit=value, source=source,
            valid_from="2026-01-01",
        )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("offsets", "0001_offsets"), ("base", "0001_roles_and_clock")]
    operations = [
        migrations.RunPython(insert, migrations.RunPython.noop),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

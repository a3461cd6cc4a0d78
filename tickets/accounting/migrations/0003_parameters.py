"""Methods, parameter sets and equations of fixtures/parameters, and the policy values."""

import json

from django.conf import settings
from django.db import migrations

ACCOUNTING = "domain.md · Carbon accounting"
NUMBERS = [
    ("accounting.risk_percent", "10", "%", "非持久性风险扣减 K", ACCOUNTING),
    ("accounting.u_step1_percent", "10", "%", "不确定性第一档上限", ACCOUNTING),
    ("accounting.dr_step1_percent", "0", "%", "不确定性第一档扣减", ACCOUNTING),
    ("accounting.u_step2_percent", "20", "%", "不确定性第二档上限", ACCOUNTING),
    ("accounting.dr_step2_percent", "6", "%", "不确定性第二档扣减", ACCOUNTING),
    ("accounting.u_step3_percent", "30", "%", "不确定性第三档上限，超过须增设样地", ACCOUNTING),
    ("accounting.dr_step3_percent", "11", "%", "不确定性第三档扣减", ACCOUNTING),
    (
        "accounting.plausible_t_per_ha_year",
        "20",
        "tCO₂/公顷·年",
        "超过此年固碳量须说明",
        ACCOUNTING,
    ),
    ("accounting.volume_most_m3_per_ha", "1500", "m³/公顷", "蓄积上限，超过即不予接受", "policy"),
    ("accounting.volume_high_m3_per_ha", "600", "m³/公顷", "超过此蓄积须说明", "policy"),
    ("accounting.inventory_percent", "50", "%", "与小班调查蓄积之差超过此值须说明", "policy"),
]


def load(apps, schema_editor):
    apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias).bulk_create(
        apps.get_model("base", "Policy")(
            code=code, value=value, unit=unit, label=label, article=article
        )
        for code, value, unit, label, article in NUMBERS
    )
    for name, model in (
        ("methods", "Method"),
        ("parameter_sets", "ParameterSet"),
        ("biomass_equations", "BiomassEquation"),
    ):
        rows = json.loads(
            (settings.FIXTURES / "parameters" / f"{name}.json").read_text(encoding="utf-8")
        )
        published = apps.get_model("accounting", model)
        published.objects.using(schema_editor.connection.alias).bulk_create(
            published(**row, content_sha256=b"") for row in rows
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounting", "0002_guarantees"),
        ("base", "0005_base_map"),
        ("journal", "0003_sealing_and_policy"),
    ]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

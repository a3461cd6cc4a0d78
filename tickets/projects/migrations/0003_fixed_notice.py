"""The fixed notice of every ticket and certificate (article 22): its text is policy."""

from django.db import migrations

NOTICE = (
    "依照《伊宁市林业碳票管理办法（试行）》制发的林业碳票及其减排量，不代表具备国家核证自愿减排量（CCER）的"
    "同等权益（第二十二条），不得用于其他温室气体减排机制的履约或重复申报。"
)


def insert(apps, schema_editor):
    apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias).create(
        code="notice.not_ccer", text=NOTICE, label="票面与证书的固定声明", article="第二十二条"
    )


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_guarantees"), ("base", "0005_base_map")]
    operations = [migrations.RunPython(insert, migrations.RunPython.noop)]

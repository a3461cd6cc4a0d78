"""Questions about land are counted against their source like other attempts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_member_lists_lock_without_deadlock")]
    operations = [
        migrations.AlterField(
            model_name="attempt",
            name="kind",
            field=models.CharField(
                choices=[
                    ("sign_up", "注册"),
                    ("password_reset", "重设密码"),
                    ("land_question", "查询“这里有什么”"),
                ],
                max_length=20,
            ),
        ),
    ]

"""The days of the first version are placeholders until the administrator has confirmed them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("casework", "0004_documents_without_an_account")]
    operations = [
        migrations.AddField(
            model_name="regulation",
            name="days_confirmed",
            field=models.BooleanField(
                default=False,
                help_text="按正式公布的文件核对三个日期后勾选；"
                "自公布之日起 30 日后施行，有效期 2 年（第二十五条）。",
                verbose_name="日期已核定",
            ),
        ),
    ]

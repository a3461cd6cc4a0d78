"""Whose term has passed is told once for each term."""

from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [("supervision", "0017_no_own_matters")]
    operations = [
        migrations.CreateModel(
            name="OverdueTold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "matter",
                    models.CharField(
                        choices=[
                            ("complaint", "举报答复"),
                            ("visit", "现场检查"),
                            ("measures", "整改"),
                        ],
                        max_length=9,
                        verbose_name="事项",
                    ),
                ),
                ("subject_key", models.UUIDField()),
                ("due_on", models.DateField(verbose_name="期限")),
                (
                    "told_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="提醒时间",
                    ),
                ),
            ],
            options={
                "verbose_name": "逾期提醒",
                "verbose_name_plural": "逾期提醒",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("matter", "subject_key", "due_on"),
                        name="overdue_is_told_once_for_a_term",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "SELECT portal_append_only('supervision_overduetold');",
            "DROP TRIGGER nothing_is_rewritten ON supervision_overduetold;"
            "DROP TRIGGER nothing_is_truncated ON supervision_overduetold;",
        ),
    ]

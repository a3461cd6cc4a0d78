"""Holder and bank are reminded once of a pledge's term."""

import django.db.models.deletion
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_quicker_entries")]
    operations = [
        migrations.CreateModel(
            name="PledgeReminder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ends_on", models.DateField(verbose_name="止")),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="时间",
                    ),
                ),
                (
                    "pledge",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="registry.pledge",
                    ),
                ),
            ],
            options={"verbose_name": "质押到期提醒", "verbose_name_plural": "质押到期提醒"},
        ),
        migrations.AddConstraint(
            model_name="pledgereminder",
            constraint=models.UniqueConstraint(
                fields=("pledge", "ends_on"), name="one_reminder_per_pledge_and_term"
            ),
        ),
        migrations.RunSQL(
            "SELECT portal_append_only('registry_pledgereminder');",
            "DROP TRIGGER nothing_is_rewritten ON registry_pledgereminder;"
            "DROP TRIGGER nothing_is_truncated ON registry_pledgereminder;",
        ),
    ]

"""An owner's new name is registered, and the former one kept (article 10)."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0017_causes_and_events"),
        ("accounts", "0002_identities_and_mandates"),
    ]
    operations = [
        migrations.AddField(
            "registration",
            "renamed",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            "registration",
            "new_name",
            models.CharField(blank=True, default="", max_length=200, verbose_name="新名称"),
        ),
        migrations.AddConstraint(
            "registration",
            models.CheckConstraint(
                name="who_is_renamed_has_a_new_name",
                condition=Q(renamed__isnull=True, new_name="")
                | (Q(renamed__isnull=False, kind="change") & ~Q(new_name="")),
            ),
        ),
        migrations.CreateModel(
            name="FormerName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="曾用名")),
                (
                    "ended_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(), editable=False, verbose_name="至"
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_names",
                        to="accounts.party",
                    ),
                ),
                (
                    "registration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_name",
                        to="registry.registration",
                    ),
                ),
            ],
            options={"verbose_name": "曾用名", "verbose_name_plural": "曾用名"},
        ),
        migrations.RunSQL(
            "SELECT portal_append_only('registry_formername');",
            "DROP TRIGGER nothing_is_rewritten ON registry_formername;"
            "DROP TRIGGER nothing_is_truncated ON registry_formername;",
        ),
    ]

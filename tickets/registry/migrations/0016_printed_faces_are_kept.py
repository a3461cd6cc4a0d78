"""A numbered printing keeps its bytes."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
ALTER TABLE registry_printedface
  ADD CONSTRAINT printed_face_is_its_hash CHECK (sha256 = sha256(pdf));
SELECT portal_append_only('registry_printedface');
"""
BACKWARD = """
DROP TRIGGER nothing_is_rewritten ON registry_printedface;
DROP TRIGGER nothing_is_truncated ON registry_printedface;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0015_debts_of_each_owner")]
    operations = [
        migrations.CreateModel(
            name="PrintedFace",
            fields=[
                (
                    "printing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="face",
                        serialize=False,
                        to="registry.ticketprint",
                    ),
                ),
                ("pdf", models.BinaryField()),
                ("sha256", models.BinaryField(max_length=32)),
            ],
            options={"verbose_name": "印制的票面", "verbose_name_plural": "印制的票面"},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

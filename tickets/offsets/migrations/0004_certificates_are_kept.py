"""A certificate keeps the bytes in which it was first given out."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
ALTER TABLE offsets_certificatepaper
  ADD CONSTRAINT certificate_is_its_hash CHECK (sha256 = sha256(pdf));
SELECT portal_append_only('offsets_certificatepaper');
"""
BACKWARD = """
DROP TRIGGER nothing_is_rewritten ON offsets_certificatepaper;
DROP TRIGGER nothing_is_truncated ON offsets_certificatepaper;
"""


class Migration(migrations.Migration):
    dependencies = [("offsets", "0003_owners_agree_own_matters")]
    operations = [
        migrations.CreateModel(
            name="CertificatePaper",
            fields=[
                (
                    "offset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="paper",
                        serialize=False,
                        to="offsets.offset",
                    ),
                ),
                ("pdf", models.BinaryField()),
                ("sha256", models.BinaryField(max_length=32)),
            ],
            options={"verbose_name": "凭证文件", "verbose_name_plural": "凭证文件"},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

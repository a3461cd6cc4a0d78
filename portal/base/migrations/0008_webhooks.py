"""Messages leave to webhooks too: whose they are, where they go, with which sealed secret."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("base", "0007_the_clock_keeps_its_plan"),
    ]

    operations = [
        migrations.AlterField(
            model_name="outboxmessage",
            name="channel",
            field=models.CharField(
                choices=[("email", "电子邮件"), ("webhook", "系统对接")], max_length=10
            ),
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("owner_key", models.UUIDField()),
                ("address", models.CharField(max_length=254, verbose_name="接收地址")),
                ("secret", models.BinaryField()),
                ("secret_key_id", models.CharField(max_length=20)),
                (
                    "made_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "系统对接",
                "verbose_name_plural": "系统对接",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("owner_key",),
                        name="one_webhook_of_an_owner",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="outboxmessage",
            name="webhook",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="base.webhook",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel", "webhook"), ("webhook__isnull", False)),
                    models.Q(
                        models.Q(("channel", "webhook"), _negated=True), ("webhook__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="a_webhooks_message_names_it",
            ),
        ),
    ]

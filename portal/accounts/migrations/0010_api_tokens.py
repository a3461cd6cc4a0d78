"""Tokens of programs; what was made stands, and a revoked one never comes back."""

import datetime
import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import portal.base.clock

FORWARD = """
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_apitoken
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('revoked_at', 'used_at', 'used_in_minute');
"""
BACKWARD = "DROP TRIGGER closes_once ON accounts_apitoken;"


def insert_policy(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).create(
        code="api.requests_per_minute",
        value="120",
        unit="次/分钟",
        label="每个令牌的请求上限",
        article="policy",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_count_retail_orders"),
        ("base", "0005_base_map"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=60, verbose_name="名称")),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("titles:read", "查看我的权属"),
                                ("tickets:read", "查看我的碳票"),
                                ("offsets:ask", "申请抵消"),
                                ("inbox", "读取站内消息并标为已读"),
                            ],
                            max_length=20,
                        ),
                        size=None,
                        verbose_name="权限",
                    ),
                ),
                ("secret_hash", models.BinaryField(max_length=32, unique=True)),
                (
                    "begins_with",
                    models.CharField(editable=False, max_length=12, verbose_name="开头"),
                ),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="创建时间",
                    ),
                ),
                ("expires_at", models.DateTimeField(verbose_name="到期时间")),
                (
                    "revoked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="撤销时间"),
                ),
                ("used_at", models.DateTimeField(blank=True, null=True, verbose_name="最近使用")),
                ("used_in_minute", models.IntegerField(default=0)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "令牌",
                "verbose_name_plural": "令牌",
                "indexes": [models.Index(fields=["user", "-made_at"], name="tokens_of_a_user")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("user", "name"),
                        name="one_standing_token_of_a_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="token_has_a_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "scopes__contained_by",
                                ["titles:read", "tickets:read", "offsets:ask", "inbox"],
                            ),
                            ("scopes__len__gt", 0),
                        ),
                        name="token_has_known_scopes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__gt", models.F("made_at")),
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("made_at"),
                                    "+",
                                    models.Value(datetime.timedelta(days=366)),
                                ),
                            ),
                        ),
                        name="token_lasts_at_most_a_year",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(insert_policy, migrations.RunPython.noop),
    ]

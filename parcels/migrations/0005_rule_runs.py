"""Kept runs of the spatial rules and what they found."""

import uuid

import django.contrib.gis.db.models.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("parcels", "0004_claim_guarantees"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RuleRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "number",
                    models.CharField(
                        blank=True, default="", max_length=24, verbose_name="报告编号"
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        choices=[("title", "权属"), ("project", "项目")],
                        max_length=8,
                        verbose_name="对象",
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("draw", "绘制"),
                            ("submit", "提交"),
                            ("review", "审核"),
                            ("issue", "制发"),
                        ],
                        max_length=8,
                        verbose_name="环节",
                    ),
                ),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateRangeField(
                        null=True, verbose_name="监测期"
                    ),
                ),
                ("candidates", models.JSONField(default=list)),
                ("policy_values", models.JSONField(default=dict, verbose_name="政策参数")),
                ("rules_sha256", models.CharField(max_length=64)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("clear", "通过"), ("warning", "提示"), ("conflict", "冲突")],
                        max_length=8,
                        verbose_name="结论",
                    ),
                ),
                ("finding_count", models.IntegerField(verbose_name="检查发现数")),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="检查时间",
                    ),
                ),
                ("content_sha256", models.BinaryField(max_length=32)),
                (
                    "area_version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_runs",
                        to="parcels.projectareaversion",
                    ),
                ),
                (
                    "certificate",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_runs",
                        to="parcels.titlecertificate",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "规则检查",
                "verbose_name_plural": "规则检查",
            },
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("candidate", models.CharField(max_length=120, verbose_name="检查对象")),
                ("rule", models.CharField(max_length=40, verbose_name="规则")),
                ("level", models.CharField(max_length=20)),
                (
                    "severity",
                    models.CharField(
                        choices=[("info", "说明"), ("warning", "提示"), ("conflict", "冲突")],
                        max_length=8,
                        verbose_name="程度",
                    ),
                ),
                (
                    "shape",
                    django.contrib.gis.db.models.fields.GeometryField(
                        null=True, spatial_index=False, srid=4490
                    ),
                ),
                ("area_m2", models.FloatField(null=True, verbose_name="面积")),
                ("mean_width_m", models.FloatField(null=True, verbose_name="平均宽度")),
                (
                    "other_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "无"),
                            ("parcel", "宗地"),
                            ("certificate", "权属证书"),
                            ("claim", "占用"),
                            ("exclusion", "排除范围"),
                        ],
                        default="",
                        max_length=12,
                    ),
                ),
                ("other_key", models.UUIDField(null=True)),
                (
                    "other_number",
                    models.CharField(
                        blank=True, default="", max_length=120, verbose_name="对方编号"
                    ),
                ),
                ("facts", models.JSONField(default=dict)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="parcels.rulerun",
                    ),
                ),
            ],
            options={
                "verbose_name": "检查发现",
                "verbose_name_plural": "检查发现",
                "ordering": ["id"],
            },
        ),
        migrations.AddConstraint(
            model_name="rulerun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("number", ""), _negated=True),
                fields=("number",),
                name="one_uniqueness_report_of_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulerun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("area_version__isnull", True),
                        ("certificate__isnull", False),
                        ("subject", "title"),
                    ),
                    models.Q(
                        ("area_version__isnull", False),
                        ("certificate__isnull", True),
                        ("subject", "project"),
                    ),
                    _connector="OR",
                ),
                name="rule_run_has_one_subject",
            ),
        ),
    ]

"""Project areas with their versions, claims, and the areas that exclude a claim."""

import uuid

import django.contrib.gis.db.models.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import parcels.models
import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_users_and_parties"),
        ("parcels", "0002_guarantees"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProjectArea",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                (
                    "made_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="project_areas",
                        to="accounts.party",
                    ),
                ),
            ],
            options={
                "verbose_name": "项目范围",
                "verbose_name_plural": "项目范围",
            },
        ),
        migrations.CreateModel(
            name="ProjectAreaVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.IntegerField(verbose_name="版本")),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        spatial_index=False, srid=4490
                    ),
                ),
                (
                    "geom_public",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        editable=False, null=True, spatial_index=False, srid=4490
                    ),
                ),
                (
                    "area_m2",
                    models.GeneratedField(
                        db_persist=True,
                        expression=parcels.models.EllipsoidArea("geom"),
                        output_field=models.FloatField(),
                    ),
                ),
                (
                    "because",
                    models.CharField(
                        choices=[
                            ("drawing", "手工绘制"),
                            ("import", "导入"),
                            ("titles", "由权属图形合成"),
                            ("correction", "补正"),
                        ],
                        max_length=12,
                        verbose_name="缘由",
                    ),
                ),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="制作时间",
                    ),
                ),
                (
                    "area",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="parcels.projectarea",
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
                "verbose_name": "项目范围图形版本",
                "verbose_name_plural": "项目范围图形版本",
            },
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.CharField(max_length=40, verbose_name="项目编号")),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateRangeField(verbose_name="监测期"),
                ),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        editable=False, spatial_index=False, srid=4490
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "待审定"), ("live", "占用中"), ("ended", "已终止")],
                        default="pending",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                (
                    "submitted_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="提交时间",
                    ),
                ),
                (
                    "live_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="审定时间"
                    ),
                ),
                (
                    "filed_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="备案时间"
                    ),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="终止时间"
                    ),
                ),
                (
                    "ended_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("withdrawn", "撤回申请"),
                            ("rejected", "审核不予通过"),
                            ("disqualified", "取消申报资格"),
                            ("issuance_cancelled", "全部减排量依令注销且从未抵消"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="终止原因",
                    ),
                ),
                (
                    "ended_decision",
                    models.CharField(
                        blank=True, default="", max_length=120, verbose_name="终止决定文号"
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
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claims",
                        to="parcels.projectareaversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "占用",
                "verbose_name_plural": "占用",
            },
        ),
        migrations.CreateModel(
            name="ExclusionArea",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ccer", "CCER 项目"),
                            ("vcs", "VCS 项目"),
                            ("other", "其他机制项目"),
                            ("harvest", "采伐规划"),
                        ],
                        max_length=10,
                        verbose_name="种类",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[("clear_cut", "主伐（皆伐、择伐等）"), ("tending", "抚育采伐")],
                        default="",
                        max_length=10,
                        verbose_name="采伐方式",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "拟申报／规划中"),
                            ("registered", "已备案／已批准"),
                            ("ended", "已结束"),
                        ],
                        max_length=12,
                        verbose_name="状态",
                    ),
                ),
                ("number", models.CharField(max_length=120, verbose_name="项目号或许可证号")),
                ("number_key", models.CharField(editable=False, max_length=120)),
                (
                    "name",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="名称"),
                ),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateRangeField(
                        verbose_name="计入期或采伐期"
                    ),
                ),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        spatial_index=False, srid=4490
                    ),
                ),
                (
                    "geom_public",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        editable=False, null=True, spatial_index=False, srid=4490
                    ),
                ),
                (
                    "area_m2",
                    models.GeneratedField(
                        db_persist=True,
                        expression=parcels.models.EllipsoidArea("geom"),
                        output_field=models.FloatField(),
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True, default="", max_length=255, verbose_name="来源文件"
                    ),
                ),
                (
                    "source_sha256",
                    models.CharField(blank=True, default="", editable=False, max_length=64),
                ),
                (
                    "made_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                (
                    "status_changed_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                ("replaced_at", models.DateTimeField(blank=True, editable=False, null=True)),
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
                "verbose_name": "排除范围",
                "verbose_name_plural": "排除范围",
                "indexes": [
                    django.contrib.postgres.indexes.GistIndex(
                        condition=models.Q(("replaced_at__isnull", True)),
                        fields=["geom"],
                        name="standing_exclusion_geom",
                    ),
                    models.Index(fields=["number_key"], name="exclusion_by_number"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("geom__isvalid", True)), name="exclusion_geom_is_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number_key", ""), _negated=True),
                        name="exclusion_has_a_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "harvest"), ("method__in", ["clear_cut", "tending"])),
                            models.Q(models.Q(("kind", "harvest"), _negated=True), ("method", "")),
                            _connector="OR",
                        ),
                        name="harvest_alone_has_a_method",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["ccer", "vcs", "other", "harvest"]),
                            ("status__in", ["planned", "registered", "ended"]),
                        ),
                        name="exclusion_kind_and_status_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("period__isempty", False), ("period__lower_inf", False)
                        ),
                        name="exclusion_period_begins",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="projectarea",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="project_area_has_a_name"
            ),
        ),
        migrations.AddIndex(
            model_name="projectareaversion",
            index=django.contrib.postgres.indexes.GistIndex(
                fields=["geom"], name="project_version_geom"
            ),
        ),
        migrations.AddConstraint(
            model_name="projectareaversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("geom__isvalid", True)), name="project_geom_is_valid"
            ),
        ),
        migrations.AddConstraint(
            model_name="projectareaversion",
            constraint=models.UniqueConstraint(
                fields=("area", "number"), name="one_project_version_of_a_number"
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=django.contrib.postgres.indexes.GistIndex(
                condition=models.Q(("state__in", ["pending", "live"])),
                fields=["geom"],
                name="standing_claim_geom",
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["number"], name="claim_by_number"),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(("number", ""), _negated=True), name="claim_has_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("period__isempty", False),
                    ("period__lower_inf", False),
                    ("period__upper_inf", False),
                ),
                name="claim_period_is_bounded",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", True),
                        ("filed_at__isnull", True),
                        ("live_at__isnull", True),
                        ("state", "pending"),
                    ),
                    models.Q(
                        ("ended_at__isnull", True), ("live_at__isnull", False), ("state", "live")
                    ),
                    models.Q(("ended_at__isnull", False), ("state", "ended")),
                    _connector="OR",
                ),
                name="claim_state_has_its_times",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(("state", "ended"), _negated=True),
                        ("ended_because", ""),
                        ("ended_decision", ""),
                    ),
                    models.Q(
                        (
                            "ended_because__in",
                            ["withdrawn", "rejected", "disqualified", "issuance_cancelled"],
                        ),
                        ("state", "ended"),
                    ),
                    _connector="OR",
                ),
                name="claim_ends_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ended"), _negated=True),
                    models.Q(
                        ("filed_at__isnull", True),
                        models.Q(("ended_because", "issuance_cancelled"), _negated=True),
                    ),
                    models.Q(
                        ("ended_because", "issuance_cancelled"),
                        ("filed_at__isnull", False),
                        models.Q(("ended_decision", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="filed_claim_ends_by_decision_only",
            ),
        ),
    ]

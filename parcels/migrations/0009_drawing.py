"""What is kept while an area is drawn, and the whole parcels a saved version was made of."""

import django.contrib.gis.db.models.fields
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_member_lists_lock_without_deadlock"),
        ("parcels", "0008_quick_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DrawingDraft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.IntegerField(default=1)),
                ("seen_number", models.IntegerField(default=0, verbose_name="所依据的版本")),
                (
                    "name",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="名称"),
                ),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateRangeField(
                        null=True, verbose_name="监测期"
                    ),
                ),
                (
                    "expected_kg_per_ha",
                    models.IntegerField(null=True, verbose_name="预计每公顷减排量（千克）"),
                ),
                (
                    "picked",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        default=list,
                        size=None,
                        verbose_name="点选的宗地",
                    ),
                ),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.MultiPolygonField(
                        null=True, spatial_index=False, srid=4490
                    ),
                ),
                (
                    "saved_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(), verbose_name="自动保存时间"
                    ),
                ),
                (
                    "area",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to="parcels.projectarea",
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="accounts.party"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drawings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "绘制草稿",
                "verbose_name_plural": "绘制草稿",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "area"),
                        name="one_draft_per_user_and_area",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expected_kg_per_ha__isnull", True),
                            models.Q(
                                ("expected_kg_per_ha__gte", 0),
                                ("expected_kg_per_ha__lte", 10000000),
                            ),
                            _connector="OR",
                        ),
                        name="expected_kg_per_ha_is_sensible",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PickedParcel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "area_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="picked",
                        to="parcels.projectareaversion",
                    ),
                ),
                (
                    "parcel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="picked_in",
                        to="parcels.parcel",
                    ),
                ),
            ],
            options={
                "verbose_name": "点选的宗地",
                "verbose_name_plural": "点选的宗地",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("area_version", "parcel"), name="parcel_is_picked_once_a_version"
                    )
                ],
            },
        ),
        # A version is frozen, and so is what it was made of.
        migrations.RunSQL(
            "SELECT portal_append_only('parcels_pickedparcel')", migrations.RunSQL.noop
        ),
    ]

"""Land and who holds it: parcels and their frozen versions, stands, certificates, rights."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from parcels.claims.models import Claim, ExclusionArea, ProjectArea, ProjectAreaVersion
from parcels.drawing.models import DrawingDraft, PickedParcel
from parcels.exports.models import BoundaryExport, LandRead
from parcels.imports.models import ImportProblem, ImportRecord, Takeover, TakeoverConflict
from parcels.measures import EllipsoidArea
from parcels.queries import ParcelQuerySet, ParcelVersionQuerySet
from parcels.reviews.models import (
    BoundaryMessage,
    ParcelLineage,
    ReviewShape,
    SideCheck,
    TitleReview,
)
from parcels.rules.models import Finding, RuleRun
from parcels.screening.models import BulkScreening
from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID

# Django finds the tables of the app's rooms through this module.
__all__ = [
    "BoundaryExport",
    "BoundaryMessage",
    "BulkScreening",
    "Claim",
    "DrawingDraft",
    "ExclusionArea",
    "Finding",
    "ImportProblem",
    "ImportRecord",
    "LandRead",
    "Parcel",
    "ParcelLineage",
    "ParcelVersion",
    "PickedParcel",
    "ProjectArea",
    "ProjectAreaVersion",
    "ReviewShape",
    "Right",
    "RightKind",
    "RuleRun",
    "SideCheck",
    "Stand",
    "Takeover",
    "TakeoverConflict",
    "TitleCertificate",
    "TitleReview",
    "VerifiedTitle",
]


class RightKind(models.TextChoices):
    """The four distinct rights of a forest certificate (domain.md, "Titles and numbers")."""

    LAND_OWNERSHIP = "land_ownership", _("林地所有权")
    LAND_USE = "land_use", _("林地使用权")
    TREE_OWNERSHIP = "tree_ownership", _("林木所有权")
    TREE_USE = "tree_use", _("林木使用权")


class Parcel(models.Model):
    """宗地 (LADM LA_SpatialUnit): the unit that titles refer to. Its shapes are its versions."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit_number = models.CharField(_("不动产单元号"), max_length=40, blank=True, default="")
    unit_number_key = models.CharField(max_length=40, blank=True, default="", editable=False)
    county_code = models.CharField(_("县市代码"), max_length=6, blank=True, default="")
    township_code = models.CharField(_("乡镇代码"), max_length=9, blank=True, default="")
    village = models.CharField(_("村"), max_length=100, blank=True, default="")
    compartment = models.CharField(_("林班"), max_length=20, blank=True, default="")
    subcompartment = models.CharField(_("小班"), max_length=20, blank=True, default="")
    place_name = models.CharField(_("小地名"), max_length=100, blank=True, default="")
    made_at = models.DateTimeField(db_default=PortalNow())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ParcelQuerySet.as_manager()

    class Meta:
        verbose_name = _("宗地")
        verbose_name_plural = _("宗地")
        indexes = [
            models.Index(
                fields=["unit_number_key"],
                name="parcel_by_unit_number",
                # Written so that PostgreSQL sees a query's own condition in it.
                condition=Q(unit_number_key__gt=""),
            ),
            models.Index(fields=["township_code", "village"], name="parcel_by_township"),
        ]

    def __str__(self) -> str:
        return self.unit_number or str(self.key)


class ParcelVersion(models.Model):
    """One shape of a parcel, frozen when written: a change is a newer version.

    ``stands_from``/``stands_to`` are the only columns that are written later, once each. A version
    without ``stands_from`` is a proposal (a repair or a change request under review).
    ``geom_public`` is the generalised shape that everyone may see; the database makes it once.
    """

    class Because(models.TextChoices):
        IMPORT = "import", _("导入")
        DRAWING = "drawing", _("手工绘制")
        CORRECTION = "correction", _("更正")
        REPAIR = "repair", _("修复")
        SPLIT = "split", _("分割")
        MERGE = "merge", _("合并")
        RESTORATION = "restoration", _("恢复")

    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField(_("版本"))
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    geom_public = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False, null=True)
    area_m2 = models.GeneratedField(
        expression=EllipsoidArea("geom"), output_field=models.FloatField(), db_persist=True
    )
    because = models.CharField(_("缘由"), max_length=12, choices=Because)
    record = models.ForeignKey(ImportRecord, on_delete=models.PROTECT, null=True, blank=True)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("制作时间"), db_default=PortalNow())
    stands_from = models.DateTimeField(null=True, blank=True)
    stands_to = models.DateTimeField(null=True, blank=True)

    objects = ParcelVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("宗地图形版本")
        verbose_name_plural = _("宗地图形版本")
        indexes = [
            GistIndex(
                fields=["geom"],
                name="standing_version_geom",
                condition=Q(stands_from__isnull=False, stands_to__isnull=True),
            ),
            # Few among a million: what waits for a signature, or never got one.
            models.Index(
                fields=["parcel"],
                name="proposed_version_by_parcel",
                condition=Q(stands_from__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="parcel_geom_is_valid", condition=Q(geom__isvalid=True)),
            models.CheckConstraint(
                name="version_stands_to_after_from",
                condition=Q(stands_to__isnull=True)
                | Q(stands_from__isnull=False, stands_to__gte=F("stands_from")),
            ),
            models.UniqueConstraint(name="one_version_of_a_number", fields=["parcel", "number"]),
            models.UniqueConstraint(
                name="one_standing_version_per_parcel",
                fields=["parcel"],
                condition=Q(stands_from__isnull=False, stands_to__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parcel_id} v{self.number}"


class Stand(models.Model):
    """小班: a forest inventory stand of a survey year; strata and growing stock come from it."""

    survey_year = models.SmallIntegerField(_("调查年度"))
    stand_number = models.CharField(_("小班号"), max_length=60)
    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, null=True, related_name="stands")
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    area_m2 = models.GeneratedField(
        expression=EllipsoidArea("geom"), output_field=models.FloatField(), db_persist=True
    )
    land_class = models.CharField(_("地类"), max_length=10, blank=True, default="")
    tenure = models.CharField(_("土地权属"), max_length=4, blank=True, default="")
    forest_purpose = models.CharField(_("林种"), max_length=6, blank=True, default="")
    origin = models.CharField(_("起源"), max_length=4, blank=True, default="")
    forest_category = models.CharField(_("森林类别"), max_length=4, blank=True, default="")
    species = models.CharField(_("优势树种"), max_length=40, blank=True, default="")
    age_class = models.CharField(_("龄组"), max_length=4, blank=True, default="")
    mean_age_years = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    mean_diameter_cm = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    canopy_closure = models.DecimalField(max_digits=4, decimal_places=2, null=True)
    growing_stock_m3_per_ha = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    record = models.ForeignKey(ImportRecord, on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(db_default=PortalNow())
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("小班")
        verbose_name_plural = _("小班")
        indexes = [
            GistIndex(
                fields=["geom"],
                name="standing_stand_geom",
                condition=Q(replaced_at__isnull=True),
            )
        ]
        constraints = [
            models.CheckConstraint(name="stand_geom_is_valid", condition=Q(geom__isvalid=True)),
            models.UniqueConstraint(
                name="one_stand_of_a_number_and_year",
                fields=["survey_year", "stand_number"],
                condition=Q(replaced_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.survey_year} {self.stand_number}"


class TitleCertificate(models.Model):
    """林权证 / 不动产权证书: the document under which rights are held."""

    class Kind(models.TextChoices):
        FOREST = "forest", _("林权证")
        REAL_ESTATE = "real_estate", _("不动产权证书")

    class State(models.TextChoices):
        REGISTERED = "registered", _("已登记")
        VERIFIED = "verified", _("已审核")
        SUPERSEDED = "superseded", _("已变更")
        CANCELLED = "cancelled", _("已注销")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("证书种类"), max_length=12, choices=Kind)
    number = models.CharField(_("证号"), max_length=80)
    number_key = models.CharField(max_length=80, editable=False)
    state = models.CharField(_("状态"), max_length=12, choices=State, default=State.REGISTERED)
    area_m2_certified = models.FloatField(_("证载面积"), null=True, blank=True)
    term_begins_on = models.DateField(_("起始日期"), null=True, blank=True)
    term_ends_on = models.DateField(_("终止日期"), null=True, blank=True)
    located_at = models.CharField(_("坐落"), max_length=200, blank=True, db_default="")
    species = models.CharField(_("主要树种"), max_length=100, blank=True, db_default="")
    tree_count = models.IntegerField(_("株数"), null=True, blank=True)
    forest_purpose = models.CharField(_("林种"), max_length=40, blank=True, db_default="")
    side_east = models.CharField(_("东至"), max_length=200, blank=True, db_default="")
    side_south = models.CharField(_("南至"), max_length=200, blank=True, db_default="")
    side_west = models.CharField(_("西至"), max_length=200, blank=True, db_default="")
    side_north = models.CharField(_("北至"), max_length=200, blank=True, db_default="")
    # A change is a newer certificate of the same number; this one gives way when it is verified.
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    record = models.ForeignKey(ImportRecord, on_delete=models.PROTECT, null=True, blank=True)
    # The decision that verified it with its whole register; others are verified by a signed review.
    # Without an index: a register of a million is taken over in one statement.
    takeover = models.ForeignKey(
        "parcels.Takeover", on_delete=models.PROTECT, null=True, blank=True, db_index=False,
        related_name="certificates",
    )  # fmt: skip
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(db_default=PortalNow())
    state_changed_at = models.DateTimeField(db_default=PortalNow())

    class Meta:
        verbose_name = _("权属证书")
        verbose_name_plural = _("权属证书")
        indexes = [models.Index(fields=["number_key"], name="certificate_by_number")]
        constraints = [
            models.CheckConstraint(name="certificate_has_a_number", condition=~Q(number_key="")),
            models.CheckConstraint(
                name="certified_area_is_positive",
                condition=Q(area_m2_certified__isnull=True) | Q(area_m2_certified__gt=0),
            ),
            models.UniqueConstraint(
                name="one_verified_certificate_of_a_number",
                fields=["number_key"],
                condition=Q(state="verified"),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Right(models.Model):
    """One right of one party on one parcel under one certificate, with its share."""

    certificate = models.ForeignKey(
        TitleCertificate, on_delete=models.PROTECT, related_name="rights"
    )
    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, related_name="rights")
    kind = models.CharField(_("权利种类"), max_length=16, choices=RightKind)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="rights")
    share_numerator = models.IntegerField(default=1)
    share_denominator = models.IntegerField(default=1)

    class Meta:
        verbose_name = _("权利")
        verbose_name_plural = _("权利")
        constraints = [
            models.UniqueConstraint(
                name="one_share_per_party_in_a_right",
                fields=["certificate", "parcel", "kind", "party"],
            ),
            models.CheckConstraint(
                name="share_is_a_proper_fraction",
                condition=Q(share_numerator__gte=1)
                & Q(share_numerator__lte=F("share_denominator")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.kind} {self.party_id}"


class VerifiedTitle(models.Model):
    """A verified certificate's hold on one parcel and kind of right, with the frozen shape.

    Only triggers write it: a row stands (``ended_at`` null) exactly while its certificate is
    verified, and stays afterwards, so that the register can be read as of any moment.
    """

    certificate = models.ForeignKey(TitleCertificate, on_delete=models.PROTECT)
    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, related_name="verified_titles")
    version = models.ForeignKey(ParcelVersion, on_delete=models.PROTECT)
    kind = models.CharField(max_length=16, choices=RightKind)
    unit_number_key = models.CharField(max_length=40, blank=True, default="")
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    verified_at = models.DateTimeField(db_default=PortalNow())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            GistIndex(
                fields=["geom"],
                name="verified_title_geom",
                condition=Q(ended_at__isnull=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_verified_certificate_per_parcel_and_right",
                fields=["parcel", "kind"],
                condition=Q(ended_at__isnull=True),
            ),
            models.UniqueConstraint(
                name="one_verified_title_of_a_unit_number",
                fields=["unit_number_key", "kind"],
                condition=~Q(unit_number_key="") & Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.parcel_id} {self.kind}"

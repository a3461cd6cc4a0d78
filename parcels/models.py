"""Land and who holds it: parcels and their frozen versions, stands, certificates, rights, imports."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.gis.geos import MultiPolygon
from django.contrib.postgres.fields import DateRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from parcels.claims.queries import ClaimQuerySet, ExclusionAreaQuerySet, ProjectAreaQuerySet
from parcels.queries import ParcelQuerySet, ParcelVersionQuerySet
from portal.base.clock import PortalNow

STORAGE_SRID = 4490  # CGCS2000, longitude first; frozen by the migrations, not a setting.


class EllipsoidArea(Func):
    """``ST_Area(geom::geography)`` in m²; Django's ``Area`` would give square degrees here."""

    template = "ST_Area((%(expressions)s)::geography)"
    output_field = models.FloatField()


class RightKind(models.TextChoices):
    """The four distinct rights of a forest certificate (domain.md, "Titles and numbers")."""

    LAND_OWNERSHIP = "land_ownership", _("林地所有权")
    LAND_USE = "land_use", _("林地使用权")
    TREE_OWNERSHIP = "tree_ownership", _("林木所有权")
    TREE_USE = "tree_use", _("林木使用权")


class ImportRecord(models.Model):
    """One file taken in: the original with its hash, what was chosen, and what came of it."""

    class Purpose(models.TextChoices):
        REGISTERED = "registered", _("登记")
        STOCK = "stock", _("接管既有登记")

    class State(models.TextChoices):
        DRAFT = "draft", _("待确认")
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("正在导入")
        DONE = "done", _("已完成")
        CANCELLED = "cancelled", _("已取消")
        FAILED = "failed", _("未能导入")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(_("用途"), max_length=12, choices=Purpose)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    file_name = models.CharField(_("文件名"), max_length=255)
    file_sha256 = models.CharField(_("SHA-256"), max_length=64)
    file_bytes = models.BigIntegerField(_("大小"))
    stored_path = models.CharField(max_length=300, blank=True, default="")
    choices = models.JSONField(_("读取选项"), default=dict)
    mapping = models.JSONField(_("字段对应"), default=dict)
    survey_year = models.SmallIntegerField(_("调查年度"), null=True, blank=True)
    right_kinds = models.JSONField(_("权利种类"), default=list)
    read = models.IntegerField(_("读取"), default=0)
    imported = models.IntegerField(_("新增"), default=0)
    changed = models.IntegerField(_("变更"), default=0)
    unchanged = models.IntegerField(_("未变"), default=0)
    rejected = models.IntegerField(_("拒绝"), default=0)
    warnings = models.IntegerField(_("提示"), default=0)
    total = models.IntegerField(_("总数"), null=True, blank=True)
    cancel_wanted = models.BooleanField(default=False)
    failure_code = models.CharField(max_length=80, blank=True, default="")
    failure_message = models.TextField(blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("导入记录")
        verbose_name_plural = _("导入记录")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.file_name} {self.state}"


class ImportProblem(models.Model):
    """One feature that was rejected, or taken with a warning: row, place and reason."""

    class Severity(models.TextChoices):
        REJECTED = "rejected", _("拒绝")
        WARNING = "warning", _("提示")

    record = models.ForeignKey(ImportRecord, on_delete=models.CASCADE, related_name="problems")
    severity = models.CharField(max_length=10, choices=Severity)
    row = models.IntegerField(_("行"))
    feature_id = models.CharField(_("编号"), max_length=120, blank=True, default="")
    code = models.CharField(_("代码"), max_length=80)
    facts = models.JSONField(default=dict)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)

    class Meta:
        ordering = ["row", "id"]
        indexes = [models.Index(fields=["record", "row", "id"], name="import_problem_in_order")]

    def __str__(self) -> str:
        return f"{self.row}: {self.code}"


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


class ExclusionArea(models.Model):
    """排除范围: another programme's project, or a planned harvest (article 6).

    Frozen when written but for its status; a corrected boundary is a new row that replaces this
    one. ``period`` is days, ``[start, end + 1)``, open above where no end is known.
    """

    class Kind(models.TextChoices):
        CCER = "ccer", _("CCER 项目")
        VCS = "vcs", _("VCS 项目")
        OTHER = "other", _("其他机制项目")
        HARVEST = "harvest", _("采伐规划")

    class Method(models.TextChoices):
        CLEAR_CUT = "clear_cut", _("主伐（皆伐、择伐等）")
        TENDING = "tending", _("抚育采伐")

    class Status(models.TextChoices):
        PLANNED = "planned", _("拟申报／规划中")
        REGISTERED = "registered", _("已备案／已批准")
        ENDED = "ended", _("已结束")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("种类"), max_length=10, choices=Kind)
    method = models.CharField(_("采伐方式"), max_length=10, choices=Method, blank=True, default="")
    status = models.CharField(_("状态"), max_length=12, choices=Status)
    number = models.CharField(_("项目号或许可证号"), max_length=120)
    number_key = models.CharField(max_length=120, editable=False)
    name = models.CharField(_("名称"), max_length=200, blank=True, default="")
    period = DateRangeField(_("计入期或采伐期"))
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    geom_public = models.MultiPolygonField(
        srid=STORAGE_SRID, spatial_index=False, null=True, editable=False
    )
    area_m2 = models.GeneratedField(
        expression=EllipsoidArea("geom"), output_field=models.FloatField(), db_persist=True
    )
    source = models.CharField(_("来源文件"), max_length=255, blank=True, default="")
    source_sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    status_changed_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    replaced_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ExclusionAreaQuerySet.as_manager()

    class Meta:
        verbose_name = _("排除范围")
        verbose_name_plural = _("排除范围")
        indexes = [
            GistIndex(
                fields=["geom"],
                name="standing_exclusion_geom",
                condition=Q(replaced_at__isnull=True),
            ),
            models.Index(fields=["number_key"], name="exclusion_by_number"),
        ]
        constraints = [
            models.CheckConstraint(name="exclusion_geom_is_valid", condition=Q(geom__isvalid=True)),
            models.CheckConstraint(name="exclusion_has_a_number", condition=~Q(number_key="")),
            models.CheckConstraint(
                name="harvest_alone_has_a_method",
                condition=Q(kind="harvest", method__in=["clear_cut", "tending"])
                | (~Q(kind="harvest") & Q(method="")),
            ),
            models.CheckConstraint(
                name="exclusion_kind_and_status_are_known",
                condition=Q(kind__in=["ccer", "vcs", "other", "harvest"])
                & Q(status__in=["planned", "registered", "ended"]),
            ),
            models.CheckConstraint(
                name="exclusion_period_begins",
                condition=Q(period__isempty=False, period__lower_inf=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class ProjectArea(models.Model):
    """项目范围 (registry: project boundary): the land that a project counts carbon on."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("名称"), max_length=200)
    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="project_areas"
    )
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    objects = ProjectAreaQuerySet.as_manager()

    class Meta:
        verbose_name = _("项目范围")
        verbose_name_plural = _("项目范围")
        constraints = [
            models.CheckConstraint(name="project_area_has_a_name", condition=~Q(name=""))
        ]

    def __str__(self) -> str:
        return self.name


class ProjectAreaVersion(models.Model):
    """One shape of a project area, frozen when written: each saved edit is a newer version.

    ``geom_public`` is the generalised shape that everyone may see; the database makes it once.
    """

    class Because(models.TextChoices):
        DRAWING = "drawing", _("手工绘制")
        IMPORT = "import", _("导入")
        TITLES = "titles", _("由权属图形合成")
        CORRECTION = "correction", _("补正")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    area = models.ForeignKey(ProjectArea, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField(_("版本"))
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    geom_public = models.MultiPolygonField(
        srid=STORAGE_SRID, spatial_index=False, null=True, editable=False
    )
    area_m2 = models.GeneratedField(
        expression=EllipsoidArea("geom"), output_field=models.FloatField(), db_persist=True
    )
    because = models.CharField(_("缘由"), max_length=12, choices=Because)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("制作时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("项目范围图形版本")
        verbose_name_plural = _("项目范围图形版本")
        indexes = [GistIndex(fields=["geom"], name="project_version_geom")]
        constraints = [
            models.CheckConstraint(name="project_geom_is_valid", condition=Q(geom__isvalid=True)),
            models.UniqueConstraint(
                name="one_project_version_of_a_number", fields=["area", "number"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.area_id} v{self.number}"

    @property
    def shown_to_all(self) -> MultiPolygon:
        """The shape of public pages and papers: never the exact one, whatever is missing."""
        if self.geom_public is None:
            raise LookupError(f"{self} has no generalised shape")
        return self.geom_public


class Claim(models.Model):
    """占用: a frozen project-area version's hold on land for a monitoring period (guarantee 1).

    ``period`` is inclusive days stored as ``[start, end + 1)``. ``geom`` is the version's, copied
    by the database. The database sets every time, refuses a live claim that conflicts, and lets
    only the columns of a claim's course change: state, its end, and the mark that it was filed.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("待审定")
        LIVE = "live", _("占用中")
        ENDED = "ended", _("已终止")

    class EndedBecause(models.TextChoices):
        WITHDRAWN = "withdrawn", _("撤回申请")
        REJECTED = "rejected", _("审核不予通过")
        DISQUALIFIED = "disqualified", _("取消申报资格")
        ISSUANCE_CANCELLED = "issuance_cancelled", _("全部减排量依令注销且从未抵消")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("项目编号"), max_length=40)
    version = models.ForeignKey(ProjectAreaVersion, on_delete=models.PROTECT, related_name="claims")
    period = DateRangeField(_("监测期"))
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False, editable=False)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.PENDING)
    submitted_at = models.DateTimeField(_("提交时间"), db_default=PortalNow(), editable=False)
    live_at = models.DateTimeField(_("审定时间"), null=True, blank=True, editable=False)
    filed_at = models.DateTimeField(_("备案时间"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True, editable=False)
    ended_because = models.CharField(
        _("终止原因"), max_length=20, choices=EndedBecause, blank=True, default=""
    )
    ended_decision = models.CharField(_("终止决定文号"), max_length=120, blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("占用")
        verbose_name_plural = _("占用")
        indexes = [
            GistIndex(
                fields=["geom"],
                name="standing_claim_geom",
                condition=Q(state__in=["pending", "live"]),
            ),
            models.Index(fields=["number"], name="claim_by_number"),
        ]
        constraints = [
            models.CheckConstraint(name="claim_has_a_number", condition=~Q(number="")),
            models.CheckConstraint(
                name="claim_period_is_bounded",
                condition=Q(
                    period__isempty=False, period__lower_inf=False, period__upper_inf=False
                ),
            ),
            models.CheckConstraint(
                name="claim_state_has_its_times",
                condition=Q(
                    state="pending", live_at__isnull=True, filed_at__isnull=True,
                    ended_at__isnull=True,
                )
                | Q(state="live", live_at__isnull=False, ended_at__isnull=True)
                | Q(state="ended", ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="claim_ends_for_a_reason",
                condition=(~Q(state="ended") & Q(ended_because="", ended_decision=""))
                | Q(
                    state="ended",
                    ended_because__in=[
                        "withdrawn", "rejected", "disqualified", "issuance_cancelled",
                    ],
                ),
            ),
            models.CheckConstraint(
                name="filed_claim_ends_by_decision_only",
                condition=~Q(state="ended")
                | (Q(filed_at__isnull=True) & ~Q(ended_because="issuance_cancelled"))
                | (
                    Q(filed_at__isnull=False, ended_because="issuance_cancelled")
                    & ~Q(ended_decision="")
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.number} {self.state}"


class RuleRun(models.Model):
    """A kept run of the spatial rules; numbered, it is the uniqueness report (唯一性核查报告).

    Written once with its findings. The database hashes both together when the run is written and
    takes no finding afterwards.
    """

    class Subject(models.TextChoices):
        TITLE = "title", _("权属")
        PROJECT = "project", _("项目")

    class Stage(models.TextChoices):
        DRAW = "draw", _("绘制")
        SUBMIT = "submit", _("提交")
        REVIEW = "review", _("审核")
        ISSUE = "issue", _("制发")

    class Verdict(models.TextChoices):
        CLEAR = "clear", _("通过")
        WARNING = "warning", _("提示")
        CONFLICT = "conflict", _("冲突")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("报告编号"), max_length=24, blank=True, default="")
    subject = models.CharField(_("对象"), max_length=8, choices=Subject)
    stage = models.CharField(_("环节"), max_length=8, choices=Stage)
    certificate = models.ForeignKey(
        TitleCertificate, on_delete=models.PROTECT, null=True, related_name="rule_runs"
    )
    area_version = models.ForeignKey(
        ProjectAreaVersion, on_delete=models.PROTECT, null=True, related_name="rule_runs"
    )
    period = DateRangeField(_("监测期"), null=True)
    # What was looked at: reference and SHA-256 of each exact shape (EWKB).
    candidates = models.JSONField(default=list)
    policy_values = models.JSONField(_("政策参数"), default=dict)
    rules_sha256 = models.CharField(max_length=64)
    verdict = models.CharField(_("结论"), max_length=8, choices=Verdict)
    finding_count = models.IntegerField(_("检查发现数"))
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("检查时间"), db_default=PortalNow(), editable=False)
    content_sha256 = models.BinaryField(max_length=32, editable=False)

    class Meta:
        verbose_name = _("规则检查")
        verbose_name_plural = _("规则检查")
        constraints = [
            models.UniqueConstraint(
                name="one_uniqueness_report_of_a_number",
                fields=["number"],
                condition=~Q(number=""),
            ),
            models.CheckConstraint(
                name="rule_run_has_one_subject",
                condition=Q(subject="title", certificate__isnull=False, area_version__isnull=True)
                | Q(subject="project", certificate__isnull=True, area_version__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.key)


class Finding(models.Model):
    """检查发现: one thing that a spatial rule found, with its shape and the other side."""

    class Severity(models.TextChoices):
        INFO = "info", _("说明")
        WARNING = "warning", _("提示")
        CONFLICT = "conflict", _("冲突")

    class OtherKind(models.TextChoices):
        NONE = "", _("无")
        PARCEL = "parcel", _("宗地")
        CERTIFICATE = "certificate", _("权属证书")
        CLAIM = "claim", _("占用")
        EXCLUSION = "exclusion", _("排除范围")

    run = models.ForeignKey(RuleRun, on_delete=models.PROTECT, related_name="findings")
    candidate = models.CharField(_("检查对象"), max_length=120)
    rule = models.CharField(_("规则"), max_length=40)
    level = models.CharField(max_length=40)
    severity = models.CharField(_("程度"), max_length=8, choices=Severity)
    shape = models.GeometryField(srid=STORAGE_SRID, null=True, spatial_index=False)
    area_m2 = models.FloatField(_("面积"), null=True)
    mean_width_m = models.FloatField(_("平均宽度"), null=True)
    other_kind = models.CharField(max_length=12, choices=OtherKind, blank=True, default="")
    other_key = models.UUIDField(null=True)
    other_number = models.CharField(_("对方编号"), max_length=120, blank=True, default="")
    facts = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("检查发现")
        verbose_name_plural = _("检查发现")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.rule} {self.severity} {self.other_number}"


# Django finds a package's tables through this module.
from parcels.drawing.models import DrawingDraft, PickedParcel  # noqa: E402, F401

# Tables of the app's other rooms.
from parcels.exports.models import BoundaryExport as BoundaryExport  # noqa: E402, PLC0414
from parcels.exports.models import LandRead as LandRead  # noqa: E402, PLC0414
from parcels.imports.models import Takeover as Takeover  # noqa: E402, PLC0414
from parcels.imports.models import TakeoverConflict as TakeoverConflict  # noqa: E402, PLC0414
from parcels.reviews.models import BoundaryMessage as BoundaryMessage  # noqa: E402, PLC0414
from parcels.reviews.models import ParcelLineage as ParcelLineage  # noqa: E402, PLC0414
from parcels.reviews.models import ReviewShape as ReviewShape  # noqa: E402, PLC0414
from parcels.reviews.models import SideCheck as SideCheck  # noqa: E402, PLC0414
from parcels.reviews.models import TitleReview as TitleReview  # noqa: E402, PLC0414
from parcels.screening.models import BulkScreening as BulkScreening  # noqa: E402, PLC0414

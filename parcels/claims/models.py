"""Project areas, what they hold, and what excludes them."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.gis.geos import MultiPolygon
from django.contrib.postgres.fields import DateRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from parcels.claims.queries import ClaimQuerySet, ExclusionAreaQuerySet, ProjectAreaQuerySet
from parcels.measures import EllipsoidArea
from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID


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

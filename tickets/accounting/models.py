"""Methods and parameters as versioned data; reports with their strata, species, plots and files."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from parcels.measures import EllipsoidArea
from portal.base.clock import PortalNow
from tickets.accounting.queries import ReportQuerySet, VersionedQuerySet

STORAGE_SRID = 4490  # CGCS2000, longitude first; frozen by the migrations, not a setting.


class Standing(models.TextChoices):
    """How well founded a value is."""

    USUAL = "usual", _("通用（待确认）")
    DERIVED = "derived", _("据研究推算")
    PROXY = "proxy", _("近似树种代用")
    APPROVED = "approved", _("主管部门批准")


class Versioned(models.Model):
    """Data that decides tonnes: a change is a newer version, and the database hashes each."""

    code = models.CharField(_("代码"), max_length=40)
    version = models.IntegerField(_("版本"))
    name = models.CharField(_("名称"), max_length=200)
    source = models.TextField(_("来源"))
    approver = models.CharField(_("批准单位"), max_length=200)
    valid_from = models.DateField(_("生效日期"))
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    content_sha256 = models.BinaryField(max_length=32, editable=False)
    made_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    made_at = models.DateTimeField(_("发布时间"), db_default=PortalNow(), editable=False)

    objects = VersionedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(name="one_%(class)s_of_a_version", fields=["code", "version"]),
            models.CheckConstraint(
                name="%(class)s_ends_after_it_begins",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
            ),
            models.CheckConstraint(
                name="%(class)s_has_source_and_approver",
                condition=~Q(code="") & ~Q(name="") & ~Q(source="") & ~Q(approver=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def sha256(self) -> str:
        return bytes(self.content_sha256).hex()


class Method(Versioned):
    """核算方法: the accounting guide (articles 2 and 4) as the bureau has approved it."""

    equations = models.TextField(_("公式"))
    # Fruit orchards (经济林): the method version decides (domain.md).
    counts_orchards = models.BooleanField(_("经济林可计入"), default=False)

    class Meta(Versioned.Meta):
        verbose_name = _("核算方法")
        verbose_name_plural = _("核算方法")


class ParameterSet(Versioned):
    """参数集: the four factors of one species. Sets of one ``group`` are each other's alternatives."""

    group = models.CharField(_("树种组"), max_length=40)
    # What forest inventories call the species; the first set in rank that names it is proposed.
    species_names = ArrayField(models.CharField(max_length=40), verbose_name=_("适用树种名"))
    rank = models.SmallIntegerField(_("推荐次序"), default=1)
    wood_density_t_per_m3 = models.DecimalField(_("D（t/m³）"), max_digits=7, decimal_places=4)
    expansion_factor = models.DecimalField(_("BEF"), max_digits=7, decimal_places=4)
    root_ratio = models.DecimalField(_("R"), max_digits=7, decimal_places=4)
    carbon_fraction = models.DecimalField(_("CF"), max_digits=7, decimal_places=4)
    standing = models.CharField(_("依据程度"), max_length=10, choices=Standing)
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta(Versioned.Meta):
        verbose_name = _("参数集")
        verbose_name_plural = _("参数集")
        constraints = [
            *Versioned.Meta.constraints,
            models.CheckConstraint(
                name="factors_are_possible",
                condition=Q(wood_density_t_per_m3__gt=0, wood_density_t_per_m3__lt=2)
                & Q(expansion_factor__gte=1, expansion_factor__lt=10)
                & Q(root_ratio__gte=0, root_ratio__lt=5)
                & Q(carbon_fraction__gt=0, carbon_fraction__lt=1),
            ),
        ]


class BiomassEquation(Versioned):
    """单木生物量方程: ln W = a + b·ln D + c·ln H (kg, cm, m), above ground."""

    group = models.CharField(_("树种组"), max_length=40)
    a = models.DecimalField(max_digits=9, decimal_places=5)
    b = models.DecimalField(max_digits=9, decimal_places=5)
    c = models.DecimalField(max_digits=9, decimal_places=5, default=0)
    diameter_cm_min = models.DecimalField(_("胸径下限（cm）"), max_digits=6, decimal_places=1)
    diameter_cm_max = models.DecimalField(_("胸径上限（cm）"), max_digits=6, decimal_places=1)
    standing = models.CharField(_("依据程度"), max_length=10, choices=Standing)

    class Meta(Versioned.Meta):
        verbose_name = _("单木生物量方程")
        verbose_name_plural = _("单木生物量方程")
        constraints = [
            *Versioned.Meta.constraints,
            models.CheckConstraint(
                name="equation_has_a_range_of_diameters",
                condition=Q(diameter_cm_min__gt=0, diameter_cm_max__gt=F("diameter_cm_min")),
            ),
        ]


class AccountingReport(models.Model):
    """监测核算报告: one version of one calculation on one frozen project area.

    A draft moves; a signed version never changes (a trigger), a change makes the next version of
    the ``series``. ``revision`` counts the writes of a draft, so that two windows notice each other.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("编制中")
        SIGNED = "signed", _("已签署")

    class Basis(models.TextChoices):
        STATED = "stated", _("报告所载")
        PLOTS = "plots", _("由样地计算")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    series = models.UUIDField(default=uuid.uuid4, editable=False)
    version = models.IntegerField(_("版本"), default=1)
    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion", on_delete=models.PROTECT, related_name="accounting_reports"
    )
    # The application that the report is made for; none for a trial calculation.
    application = models.ForeignKey(
        "projects.Application",
        on_delete=models.PROTECT,
        null=True,
        related_name="accounting_reports",
    )
    period = DateRangeField(_("监测期"))
    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="reports")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.DRAFT)
    revision = models.IntegerField(default=1)
    verifier = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="reports_entrusted"
    )
    baseline_t = models.DecimalField(_("基线（tCO₂）"), max_digits=16, decimal_places=4, default=0)
    leakage_t = models.DecimalField(_("泄漏（tCO₂）"), max_digits=16, decimal_places=4, default=0)
    deficit_brought_t = models.DecimalField(
        _("上期结转亏缺（tCO₂）"), max_digits=20, decimal_places=8, default=0
    )
    basis_note = models.TextField(_("基线与泄漏的依据"), blank=True, default="")
    uncertainty_basis = models.CharField(
        _("不确定性"), max_length=8, choices=Basis, default=Basis.STATED
    )
    uncertainty_stated_percent = models.DecimalField(
        _("不确定性（%）"), max_digits=8, decimal_places=4, null=True, blank=True
    )
    explanation = models.TextField(_("对提示的说明"), blank=True, default="")
    quantity_t_reported = models.BigIntegerField(_("报告所载减排量（吨）"), null=True, blank=True)
    opened_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("编制时间"), db_default=PortalNow(), editable=False)
    signed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="reports_signed"
    )
    signed_at = models.DateTimeField(_("签署时间"), null=True, blank=True, editable=False)
    # What was signed, as canonical JSON with every input and intermediate value, and its hash.
    content = models.TextField(null=True, editable=False)
    content_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    parameters_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    quantity_kg_calculated = models.BigIntegerField(_("核算减排量（千克）"), null=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("监测核算报告")
        verbose_name_plural = _("监测核算报告")
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["series", "-version"], name="report_by_series")]
        constraints = [
            models.UniqueConstraint(name="one_report_of_a_version", fields=["series", "version"]),
            models.UniqueConstraint(
                name="one_draft_per_series", fields=["series"], condition=Q(state="draft")
            ),
            models.CheckConstraint(
                name="report_period_is_bounded",
                condition=Q(period__isempty=False)
                & Q(period__lower_inf=False)
                & Q(period__upper_inf=False),
            ),
            models.CheckConstraint(
                name="terms_are_not_negative",
                condition=Q(baseline_t__gte=0, leakage_t__gte=0, deficit_brought_t__gte=0),
            ),
            models.CheckConstraint(
                name="uncertainty_is_a_percentage",
                condition=Q(uncertainty_stated_percent__isnull=True)
                | Q(uncertainty_stated_percent__gte=0, uncertainty_stated_percent__lte=1000),
            ),
            models.CheckConstraint(
                name="reported_tonnes_are_not_negative",
                condition=Q(quantity_t_reported__isnull=True)
                | Q(quantity_t_reported__gte=0, quantity_t_reported__lte=10**9),
            ),
            models.CheckConstraint(
                name="signed_report_is_whole",
                condition=Q(
                    state="draft",
                    signed_at__isnull=True,
                    signed_by__isnull=True,
                    content_sha256__isnull=True,
                    quantity_kg_calculated__isnull=True,
                )
                | Q(
                    state="signed",
                    signed_at__isnull=False,
                    signed_by=F("verifier"),
                    content__isnull=False,
                    content_sha256__isnull=False,
                    parameters_sha256__isnull=False,
                    quantity_t_reported__isnull=False,
                    quantity_kg_calculated__gte=0,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.area_version.area.name} v{self.version}"


class Stratum(models.Model):
    """碳层: a part of the project area whose trees are alike.

    The database measures ``area_ha_counted`` from the map, to the square metre: where a title's
    certificate names less than the map shows, its part counts on the smaller (domain.md).
    """

    class Origin(models.TextChoices):
        NATURAL = "natural", _("天然")
        PLANTED = "planted", _("人工")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    report = models.ForeignKey(AccountingReport, on_delete=models.PROTECT, related_name="strata")
    code = models.CharField(_("碳层号"), max_length=20)
    origin = models.CharField(_("起源"), max_length=8, choices=Origin)
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False)
    area_m2 = models.GeneratedField(
        expression=EllipsoidArea("geom"), output_field=models.FloatField(), db_persist=True
    )
    area_ha_counted = models.DecimalField(
        _("计量面积（公顷）"), max_digits=12, decimal_places=4, db_default=0, editable=False
    )
    stands = models.ManyToManyField("parcels.Stand", related_name="+")

    class Meta:
        verbose_name = _("碳层")
        verbose_name_plural = _("碳层")
        ordering = ["id"]
        indexes = [GistIndex(fields=["geom"], name="stratum_geom")]
        constraints = [
            models.UniqueConstraint(name="one_stratum_of_a_code", fields=["report", "code"]),
            models.CheckConstraint(name="stratum_has_a_code", condition=~Q(code="")),
            models.CheckConstraint(name="stratum_geom_is_valid", condition=Q(geom__isvalid=True)),
        ]

    def __str__(self) -> str:
        return self.code


_PER_HECTARE = Case(
    When(volume_unit="mu", then=Value(15)), default=Value(1), output_field=models.IntegerField()
)


class StratumSpecies(models.Model):
    """One species of a stratum (several in a mixed stand), with its stock at both dates.

    By volume, as it was typed and in m³/ha; or by the above-ground biomass of measured trees.
    """

    class Basis(models.TextChoices):
        VOLUME = "volume", _("蓄积")
        TREES = "trees", _("每木检尺")

    class Unit(models.TextChoices):
        HECTARE = "ha", _("立方米/公顷")
        MU = "mu", _("立方米/亩")

    stratum = models.ForeignKey(Stratum, on_delete=models.PROTECT, related_name="species")
    parameter_set = models.ForeignKey(ParameterSet, on_delete=models.PROTECT, related_name="+")
    basis = models.CharField(_("依据"), max_length=8, choices=Basis, default=Basis.VOLUME)
    volume_unit = models.CharField(_("单位"), max_length=2, choices=Unit, default=Unit.HECTARE)
    volume_begin = models.DecimalField(_("期初蓄积"), max_digits=10, decimal_places=4, null=True)
    volume_end = models.DecimalField(_("期末蓄积"), max_digits=10, decimal_places=4, null=True)
    volume_begin_m3_per_ha = models.GeneratedField(
        expression=F("volume_begin") * _PER_HECTARE,
        output_field=models.DecimalField(max_digits=12, decimal_places=4),
        db_persist=True,
    )
    volume_end_m3_per_ha = models.GeneratedField(
        expression=F("volume_end") * _PER_HECTARE,
        output_field=models.DecimalField(max_digits=12, decimal_places=4),
        db_persist=True,
    )
    equation = models.ForeignKey(
        BiomassEquation, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Wide: nothing is rounded between the trees and the tonnes but past what was measured.
    biomass_begin_t_per_ha = models.DecimalField(max_digits=34, decimal_places=24, null=True)
    biomass_end_t_per_ha = models.DecimalField(max_digits=34, decimal_places=24, null=True)

    class Meta:
        verbose_name = _("碳层树种")
        verbose_name_plural = _("碳层树种")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="one_row_of_a_species_in_a_stratum", fields=["stratum", "parameter_set"]
            ),
            models.CheckConstraint(
                name="volume_is_not_negative",
                condition=(Q(volume_begin__isnull=True) | Q(volume_begin__gte=0))
                & (Q(volume_end__isnull=True) | Q(volume_end__gte=0)),
            ),
            models.CheckConstraint(
                name="species_has_one_basis",
                condition=Q(
                    basis="volume",
                    equation__isnull=True,
                    biomass_begin_t_per_ha__isnull=True,
                    biomass_end_t_per_ha__isnull=True,
                )
                | Q(
                    basis="trees",
                    equation__isnull=False,
                    biomass_begin_t_per_ha__gte=0,
                    biomass_end_t_per_ha__gte=0,
                    volume_begin__isnull=True,
                    volume_end__isnull=True,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stratum_id} {self.parameter_set_id}"


class PlotMeasurement(models.Model):
    """One species on one sample plot at the end of the period: volume, or biomass of its trees."""

    stratum = models.ForeignKey(Stratum, on_delete=models.PROTECT, related_name="plots")
    plot_number = models.CharField(_("样地号"), max_length=40)
    parameter_set = models.ForeignKey(ParameterSet, on_delete=models.PROTECT, related_name="+")
    volume_m3_per_ha = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    biomass_t_per_ha = models.DecimalField(max_digits=34, decimal_places=24, null=True)

    class Meta:
        verbose_name = _("样地")
        verbose_name_plural = _("样地")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="one_row_of_a_species_on_a_plot",
                fields=["stratum", "plot_number", "parameter_set"],
            ),
            models.CheckConstraint(
                name="plot_has_one_value",
                condition=Q(volume_m3_per_ha__gte=0, biomass_t_per_ha__isnull=True)
                | Q(volume_m3_per_ha__isnull=True, biomass_t_per_ha__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.plot_number


class ReportFile(models.Model):
    """A file behind a report, kept under its hash: the plots, the trees, the uploaded report."""

    class Kind(models.TextChoices):
        PLOTS = "plots", _("样地数据")
        TREES = "trees", _("每木检尺数据")
        REPORT = "report", _("核算报告")

    report = models.ForeignKey(AccountingReport, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(_("种类"), max_length=8, choices=Kind)
    name = models.CharField(_("文件名"), max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    stored_path = models.CharField(max_length=200)
    added_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("报告文件")
        verbose_name_plural = _("报告文件")
        constraints = [
            models.UniqueConstraint(name="one_file_of_a_kind", fields=["report", "kind"])
        ]

    def __str__(self) -> str:
        return self.name

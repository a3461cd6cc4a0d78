"""From a drawn area to a filing: projects, applications with their materials, what was signed."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db.models import F, Q, Value
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID

KG_PER_TONNE = 1000


class Project(models.Model):
    """项目: land on which somebody grows carbon, through one monitoring period after another."""

    class Type(models.TextChoices):
        PLANTING = "planting", _("造林")
        TENDING = "tending", _("森林抚育经营")
        RESTORATION = "restoration", _("退化林修复")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("项目编号"), max_length=24, unique=True)
    name = models.CharField(_("项目名称"), max_length=200)
    applicant = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="projects", verbose_name=_("业主")
    )
    type = models.CharField(_("项目类型"), max_length=12, choices=Type)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("项目")
        verbose_name_plural = _("项目")
        constraints = [models.CheckConstraint(name="project_has_a_name", condition=~Q(name=""))]

    def __str__(self) -> str:
        return self.number


class Application(models.Model):
    """申请: one project area and one monitoring period put forward for filing (articles 7 and 8)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("填报中")
        SUBMITTED = "submitted", _("审核中")
        RETURNED = "returned", _("待补正")
        DETERMINED = "determined", _("已审定")
        FILED = "filed", _("已备案签发")
        REJECTED = "rejected", _("不予通过")
        WITHDRAWN = "withdrawn", _("已撤回")
        DISQUALIFIED = "disqualified", _("已取消申报资格")
        DISCARDED = "discarded", _("已作废")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="applications")
    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
    )
    period = DateRangeField(_("监测期"), null=True, blank=True)
    state = models.CharField(_("状态"), max_length=12, choices=State, default=State.DRAFT)
    case = models.OneToOneField(
        "casework.ReviewCase", on_delete=models.PROTECT, null=True, related_name="application"
    )
    claim = models.OneToOneField(
        "parcels.Claim", on_delete=models.PROTECT, null=True, related_name="application"
    )
    share_denominator = models.IntegerField(_("份额分母"), default=10_000)
    # Counts the saves of the draft: a second tab is told that the first one saved.
    revision = models.IntegerField(default=0)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    submitted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("申请")
        verbose_name_plural = _("申请")
        indexes = [models.Index(fields=["state", "-submitted_at"], name="applications_by_state")]
        constraints = [
            models.CheckConstraint(
                name="application_period_is_bounded",
                condition=Q(period__isnull=True)
                | Q(period__isempty=False, period__lower_inf=False, period__upper_inf=False),
            ),
            models.CheckConstraint(
                name="submitted_application_is_whole",
                condition=Q(state__in=["draft", "discarded"])
                | Q(
                    area_version__isnull=False,
                    period__isnull=False,
                    case__isnull=False,
                    claim__isnull=False,
                    submitted_at__isnull=False,
                    submitted_by__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="share_denominator_is_positive", condition=Q(share_denominator__gt=0)
            ),
            ExclusionConstraint(
                name="one_application_per_project_and_period",
                expressions=[
                    ("project", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                ],
                condition=Q(state__in=["submitted", "returned", "determined", "filed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project_id} {self.period} {self.state}"


# In which what belongs to an application may be changed by who applies.
OPEN_STATES = (Application.State.DRAFT, Application.State.RETURNED)


class ApplicationShare(models.Model):
    """A co-owner's part in the tonnes: a numerator over the application's denominator.

    The shares of an application are none or sum to the denominator (deferred trigger). Each
    co-owner consents for himself, to the terms as they stand: ``consented_to`` is their digest
    (``checklist.terms_of``), and other terms have to be asked for again.
    """

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="shares")
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    numerator = models.IntegerField(_("份额"))
    consented_at = models.DateTimeField(_("同意时间"), null=True, blank=True)
    consented_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    consented_to = models.CharField(max_length=64, blank=True, default="", editable=False)
    # Consent on paper, for who has no account.
    consent_document = models.ForeignKey(
        "casework.Document", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("份额")
        verbose_name_plural = _("份额")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_share_per_party_in_an_application", fields=["application", "party"]
            ),
            models.CheckConstraint(
                name="application_share_is_positive", condition=Q(numerator__gt=0)
            ),
            models.CheckConstraint(
                name="consent_is_whole_or_absent",
                condition=Q(consented_at__isnull=True, consented_by__isnull=True, consented_to="")
                | (Q(consented_at__isnull=False, consented_by__isnull=False) & ~Q(consented_to="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party_id} {self.numerator}"


class ApplicationTitle(models.Model):
    """A verified certificate that the application rests on: linked, not only scanned."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="titles")
    certificate = models.ForeignKey(
        "parcels.TitleCertificate", on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_link_per_application_and_title", fields=["application", "certificate"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.certificate_id}"


class Measure(models.Model):
    """A dated measure of the approved design, at its place on the map (article 4)."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="measures")
    name = models.CharField(_("措施"), max_length=100)
    done_from = models.DateField(_("起"))
    done_to = models.DateField(_("止"))
    place = models.GeometryField(
        _("位置"), srid=STORAGE_SRID, null=True, blank=True, spatial_index=False
    )

    class Meta:
        verbose_name = _("项目措施")
        verbose_name_plural = _("项目措施")
        ordering = ["done_from", "pk"]
        constraints = [
            models.CheckConstraint(
                name="measure_ends_after_it_begins", condition=Q(done_to__gte=F("done_from"))
            )
        ]

    def __str__(self) -> str:
        return self.name


class Material(models.Model):
    """One of the seven materials of article 7, in one version; the newest counts.

    ``checked`` are the items of its checklist that the clerk ticked; ``confirmed_by`` is the clerk.
    """

    class Kind(models.TextChoices):
        REGISTRATION = "registration", _("林业碳票制发登记申请表")
        IDENTITY = "identity", _("业主身份证明")
        TITLES = "titles", _("林地、林木权属证明")
        DESIGN = "design", _("经批复的项目设计")
        REPORT = "report", _("减排量监测核算报告")
        AGREEMENT = "agreement", _("碳汇收益分配协议")
        COMMITMENT = "commitment", _("唯一性和真实性承诺书")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="materials")
    kind = models.CharField(_("材料"), max_length=12, choices=Kind)
    version = models.IntegerField(_("版本"))
    document = models.ForeignKey(
        "casework.Document", on_delete=models.PROTECT, null=True, related_name="+"
    )
    # What the material says of the data it was made from; another hash means it is out of date.
    content_sha256 = models.CharField(max_length=64)
    signed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    signed_at = models.DateTimeField(_("签署时间"), null=True, blank=True)
    added_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    checked = ArrayField(models.CharField(max_length=40), default=list)
    confirmed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(_("核对时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("申报材料")
        verbose_name_plural = _("申报材料")
        ordering = ["kind", "version"]
        constraints = [
            models.UniqueConstraint(
                name="one_material_of_a_kind_and_version",
                fields=["application", "kind", "version"],
            ),
            models.CheckConstraint(
                name="nobody_confirms_an_own_material",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("added_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.kind} v{self.version}"


class AccountingResult(models.Model):
    """What a signed accounting report came to. Append-only: a new report is a newer row."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="accounting_results"
    )
    report_key = models.UUIDField()
    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("核算范围"),
    )
    period = DateRangeField(_("核算监测期"))
    report_sha256 = models.CharField(max_length=64)
    quantity_kg_calculated = models.BigIntegerField(_("核算减排量（千克）"))
    quantity_kg_reported = models.BigIntegerField(_("报告载明减排量（千克）"))
    method_code = models.CharField(_("核算方法"), max_length=60)
    method_version = models.CharField(_("方法版本"), max_length=40)
    parameters_sha256 = models.CharField(max_length=64)
    verifier = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="+", verbose_name=_("核算机构")
    )
    signed_at = models.DateTimeField(_("签署时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("核算结果")
        verbose_name_plural = _("核算结果")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="accounting_quantities_are_not_negative",
                condition=Q(quantity_kg_calculated__gte=0, quantity_kg_reported__gte=0),
            )
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.quantity_kg_calculated}"

    @property
    def tonnes_calculated(self) -> int:
        return self.quantity_kg_calculated // KG_PER_TONNE

    @property
    def tonnes_reported(self) -> int:
        return self.quantity_kg_reported // KG_PER_TONNE


class Disqualification(models.Model):
    """取消申报资格: a decision of its own on false materials (article 7), with a hearing.

    It bars one application, or the party from applying until a day. In force from ``decided_at``.
    """

    class Scope(models.TextChoices):
        APPLICATION = "application", _("本次申请")
        PARTY = "party", _("该业主")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="disqualifications"
    )
    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="disqualifications"
    )
    scope = models.CharField(_("范围"), max_length=12, choices=Scope)
    until = models.DateField(_("至"), null=True, blank=True)
    grounds = models.TextField(_("事实和理由"))
    hearing_on = models.DateField(_("听证日期"))
    hearing_record = models.TextField(_("陈述申辩及听证情况"))
    case = models.OneToOneField("casework.ReviewCase", on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("取消申报资格")
        verbose_name_plural = _("取消申报资格")
        constraints = [
            models.CheckConstraint(
                name="party_is_barred_until_a_day",
                condition=Q(scope="application", until__isnull=True)
                | Q(scope="party", until__isnull=False),
            ),
            models.CheckConstraint(
                name="disqualification_says_why",
                condition=~Q(grounds="") & ~Q(hearing_record=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.scope}"


class Filing(models.Model):
    """备案签发: the ecology bureau's signature under a number of tonnes. Append-only.

    ``content_sha256`` is of the canonical JSON that was signed (``signing.content_of``).
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("备案号"), max_length=24, unique=True)
    code = models.CharField(_("校验码"), max_length=26, unique=True)
    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="filing")
    quantity_kg = models.BigIntegerField(_("签发减排量（千克）"))
    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion", on_delete=models.PROTECT, related_name="filings"
    )
    period = DateRangeField(_("监测期"))
    accounting_result = models.ForeignKey(
        AccountingResult, on_delete=models.PROTECT, related_name="filings"
    )
    uniqueness_report = models.ForeignKey(
        "parcels.RuleRun", on_delete=models.PROTECT, related_name="filings"
    )
    method_code = models.CharField(_("核算方法"), max_length=60)
    method_version = models.CharField(_("方法版本"), max_length=40)
    parameters_sha256 = models.CharField(max_length=64)
    regulation = models.ForeignKey("casework.Regulation", on_delete=models.PROTECT)
    prepared_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(_("签发时间"))
    content_sha256 = models.CharField(max_length=64)
    signature = models.BinaryField()
    signature_algorithm = models.CharField(_("签名算法"), max_length=20)
    signing_key_id = models.CharField(_("密钥"), max_length=20)

    class Meta:
        verbose_name = _("备案签发")
        verbose_name_plural = _("备案签发")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="filing_is_of_whole_tonnes",
                condition=Q(quantity_kg__gt=0)
                & Q(Exact(Mod(F("quantity_kg"), KG_PER_TONNE), Value(0))),
            ),
            models.CheckConstraint(
                name="filing_signer_did_not_prepare",
                condition=~Q(signed_by=F("prepared_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.number

"""Offsets (articles 11, 12, 14, 17): what is asked, for whom, and the certificate's facts."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.identity import masked_name
from portal.base.clock import PortalNow


class Purpose(models.TextChoices):
    """What the emissions came from."""

    ORGANISATION_YEAR = "organisation_year", _("单位年度排放")
    EVENT = "event", _("大型活动")
    VISITORS = "visitors", _("景区游客")
    PERSON = "person", _("个人")
    ECO_JUSTICE = "eco_justice", _("生态司法")


# Purposes whose name is a body's, an event's or a place's; others name a natural person.
OF_BODIES = (Purpose.ORGANISATION_YEAR, Purpose.EVENT, Purpose.ECO_JUSTICE)


class Beneficiary(models.Model):
    """受益名称: a name that certificates may print, reviewed by ecology before it does."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待审核")
        ACCEPTED = "accepted", _("可用")
        REFUSED = "refused", _("不予使用")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("名称"), max_length=100)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    proposed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="names_proposed"
    )
    proposed_at = models.DateTimeField(_("提出时间"), db_default=PortalNow(), editable=False)
    reviewed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="names_reviewed"
    )
    reviewed_at = models.DateTimeField(_("审核时间"), null=True)
    reason = models.CharField(_("理由"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("受益名称")
        verbose_name_plural = _("受益名称")
        constraints = [
            models.UniqueConstraint(
                name="one_standing_beneficiary_of_a_name",
                fields=["name"],
                condition=~Q(state="refused"),
            ),
            models.CheckConstraint(name="beneficiary_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="beneficiary_is_reviewed_by_somebody",
                condition=Q(state="waiting", reviewed_by__isnull=True)
                | (~Q(state="waiting") & Q(reviewed_by__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EmissionFactor(models.Model):
    """A factor of the estimate: kilograms of CO₂ a unit, with its source; a change is a newer row."""

    code = models.CharField(_("代码"), max_length=30)
    version = models.IntegerField(_("版本"))
    label = models.CharField(_("名称"), max_length=80)
    unit = models.CharField(_("单位"), max_length=20)
    kg_per_unit = models.DecimalField(_("每单位排放（千克）"), max_digits=12, decimal_places=6)
    source = models.TextField(_("来源"))
    valid_from = models.DateField(_("生效日期"))
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("排放因子")
        verbose_name_plural = _("排放因子")
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(name="one_factor_of_a_version", fields=["code", "version"]),
            models.CheckConstraint(name="factor_is_positive", condition=Q(kg_per_unit__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class OffsetFacts(models.Model):
    """What request and certificate both say."""

    ticket = models.ForeignKey("registry.CarbonTicket", on_delete=models.PROTECT, related_name="+")
    quantity_kg = models.BigIntegerField(_("数量（千克）"))
    purpose = models.CharField(_("用途"), max_length=18, choices=Purpose)
    beneficiary = models.ForeignKey(Beneficiary, on_delete=models.PROTECT, related_name="+")
    year = models.SmallIntegerField(_("年度"), null=True)
    event_name = models.CharField(_("活动名称"), max_length=120, blank=True, default="")
    place = models.CharField(_("地点"), max_length=120, blank=True, default="")
    begins_on = models.DateField(_("起"), null=True)
    ends_on = models.DateField(_("止"), null=True)
    headcount = models.IntegerField(_("人数"), null=True)
    # Of an eco-justice case: who decided, under which number.
    authority = models.CharField(_("决定机关"), max_length=120, blank=True, default="")
    document_number = models.CharField(_("文号"), max_length=120, blank=True, default="")

    class Meta:
        abstract = True


def facts_constraints(prefix: str) -> list[models.BaseConstraint]:
    """What each purpose must say, in the request and in the certificate alike."""
    return [
        models.CheckConstraint(name=f"{prefix}_is_positive", condition=Q(quantity_kg__gt=0)),
        models.CheckConstraint(
            name=f"{prefix}_says_its_purpose",
            condition=Q(purpose="organisation_year", year__isnull=False)
            | (
                Q(purpose="event", begins_on__isnull=False, ends_on__isnull=False)
                & Q(ends_on__gte=F("begins_on"))
                & ~Q(event_name="")
                & ~Q(place="")
            )
            | (Q(purpose="visitors", year__isnull=False) & ~Q(place=""))
            | Q(purpose="person")
            | (Q(purpose="eco_justice") & ~Q(authority="") & ~Q(document_number="")),
        ),
    ]


class OffsetRequest(OffsetFacts):
    """抵消申请: the holder asks ecology; a clerk prepares, the signer decides."""

    class State(models.TextChoices):
        ASKED = "asked", _("待受理")
        PREPARED = "prepared", _("待签发")
        SIGNED = "signed", _("已抵消")
        REFUSED = "refused", _("不予抵消")
        WITHDRAWN = "withdrawn", _("已撤回")

    OPEN = (State.ASKED, State.PREPARED)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(_("状态"), max_length=9, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="offsets_asked"
    )
    asked_at = models.DateTimeField(_("申请时间"), db_default=PortalNow(), editable=False)
    prepared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    prepared_at = models.DateTimeField(_("受理时间"), null=True)
    opinion = models.TextField(_("经办意见"), blank=True, default="")
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("决定时间"), null=True)
    reason = models.TextField(_("理由"), blank=True, default="")

    class Meta:
        verbose_name = _("抵消申请")
        verbose_name_plural = _("抵消申请")
        indexes = [
            models.Index(
                fields=["asked_at"],
                name="offset_requests_waiting",
                condition=Q(state__in=["asked", "prepared"]),
            )
        ]
        constraints = [
            *facts_constraints("offset_request"),
            models.CheckConstraint(
                name="who_prepared_an_offset_does_not_sign_it",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("prepared_by")),
            ),
            models.CheckConstraint(
                name="signed_offset_was_prepared",
                condition=~Q(state="signed")
                | Q(prepared_by__isnull=False, decided_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.quantity_kg} kg {self.state}"


class OffsetConsent(models.Model):
    """An owner of the ticket agrees to the offset, by somebody whose mandate reaches so far."""

    request = models.ForeignKey(OffsetRequest, on_delete=models.PROTECT, related_name="consents")
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    given_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("抵消同意")
        verbose_name_plural = _("抵消同意")

    def __str__(self) -> str:
        return f"{self.request_id} {self.party_id}"


class Offset(OffsetFacts):
    """抵消凭证: kilograms retired for good, with what the bureau signed. Append-only."""

    cause = models.OneToOneField(
        "registry.Cause", on_delete=models.PROTECT, primary_key=True, related_name="offset"
    )
    number = models.CharField(_("凭证编号"), max_length=24, unique=True)
    code = models.CharField(_("查验码"), max_length=26, unique=True)
    request = models.OneToOneField(
        OffsetRequest, on_delete=models.PROTECT, null=True, related_name="offset"
    )
    signed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(_("签发时间"))
    content_sha256 = models.CharField(max_length=64)
    signature = models.BinaryField()
    signature_algorithm = models.CharField(_("签名算法"), max_length=20)
    signing_key_id = models.CharField(_("密钥"), max_length=20)

    class Meta:
        verbose_name = _("抵消凭证")
        verbose_name_plural = _("抵消凭证")
        ordering = ["-signed_at"]
        constraints = facts_constraints("offset")

    def __str__(self) -> str:
        return self.number

    @property
    def public_name(self) -> str:
        """As everyone may see it: 张* for a person, and for a visitor who bought at a counter."""
        if self.purpose in OF_BODIES or (self.purpose == Purpose.VISITORS and self.request_id):
            return self.beneficiary.name
        return masked_name(self.beneficiary.name)


class CertificatePaper(models.Model):
    """The very bytes of a certificate, as it was first given out."""

    offset = models.OneToOneField(
        Offset, on_delete=models.PROTECT, primary_key=True, related_name="paper"
    )
    pdf = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("凭证文件")
        verbose_name_plural = _("凭证文件")

    def __str__(self) -> str:
        return str(self.offset_id)

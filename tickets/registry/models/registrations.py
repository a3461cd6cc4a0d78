"""Requests for registration: prepared by a clerk, confirmed by an approver, then written."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.accounts.models import Department
from portal.base.clock import PortalNow
from tickets.registry.models.grounds import (
    Cancellation,
    FreezeOrder,
    LossNotice,
    LossObjection,
    Pledge,
)
from tickets.registry.models.ledger import CarbonTicket, Issuance


class NumberKey(models.Func):
    """A document's number in its one spelling: letters and digits, whose groups stay apart."""

    function = "registry_number_key"
    output_field = models.TextField()


class Registration(models.Model):
    """登记申请: one act that a clerk has prepared; the approver's decision writes the ledger."""

    class Kind(models.TextChoices):
        ISSUE = "issue", _("制发碳票")
        SALE = "sale", _("买卖转移")
        GIFT = "gift", _("赠与转移")
        INHERITANCE = "inheritance", _("继承转移")
        MERGER = "merger", _("公司合并转移")
        COMPANY_DIVISION = "company_division", _("公司分立转移")
        COURT = "court", _("司法裁判转移")
        DIVIDE = "divide", _("碳票分割")
        PLEDGE = "pledge", _("质押登记")
        RELEASE = "release", _("解押登记")
        ENFORCE = "enforce", _("实现质权")
        FREEZE = "freeze", pgettext_lazy("register", "冻结")
        LIFT = "lift", _("解冻")
        CANCEL = "cancel", _("核减注销")
        LOSS = "loss", _("挂失")
        SETTLE = "settle", _("挂失异议处理")
        REISSUE = "reissue", _("补发")
        CORRECT = "correct", _("更正")
        CHANGE = "change", _("权利人信息或共有性质变更")
        RENUMBER = "renumber", _("权利人证件号码变更")
        CLOSE = "close", _("用尽注销")
        END_CLAIM = "end_claim", _("终止土地占用")
        SUCCESSION = "succession", _("主体承继")

    class State(models.TextChoices):
        PREPARED = "prepared", _("待审批")
        APPROVED = "approved", _("已登记")
        REJECTED = "rejected", _("不予登记")

    class Paper(models.TextChoices):
        ELECTRONIC = "", _("无纸质碳票")
        SURRENDERED = "surrendered", _("纸质碳票已交回")
        MARKED = "marked", _("纸质碳票已标记")
        LOST = "lost", _("纸质碳票声明遗失")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("事项"), max_length=16, choices=Kind)
    department = models.CharField(_("办理部门"), max_length=20, choices=Department)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.PREPARED)
    # What it is about: one of these, by kind.
    filing = models.ForeignKey("projects.Filing", on_delete=models.PROTECT, null=True)
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, null=True)
    ticket = models.ForeignKey(
        CarbonTicket, on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    pledge = models.ForeignKey(
        Pledge, on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    order = models.ForeignKey(
        FreezeOrder, on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    notice = models.ForeignKey(
        LossNotice, on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    objection = models.ForeignKey(
        LossObjection, on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    # What is wanted.
    quantity_kg = models.BigIntegerField(_("数量（千克）"), null=True)
    effective_on = models.DateField(_("生效日期"), null=True)
    authority = models.CharField(_("决定机关"), max_length=120, blank=True, default="")
    document_number = models.CharField(_("文号"), max_length=120, blank=True, default="")
    document_sha256 = models.BinaryField(max_length=32, null=True)
    reason = models.TextField(_("理由"), blank=True, default="")
    paper = models.CharField(_("纸质碳票"), max_length=11, choices=Paper, blank=True, default="")
    # Of a pledge.
    pledgee = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    amount_fen = models.BigIntegerField(_("担保金额（分）"), null=True)
    begins_on = models.DateField(_("起"), null=True)
    ends_on = models.DateField(_("止"), null=True)
    external_number = models.CharField(_("中登网登记编号"), max_length=60, blank=True, default="")
    # Of a change: an owner's new name, or new identity number.
    renamed = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    new_name = models.CharField(_("新名称"), max_length=200, blank=True, default="")
    new_number = models.ForeignKey(
        "accounts.PartyNumber", on_delete=models.PROTECT, null=True, related_name="registrations"
    )
    # Of a succession: who has ceased, and who is in its place.
    former = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    successor = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Of a freeze, a loss, a cancellation.
    freeze_kind = models.CharField(
        _("冻结类型"), max_length=10, choices=FreezeOrder.Kind, blank=True, default=""
    )
    loss_reason = models.CharField(
        _("挂失原因"), max_length=8, choices=LossNotice.Reason, blank=True, default=""
    )
    outcome = models.CharField(
        _("异议处理结果"), max_length=9, choices=LossObjection.Outcome, blank=True, default=""
    )
    cancel_reason = models.CharField(
        _("注销原因"), max_length=10, choices=Cancellation.Reason, blank=True, default=""
    )
    # Who.
    asked_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="registrations_asked"
    )
    prepared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="registrations_prepared"
    )
    prepared_at = models.DateTimeField(_("受理时间"), db_default=PortalNow(), editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="registrations_decided"
    )
    decided_at = models.DateTimeField(_("决定时间"), null=True)
    decision_reason = models.TextField(_("决定理由"), blank=True, default="")
    # The version that ruled the decision (article 25); the database notes it.
    regulation = models.ForeignKey(
        "casework.Regulation", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = _("登记申请")
        verbose_name_plural = _("登记申请")
        indexes = [
            models.Index(
                fields=["department", "prepared_at"],
                name="registrations_waiting",
                condition=Q(state="prepared"),
            ),
            models.Index(
                NumberKey("document_number"),
                F("ticket"),
                name="registration_by_confirmation",
                condition=Q(kind="sale"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="who_prepared_a_registration_does_not_decide_it",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("prepared_by")),
            ),
            models.CheckConstraint(
                name="registration_is_decided_by_somebody",
                condition=Q(state="prepared", decided_by__isnull=True, decided_at__isnull=True)
                | (
                    ~Q(state="prepared")
                    & Q(decided_by__isnull=False)
                    & Q(decided_at__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="registered_quantity_is_positive",
                condition=Q(quantity_kg__isnull=True) | Q(quantity_kg__gt=0),
            ),
            models.CheckConstraint(
                name="who_is_renamed_has_a_new_name",
                condition=Q(renamed__isnull=True, new_name="")
                | (Q(renamed__isnull=False, kind="change") & ~Q(new_name=""))
                | Q(renamed__isnull=False, kind="renumber", new_name=""),
            ),
            models.CheckConstraint(
                name="who_is_renumbered_has_a_new_number",
                condition=Q(kind="renumber", renamed__isnull=False, new_number__isnull=False)
                | (~Q(kind="renumber") & Q(new_number__isnull=True)),
            ),
            models.CheckConstraint(
                name="objection_is_settled_for_a_reason",
                condition=Q(kind="settle", objection__isnull=False, document_sha256__isnull=False)
                & ~Q(outcome="")
                & ~Q(reason="")
                | (~Q(kind="settle") & Q(objection__isnull=True, outcome="")),
            ),
            models.CheckConstraint(
                name="claim_ends_by_a_numbered_decision",
                condition=~Q(kind="end_claim")
                | (Q(issuance__isnull=False) & ~Q(document_number="")),
            ),
            models.CheckConstraint(
                name="succession_stands_on_a_document",
                condition=Q(
                    kind="succession", former__isnull=False, successor__isnull=False,
                    effective_on__isnull=False, document_sha256__isnull=False,
                )
                & ~Q(document_number="")
                & ~Q(former=F("successor"))
                | (~Q(kind="succession") & Q(former__isnull=True, successor__isnull=True)),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Allotment(models.Model):
    """Who gets how much: a ticket that the registration opens, or the shares it writes anew."""

    registration = models.ForeignKey(
        Registration, on_delete=models.CASCADE, related_name="allotments"
    )
    place = models.IntegerField()
    quantity_kg = models.BigIntegerField(_("数量（千克）"), null=True)
    denominator = models.IntegerField(_("份额分母"))

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(
                name="one_allotment_per_place", fields=["registration", "place"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registration_id}.{self.place}"


class AllotmentShare(models.Model):
    """One owner in an allotment."""

    allotment = models.ForeignKey(Allotment, on_delete=models.CASCADE, related_name="shares")
    place = models.IntegerField()
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    numerator = models.IntegerField(_("份额"))

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(
                name="one_allotted_share_per_party", fields=["allotment", "party"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party_id}: {self.numerator}"


class Consent(models.Model):
    """An owner agrees: in the portal by a mandate, or on paper whose hash the clerk records."""

    registration = models.ForeignKey(
        Registration, on_delete=models.CASCADE, related_name="consents"
    )
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    given_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="consents_given"
    )
    document_sha256 = models.BinaryField(max_length=32, null=True)
    given_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("同意")
        verbose_name_plural = _("同意")
        constraints = [
            models.UniqueConstraint(name="one_consent_per_owner", fields=["registration", "party"])
        ]

    def __str__(self) -> str:
        return f"{self.registration_id} {self.party_id}"


class RegistrationMaterial(models.Model):
    """A document that came with the request: what it is and its hash."""

    registration = models.ForeignKey(
        Registration, on_delete=models.CASCADE, related_name="materials"
    )
    title = models.CharField(_("材料"), max_length=120)
    sha256 = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("登记材料")
        verbose_name_plural = _("登记材料")

    def __str__(self) -> str:
        return self.title


class PledgeWaiver(models.Model):
    """放弃顺位: a later rank that still waited was released; what it waits for comes to the next."""

    pledge = models.OneToOneField(Pledge, on_delete=models.PROTECT, related_name="waiver")
    registration = models.OneToOneField(
        Registration, on_delete=models.PROTECT, related_name="waiver"
    )
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("放弃顺位")
        verbose_name_plural = _("放弃顺位")

    def __str__(self) -> str:
        return str(self.pledge_id)


class FormerName(models.Model):
    """曾用名: how an owner was called until a change was registered (article 10)."""

    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="former_names"
    )
    name = models.CharField(_("曾用名"), max_length=200)
    registration = models.OneToOneField(
        Registration, on_delete=models.PROTECT, related_name="former_name"
    )
    ended_at = models.DateTimeField(_("至"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("曾用名")
        verbose_name_plural = _("曾用名")

    def __str__(self) -> str:
        return self.name

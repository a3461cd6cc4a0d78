"""Green finance (articles 18, 19): the finance office's register, and insurance with its claims."""

from __future__ import annotations

import uuid
from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class FinanceRowQuerySet(models.QuerySet["FinanceRow"]):
    """Reads of the office's rows."""

    def counted(self) -> FinanceRowQuerySet:
        """Confirmed, and not struck since."""
        return self.filter(confirmed_by__isnull=False, struck_by__isnull=True)

    def waiting(self) -> FinanceRowQuerySet:
        """For the approver's word."""
        return self.filter(confirmed_by__isnull=True, struck_by__isnull=True)


class FinanceRow(models.Model):
    """A product that refers to a ticket, as its bank told the office. Pledges are the ledger's own:
    the register shows both. A clerk records, an approver confirms; an end is written once. What was
    recorded wrongly is struck by the approver, before or after, and recorded anew."""

    class Kind(models.TextChoices):
        MORTGAGE = "mortgage", _("抵押贷款")
        CREDIT_LINE = "credit_line", _("授信额度")
        BOND = "bond", _("碳债券")
        FUND = "fund", _("碳基金")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("产品"), max_length=11, choices=Kind)
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, related_name="finance_rows"
    )
    institution = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="finance_rows"
    )
    number = models.CharField(_("合同编号"), max_length=80)
    amount_fen = models.BigIntegerField(_("金额（分）"))
    begins_on = models.DateField(_("起"))
    ends_on = models.DateField(_("止"))
    recorded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)
    confirmed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_on = models.DateField(_("结清日期"), null=True)
    ended_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    struck_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    struck_because = models.CharField(_("撤销理由"), max_length=300, blank=True, default="")

    objects = FinanceRowQuerySet.as_manager()

    class Meta:
        verbose_name = _("金融产品登记")
        verbose_name_plural = _("金融产品登记")
        ordering = ["-begins_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="finance_row_is_whole",
                condition=Q(amount_fen__gt=0, ends_on__gte=F("begins_on")) & ~Q(number=""),
            ),
            models.CheckConstraint(
                name="who_records_a_finance_row_does_not_confirm_it",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("recorded_by")),
            ),
            models.CheckConstraint(
                name="confirmed_finance_row_ends_after_it_begins",
                condition=Q(ended_on__isnull=True)
                | Q(ended_on__gte=F("begins_on"), confirmed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="finance_row_is_struck_for_a_reason",
                condition=Q(struck_by__isnull=True, struck_because="")
                | (Q(struck_by__isnull=False) & ~Q(struck_because="")),
            ),
            models.CheckConstraint(
                name="who_records_a_finance_row_does_not_strike_it",
                condition=Q(struck_by__isnull=True) | ~Q(struck_by=F("recorded_by")),
            ),
            models.UniqueConstraint(
                name="one_finance_row_of_a_contract",
                fields=["institution", "number"],
                condition=Q(struck_by__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class InsurancePolicy(models.Model):
    """保险: on a ticket's tonnes or on the forest behind it; written once by its insurer, who may
    end it before its term, for a reason."""

    class Subject(models.TextChoices):
        TICKET = "ticket", _("碳票减排量")
        FOREST = "forest", _("碳票所在林木")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.CharField(_("保险标的"), max_length=6, choices=Subject)
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, related_name="insurance_policies"
    )
    insurer = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="insurance_policies"
    )
    number = models.CharField(_("保单号"), max_length=80)
    sum_fen = models.BigIntegerField(_("保险金额（分）"))
    begins_on = models.DateField(_("起"))
    ends_on = models.DateField(_("止"))
    events = models.CharField(_("承保事件"), max_length=300)
    recorded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)
    ended_on = models.DateField(_("提前终止日期"), null=True)
    ended_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_because = models.CharField(_("终止理由"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("保险")
        verbose_name_plural = _("保险")
        ordering = ["-begins_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="insurance_policy_is_whole",
                condition=Q(sum_fen__gt=0, ends_on__gte=F("begins_on"))
                & ~Q(number="")
                & ~Q(events=""),
            ),
            models.CheckConstraint(
                name="insurance_policy_ends_early_for_a_reason",
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ended_because="")
                | (Q(ended_on__lte=F("ends_on"), ended_by__isnull=False) & ~Q(ended_because="")),
            ),
            models.UniqueConstraint(
                name="one_insurance_policy_of_a_number",
                fields=["insurer", "number"],
                condition=Q(ended_on__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def last_day(self) -> date:
        """The last day on which what happens is insured; before the first: it was never in force."""
        return self.ended_on or self.ends_on

    @property
    def never_in_force(self) -> bool:
        """Ended before it began."""
        return self.ended_on is not None and self.ended_on < self.begins_on


class InsuranceClaim(models.Model):
    """理赔: what happened and what was paid for it; decided once."""

    class State(models.TextChoices):
        MADE = "made", _("理赔中")
        PAID = "paid", _("已赔付")
        REFUSED = "refused", _("不予赔付")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    policy = models.ForeignKey(InsurancePolicy, on_delete=models.PROTECT, related_name="claims")
    event = models.CharField(_("出险情况"), max_length=500)
    happened_on = models.DateField(_("出险日期"))
    claimed_fen = models.BigIntegerField(_("索赔金额（分）"))
    state = models.CharField(_("状态"), max_length=7, choices=State, default=State.MADE)
    paid_fen = models.BigIntegerField(_("赔付金额（分）"), default=0)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("报案时间"), db_default=PortalNow(), editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("理赔")
        verbose_name_plural = _("理赔")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="insurance_claim_is_whole",
                condition=Q(claimed_fen__gt=0, paid_fen__gte=0)
                & Q(paid_fen__lte=F("claimed_fen"))
                & ~Q(event="")
                & (
                    Q(state="made", decided_by__isnull=True, paid_fen=0)
                    | Q(state="paid", decided_by__isnull=False, paid_fen__gt=0)
                    | Q(state="refused", decided_by__isnull=False, paid_fen=0)
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.state}"


class PledgeAlert(models.Model):
    """提示: what a bank was told about its pledge; ended once it holds no more, so that the same is
    told again when it comes back."""

    class Kind(models.TextChoices):
        FROZEN = "frozen", _("质押的减排量被冻结")
        REVERSED = "reversed", _("该批减排量发生过核减")
        EXPIRING = "expiring", _("质押 30 天内到期")
        EXPIRED = "expired", _("质押期限已过")
        BELOW = "below", _("按市价已低于担保金额")

    pledge = models.ForeignKey("registry.Pledge", on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(_("类型"), max_length=8, choices=Kind)
    # Which order, cancellation or term it is about.
    source = models.CharField(_("来源"), max_length=40, blank=True, default="")
    told_at = models.DateTimeField(_("提示时间"), db_default=PortalNow(), editable=False)
    ended_at = models.DateTimeField(_("解除时间"), null=True)

    class Meta:
        verbose_name = _("质押提示")
        verbose_name_plural = _("质押提示")
        constraints = [
            models.UniqueConstraint(
                name="one_standing_alert_of_a_cause",
                fields=["pledge", "kind", "source"],
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pledge_id} {self.kind}"

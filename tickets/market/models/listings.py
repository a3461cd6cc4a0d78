"""What is offered (article 15): listings, and the deposits and bids of a bidding.

How much of a listing stands is not a column here: it is the blocks that stand for its cause.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class Listing(models.Model):
    """挂牌: kilograms of one ticket offered in one way of dealing, approved by the centre."""

    class Method(models.TextChoices):
        AGREEMENT = "agreement", _("协议转让")
        OPEN = "open", _("挂牌转让")
        BIDDING = "bidding", _("单向竞价")
        RETAIL = "retail", _("零售")

    class State(models.TextChoices):
        ASKED = "asked", _("待受理")
        PREPARED = "prepared", _("待审批")
        OPEN = "open", _("挂牌中")
        ENDED = "ended", _("已结束")
        REFUSED = "refused", _("不予挂牌")
        RETRACTED = "retracted", _("已撤回")

    class Ending(models.TextChoices):
        SOLD = "sold", _("全部成交")
        WITHDRAWN = "withdrawn", _("撤牌")
        EXPIRED = "expired", _("期满")
        FAILED = "failed", _("流拍")

    cause = models.OneToOneField(
        "registry.Cause", on_delete=models.PROTECT, primary_key=True, related_name="listing"
    )
    number = models.CharField(_("挂牌编号"), max_length=24, unique=True)
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, related_name="listings"
    )
    method = models.CharField(_("交易方式"), max_length=9, choices=Method)
    quantity_kg = models.BigIntegerField(_("数量（千克）"))
    # The agreed, asked or start price.
    price_fen_per_tonne = models.BigIntegerField(_("价格（分/吨）"))
    min_lot_kg = models.BigIntegerField(_("最小成交量（千克）"), null=True)
    buyer = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="agreements"
    )
    reserve_fen_per_tonne = models.BigIntegerField(_("保留价（分/吨）"), null=True)
    step_fen_per_tonne = models.BigIntegerField(_("加价幅度（分/吨）"), null=True)
    deposit_fen = models.BigIntegerField(_("保证金（分）"), null=True)
    opens_at = models.DateTimeField(_("竞价开始"), null=True)
    closes_at = models.DateTimeField(_("截止"))
    extensions = models.IntegerField(_("延时次数"), default=0)
    state = models.CharField(_("状态"), max_length=9, choices=State, default=State.ASKED)
    ending = models.CharField(_("结束原因"), max_length=9, choices=Ending, blank=True, default="")
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("申请时间"), db_default=PortalNow(), editable=False)
    buyer_confirmed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    buyer_confirmed_at = models.DateTimeField(_("受让方确认"), null=True)
    prepared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    prepared_at = models.DateTimeField(_("受理时间"), null=True)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("审批时间"), null=True)
    reason = models.TextField(_("理由"), blank=True, default="")
    ended_at = models.DateTimeField(_("结束时间"), null=True)

    class Meta:
        verbose_name = _("挂牌")
        verbose_name_plural = _("挂牌")
        ordering = ["-asked_at"]
        indexes = [
            models.Index(
                fields=["closes_at"], name="listings_open", condition=Q(state="open")
            ),
            models.Index(
                fields=["asked_at"],
                name="listings_waiting",
                condition=Q(state__in=["asked", "prepared"]),
            ),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(
                name="listing_is_positive",
                condition=Q(quantity_kg__gt=0, price_fen_per_tonne__gt=0),
            ),
            models.CheckConstraint(
                name="listing_says_its_method",
                condition=Q(method="agreement", buyer__isnull=False)
                | (
                    Q(method__in=["open", "retail"], buyer__isnull=True, min_lot_kg__gt=0)
                    & Q(min_lot_kg__lte=F("quantity_kg"))
                )
                | (
                    Q(method="bidding", buyer__isnull=True, step_fen_per_tonne__gt=0)
                    & Q(deposit_fen__gte=0, opens_at__isnull=False)
                    & Q(closes_at__gt=F("opens_at"))
                    & (
                        Q(reserve_fen_per_tonne__isnull=True)
                        | Q(reserve_fen_per_tonne__gte=F("price_fen_per_tonne"))
                    )
                ),
            ),
            models.CheckConstraint(
                name="who_prepared_a_listing_does_not_approve_it",
                condition=Q(decided_by__isnull=True)
                | Q(prepared_by__isnull=True)
                | Q(state="refused")
                | ~Q(decided_by=F("prepared_by")),
            ),
            models.CheckConstraint(
                name="listing_ends_for_a_reason",
                condition=(Q(state="ended") & ~Q(ending="") & Q(ended_at__isnull=False))
                | (~Q(state="ended") & Q(ending="", ended_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def left_kg(self, at: datetime | None = None) -> int:
        """What stands on the list for it, sold or not settled: the blocks say so."""
        return self.cause.blocks.standing(at).filter(state="listed").quantity_kg()


class Deposit(models.Model):
    """竞买保证金: paid outside the portal; its evidence is confirmed by the centre's clerk.

    After the bidding its approver pays it back, or declares it forfeited when the bidder won and
    did not pay: either is recorded with the bank's number or the reason.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待确认")
        ACCEPTED = "accepted", _("已确认")
        REFUSED = "refused", _("未通过")
        RETURNED = "returned", _("已退还")
        FORFEITED = "forfeited", _("不予退还")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="deposits")
    bidder = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    paid_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField(_("金额（分）"))
    state = models.CharField(_("状态"), max_length=9, choices=State, default=State.WAITING)
    shown_at = models.DateTimeField(_("提交时间"), db_default=PortalNow(), editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("确认时间"), null=True)
    reason = models.CharField(_("理由"), max_length=200, blank=True, default="")
    # The bank's numbers: of the receipt that the clerk found, and of the payment back.
    payment_number = models.CharField(_("银行流水号"), max_length=60, blank=True, default="")
    refund_number = models.CharField(_("退款流水号"), max_length=60, blank=True, default="")
    ended_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(_("退还或没收时间"), null=True)

    class Meta:
        verbose_name = _("保证金")
        verbose_name_plural = _("保证金")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_deposit_of_a_bidder",
                fields=["listing", "bidder"],
                condition=~Q(state__in=["refused", "returned"]),
            ),
            models.CheckConstraint(
                name="ended_deposit_is_whole",
                condition=(
                    Q(state="returned", ended_by__isnull=False, ended_at__isnull=False)
                    & ~Q(refund_number="")
                )
                | (
                    Q(state="forfeited", ended_by__isnull=False, ended_at__isnull=False)
                    & ~Q(reason="")
                )
                | (
                    Q(state__in=["waiting", "accepted", "refused"])
                    & Q(ended_by__isnull=True, ended_at__isnull=True, refund_number="")
                ),
            ),
            models.CheckConstraint(
                name="who_accepted_a_deposit_does_not_end_it",
                condition=Q(ended_by__isnull=True) | ~Q(ended_by=F("decided_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} {self.bidder_id} {self.state}"


class Bid(models.Model):
    """报价. Number and time are the database's, under the listing's lock. Append-only."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="bids")
    number = models.IntegerField(_("序号"), default=0)
    bidder = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="bids")
    bid_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    price_fen_per_tonne = models.BigIntegerField(_("报价（分/吨）"))
    at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("报价")
        verbose_name_plural = _("报价")
        ordering = ["listing", "number"]
        constraints = [
            models.UniqueConstraint(name="one_bid_of_a_number", fields=["listing", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} #{self.number} {self.price_fen_per_tonne}"

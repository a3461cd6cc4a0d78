"""成交 (articles 10, 15): what was agreed, paid and registered."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.market.models.listings import Listing
from tickets.market.models.payments import refund_constraints


class Trade(models.Model):
    """So many kilograms of a listing for a price; registered when the cashier confirms payment."""

    class State(models.TextChoices):
        AGREED = "agreed", _("待结算")
        SETTLED = "settled", _("已登记")
        LAPSED = "lapsed", _("逾期失效")
        ANNULLED = "annulled", _("已撤销")
        REFUND = "refund", _("待退款")
        REFUNDED = "refunded", _("已退款")

    # Ended, and no money is known of: a number that was said for it may pay for something else.
    UNPAID = (State.LAPSED, State.ANNULLED)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("成交编号"), max_length=24, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="trades")
    buyer = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="purchases")
    bought_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    quantity_kg = models.BigIntegerField(_("数量（千克）"))
    price_fen_per_tonne = models.BigIntegerField(_("成交价（分/吨）"))
    amount_fen = models.BigIntegerField(_("金额（分）"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.AGREED)
    agreed_at = models.DateTimeField(_("成交时间"), db_default=PortalNow(), editable=False)
    pay_by = models.DateTimeField(_("付款期限"))
    # The bank's number of the payment, as the buyer said it with the evidence.
    payment_number = models.CharField(_("付款流水号"), max_length=60, blank=True, default="")
    payment_sha256 = models.CharField(max_length=64, blank=True, default="")
    paid_at = models.DateTimeField(_("凭证上传"), null=True)
    # Until when the cashier answers. Nothing lapses by it, as money may have moved: it is told.
    confirm_by = models.DateTimeField(_("确认到账期限"), null=True)
    overdue_at = models.DateTimeField(_("逾期告知"), null=True)
    disputed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    disputed_at = models.DateTimeField(_("争议提出"), null=True)
    dispute = models.TextField(_("争议"), blank=True, default="")
    # What holds its kilograms on the list while the dispute is not decided.
    freeze = models.ForeignKey(
        "registry.FreezeOrder", on_delete=models.PROTECT, null=True, related_name="disputed_trades"
    )
    # Who refused a payment or decided a dispute last.
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    settled_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(_("办结时间"), null=True)
    reason = models.TextField(_("理由"), blank=True, default="")
    entry = models.OneToOneField(
        "registry.LedgerEntry", on_delete=models.PROTECT, null=True, related_name="trade"
    )
    # Of a trade that ended though it was paid.
    found_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    denied_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    refund_number = models.CharField(_("退款流水号"), max_length=60, blank=True, default="")
    refunded_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    refunded_at = models.DateTimeField(_("退款时间"), null=True)

    class Meta:
        verbose_name = _("成交")
        verbose_name_plural = _("成交")
        ordering = ["-agreed_at"]
        indexes = [
            models.Index(fields=["pay_by"], name="trades_waiting", condition=Q(state="agreed")),
            models.Index(fields=["ended_at"], name="trades_settled", condition=Q(state="settled")),
            models.Index(fields=["ended_at"], name="trades_refund", condition=Q(state="refund")),
        ]
        constraints = [
            models.CheckConstraint(
                name="trade_is_positive", condition=Q(quantity_kg__gt=0, price_fen_per_tonne__gt=0)
            ),
            models.CheckConstraint(
                name="trade_amount_is_price_times_quantity",
                condition=Q(
                    amount_fen=(F("price_fen_per_tonne") * F("quantity_kg") + 500) / 1000
                ),
            ),
            models.CheckConstraint(
                name="settled_trade_has_its_entry",
                condition=Q(
                    state="settled",
                    entry__isnull=False,
                    settled_by__isnull=False,
                    paid_at__isnull=False,
                )
                | (~Q(state="settled") & Q(entry__isnull=True)),
            ),
            models.CheckConstraint(
                name="who_asked_does_not_settle_a_trade",
                condition=Q(settled_by__isnull=True) | ~Q(settled_by=F("bought_by")),
            ),
            *refund_constraints("trade"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

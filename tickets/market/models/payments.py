"""Which money of the bank's belongs to which deal: receipts, and what was paid back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


def refund_constraints(what: str) -> list[models.BaseConstraint]:
    """Of an order or a trade that ended though it was paid: one of the centre finds the receipt,
    another gives the money back."""
    return [
        models.CheckConstraint(
            name=f"refunded_{what}_is_whole",
            condition=(
                Q(state="refunded", found_by__isnull=False, refunded_by__isnull=False)
                & Q(refunded_at__isnull=False)
                & ~Q(refund_number="")
            )
            | (
                ~Q(state="refunded")
                & Q(refund_number="", refunded_by__isnull=True, refunded_at__isnull=True)
            ),
        ),
        models.CheckConstraint(
            name=f"receipt_of_{what}_is_owed_back",
            condition=Q(found_by__isnull=True)
            | (Q(state__in=["refund", "refunded"]) & ~Q(payment_number="")),
        ),
        models.CheckConstraint(
            name=f"who_found_the_receipt_of_{what}_does_not_refund_it",
            condition=Q(refunded_by__isnull=True) | ~Q(refunded_by=F("found_by")),
        ),
    ]


class BankPayment(models.Model):
    """银行流水: one number of the bank's stands for one receipt or one refund of one trade, order or
    deposit, and for nothing else.

    Written by the triggers of the three alone, under one spelling (``market_bank_key``). A number
    stays with its deal for ever, unless the centre did not find such a payment.
    """

    number = models.CharField(_("银行流水号"), max_length=60, primary_key=True)
    trade = models.ForeignKey("market.Trade", on_delete=models.PROTECT, null=True)
    order = models.ForeignKey("market.RetailOrder", on_delete=models.PROTECT, null=True)
    deposit = models.ForeignKey("market.Deposit", on_delete=models.PROTECT, null=True)
    back = models.BooleanField(_("退款"), default=False)

    class Meta:
        verbose_name = _("银行流水")
        verbose_name_plural = _("银行流水")
        constraints = [
            models.CheckConstraint(
                name="bank_payment_is_for_one_deal",
                condition=Q(trade__isnull=False, order__isnull=True, deposit__isnull=True)
                | Q(trade__isnull=True, order__isnull=False, deposit__isnull=True)
                | Q(trade__isnull=True, order__isnull=True, deposit__isnull=False),
            ),
            *(
                models.UniqueConstraint(name=f"one_bank_payment_of_{deal}", fields=[deal, "back"])
                for deal in ("trade", "order", "deposit")
            ),
        ]

    def __str__(self) -> str:
        return self.number

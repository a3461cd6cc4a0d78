"""Which deal a bank's number pays for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tickets.market.models.retail import RetailOrder
from tickets.market.models.trades import Trade


class BankPayment(models.Model):
    """到账流水: one receipt of the centre pays for one trade or one order, never for two deals.

    Written by the triggers of both alone. A trade that was annulled gives its number free.
    """

    number = models.CharField(_("银行流水号"), max_length=60, primary_key=True)
    trade = models.OneToOneField(
        Trade, on_delete=models.PROTECT, null=True, related_name="bank_payment"
    )
    order = models.OneToOneField(
        RetailOrder, on_delete=models.PROTECT, null=True, related_name="bank_payment"
    )

    class Meta:
        verbose_name = _("到账流水")
        verbose_name_plural = _("到账流水")
        constraints = [
            models.CheckConstraint(
                name="bank_payment_is_for_one_deal",
                condition=Q(trade__isnull=False, order__isnull=True)
                | Q(trade__isnull=True, order__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.number

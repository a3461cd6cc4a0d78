"""Retail (articles 11, 12): pools that ecology approves, and orders that end in a certificate.

An eco-justice case (article 14) orders from a pool too, or from an open listing.
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.market.models.listings import Listing
from tickets.market.models.payments import refund_constraints
from tickets.offsets.models import OffsetFacts, facts_constraints


class ContactKey(models.Func):
    """A way to be reached in its one spelling."""

    function = "market_contact_key"
    output_field = models.TextField()


class RetailPool(models.Model):
    """零售池: what may be sold in small amounts from a listing without a further decision."""

    class State(models.TextChoices):
        PREPARED = "prepared", _("待审批")
        OPEN = "open", _("开放")
        REFUSED = "refused", _("不予批准")
        CLOSED = "closed", _("已关闭")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="pools")
    title = models.CharField(_("名称"), max_length=100)
    quantity_kg = models.BigIntegerField(_("总量（千克）"))
    largest_kg = models.BigIntegerField(_("单笔上限（千克）"))
    purposes = ArrayField(models.CharField(max_length=18), verbose_name=_("用途"))
    begins_on = models.DateField(_("起"))
    ends_on = models.DateField(_("止"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.PREPARED)
    prepared_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(_("提出时间"), db_default=PortalNow(), editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("审批时间"), null=True)
    reason = models.TextField(_("理由"), blank=True, default="")

    class Meta:
        verbose_name = _("零售池")
        verbose_name_plural = _("零售池")
        ordering = ["-prepared_at"]
        constraints = [
            models.UniqueConstraint(
                name="one_pool_of_a_listing",
                fields=["listing"],
                condition=Q(state__in=["prepared", "open"]),
            ),
            models.CheckConstraint(
                name="pool_says_its_terms",
                condition=Q(quantity_kg__gt=0, largest_kg__gt=0, purposes__len__gt=0)
                & Q(largest_kg__lte=F("quantity_kg"))
                & Q(ends_on__gte=F("begins_on")),
            ),
            models.CheckConstraint(
                name="who_prepared_a_pool_does_not_approve_it",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("prepared_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class RetailOrder(OffsetFacts):
    """零售订单: kilograms from the list that are offset for the buyer when the cashier has the money."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待付款")
        SETTLED = "settled", _("已出凭证")
        LAPSED = "lapsed", _("逾期失效")
        REFUND = "refund", _("待退款")
        REFUNDED = "refunded", _("已退款")

    # Nothing was bought by these: the kilograms are on sale again.
    UNSOLD = (State.LAPSED, State.REFUND, State.REFUNDED)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # What the order's page opens with; the payment's remark is the number.
    code = models.CharField(_("查询码"), max_length=26, unique=True, editable=False)
    number = models.CharField(_("付款附言号"), max_length=24, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="orders")
    # None: straight from an open listing, for an eco-justice case.
    pool = models.ForeignKey(RetailPool, on_delete=models.PROTECT, null=True, related_name="orders")
    contact = models.CharField(_("联系方式"), max_length=200)
    price_fen_per_tonne = models.BigIntegerField(_("价格（分/吨）"))
    amount_fen = models.BigIntegerField(_("金额（分）"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    ordered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ordered_at = models.DateTimeField(_("下单时间"), db_default=PortalNow(), editable=False)
    pay_by = models.DateTimeField(_("付款期限"))
    # What the payer says; the bank's number of the receipt is the centre's to find.
    said_number = models.CharField(_("付款人所填流水号"), max_length=60, blank=True, default="")
    said_at = models.DateTimeField(_("付款人告知时间"), null=True)
    payment_number = models.CharField(_("银行流水号"), max_length=60, blank=True, default="")
    settled_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(_("办结时间"), null=True)
    offset = models.OneToOneField(
        "offsets.Offset", on_delete=models.PROTECT, null=True, related_name="retail_order"
    )
    # Of an order that was paid but not certified in time.
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
    reason = models.CharField(_("理由"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("零售订单")
        verbose_name_plural = _("零售订单")
        ordering = ["-ordered_at"]
        indexes = [
            models.Index(fields=["pay_by"], name="orders_waiting", condition=Q(state="waiting"))
        ]
        constraints = [
            *facts_constraints("retail_order"),
            models.CheckConstraint(
                name="order_without_a_pool_is_for_eco_justice",
                condition=Q(pool__isnull=False) | Q(purpose="eco_justice"),
            ),
            models.CheckConstraint(
                name="retail_amount_is_price_times_quantity",
                condition=Q(
                    amount_fen=(F("price_fen_per_tonne") * F("quantity_kg") + 500) / 1000
                ),
            ),
            models.CheckConstraint(
                name="settled_order_has_its_certificate",
                condition=(
                    Q(state="settled", offset__isnull=False, settled_by__isnull=False)
                    & ~Q(payment_number="")
                )
                | (~Q(state="settled") & Q(offset__isnull=True)),
            ),
            *refund_constraints("order"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

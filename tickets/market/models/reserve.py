"""Reserve purchase (article 13): 保底收购、溢价分成 between an owner and a carbon-service body."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.market.models.listings import Listing
from tickets.market.models.retail import RetailOrder
from tickets.market.models.trades import Trade


class ReserveContract(models.Model):
    """收储合同: the body buys so much at the floor, and shares what a resale brings above it."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待业主确认")
        ACTIVE = "active", _("已生效")
        ENDED = "ended", _("已结束")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="reserve_contracts"
    )
    owner = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="reserved_under"
    )
    quantity_kg = models.BigIntegerField(_("收储数量（千克）"))
    floor_fen_per_tonne = models.BigIntegerField(_("保底价（分/吨）"))
    share_bp = models.IntegerField(_("业主溢价分成（万分比）"))
    begins_on = models.DateField(_("起"))
    ends_on = models.DateField(_("止"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(_("提出时间"), db_default=PortalNow(), editable=False)
    confirmed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(_("确认时间"), null=True)

    class Meta:
        verbose_name = _("收储合同")
        verbose_name_plural = _("收储合同")
        ordering = ["-proposed_at"]
        constraints = [
            models.CheckConstraint(
                name="reserve_contract_is_positive",
                condition=Q(quantity_kg__gt=0, floor_fen_per_tonne__gt=0)
                & Q(share_bp__gte=0, share_bp__lte=10_000)
                & Q(ends_on__gte=F("begins_on"))
                & ~Q(body=F("owner")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} → {self.body_id} {self.quantity_kg} kg"


class ReservePurchase(models.Model):
    """A hand-over under a contract: an agreement at the floor price."""

    contract = models.ForeignKey(
        ReserveContract, on_delete=models.PROTECT, related_name="purchases"
    )
    listing = models.OneToOneField(
        Listing, on_delete=models.PROTECT, related_name="reserve_purchase"
    )

    class Meta:
        verbose_name = _("收储")
        verbose_name_plural = _("收储")

    def __str__(self) -> str:
        return f"{self.contract_id} {self.listing_id}"


class PremiumShare(models.Model):
    """溢价分成: what a resale brought above the floor, and the owner's part, to the fen.

    The resale is a trade, or an order of a visitor or an eco-justice case.
    """

    class State(models.TextChoices):
        DUE = "due", _("应付")
        PAID = "paid", _("已付，待业主确认")
        RECEIVED = "received", _("已结清")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purchase = models.ForeignKey(ReservePurchase, on_delete=models.PROTECT, related_name="shares")
    trade = models.OneToOneField(
        Trade, on_delete=models.PROTECT, null=True, related_name="premium_share"
    )
    order = models.OneToOneField(
        RetailOrder, on_delete=models.PROTECT, null=True, related_name="premium_share"
    )
    quantity_kg = models.BigIntegerField(_("数量（千克）"))
    amount_fen = models.BigIntegerField(_("转售金额（分）"))
    premium_fen = models.BigIntegerField(_("溢价（分）"))
    owner_fen = models.BigIntegerField(_("业主分成（分）"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.DUE)
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)
    payment_number = models.CharField(_("银行流水号"), max_length=60, blank=True, default="")
    paid_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    received_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("溢价分成")
        verbose_name_plural = _("溢价分成")
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(
                name="owners_part_is_within_the_premium",
                condition=Q(premium_fen__gte=0, owner_fen__gte=0)
                & Q(owner_fen__lte=F("premium_fen")),
            ),
            models.CheckConstraint(
                name="premium_is_of_one_resale",
                condition=Q(trade__isnull=False, order__isnull=True)
                | Q(trade__isnull=True, order__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resale} {self.owner_fen}"

    @property
    def resale(self) -> Trade | RetailOrder:
        """What brought the premium."""
        sale = self.trade or self.order
        assert sale is not None  # The table says so.
        return sale

    @property
    def body_fen(self) -> int:
        return self.premium_fen - self.owner_fen

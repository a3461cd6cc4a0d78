"""生态司法 (article 14): a decision, the person's consent, a valuation, and the tonnes for them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.offsets.models import Offset


class JusticeCase(models.Model):
    """Who decided what, who agreed, who turned it into tonnes, and from which ticket they come.

    A holder who agrees asks ecology for the offset (``request``); on the market the tonnes are
    ordered (``order``) from an open listing, to which ecology agrees, or from a pool that it has
    approved for this purpose. Either way they are retired at once, never tradable again.
    """

    class Organ(models.TextChoices):
        ADMINISTRATIVE = "administrative", _("行政机关处罚决定")
        COURT = "court", _("人民法院裁判")

    class State(models.TextChoices):
        OPENED = "opened", _("待审批")
        CONFIRMED = "confirmed", _("待同意")
        SUBSCRIBED = "subscribed", _("已认购")
        REFUSED = "refused", _("不予办理")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organ = models.CharField(_("决定类型"), max_length=14, choices=Organ)
    authority = models.CharField(_("决定机关"), max_length=120)
    document_number = models.CharField(_("文号"), max_length=120)
    decided_on = models.DateField(_("决定日期"))
    obligation = models.TextField(_("修复义务"))
    obligor = models.CharField(_("责任人"), max_length=100)
    consented_on = models.DateField(_("书面同意日期"))
    valuation = models.TextField(_("评估说明"))
    valuation_author = models.CharField(_("评估人"), max_length=120)
    quantity_kg = models.BigIntegerField(_("认购数量（千克）"))
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, related_name="justice_cases"
    )
    # None: the ticket's holder is asked. A pool is of this listing.
    listing = models.ForeignKey(
        "market.Listing", on_delete=models.PROTECT, null=True, related_name="justice_cases"
    )
    pool = models.ForeignKey(
        "market.RetailPool", on_delete=models.PROTECT, null=True, related_name="justice_cases"
    )
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.OPENED)
    opened_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("受理时间"), db_default=PortalNow(), editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.TextField(_("理由"), blank=True, default="")
    request = models.OneToOneField(
        "offsets.OffsetRequest", on_delete=models.PROTECT, null=True, related_name="justice_case"
    )
    order = models.OneToOneField(
        "market.RetailOrder", on_delete=models.PROTECT, null=True, related_name="justice_case"
    )

    class Meta:
        verbose_name = _("生态司法案件")
        verbose_name_plural = _("生态司法案件")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="justice_case_is_whole",
                condition=Q(quantity_kg__gt=0)
                & ~Q(authority="")
                & ~Q(document_number="")
                & ~Q(obligation="")
                & ~Q(obligor="")
                & ~Q(valuation="")
                & ~Q(valuation_author="")
                & Q(consented_on__gte=F("decided_on")),
            ),
            models.CheckConstraint(
                name="who_opened_a_justice_case_does_not_confirm_it",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("opened_by")),
            ),
            models.CheckConstraint(
                name="justice_case_is_decided_by_somebody",
                condition=Q(state="opened", decided_by__isnull=True)
                | (~Q(state="opened") & Q(decided_by__isnull=False)),
            ),
            models.CheckConstraint(
                name="subscribed_case_has_its_tonnes",
                condition=Q(state="subscribed", listing__isnull=True, request__isnull=False)
                | Q(state="subscribed", listing__isnull=False, order__isnull=False)
                | Q(state__in=["opened", "confirmed"], request__isnull=True, order__isnull=True)
                | Q(state="refused"),
            ),
            models.CheckConstraint(
                name="justice_tonnes_come_from_one_place",
                condition=Q(listing__isnull=True, pool__isnull=True, order__isnull=True)
                | Q(listing__isnull=False, request__isnull=True),
            ),
            models.UniqueConstraint(
                name="one_case_of_a_decision_and_obligor",
                fields=["authority", "document_number", "obligor"],
                condition=~Q(state="refused"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority} {self.document_number}"

    @property
    def offset(self) -> Offset | None:
        """The certificate, once there is one."""
        if self.order is not None:
            return self.order.offset
        return getattr(self.request, "offset", None)

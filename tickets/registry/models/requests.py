"""What owners and banks ask for, the signature under a face, and who scanned a code."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.registry.models.grounds import FreezeOrder, LossNotice, LossObjection, Pledge
from tickets.registry.models.ledger import CarbonTicket, Issuance
from tickets.registry.models.registrations import Registration


class TicketRequest(models.Model):
    """申请: what somebody asks the office to register, in the words of the form.

    The clerk takes it up (a ``Registration`` is prepared from the same form) or answers why not.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待受理")
        TAKEN = "taken", _("已受理")
        RETURNED = "returned", _("已退回")
        WITHDRAWN = "withdrawn", _("已撤回")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("事项"), max_length=16, choices=Registration.Kind)
    department = models.CharField(_("办理部门"), max_length=20)
    state = models.CharField(_("状态"), max_length=9, choices=State, default=State.WAITING)
    filing = models.ForeignKey("projects.Filing", on_delete=models.PROTECT, null=True)
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, null=True)
    ticket = models.ForeignKey(
        CarbonTicket, on_delete=models.PROTECT, null=True, related_name="requests"
    )
    pledge = models.ForeignKey(Pledge, on_delete=models.PROTECT, null=True, related_name="requests")
    order = models.ForeignKey(FreezeOrder, on_delete=models.PROTECT, null=True)
    notice = models.ForeignKey(LossNotice, on_delete=models.PROTECT, null=True)
    objection = models.ForeignKey(LossObjection, on_delete=models.PROTECT, null=True)
    successor = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    new_number = models.ForeignKey(
        "accounts.PartyNumber", on_delete=models.PROTECT, null=True, related_name="+"
    )  # Sealed, and therefore not among what was typed.
    # The form as it was filled in: read again by the same form when the clerk takes it up.
    typed = models.JSONField(_("填写内容"), default=dict)
    asked_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="ticket_requests"
    )
    asked_at = models.DateTimeField(_("申请时间"), db_default=PortalNow(), editable=False)
    # A pledge is asked for by holder and bank.
    pledgee = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="+"
    )
    agreed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    agreed_at = models.DateTimeField(_("质权人确认时间"), null=True)
    answered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(_("答复时间"), null=True)
    answer = models.TextField(_("答复"), blank=True, default="")
    registration = models.OneToOneField(
        Registration, on_delete=models.PROTECT, null=True, related_name="request"
    )

    class Meta:
        verbose_name = _("碳票申请")
        verbose_name_plural = _("碳票申请")
        indexes = [
            models.Index(
                fields=["department", "asked_at"],
                name="ticket_requests_waiting",
                condition=Q(state="waiting"),
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="taken_request_has_its_registration",
                condition=Q(state="taken", registration__isnull=False)
                | (~Q(state="taken") & Q(registration__isnull=True)),
            ),
            models.CheckConstraint(
                name="returned_request_says_why", condition=~Q(state="returned") | ~Q(answer="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class FaceSignature(models.Model):
    """The bureau's signature under what a ticket's QR code carries; made once, so that the same
    ticket gives the same bytes when keys change."""

    ticket = models.OneToOneField(
        CarbonTicket, on_delete=models.PROTECT, primary_key=True, related_name="face_signature"
    )
    quantity_kg = models.BigIntegerField(_("票面减排量（千克）"))
    issued_on = models.DateField(_("制发日期"))
    algorithm = models.CharField(max_length=20)
    key_id = models.CharField(max_length=20)
    signature = models.BinaryField()
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("票面签名")
        verbose_name_plural = _("票面签名")
        constraints = [
            models.CheckConstraint(name="face_shows_kilograms", condition=Q(quantity_kg__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.key_id}"

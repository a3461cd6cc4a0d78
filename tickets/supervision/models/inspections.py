"""检查 (article 21): ordered, visited, signed; what was found and what has to be done about it."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib.gis.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.base.clock import PortalNow, today
from portal.base.models import STORAGE_SRID


class InspectionQuerySet(models.QuerySet["Inspection"]):
    """Reads of inspections."""

    def to_be_mended(self) -> InspectionQuerySet:
        """Measures were demanded, and no later visit has been there: one that found them undone
        demands anew itself, or has found a loss."""
        visited = Inspection.objects.filter(follows=OuterRef("pk"), state="signed")
        return self.filter(state="signed", outcome="measures").exclude(Exists(visited))

    def overdue(self) -> InspectionQuerySet:
        """Ordered, and not made within the term."""
        return self.filter(state="ordered", due_on__lt=today())

    def dropped_since(self, moment: datetime) -> InspectionQuerySet:
        """Nobody goes, by a word that is not older than ``moment``; of former ones the day of the
        proposal is all that is known."""
        return self.annotate(ended_at=Coalesce("dropped_at", "made_at")).filter(
            state="dropped", ended_at__gte=moment
        )

    def measures_overdue(self) -> InspectionQuerySet:
        """Nobody has looked yet whether what was demanded by a day that has passed is done."""
        return self.to_be_mended().filter(measures_due_on__lt=today())


class Inspection(models.Model):
    """One visit to a ticket's land. After the signature nothing of it changes; a follow-up visit
    is another inspection."""

    class Cause(models.TextChoices):
        PLAN = "plan", _("年度计划")
        COMPLAINT = "complaint", _("举报线索")
        HARVEST = "harvest", _("采伐许可")
        FIRE = "fire", _("火点")
        LAND_USE = "land_use", _("土地用途变化")
        FOLLOW_UP = "follow_up", _("复查")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("建议")
        ORDERED = "ordered", _("待检查")
        SIGNED = "signed", _("已签字")
        DROPPED = "dropped", _("不检查")

    class Outcome(models.TextChoices):
        GOOD = "good", _("未见异常")
        MEASURES = "measures", _("需要整改")
        LOSS = "loss", _("林木受损，减排量受影响")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, related_name="inspections"
    )
    cause = models.CharField(_("起因"), max_length=10, choices=Cause)
    reason = models.CharField(_("说明"), max_length=500)
    # What the proposal came from, so that the nightly check proposes it once.
    source = models.CharField(max_length=80, blank=True, default="", editable=False)
    suspect = models.MultiPolygonField(
        _("可疑范围"), srid=STORAGE_SRID, null=True, spatial_index=False
    )
    follows = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="visits")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.PROPOSED)
    made_at = models.DateTimeField(_("提出时间"), db_default=PortalNow(), editable=False)
    order_number = models.CharField(_("检查通知书文号"), max_length=120, blank=True, default="")
    ordered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    inspector = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="inspections"
    )
    due_on = models.DateField(_("检查期限"), null=True)
    dropped_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Written by the database: what still stands is proposed again so many days after it.
    dropped_at = models.DateTimeField(_("决定不检查的时间"), null=True, editable=False)
    visited_on = models.DateField(_("检查日期"), null=True)
    findings = models.TextField(_("检查情况"), blank=True, default="")
    measures = models.TextField(_("整改要求"), blank=True, default="")
    measures_due_on = models.DateField(_("整改期限"), null=True)
    # Of a follow-up visit: whether what the former one demanded was done.
    mended = models.BooleanField(_("整改是否落实"), null=True)
    outcome = models.CharField(
        _("结论"), max_length=8, choices=Outcome, blank=True, default=""
    )  # fmt: skip
    affected = models.MultiPolygonField(
        _("受影响范围"), srid=STORAGE_SRID, null=True, spatial_index=False
    )
    affected_kg = models.BigIntegerField(_("受影响减排量（千克）"), default=0)
    freeze = models.OneToOneField(
        "registry.Registration", on_delete=models.PROTECT, null=True, related_name="inspection"
    )
    signed_at = models.DateTimeField(_("签字时间"), null=True)

    objects = InspectionQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("supervision", "检查")
        verbose_name_plural = pgettext_lazy("supervision", "检查")
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_inspection_of_a_proposal",
                fields=["ticket", "source"],
                condition=~Q(source="") & ~Q(state="dropped"),
            ),
            models.CheckConstraint(
                name="who_orders_an_inspection_does_not_make_it",
                condition=Q(ordered_by__isnull=True)
                | Q(inspector__isnull=True)
                | ~Q(ordered_by=F("inspector")),
            ),
            models.CheckConstraint(
                name="ordered_inspection_is_whole",
                condition=Q(state__in=["proposed", "dropped"])
                | (
                    Q(ordered_by__isnull=False, inspector__isnull=False, due_on__isnull=False)
                    & ~Q(order_number="")
                ),
            ),
            models.CheckConstraint(
                name="signed_inspection_is_whole",
                condition=(
                    ~Q(state="signed") & Q(signed_at__isnull=True, freeze__isnull=True)
                )
                | (
                    Q(state="signed", signed_at__isnull=False, visited_on__isnull=False)
                    & ~Q(findings="")
                    & (
                        Q(outcome="good", affected__isnull=True, affected_kg=0)
                        | (
                            Q(outcome="measures", affected__isnull=True, affected_kg=0)
                            & Q(measures_due_on__isnull=False)
                            & ~Q(measures="")
                        )
                        | Q(outcome="loss", affected__isnull=False, affected_kg__gt=0)
                    )
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.state}"


class InspectionPhoto(models.Model):
    """A picture of the visit and where it was taken: the picture's own tag, else the device's."""

    class Tag(models.TextChoices):
        PICTURE = "picture", _("照片自带")
        DEVICE = "device", _("设备定位")

    inspection = models.ForeignKey(Inspection, on_delete=models.PROTECT, related_name="photos")
    document = models.OneToOneField("casework.Document", on_delete=models.PROTECT, related_name="+")
    place = models.PointField(_("位置"), srid=STORAGE_SRID, null=True, spatial_index=False)
    tag = models.CharField(_("位置来源"), max_length=7, choices=Tag, blank=True, default="")

    class Meta:
        verbose_name = _("检查照片")
        verbose_name_plural = _("检查照片")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="a_photo_says_where_its_place_is_from",
                condition=Q(place__isnull=True, tag="") | (Q(place__isnull=False) & ~Q(tag="")),
            )
        ]

    def __str__(self) -> str:
        return str(self.document_id)

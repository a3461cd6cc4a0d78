"""举报 (article 20): what anyone may say, whom it concerns, who answers it and by when."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department
from portal.base.clock import PortalNow, today
from portal.base.models import STORAGE_SRID


class ComplaintQuerySet(models.QuerySet["Complaint"]):
    """Reads of complaints."""

    def overdue(self) -> ComplaintQuerySet:
        """Not answered within the term; a provisional one is never used to act (domain.md)."""
        waiting = ~Q(state=Complaint.State.ANSWERED)
        return self.filter(waiting, due_on__lt=today(), due_provisional=False)


class Complaint(models.Model):
    """One complaint. What was said never changes; who said it stands apart (``Complainant``)."""

    class Topic(models.TextChoices):
        FALSEHOOD = "falsehood", _("申报材料不实、重复申报")
        LAND = "land", _("权属、边界有误")
        FOREST = "forest", _("采伐、毁林、火灾等林地变化")
        TRADING = "trading", _("挂牌、竞价、成交中的违规")
        OFFSET = "offset", _("抵消、凭证、宣传不实")
        FINANCE = "finance", _("质押、保险、资金问题")
        CONDUCT = "conduct", _("工作人员履职问题")

    class State(models.TextChoices):
        RECEIVED = "received", _("已收到")
        ACCEPTED = "accepted", _("办理中")
        DRAFTED = "drafted", _("答复待审批")
        ANSWERED = "answered", _("已答复")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("查询码"), max_length=26, unique=True, editable=False)
    topic = models.CharField(_("事由"), max_length=10, choices=Topic)
    text = models.TextField(_("内容"))
    place = models.PointField(_("位置"), srid=STORAGE_SRID, null=True, spatial_index=False)
    ticket = models.ForeignKey(
        "registry.CarbonTicket", on_delete=models.PROTECT, null=True, related_name="complaints"
    )
    accused = models.CharField(
        _("被举报部门"), max_length=20, choices=Department, blank=True, default=""
    )
    department = models.CharField(_("受理部门"), max_length=20, choices=Department)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.RECEIVED)
    received_at = models.DateTimeField(_("收到时间"), db_default=PortalNow(), editable=False)
    due_on = models.DateField(_("答复期限"))
    due_provisional = models.BooleanField(_("期限待定"), default=False)
    accepted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    drafted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    upheld = models.BooleanField(_("是否属实"), null=True)
    answer = models.TextField(_("答复"), blank=True, default="")
    remark = models.TextField(_("内部意见"), blank=True, default="")
    answered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(_("答复时间"), null=True)

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        verbose_name = _("举报")
        verbose_name_plural = _("举报")
        ordering = ["due_on", "pk"]
        indexes = [
            models.Index(
                fields=["department", "due_on"],
                name="complaints_waiting",
                condition=~Q(state="answered"),
            )
        ]
        constraints = [
            models.CheckConstraint(name="complaint_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="the_accused_does_not_handle_a_complaint",
                condition=Q(accused="") | ~Q(department=F("accused")),
            ),
            models.CheckConstraint(
                name="who_drafted_an_answer_does_not_approve_it",
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=F("drafted_by")),
            ),
            models.CheckConstraint(
                name="answered_complaint_is_whole",
                condition=(
                    ~Q(state="answered")
                    & Q(answered_at__isnull=True, answered_by__isnull=True)
                )
                | (
                    Q(
                        state="answered",
                        answered_at__isnull=False,
                        answered_by__isnull=False,
                        drafted_by__isnull=False,
                        upheld__isnull=False,
                    )
                    & ~Q(answer="")
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.topic} {self.state}"


class Complainant(models.Model):
    """Who complained, where a name was given: read by the handling department alone, each time
    with a reason that the journal keeps. The row may be erased; the complaint stays."""

    complaint = models.OneToOneField(
        Complaint, on_delete=models.PROTECT, primary_key=True, related_name="complainant"
    )
    name = models.CharField(_("姓名或单位"), max_length=100, blank=True, default="")
    contact = models.CharField(_("联系方式"), max_length=200, blank=True, default="")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("举报人")
        verbose_name_plural = _("举报人")

    def __str__(self) -> str:
        return "*"

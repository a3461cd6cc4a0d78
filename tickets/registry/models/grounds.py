"""What acts stand on: pledges, orders, notices, cancellations and the debts they leave.

Every row is written once. What became of it (released, lifted, enforced) is in the ledger.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.base.clock import PortalNow
from tickets.registry.models.ledger import CarbonTicket, Cause, Issuance, LedgerEntry


class Pledge(models.Model):
    """质押 (articles 15, 18): kilograms of a ticket that secure a loan.

    ``behind`` is the pledge that ranks before it on the same kilograms: it waits as a row and
    enters in the entry that releases that one.
    """

    cause = models.OneToOneField(
        Cause, on_delete=models.PROTECT, primary_key=True, related_name="pledge"
    )
    ticket = models.ForeignKey(CarbonTicket, on_delete=models.PROTECT, related_name="pledges")
    pledgee = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="pledges_held"
    )
    rank = models.SmallIntegerField(_("顺位"), default=1)
    behind = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="followers"
    )
    quantity_kg = models.BigIntegerField(_("质押数量（千克）"))
    amount_fen = models.BigIntegerField(_("担保金额（分）"))
    begins_on = models.DateField(_("起"))
    ends_on = models.DateField(_("止"))
    external_number = models.CharField(_("中登网登记编号"), max_length=60)
    made_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("质押")
        verbose_name_plural = _("质押")
        constraints = [
            models.CheckConstraint(
                name="pledge_amounts_are_positive", condition=Q(quantity_kg__gt=0, amount_fen__gt=0)
            ),
            models.CheckConstraint(
                name="pledge_ends_after_it_begins", condition=Q(ends_on__gte=F("begins_on"))
            ),
            models.CheckConstraint(
                name="only_the_first_rank_stands_behind_nobody",
                condition=Q(rank=1, behind__isnull=True) | Q(rank__gt=1, behind__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_pledge_of_an_external_number", fields=["pledgee", "external_number"]
            ),
            models.UniqueConstraint(
                name="one_pledge_per_rank", fields=["behind"], condition=Q(behind__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} → {self.pledgee_id} {self.quantity_kg} kg"


class PledgeReminder(models.Model):
    """到期提醒: holder and bank have been told that the pledge's term ends on this day."""

    pledge = models.ForeignKey(
        Pledge, on_delete=models.PROTECT, related_name="reminders", db_index=False
    )
    ends_on = models.DateField(_("止"))
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("质押到期提醒")
        verbose_name_plural = _("质押到期提醒")
        constraints = [
            models.UniqueConstraint(
                name="one_reminder_per_pledge_and_term", fields=["pledge", "ends_on"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pledge_id} {self.ends_on}"


class FreezeOrder(models.Model):
    """冻结: an order laid over live kilograms; in force while a standing block carries its key."""

    class Kind(models.TextChoices):
        COURT = "court", _("法院冻结")
        FORESTRY = "forestry", _("林业部门冻结")
        LOSS = "loss", _("挂失")
        DISPUTE = "dispute", _("权属争议")
        INSPECTION = "inspection", pgettext_lazy("register", "检查")

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("类型"), max_length=10, choices=Kind)
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, related_name="freeze_orders")
    ticket = models.ForeignKey(
        CarbonTicket, on_delete=models.PROTECT, null=True, related_name="freeze_orders"
    )
    quantity_kg = models.BigIntegerField(_("数量（千克）"))
    authority = models.CharField(_("决定机关"), max_length=120, blank=True, default="")
    document_number = models.CharField(_("文号"), max_length=120, blank=True, default="")
    reason = models.TextField(_("理由"), blank=True, default="")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("冻结")
        verbose_name_plural = _("冻结")
        constraints = [
            models.CheckConstraint(name="freeze_is_positive", condition=Q(quantity_kg__gt=0)),
            models.CheckConstraint(
                name="court_freezes_by_a_numbered_order",
                condition=~Q(kind="court") | (~Q(authority="") & ~Q(document_number="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.document_number}"


class LossNotice(models.Model):
    """挂失公告 (article 10): the ticket is frozen while anyone may object."""

    class Reason(models.TextChoices):
        LOST = "lost", _("遗失")
        DAMAGED = "damaged", _("损毁")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ticket = models.ForeignKey(CarbonTicket, on_delete=models.PROTECT, related_name="loss_notices")
    order = models.OneToOneField(FreezeOrder, on_delete=models.PROTECT, related_name="loss_notice")
    reason = models.CharField(_("原因"), max_length=8, choices=Reason)
    published_at = models.DateTimeField(_("公告时间"), db_default=PortalNow(), editable=False)
    ends_on = models.DateField(_("公告期满"))

    class Meta:
        verbose_name = _("挂失公告")
        verbose_name_plural = _("挂失公告")

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.reason}"


class LossObjection(models.Model):
    """异议: somebody says during the notice that the ticket is not lost. Settled once."""

    class Outcome(models.TextChoices):
        UPHELD = "upheld", _("异议成立")
        DISMISSED = "dismissed", _("异议不成立")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(LossNotice, on_delete=models.PROTECT, related_name="objections")
    objector = models.CharField(_("异议人"), max_length=100)
    contact = models.CharField(_("联系方式"), max_length=100)
    text = models.TextField(_("内容"))
    raised_at = models.DateTimeField(_("提出时间"), db_default=PortalNow(), editable=False)
    outcome = models.CharField(_("处理结果"), max_length=9, choices=Outcome, blank=True, default="")
    settled_at = models.DateTimeField(_("处理时间"), null=True, blank=True)
    settled_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="objections_settled"
    )

    class Meta:
        verbose_name = _("挂失异议")
        verbose_name_plural = _("挂失异议")
        constraints = [
            models.CheckConstraint(
                name="objection_is_settled_by_somebody",
                condition=Q(outcome="", settled_at__isnull=True, settled_by__isnull=True)
                | (
                    ~Q(outcome="") & Q(settled_at__isnull=False) & Q(settled_by__isnull=False)
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.notice_id} {self.outcome}"


class Cancellation(models.Model):
    """核减／注销: kilograms taken out of circulation for good, by order with a reason."""

    class Reason(models.TextChoices):
        REVOCATION = "revocation", _("材料不实，撤销")
        FIRE = "fire", _("火灾等灾害损失")
        INSPECTION = "inspection", _("检查核减")
        COURT = "court", _("法院裁判")

    cause = models.OneToOneField(
        Cause, on_delete=models.PROTECT, primary_key=True, related_name="cancellation"
    )
    number = models.CharField(_("注销编号"), max_length=24, unique=True)
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, related_name="cancellations")
    reason = models.CharField(_("原因"), max_length=10, choices=Reason)
    ordered_kg = models.BigIntegerField(_("应核减（千克）"))
    cancelled_kg = models.BigIntegerField(_("已核减（千克）"))
    authority = models.CharField(_("决定机关"), max_length=120)
    document_number = models.CharField(_("文号"), max_length=120)
    text = models.TextField(_("理由"), blank=True, default="")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("注销")
        verbose_name_plural = _("注销")
        constraints = [
            models.CheckConstraint(
                name="cancelled_at_most_what_was_ordered",
                condition=Q(ordered_kg__gt=0, cancelled_kg__gte=0)
                & Q(cancelled_kg__lte=F("ordered_kg")),
            ),
            models.CheckConstraint(
                name="cancellation_is_ordered", condition=~Q(document_number="")
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Debt(models.Model):
    """What a cancellation could not find with a project's owner: owed, never taken from buyers."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cancellation = models.ForeignKey(
        Cancellation, on_delete=models.PROTECT, related_name="debts", db_index=False
    )
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="debts")
    quantity_kg = models.BigIntegerField(_("欠缴（千克）"))
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("欠缴减排量")
        verbose_name_plural = _("欠缴减排量")
        constraints = [
            models.CheckConstraint(name="debt_is_positive", condition=Q(quantity_kg__gt=0)),
            models.UniqueConstraint(
                name="one_debt_of_a_cancellation_per_owner", fields=["cancellation", "party"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party_id} {self.quantity_kg} kg"


class PartySuccession(models.Model):
    """主体承继: who merged into another body, or died, with the one in its place. Nothing is registered
    to it any more, and its own people act no more."""

    former = models.OneToOneField(
        "accounts.Party", on_delete=models.PROTECT, related_name="succession"
    )
    successor = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="successions"
    )
    effective_on = models.DateField(_("生效日期"))
    document_number = models.CharField(_("文号"), max_length=120)
    # None of those from before successions named it: their merger's number is theirs.
    registration = models.OneToOneField(
        "registry.Registration", on_delete=models.PROTECT, null=True, related_name="succession"
    )
    made_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("主体承继")
        verbose_name_plural = _("主体承继")
        constraints = [
            models.CheckConstraint(
                name="nobody_succeeds_to_themselves", condition=~Q(former=F("successor"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.former_id} → {self.successor_id}"


class TicketPrint(models.Model):
    """One printing of a ticket's face; numbered, so that each paper is known."""

    ticket = models.ForeignKey(CarbonTicket, on_delete=models.PROTECT, related_name="prints")
    number = models.IntegerField(_("印制序号"))
    as_of = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="prints")
    made_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="tickets_printed"
    )
    made_at = models.DateTimeField(_("印制时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("票面印制")
        verbose_name_plural = _("票面印制")
        constraints = [
            models.UniqueConstraint(name="one_print_of_a_number", fields=["ticket", "number"])
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} #{self.number}"


class PrintedFace(models.Model):
    """The very bytes of one printing: names, policies and the base map change, a paper does not."""

    printing = models.OneToOneField(
        TicketPrint, on_delete=models.PROTECT, primary_key=True, related_name="face"
    )
    pdf = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("印制的票面")
        verbose_name_plural = _("印制的票面")

    def __str__(self) -> str:
        return str(self.printing_id)


class PrintReturn(models.Model):
    """纸质碳票交回: what forestry's clerk did with one printing in hand (article 16)."""

    class State(models.TextChoices):
        SURRENDERED = "surrendered", _("已交回")
        MARKED = "marked", _("已标记")

    printing = models.OneToOneField(
        TicketPrint, on_delete=models.PROTECT, primary_key=True, related_name="taken_in"
    )
    state = models.CharField(_("状态"), max_length=11, choices=State)
    taken_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="papers_taken_in"
    )
    taken_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("纸质碳票交回")
        verbose_name_plural = _("纸质碳票交回")

    def __str__(self) -> str:
        return f"{self.printing_id} {self.state}"


class PrintMark(models.Model):
    """纸质碳票批注: an act that forestry's clerk saw written on the back of a printed paper, which its
    holder keeps (articles 15 to 17)."""

    printing = models.ForeignKey(TicketPrint, on_delete=models.PROTECT, related_name="marks")
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="print_marks")
    marked_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="papers_marked"
    )
    marked_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("纸质碳票批注")
        verbose_name_plural = _("纸质碳票批注")
        constraints = [
            models.UniqueConstraint(name="one_mark_of_an_act", fields=["printing", "entry"])
        ]

    def __str__(self) -> str:
        return f"{self.printing_id}: {self.entry_id}"

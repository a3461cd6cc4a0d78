"""The ledger: issuances, tickets, blocks and entries. What acts point at: ``grounds``.

The application writes entries alone; tickets, shares and blocks are written by the entry's trigger
from its content, so that they can never say anything else (docs/decisions/0005).
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, BigIntegerRangeField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from tickets.registry.moves import ENDING_TICKETS, OPENING_TICKETS, BlockState, EntryKind
from tickets.registry.querysets import BlockQuerySet, TicketQuerySet


class Issuance(models.Model):
    """制发: the tonnes of one filing, as the range of kilograms ``[0, quantity_kg)``."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    filing = models.OneToOneField(
        "projects.Filing", on_delete=models.PROTECT, related_name="issuance", verbose_name=_("备案")
    )
    quantity_kg = models.BigIntegerField(_("减排量（千克）"))
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("制发")
        verbose_name_plural = _("制发")
        constraints = [
            models.CheckConstraint(name="issuance_is_positive", condition=Q(quantity_kg__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.filing_id}: {self.quantity_kg} kg"


class LedgerHead(models.Model):
    """The end of an issuance's chain of entries; its row lock orders the acts on the issuance."""

    issuance = models.OneToOneField(
        Issuance, on_delete=models.PROTECT, primary_key=True, related_name="head"
    )
    seq = models.IntegerField()
    hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.issuance_id}#{self.seq}"


class TicketCounter(models.Model):
    """The last ticket number of a year (Asia/Shanghai); only the entry's trigger draws."""

    year = models.SmallIntegerField(primary_key=True)
    last = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Cause(models.Model):
    """What a block stands for when it is not simply held: a listing, pledge, offset or order."""

    class Kind(models.TextChoices):
        LISTED = "listed", _("挂牌")
        PLEDGED = "pledged", _("质押")
        OFFSET = "offset", _("抵消")
        CANCELLED = "cancelled", _("注销")

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The state of the blocks that stand for it.
    kind = models.CharField(_("类型"), max_length=9, choices=Kind)
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class LedgerEntry(models.Model):
    """登记事项: one registered act. Keys and hashes only; the database fills what is not the act's.

    ``content`` says what closes and what opens (docs/verify.md gives its form); hash, number, time
    and the numbers of new tickets are the database's.
    """

    id = models.BigAutoField(_("登记号"), primary_key=True)
    issuance = models.ForeignKey(
        Issuance, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    seq = models.IntegerField(_("序号"), editable=False)
    kind = models.CharField(_("事项"), max_length=10, choices=EntryKind)
    recorded_at = models.DateTimeField(_("登记时间"), editable=False)
    actor_key = models.UUIDField(null=True)  # None: the machine, when a listing expires.
    article = models.CharField(_("依据条款"), max_length=40, blank=True, default="")
    effective_on = models.DateField(_("生效日期"), null=True, blank=True)
    answers = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="answered_by", db_index=False
    )
    cause = models.UUIDField(null=True)
    freeze_order = models.UUIDField(null=True)
    registration = models.UUIDField(null=True)
    document_sha256 = models.BinaryField(max_length=32, null=True)
    content = models.JSONField()
    previous_hash = models.BinaryField(max_length=32, editable=False)
    hash = models.BinaryField(max_length=32, editable=False)

    class Meta:
        verbose_name = _("登记事项")
        verbose_name_plural = _("登记事项")
        indexes = [
            models.Index(fields=["cause"], name="entry_by_cause", condition=Q(cause__isnull=False)),
            models.Index(fields=["recorded_at"], name="entry_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_entry_per_place_in_chain", fields=["issuance", "seq"]
            ),
            models.CheckConstraint(
                name="entry_kind_is_known", condition=Q(kind__in=[kind.value for kind in EntryKind])
            ),
            models.UniqueConstraint(
                name="a_cause_is_made_once",
                fields=["cause"],
                condition=Q(kind__in=["list", "pledge", "offset", "cancel"]),
            ),
            # What an inspection found is frozen and, rejected, lifted by the same request.
            models.UniqueConstraint(
                name="a_request_is_registered_once",
                fields=["registration", "kind"],
                condition=Q(registration__isnull=False),
            ),
            # Guarantee 5: what an act may say besides its kilograms.
            models.CheckConstraint(
                name="tickets_open_by_their_acts",
                condition=~Q(content__has_key="tickets")
                | Q(kind__in=[kind.value for kind in OPENING_TICKETS]),
            ),
            models.CheckConstraint(
                name="tickets_end_by_their_acts",
                condition=~Q(content__has_key="closed")
                | Q(kind__in=[kind.value for kind in ENDING_TICKETS]),
            ),
            models.CheckConstraint(
                name="shares_change_by_a_change",
                condition=~Q(content__has_key="shares") | Q(kind=EntryKind.CHANGE.value),
            ),
            models.CheckConstraint(
                name="what_closes_opens_again",
                condition=Q(content__has_keys=["closes", "opens"])
                | (~Q(content__has_key="closes") & ~Q(content__has_key="opens")),
            ),
            models.CheckConstraint(
                name="decision_has_its_document",
                condition=~Q(kind__in=[EntryKind.COURT.value, EntryKind.ENFORCE.value])
                | Q(document_sha256__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuance_id}#{self.seq} {self.kind}"


class CarbonTicket(models.Model):
    """林业碳票. Number and code are the database's; land, report and shares are fixed to it."""

    class ClosedBecause(models.TextChoices):
        TRANSFERRED = "transferred", _("已全部转移")
        DIVIDED = "divided", _("已分割")
        REISSUED = "reissued", _("已补发新票，本票作废")
        CORRECTED = "corrected", _("已更正换发")
        USED_UP = "used_up", _("减排量已用尽，已注销")
        CANCELLED = "cancelled", _("已注销")

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, related_name="tickets")
    number = models.CharField(_("碳票编号"), max_length=24, unique=True)
    year = models.SmallIntegerField(_("年度"))
    serial = models.IntegerField(_("序号"))
    code = models.CharField(_("查验码"), max_length=26, unique=True, editable=False)
    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion", on_delete=models.PROTECT, related_name="tickets"
    )
    uniqueness_report = models.ForeignKey(
        "parcels.RuleRun", on_delete=models.PROTECT, related_name="tickets"
    )
    share_denominator = models.IntegerField(_("份额分母"))
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    opened_by = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, related_name="tickets_opened"
    )
    opened_at = models.DateTimeField(_("制发时间"))
    closed_by = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, null=True, related_name="tickets_closed"
    )
    closed_at = models.DateTimeField(_("关闭时间"), null=True)
    closed_because = models.CharField(
        _("关闭原因"), max_length=11, choices=ClosedBecause, blank=True, default=""
    )

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("碳票")
        verbose_name_plural = _("碳票")
        constraints = [
            models.UniqueConstraint(
                name="one_ticket_of_a_year_and_serial", fields=["year", "serial"]
            ),
            models.CheckConstraint(
                name="ticket_denominator_is_positive", condition=Q(share_denominator__gt=0)
            ),
            models.CheckConstraint(
                name="ticket_is_closed_for_a_reason",
                condition=Q(closed_by__isnull=True, closed_at__isnull=True, closed_because="")
                | (
                    Q(closed_by__isnull=False, closed_at__isnull=False)
                    & Q(closed_by__gt=F("opened_by"))
                    & ~Q(closed_because="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.closed_by_id is None


class TicketShare(models.Model):
    """An owner's share: a numerator over the ticket's denominator, from one entry to another."""

    ticket = models.ForeignKey(CarbonTicket, on_delete=models.PROTECT, related_name="shares")
    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="ticket_shares"
    )
    place = models.IntegerField(_("次序"))
    numerator = models.IntegerField(_("份额"))
    opened_by = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, related_name="shares_opened", db_index=False
    )
    opened_at = models.DateTimeField()
    closed_by = models.ForeignKey(
        LedgerEntry,
        on_delete=models.PROTECT,
        null=True,
        related_name="shares_closed",
        db_index=False,
    )
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("碳票份额")
        verbose_name_plural = _("碳票份额")
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(
                name="one_standing_share_per_owner",
                fields=["ticket", "party"],
                condition=Q(closed_by__isnull=True),
            ),
            models.CheckConstraint(name="share_is_positive", condition=Q(numerator__gt=0)),
            models.CheckConstraint(
                name="share_closes_after_it_opens",
                condition=Q(closed_by__isnull=True) | Q(closed_by__gt=F("opened_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.party_id}: {self.numerator}"


class Block(models.Model):
    """份额区段: a contiguous range of an issuance's kilograms, in one state, on one ticket."""

    issuance = models.ForeignKey(
        Issuance, on_delete=models.PROTECT, related_name="blocks", db_index=False
    )
    kg = BigIntegerRangeField(_("千克区间"))
    ticket = models.ForeignKey(
        CarbonTicket, on_delete=models.PROTECT, related_name="blocks", db_index=False
    )
    state = models.CharField(_("状态"), max_length=9, choices=BlockState)
    because = models.ForeignKey(
        Cause, on_delete=models.PROTECT, null=True, related_name="blocks", db_index=False
    )
    freezes = ArrayField(models.UUIDField(), default=list)
    opened_by = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, related_name="blocks_opened"
    )
    closed_by = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, null=True, related_name="blocks_closed"
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    during = models.GeneratedField(
        expression=Func(F("opened_by"), F("closed_by"), function="int8range"),
        output_field=BigIntegerRangeField(),
        db_persist=True,
    )

    objects = BlockQuerySet.as_manager()

    class Meta:
        verbose_name = _("份额区段")
        verbose_name_plural = _("份额区段")
        indexes = [
            models.Index(fields=["ticket", "opened_at"], name="blocks_of_a_ticket"),
            models.Index(
                fields=["ticket"], name="standing_blocks_of_a_ticket",
                condition=Q(closed_by__isnull=True),
            ),
            models.Index(
                F("issuance"), Lower("kg"), name="standing_blocks",
                condition=Q(closed_by__isnull=True),
            ),
            models.Index(
                fields=["because"], name="blocks_of_a_cause",
                condition=Q(because__isnull=False),
            ),
        ]  # fmt: skip
        constraints = [
            ExclusionConstraint(
                name="one_home_for_every_kilogram",
                expressions=[("issuance", "="), ("kg", "&&"), ("during", "&&")],
            ),
            models.CheckConstraint(
                name="block_closes_after_it_opens",
                condition=Q(closed_by__isnull=True) | Q(closed_by__gt=F("opened_by")),
            ),
            models.CheckConstraint(
                name="block_closes_with_its_time",
                condition=Q(closed_by__isnull=True, closed_at__isnull=True)
                | Q(closed_by__isnull=False, closed_at__gt=F("opened_at")),
            ),
            models.CheckConstraint(
                name="block_has_kilograms",
                condition=Q(kg__isempty=False, kg__lower_inf=False, kg__upper_inf=False),
            ),
            models.CheckConstraint(
                name="block_stands_for_what_put_it_there",
                condition=Q(state="held", because__isnull=True)
                | (
                    Q(state__in=["listed", "pledged", "offset", "cancelled"])
                    & Q(because__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="gone_blocks_are_not_frozen",
                condition=~Q(state__in=["offset", "cancelled"]) | Q(freezes__len=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuance_id} {self.kg} {self.state}"

    @property
    def quantity_kg(self) -> int:
        return int(self.kg.upper) - int(self.kg.lower)

"""Reads of finance: one register of pledges and other products, and what a bank should know."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Party
from portal.base.clock import now, today
from portal.base.policy import policy_number
from tickets.finance.models import FinanceRow, InsurancePolicy, PledgeAlert
from tickets.market.models import Listing
from tickets.market.prices import amount_of
from tickets.market.queries import average_price, settled_trades
from tickets.registry.models import Block, Cancellation, CarbonTicket, Pledge
from tickets.registry.queries import (
    end_of_day,
    pledged_kg,
    requests_of,
    tickets_securing,
    with_former_bodies,
)
from tickets.registry.ranks import waiting_at

EXPIRES_WITHIN = timedelta(days=30)
Kind = PledgeAlert.Kind


class Standing(TextChoices):
    """What of a product is left."""

    STANDING = "standing", _("有效")
    WAITING = "waiting", _("候补")
    ENDED = "ended", _("已结束")
    NEVER = "never", _("未生效即终止")


@dataclass(frozen=True, slots=True)
class Line:
    """One product as the register shows it at a moment; money in fen."""

    key: uuid.UUID
    kind: str
    institution: str
    number: str
    ticket: str
    quantity_kg: int
    held_kg: int
    amount_fen: int
    begins_on: date
    ends_on: date
    standing: Standing
    insurance: bool = False
    # What the office ends or strikes itself; a pledge ends in the ledger.
    row: bool = False
    # The request by which a pledge was registered.
    request: uuid.UUID | None = None

    @property
    def stands(self) -> bool:
        return self.standing is Standing.STANDING

    @property
    def is_over(self) -> bool:
        return self.standing in (Standing.ENDED, Standing.NEVER)


@dataclass(frozen=True, slots=True)
class Quarter:
    """Three months of a year; what is reported of them is how things stood when they were over."""

    year: int
    number: int

    @property
    def first(self) -> date:
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last(self) -> date:
        after = Quarter(self.year + self.number // 4, self.number % 4 + 1)
        return after.first - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"


def register_lines(institution: Party | None = None, quarter: Quarter | None = None) -> list[Line]:
    """Pledges of the ledger, confirmed rows and insurances, the newest first; of one institution.

    Of a quarter: what was registered in it or stood when it began, as it stood at its end.
    """
    lines = _lines_on(institution, quarter.last if quarter else today())
    if quarter is not None:
        before = _lines_on(institution, quarter.first - timedelta(days=1))
        over = {line.key for line in before if line.is_over}
        lines = [
            line for line in lines
            if line.key not in over and (line.held_kg or line.begins_on <= quarter.last)
        ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.begins_on, line.number), reverse=True)


def _lines_on(institution: Party | None, day: date) -> list[Line]:
    """What was registered by the end of a day, and how it stood then."""
    pledges = Pledge.objects.select_related("ticket", "pledgee").filter(
        made_at__lte=end_of_day(day)
    )
    rows = FinanceRow.objects.counted().select_related("ticket", "institution")
    policies = InsurancePolicy.objects.select_related("ticket", "insurer")
    if institution is not None:
        pledges = pledges.filter(pledgee=institution)
        rows = rows.filter(institution=institution)
        policies = policies.filter(insurer=institution)
    return [
        *_pledge_lines(list(pledges), end_of_day(day)),
        *(_row_line(row, day) for row in rows),
        *(_policy_line(policy, day) for policy in policies),
    ]


def _pledge_lines(pledges: list[Pledge], at: datetime) -> list[Line]:
    held, securing = pledged_kg(pledges, at), tickets_securing(pledges)
    waiting, requests = _waiting(held, at), requests_of(pledges)
    return [
        Line(
            one.pk, str(_("质押贷款")), one.pledgee.name, one.external_number, securing[one.pk].number,
            one.quantity_kg, held[one.pk], one.amount_fen, one.begins_on, one.ends_on,
            _standing(held[one.pk], waits=one.pk in waiting), request=requests.get(one.pk),
        )
        for one in pledges
    ]  # fmt: skip


def _waiting(held: dict[uuid.UUID, int], at: datetime) -> set[uuid.UUID]:
    """Of those that hold nothing, the later ranks that wait for those before them (article 18)."""
    return waiting_at((key for key, kilograms in held.items() if not kilograms), at)


def _standing(held_kg: int, *, waits: bool) -> Standing:
    if held_kg:
        return Standing.STANDING
    return Standing.WAITING if waits else Standing.ENDED


def _row_line(row: FinanceRow, day: date) -> Line:
    ended = row.ended_on is not None and row.ended_on <= day
    return Line(
        row.key, row.get_kind_display(), row.institution.name, row.number, row.ticket.number, 0, 0,
        row.amount_fen, row.begins_on, row.ends_on,
        Standing.ENDED if ended else Standing.STANDING, row=True,
    )  # fmt: skip


def _policy_line(policy: InsurancePolicy, day: date) -> Line:
    ended = policy.last_day < max(day, policy.begins_on)
    standing = Standing.ENDED if ended else Standing.STANDING
    return Line(
        policy.key, f"{_('保险')} · {policy.get_subject_display()}", policy.insurer.name,
        policy.number, policy.ticket.number, 0, 0, policy.sum_fen,
        policy.begins_on, policy.ends_on if policy.never_in_force else policy.last_day,
        Standing.NEVER if policy.never_in_force else standing, insurance=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alert:
    """What a bank should know of its pledge; another source is something new to tell."""

    kind: PledgeAlert.Kind
    source: str = ""


@dataclass(frozen=True, slots=True)
class OwnPledge:
    """A pledge as its bank watches it."""

    pledge: Pledge
    ticket: CarbonTicket
    held_kg: int
    value_fen: int
    alerts: tuple[Alert, ...]
    standing: Standing = Standing.STANDING

    @property
    def labels(self) -> list[str]:
        """The alerts in words, each once."""
        return list(dict.fromkeys(str(alert.kind.label) for alert in self.alerts))


def own_pledges(banks: QuerySet[Party]) -> list[OwnPledge]:
    """What stands for the loans of the banks, and of those that merged into them, its value at the
    market's last price, and what changed."""
    theirs = with_former_bodies(banks.values_list("pk", flat=True))
    return watched(Pledge.objects.filter(pledgee__in=theirs))


def pledges_in_force() -> QuerySet[Pledge]:
    """Those that still hold kilograms."""
    return Pledge.objects.filter(cause__blocks__closed_by__isnull=True).distinct()


def watched(pledges: QuerySet[Pledge]) -> list[OwnPledge]:
    """Pledges with what they hold, what it is worth, and what their banks should know."""
    found = list(pledges.select_related("ticket", "pledgee").order_by("ends_on", "pk"))
    held: dict[uuid.UUID, int] = dict.fromkeys((pledge.pk for pledge in found), 0)
    orders: dict[uuid.UUID, set[uuid.UUID]] = {pledge.pk: set() for pledge in found}
    for block in Block.objects.standing().filter(because__in=held):
        assert block.because_id is not None  # Found by it.
        held[block.because_id] += block.quantity_kg
        orders[block.because_id].update(block.freezes)
    reversals, securing = _reversals(found), tickets_securing(found)
    price_fen, waiting = valuation_price_fen(), _waiting(held, now())
    return [
        OwnPledge(pledge, securing[pledge.pk], 0, 0, (), _standing(0, waits=pledge.pk in waiting))
        if not held[pledge.pk]
        else _watched(
            pledge,
            securing[pledge.pk],
            held[pledge.pk],
            price_fen,
            [
                *(Alert(Kind.FROZEN, order.hex) for order in sorted(orders[pledge.pk])),
                *(
                    Alert(Kind.REVERSED, number)
                    for ticket, number, made_at in reversals
                    if ticket in (pledge.ticket_id, securing[pledge.pk].pk)
                    and made_at > pledge.made_at
                ),
            ],
        )
        for pledge in found
    ]


def _reversals(pledges: Sequence[Pledge]) -> list[tuple[uuid.UUID, str, datetime]]:
    """Ticket, number and time of each cancellation that took kilograms of the pledges' issuances."""
    issuances = {pledge.ticket.issuance_id for pledge in pledges}
    return list(
        Cancellation.objects.filter(issuance__in=issuances, cause__blocks__isnull=False)
        .order_by("number")
        .values_list("cause__blocks__ticket", "number", "made_at")
        .distinct()
    )


def valuation_price_fen() -> int:
    """What a tonne of collateral is worth: the mean of the last public trades (policy
    ``finance.valuation_trades``), weighted; 0 before the first.

    What two parties made out between them, or a visitor paid for some kilograms, moves no bank's
    collateral.
    """
    trades = settled_trades().exclude(listing__method=Listing.Method.AGREEMENT)
    last = list(trades[: int(policy_number("finance.valuation_trades"))])
    return average_price(
        sum(trade.amount_fen for trade in last), sum(trade.quantity_kg for trade in last)
    )


def _watched(
    pledge: Pledge, ticket: CarbonTicket, held_kg: int, price_fen: int, alerts: list[Alert]
) -> OwnPledge:
    """Of one that holds something: its value, and its term."""
    value_fen = amount_of(price_fen, held_kg)
    term = pledge.ends_on.isoformat()
    if pledge.ends_on < today():
        alerts.append(Alert(Kind.EXPIRED, term))
    elif pledge.ends_on <= today() + EXPIRES_WITHIN:
        alerts.append(Alert(Kind.EXPIRING, term))
    if 0 < value_fen < pledge.amount_fen:
        alerts.append(Alert(Kind.BELOW))
    return OwnPledge(pledge, ticket, held_kg, value_fen, tuple(alerts))


_ORIGINS = """
WITH RECURSIVE origins AS (
  SELECT key, parent_id FROM registry_carbonticket WHERE key = %s
  UNION ALL
  SELECT before.key, before.parent_id FROM registry_carbonticket AS before
  JOIN origins ON before.key = origins.parent_id
)
SELECT key FROM origins
"""


def insurance_of(ticket: CarbonTicket) -> QuerySet[InsurancePolicy]:
    """The insurances of a ticket and of those that it came of, the newest first: a sale takes its
    tonnes to another ticket, and the forest behind them stays the same."""
    with connection.cursor() as cursor:
        cursor.execute(_ORIGINS, [ticket.pk])
        origins = [key for (key,) in cursor.fetchall()]
    return (
        InsurancePolicy.objects.filter(ticket__in=origins)
        .select_related("insurer", "ticket")
        .prefetch_related("claims")
    )

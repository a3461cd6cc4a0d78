"""Reads of finance: one register of pledges and other products, and what a bank should know."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Party
from portal.base.clock import today
from tickets.finance.models import FinanceRow, InsurancePolicy, PledgeAlert
from tickets.market.prices import amount_of
from tickets.market.queries import market_figures
from tickets.registry.models import Block, Cancellation, CarbonTicket, Pledge
from tickets.registry.queries import pledged_kg, tickets_securing

EXPIRES_WITHIN = timedelta(days=30)
Kind = PledgeAlert.Kind


@dataclass(frozen=True, slots=True)
class Line:
    """One product as the register shows it; money in fen."""

    kind: str
    institution: str
    number: str
    ticket: str
    quantity_kg: int
    amount_fen: int
    begins_on: date
    ends_on: date
    standing: bool
    # Of a row that the office ends itself; a pledge ends in the ledger.
    row: uuid.UUID | None = None


def register_lines(
    institution: Party | None = None, begun: tuple[date, date] | None = None
) -> list[Line]:
    """Pledges of the ledger and confirmed rows, the newest first; of one bank, of one quarter."""
    pledges = Pledge.objects.select_related("ticket", "pledgee", "cause")
    rows = FinanceRow.objects.filter(confirmed_by__isnull=False).select_related(
        "ticket", "institution"
    )
    if institution is not None:
        pledges = pledges.filter(pledgee=institution)
        rows = rows.filter(institution=institution)
    if begun is not None:
        pledges = pledges.filter(begins_on__range=begun)
        rows = rows.filter(begins_on__range=begun)
    held, securing = pledged_kg(list(pledges)), tickets_securing(list(pledges))
    lines = [
        Line(
            _("质押贷款"), one.pledgee.name, one.external_number, securing[one.pk].number,
            one.quantity_kg, one.amount_fen, one.begins_on, one.ends_on, held[one.pk] > 0,
        )
        for one in pledges
    ]  # fmt: skip
    lines += [
        Line(
            one.get_kind_display(), one.institution.name, one.number, one.ticket.number,
            0, one.amount_fen, one.begins_on, one.ends_on, one.ended_on is None, one.key,
        )
        for one in rows
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.begins_on, line.number), reverse=True)


def quarter_days(year: int, quarter: int) -> tuple[date, date]:
    """The first and the last day of a quarter."""
    first = date(year, 3 * quarter - 2, 1)
    after = date(year + 1, 1, 1) if quarter == 4 else date(year, 3 * quarter + 1, 1)
    return first, after - timedelta(days=1)


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

    @property
    def labels(self) -> list[str]:
        """The alerts in words, each once."""
        return list(dict.fromkeys(str(alert.kind.label) for alert in self.alerts))


def own_pledges(banks: QuerySet[Party]) -> list[OwnPledge]:
    """What stands for the banks' loans, its value at the market's last price, and what changed."""
    return watched(Pledge.objects.filter(pledgee__in=banks))


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
    reversals: dict[int, list[str]] = {}
    issuances = [pledge.ticket.issuance_id for pledge in found]
    for issuance, number in (
        Cancellation.objects.filter(issuance__in=issuances)
        .order_by("number")
        .values_list("issuance", "number")
    ):
        reversals.setdefault(issuance, []).append(number)
    price_fen, securing = market_figures()["last_fen"], tickets_securing(found)
    return [
        _watched(
            pledge,
            securing[pledge.pk],
            held[pledge.pk],
            price_fen,
            [
                *(Alert(Kind.FROZEN, order.hex) for order in sorted(orders[pledge.pk])),
                *(
                    Alert(Kind.REVERSED, number)
                    for number in reversals.get(pledge.ticket.issuance_id, [])
                ),
            ],
        )
        for pledge in found
    ]


def _watched(
    pledge: Pledge, ticket: CarbonTicket, held_kg: int, price_fen: int, alerts: list[Alert]
) -> OwnPledge:
    """With term and value; nothing threatens a pledge that holds nothing any more."""
    if held_kg == 0:
        return OwnPledge(pledge, ticket, 0, 0, ())
    value_fen = amount_of(price_fen, held_kg)
    term = pledge.ends_on.isoformat()
    if pledge.ends_on < today():
        alerts.append(Alert(Kind.EXPIRED, term))
    elif pledge.ends_on <= today() + EXPIRES_WITHIN:
        alerts.append(Alert(Kind.EXPIRING, term))
    if 0 < value_fen < pledge.amount_fen:
        alerts.append(Alert(Kind.BELOW))
    return OwnPledge(pledge, ticket, held_kg, value_fen, tuple(alerts))


def insurance_of(ticket: CarbonTicket) -> QuerySet[InsurancePolicy]:
    """The insurances that name a ticket, the newest first."""
    return InsurancePolicy.objects.filter(ticket=ticket).select_related("insurer")

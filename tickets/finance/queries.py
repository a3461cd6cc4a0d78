"""Reads of finance: one register of pledges and other products, and what a bank should know."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Party
from portal.base.clock import today
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.market.prices import amount_of
from tickets.market.queries import market_figures
from tickets.registry.models import CarbonTicket, Pledge
from tickets.registry.queries import pledged_kg, tickets_securing

EXPIRES_WITHIN = timedelta(days=30)


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
class OwnPledge:
    """A pledge as its bank watches it."""

    pledge: Pledge
    ticket: CarbonTicket
    held_kg: int
    value_fen: int
    alerts: tuple[str, ...]


def own_pledges(banks: QuerySet[Party]) -> list[OwnPledge]:
    """What stands for the banks' loans, its value at the market's last price, and what changed."""
    pledges = list(
        Pledge.objects.filter(pledgee__in=banks)
        .select_related("ticket", "pledgee", "cause")
        .order_by("ends_on", "pk")
    )
    held, price_fen = pledged_kg(pledges), market_figures()["last_fen"]
    securing = tickets_securing(pledges)
    found = []
    for pledge in pledges:
        kilograms = held[pledge.pk]
        value_fen = amount_of(price_fen, kilograms) if price_fen and kilograms else 0
        alerts = _alerts(pledge, kilograms, value_fen)
        found.append(OwnPledge(pledge, securing[pledge.pk], kilograms, value_fen, alerts))
    return found


def _alerts(pledge: Pledge, held_kg: int, value_fen: int) -> tuple[str, ...]:
    if held_kg == 0:
        return ()
    said = []
    blocks = pledge.cause.blocks.standing()
    if any(block.freezes for block in blocks):
        said.append(_("质押的减排量被冻结"))
    if pledge.ticket.issuance.cancellations.exists():
        said.append(_("该批减排量发生过核减"))
    if pledge.ends_on < today():
        said.append(_("质押期限已过"))
    elif pledge.ends_on <= today() + EXPIRES_WITHIN:
        said.append(_("质押 30 天内到期"))
    if value_fen and value_fen < pledge.amount_fen:
        said.append(_("按市价已低于担保金额"))
    return tuple(said)


def insurance_of(ticket: CarbonTicket) -> QuerySet[InsurancePolicy]:
    """The insurances that name a ticket, the newest first."""
    return InsurancePolicy.objects.filter(ticket=ticket).select_related("insurer")

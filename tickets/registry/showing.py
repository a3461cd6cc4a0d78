"""A ticket in words: for its page, its face, and what a QR code opens."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext as _

from portal.base.clock import CITY_TIME
from tickets.registry.models import (
    Block,
    Cancellation,
    CarbonTicket,
    Debt,
    LedgerEntry,
    TicketShare,
)
from tickets.registry.moves import BlockState, EntryKind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import Flow, Standing, TicketState, names_at, shares_at
from tickets.registry.querysets import standing_at

M2_PER_HA, MU_PER_HA = 10_000, 15


@dataclass(frozen=True, slots=True)
class Holder:
    """An owner as a page may show it."""

    name: str
    share: str


def holders(ticket: CarbonTicket, at: datetime | None = None, *, masked: bool) -> list[Holder]:
    """The owners in the ticket's order, with their shares where there are several (article 9)."""
    shares: list[TicketShare] = list(shares_at(ticket, at))
    if not shares:  # Closed: whose it was at the end.
        shares = list(ticket.shares.filter(closed_by=ticket.closed_by_id).select_related("party"))
    return _named(shares, ticket, names_at(at), masked=masked)


def holders_of_all(
    tickets: Mapping[uuid.UUID, CarbonTicket], at: datetime | None = None, *, masked: bool
) -> dict[uuid.UUID, list[Holder]]:
    """The owners, now or at a moment, of many tickets by one query; of a closed one whose it was at
    the end."""
    last = standing_at(at)
    if at is None:
        last |= Q(closed_by=F("ticket__closed_by"))
    shares = TicketShare.objects.filter(last, ticket__in=tickets).select_related("party")
    found: dict[uuid.UUID, list[TicketShare]] = {key: [] for key in tickets}
    for share in shares.order_by("place"):
        found[share.ticket_id].append(share)
    names = names_at(at)
    return {key: _named(own, tickets[key], names, masked=masked) for key, own in found.items()}


def _named(
    shares: list[TicketShare], ticket: CarbonTicket, names: Mapping[int, str], *, masked: bool
) -> list[Holder]:
    several = len(shares) > 1
    found = []
    for share in shares:
        party = share.party
        party.name = names.get(party.pk, party.name)  # As it was called then; not saved.
        part = f"{share.numerator}/{ticket.share_denominator}" if several else ""
        found.append(Holder(party.public_name if masked else party.name, part))
    return found


def area_facts(area_m2: float) -> tuple[str, str]:
    """Hectares and mu, as printed."""
    hectares = area_m2 / M2_PER_HA
    return f"{hectares:,.4f}", f"{hectares * MU_PER_HA:,.2f}"


def period_of(ticket: CarbonTicket) -> tuple[date, date]:
    """First and last day of the monitoring period (stored half-open)."""
    period = ticket.issuance.filing.period
    return period.lower, date.fromordinal(period.upper.toordinal() - 1)


def issued_on(ticket: CarbonTicket) -> date:
    """The day in Asia/Shanghai on which the ticket was opened."""
    return ticket.opened_at.astimezone(CITY_TIME).date()


def face_kg(ticket: CarbonTicket) -> int:
    """The kilograms with which the ticket was opened: what its face says."""
    return ticket.blocks.filter(opened_by=ticket.opened_by_id).quantity_kg()


def face_kg_of_all(tickets: Sequence[CarbonTicket]) -> dict[uuid.UUID, int]:
    """``face_kg`` of many tickets by one query."""
    length = ExpressionWrapper(Upper("kg") - Lower("kg"), BigIntegerField())
    opened = Block.objects.filter(
        ticket__in=[ticket.pk for ticket in tickets], opened_by=F("ticket__opened_by")
    )
    sums = opened.values_list("ticket").annotate(face_kg=Sum(length))
    return {ticket.pk: 0 for ticket in tickets} | dict(sums)


def big_words(state: TicketState) -> str:
    """Today's state in a few large words: 有效, 已质押, 已使用 3.2 / 12 吨 …"""
    if state.standing is not Standing.PARTLY_USED:
        return str(state.standing.label)
    total = tonnes(state.total_kg)
    said = []
    if state.offset_kg:
        said.append(
            _("已使用 {used} / {total} 吨").format(used=tonnes(state.offset_kg), total=total)
        )
    if state.cancelled_kg:
        taken = tonnes(state.cancelled_kg)
        said.append(_("已核减 {taken} / {total} 吨").format(taken=taken, total=total))
    return " · ".join(said)


def bars(state: TicketState) -> list[tuple[str, str, int, str]]:
    """State, its name, kilograms and tonnes of what is on a ticket; zeros are left out."""
    amounts = {
        BlockState.HELD: state.held_kg,
        BlockState.LISTED: state.listed_kg,
        BlockState.PLEDGED: state.pledged_kg,
        BlockState.OFFSET: state.offset_kg,
        BlockState.CANCELLED: state.cancelled_kg,
    }
    return [
        (one.value, str(one.label), kilograms, tonnes(kilograms))
        for one, kilograms in amounts.items()
        if kilograms
    ]


def flows_by_entry(flows: Iterable[Flow]) -> dict[int, list[Flow]]:
    """Entry → what it moved."""
    found: dict[int, list[Flow]] = {}
    for flow in flows:
        found.setdefault(flow.entry, []).append(flow)
    return found


def act_line(entry: LedgerEntry, flows: Sequence[Flow], numbers: Mapping[object, str]) -> str:
    """What one entry did, in one line; ``flows`` are its own."""
    parts = []
    for flow in flows:
        words = _("{tonnes} 吨").format(tonnes=tonnes(flow.quantity_kg))
        target = numbers.get(flow.to_ticket, "")
        if flow.from_ticket is None or flow.from_ticket != flow.to_ticket:
            words += f" → {target}"
        if flow.from_state != flow.to_state and flow.from_state:
            was, became = BlockState(flow.from_state), BlockState(flow.to_state)
            words += f"（{was.label} → {became.label}）"
        parts.append(words)
    return "；".join(parts) or str(EntryKind(entry.kind).label)


def order_line(cancellation: Cancellation) -> str:
    """Why kilograms were taken back, by whose order, and what of it is owed still; no names."""
    said = _("{reason}，{authority} {document}（{number}）").format(
        reason=cancellation.get_reason_display(),
        authority=cancellation.authority,
        document=cancellation.document_number,
        number=cancellation.number,
    )
    missing_kg = cancellation.ordered_kg - cancellation.cancelled_kg
    if missing_kg:
        said += _("；应核减 {ordered} 吨，欠缴 {missing} 吨").format(
            ordered=tonnes(cancellation.ordered_kg), missing=tonnes(missing_kg)
        )
    return said


def debt_rows(debts: Iterable[Debt]) -> list[tuple[Debt, str]]:
    """Each debt with the order that left it."""
    return [(debt, order_line(debt.cancellation)) for debt in debts]

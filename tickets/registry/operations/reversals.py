"""Reversal and revocation by order (articles 7 and 21; domain.md, "Reversal and revocation")."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import Party, User
from portal.accounts.queries import people_acting_for
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.errors import CancelReasonGone, NothingToCancel, WrongRegistration
from tickets.registry.ledger import (
    Draft,
    Piece,
    hold,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    Block,
    Cancellation,
    CarbonTicket,
    Cause,
    Debt,
    Issuance,
    PartySuccession,
    Registration,
    TicketShare,
)
from tickets.registry.moves import LIVE_STATES, BlockState, EntryKind
from tickets.registry.operations.registrations import (
    Kind,
    Paper,
    begin_decision,
    end_decision,
    prepare,
    quantity_or_none,
    sha256_of,
)
from tickets.registry.quantities import split_by_shares, tonnes

Reason = Cancellation.Reason
# Of false materials, of inspections; otherwise forestry's charge of registering and cancelling.
ARTICLES = {
    Reason.REVOCATION: "第七条",
    Reason.INSPECTION: "第二十一条",
    Reason.FIRE: "第三条",
    Reason.COURT: "第三条",
}


@write_transaction
def prepare_cancellation(
    *,
    issuance: Issuance,
    reason: Cancellation.Reason,
    document: Paper,
    text: str,
    actor: User,
    quantity_kg: int | None = None,
    effective_on: date | None = None,
) -> Registration:
    """By order, with organ and number; ``quantity_kg`` None revokes the whole issuance."""
    document.require(_("核减或撤销决定"), authority=True)
    return prepare(
        Kind.CANCEL,
        actor=actor,
        document=document,
        issuance=issuance,
        quantity_kg=quantity_or_none(quantity_kg),
        cancel_reason=reason,
        reason=text.strip(),
        effective_on=effective_on,
    )


@write_transaction
def cancel_blocks(*, registration: Registration, actor: User) -> Cancellation:
    """Kilograms of the project's owners: free ones first, highest numbers first, then a debt.

    Owners who got tickets of their own answer each for theirs. What buyers hold in good faith stays
    theirs, and so does what secures a loan. NothingToCancel when the issuance holds nothing any more.
    """
    wanted = begin_decision(registration, actor, {Kind.CANCEL})
    if wanted.issuance_id is None:
        raise WrongRegistration()
    if wanted.cancel_reason not in Reason.values:
        raise CancelReasonGone()
    issuance = Issuance.objects.get(pk=wanted.issuance_id)
    hold(issuance.pk)
    left = standing_pieces(issuance_id=issuance.pk)
    lines = _lines_of(issuance)
    remaining = [line.remaining_kg(left) for line in lines]
    ordered_kg = wanted.quantity_kg or sum(remaining)
    if ordered_kg == 0:
        raise NothingToCancel()
    due = split_by_shares(
        ordered_kg, remaining if any(remaining) else [line.high - line.low for line in lines]
    )
    theirs = _tickets_answering(issuance, _successors_of(lines))
    cause = Cause.objects.create(kind=Cause.Kind.CANCELLED)
    draft = Draft()
    missing: list[int] = []
    for line, due_kg in zip(lines, due, strict=True):
        taken_kg, left = _take_from(draft, left, line.reach(theirs), due_kg, cause)
        missing.append(due_kg - taken_kg)
    draft.keep(left)
    cancelled_kg = ordered_kg - sum(missing)
    cancellation = Cancellation.objects.create(
        cause=cause,
        number=draw_number(NumberKind.CANCELLATION),
        issuance=issuance,
        reason=wanted.cancel_reason,
        ordered_kg=ordered_kg,
        cancelled_kg=cancelled_kg,
        authority=wanted.authority,
        document_number=wanted.document_number,
        text=wanted.reason,
    )
    _note_debts(cancellation, lines, missing)
    if cancelled_kg:
        _close_emptied(draft, theirs, left)
        write_entry(
            draft,
            kind=EntryKind.CANCEL,
            issuance_id=issuance.pk,
            actor=actor,
            article=ARTICLES[Reason(wanted.cancel_reason)],
            effective_on=wanted.effective_on,
            cause=cause.pk,
            registration=wanted.key,
            document_sha256=sha256_of(wanted),
        )
    record_event(
        subject_kind="cancellation",
        subject_key=cause.pk,
        verb="ordered",
        actor_key=actor.key,
        facts={"number": cancellation.number, "kg": ordered_kg, "missing": sum(missing)},
    )
    end_decision(wanted, actor)
    _tell_of_cancellation(cancellation, lines)
    return cancellation


# --- who answers for what -----------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Line:
    """The kilograms with which one of the issuance's first tickets began, and its owners then."""

    low: int
    high: int
    shares: tuple[tuple[Party, int], ...]

    def remaining_kg(self, pieces: Sequence[Piece]) -> int:
        """What of it was not cancelled yet; no piece belongs to two lines."""
        return quantity_of(
            piece for piece in pieces
            if self.low <= piece.low < self.high and piece.state is not BlockState.CANCELLED
        )  # fmt: skip

    def reach(self, tickets: Collection[uuid.UUID]) -> Callable[[Piece], bool]:
        """Its kilograms that are held by those who answer for them."""
        return lambda piece: (
            self.low <= piece.low < self.high
            and piece.ticket in tickets
            and piece.state is BlockState.HELD
        )


def _lines_of(issuance: Issuance) -> list[_Line]:
    first = Block.objects.filter(issuance=issuance, opened_by__seq=1).order_by("kg")
    shares: dict[uuid.UUID, list[tuple[Party, int]]] = {}
    for share in (
        TicketShare.objects.filter(opened_by__issuance=issuance, opened_by__seq=1)
        .select_related("party")
        .order_by("place")
    ):
        shares.setdefault(share.ticket_id, []).append((share.party, share.numerator))
    return [
        _Line(block.kg.lower, block.kg.upper, tuple(shares[block.ticket_id])) for block in first
    ]


def _successors_of(lines: Sequence[_Line]) -> dict[int, int]:
    """Party → into whom it merged, or itself, for each of the first owners."""
    successions = dict(PartySuccession.objects.values_list("former", "successor"))
    found: dict[int, int] = {}
    for line in lines:
        for party, _numerator in line.shares:
            present, seen = party.pk, {party.pk}
            while (following := successions.get(present)) is not None and following not in seen:
                present = following
                seen.add(present)
            found[party.pk] = present
    return found


# By gift, inheritance, merger and division, by correction and reissue nobody buys in good faith.
_NOT_BOUGHT = """
WITH RECURSIVE own AS (
  SELECT key FROM registry_carbonticket WHERE issuance_id = %s AND parent_id IS NULL
  UNION ALL
  SELECT child.key FROM own
  JOIN registry_carbonticket AS child ON child.parent_id = own.key
  JOIN registry_ledgerentry AS opened ON opened.id = child.opened_by_id
  LEFT JOIN registry_registration AS wanted ON wanted.key = opened.registration
  WHERE opened.kind IN ('divide', 'correct', 'reissue')
     OR wanted.kind IN ('gift', 'inheritance', 'merger', 'company_division')
)
SELECT key FROM own
"""


def _tickets_answering(issuance: Issuance, successors: dict[int, int]) -> set[uuid.UUID]:
    """Open tickets that nobody bought, and those that the first owners bought back."""
    with connection.cursor() as cursor:
        cursor.execute(_NOT_BOUGHT, [issuance.pk])
        found = {key for (key,) in cursor.fetchall()}
    owners = {*successors, *successors.values()}
    held_by: dict[uuid.UUID, set[int]] = {}
    for ticket, party in TicketShare.objects.filter(
        ticket__issuance=issuance, ticket__closed_by__isnull=True, closed_by__isnull=True
    ).values_list("ticket_id", "party_id"):
        held_by.setdefault(ticket, set()).add(party)
    return {ticket for ticket, parties in held_by.items() if ticket in found or parties <= owners}


def _take_from(
    draft: Draft, left: list[Piece], reach: Callable[[Piece], bool], due_kg: int, cause: Cause
) -> tuple[int, list[Piece]]:
    """Take at most ``due_kg`` of what is within reach: (how much was found, what is left of all)."""
    taken_kg = 0
    for frozen in (False, True):  # An inspection may have frozen what it now takes.
        within: list[Piece] = []
        others: list[Piece] = []
        for piece in left:
            fits = reach(piece) and bool(piece.freezes) == frozen
            (within if fits else others).append(piece)
        take_kg = min(due_kg - taken_kg, quantity_of(within))
        if take_kg == 0:
            continue
        within.sort(key=lambda piece: piece.low)
        taken, rest = draft.take(within, take_kg, fits=lambda piece: True, highest_first=True)
        draft.move(taken, state=BlockState.CANCELLED, because=cause.pk, freezes=())
        left = [*others, *rest]
        taken_kg += take_kg
    return taken_kg, left


def _note_debts(cancellation: Cancellation, lines: Sequence[_Line], missing: Sequence[int]) -> None:
    """What could not be found is owed by each line's owners in their shares, or by who succeeded."""
    successors = _successors_of(lines)
    owed: dict[int, int] = {}
    for line, missing_kg in zip(lines, missing, strict=True):
        parts = split_by_shares(missing_kg, [numerator for _party, numerator in line.shares])
        for (party, _numerator), part_kg in zip(line.shares, parts, strict=True):
            debtor = successors[party.pk]
            owed[debtor] = owed.get(debtor, 0) + part_kg
    Debt.objects.bulk_create(
        Debt(cancellation=cancellation, party_id=debtor, quantity_kg=owed_kg)
        for debtor, owed_kg in owed.items()
        if owed_kg
    )


def _close_emptied(draft: Draft, tickets: Collection[uuid.UUID], left: Sequence[Piece]) -> None:
    """Tickets on which the cancellation leaves nothing live end with it."""
    alive = {piece.ticket for piece in left if piece.state in LIVE_STATES}
    touched = {piece.ticket for piece in draft.opens}
    for ticket in sorted(touched, key=str):
        if ticket in tickets and ticket not in alive:
            draft.close_ticket(ticket, CarbonTicket.ClosedBecause.CANCELLED)


def _tell_of_cancellation(cancellation: Cancellation, lines: Sequence[_Line]) -> None:
    """The project's owners, and those who took their place, read why, how much, and what is owed."""
    successors = _successors_of(lines)
    said = _("{reason}（{authority} {document}）：核减 {cancelled} 吨").format(
        reason=cancellation.get_reason_display(),
        authority=cancellation.authority,
        document=cancellation.document_number,
        cancelled=tonnes(cancellation.cancelled_kg),
    )
    missing_kg = cancellation.ordered_kg - cancellation.cancelled_kg
    if missing_kg:
        said += _("，不足的 {tonnes} 吨记为欠缴").format(tonnes=tonnes(missing_kg))
    tell(
        users=people_acting_for(Party.objects.filter(pk__in={*successors, *successors.values()})),
        subject=_("减排量核减：{number}").format(number=cancellation.number),
        body=f"{said}。{cancellation.text}",
        link=reverse("projects:filing", args=[cancellation.issuance.filing.number]),
    )

"""Correction, change, cancellation and the end of a used-up ticket (articles 7, 10 and 17)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from portal.accounts.models import Party, User
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from tickets.registry.errors import (
    InvalidShares,
    NothingToCancel,
    NotUsedUp,
    WrongRegistration,
)
from tickets.registry.ledger import (
    Draft,
    Piece,
    hold,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    Cause,
    Debt,
    Issuance,
    LedgerEntry,
    Registration,
    TicketShare,
)
from tickets.registry.moves import LIVE_STATES, BlockState, EntryKind
from tickets.registry.operations.freezes import shares_of
from tickets.registry.operations.registrations import (
    NO_PAPER,
    Kind,
    Owners,
    Paper,
    PaperConsent,
    Part,
    begin_decision,
    end_decision,
    hold_open_ticket,
    parts_of,
    prepare,
    quantity_or_none,
    sha256_of,
)


# --- change and correction (article 10) ---------------------------------------------------------
@write_transaction
def prepare_change(
    *,
    ticket: CarbonTicket,
    to: Owners,
    document: Paper,
    reason: str,
    actor: User,
    asked_by: User | None = None,
    consents: Sequence[PaperConsent] = (),
) -> Registration:
    """Owner's data or the form of co-ownership, no property passing: the same owners, other shares."""
    document.require(_("变更依据"))
    to.require_right()
    _require_same_owners(ticket, to)
    return prepare(
        Kind.CHANGE,
        actor=actor,
        asked_by=asked_by,
        parts=[Part(to)],
        consents=consents,
        document=document,
        ticket=ticket,
        reason=reason.strip(),
    )


@write_transaction
def change_shares(*, registration: Registration, actor: User) -> LedgerEntry:
    """The owners stay; their shares, or only the data behind their names, are noted anew."""
    wanted = begin_decision(registration, actor, {Kind.CHANGE})
    ticket, _held = hold_open_ticket(wanted)
    [part] = parts_of(wanted)
    _require_same_owners(ticket, part.owners)
    draft = Draft()
    draft.write_shares(ticket.pk, part.owners.keys)
    entry = write_entry(
        draft,
        kind=EntryKind.CHANGE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


@write_transaction
def prepare_correction(
    *, ticket: CarbonTicket, reason: str, document: Paper, actor: User
) -> Registration:
    """The face was wrong: a new ticket takes its place, kilograms and owners unchanged."""
    document.require(_("更正依据"))
    return prepare(
        Kind.CORRECT, actor=actor, document=document, ticket=ticket, reason=reason.strip()
    )


@write_transaction
def correct_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """What is live passes to a ticket of a new number; the wrong one is closed."""
    wanted = begin_decision(registration, actor, {Kind.CORRECT})
    ticket, held = hold_open_ticket(wanted)
    draft = Draft()
    child = draft.open_ticket(
        shares_of(ticket), denominator=ticket.share_denominator, parent=ticket.pk
    )
    draft.move([piece for piece in held.pieces if _is_live(piece)],
               ticket=child)  # fmt: skip
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.CORRECTED)
    entry = write_entry(
        draft,
        kind=EntryKind.CORRECT,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


# --- cancellation by order (articles 6 and 7) ---------------------------------------------------
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
    """Kilograms of the project's owner: free ones first, highest numbers first, then a debt.

    What buyers hold in good faith stays theirs, and so does what secures a loan (domain.md,
    "Reversal and revocation"). Raises NothingToCancel when the issuance holds nothing any more.
    """
    wanted = begin_decision(registration, actor, {Kind.CANCEL})
    if wanted.issuance_id is None:
        raise WrongRegistration()
    issuance = Issuance.objects.get(pk=wanted.issuance_id)
    hold(issuance.pk)
    pieces = standing_pieces(issuance_id=issuance.pk)
    ordered_kg = wanted.quantity_kg or quantity_of(
        piece for piece in pieces if piece.state is not BlockState.CANCELLED
    )
    if ordered_kg == 0:
        raise NothingToCancel()
    owners = _first_owners(issuance)
    theirs = _tickets_of(issuance, owners)
    draft = Draft()
    left = pieces
    cancelled_kg = 0
    cause = Cause.objects.create(kind=Cause.Kind.CANCELLED)
    for frozen in (False, True):  # An inspection may have frozen what it now takes.
        reach = [
            piece for piece in left
            if piece.ticket in theirs and piece.state is BlockState.HELD
            and bool(piece.freezes) == frozen
        ]  # fmt: skip
        take_kg = min(ordered_kg - cancelled_kg, quantity_of(reach))
        if take_kg == 0:
            continue
        others = [piece for piece in left if piece not in reach]
        taken, rest = draft.take(reach, take_kg, fits=lambda piece: True, highest_first=True)
        draft.move(taken, state=BlockState.CANCELLED, because=cause.pk, freezes=())
        left = [*others, *rest]
        cancelled_kg += take_kg
    draft.keep(left)
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
    if cancelled_kg < ordered_kg:
        Debt.objects.create(
            cancellation=cancellation, party=owners[0], quantity_kg=ordered_kg - cancelled_kg
        )
    if cancelled_kg:
        _close_emptied(draft, theirs, left)
        write_entry(
            draft,
            kind=EntryKind.CANCEL,
            issuance_id=issuance.pk,
            actor=actor,
            article="第七条",
            effective_on=wanted.effective_on,
            cause=cause.pk,
            registration=wanted.key,
            document_sha256=sha256_of(wanted),
        )
    end_decision(wanted, actor)
    return cancellation


# --- the end of a used-up ticket (article 17) ---------------------------------------------------
@write_transaction
def prepare_close(*, ticket: CarbonTicket, actor: User, document: Paper = NO_PAPER) -> Registration:
    """When nothing live is left on it."""
    _require_used_up(ticket)
    return prepare(Kind.CLOSE, actor=actor, document=document, ticket=ticket)


@write_transaction
def close_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """Forestry cancels the used-up ticket; its land stays claimed for its period for ever."""
    wanted = begin_decision(registration, actor, {Kind.CLOSE})
    ticket, _held = hold_open_ticket(wanted)
    _require_used_up(ticket)
    draft = Draft()
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.USED_UP)
    entry = write_entry(
        draft,
        kind=EntryKind.CLOSE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十七条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


def _is_live(piece: Piece) -> bool:
    return piece.state in LIVE_STATES


def _require_used_up(ticket: CarbonTicket) -> None:
    left = quantity_of(piece for piece in standing_pieces(ticket=ticket.pk) if _is_live(piece))
    if left:
        raise NotUsedUp(left=left)


def _require_same_owners(ticket: CarbonTicket, to: Owners) -> None:
    present = set(
        TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True).values_list(
            "party", flat=True
        )
    )
    if present != {party.pk for party, _numerator in to.shares}:
        raise WrongRegistration()
    if to.denominator != ticket.share_denominator:
        raise InvalidShares(found=to.denominator, wanted=ticket.share_denominator)


def _first_owners(issuance: Issuance) -> list[Party]:
    """The project's owners: those of the tickets that the issuance began with."""
    return list(
        Party.objects.filter(
            ticket_shares__opened_by__issuance=issuance, ticket_shares__opened_by__seq=1
        )
        .order_by("ticket_shares__pk")
        .distinct()
    )


def _tickets_of(issuance: Issuance, owners: Sequence[Party]) -> set[object]:
    """Open tickets of the issuance that nobody but these owns a share of."""
    mine = {owner.pk for owner in owners}
    found: dict[object, set[int]] = {}
    for ticket, party in TicketShare.objects.filter(
        ticket__issuance=issuance, ticket__closed_by__isnull=True, closed_by__isnull=True
    ).values_list("ticket_id", "party_id"):
        found.setdefault(ticket, set()).add(party)
    return {ticket for ticket, parties in found.items() if parties <= mine}


def _close_emptied(draft: Draft, tickets: set[object], left: Sequence[Piece]) -> None:
    """Tickets on which the cancellation leaves nothing live end with it."""
    alive = {piece.ticket for piece in left if piece.state in LIVE_STATES}
    touched = {piece.ticket for piece in draft.opens}
    for ticket in sorted(touched, key=str):
        if ticket in tickets and ticket not in alive:
            draft.close_ticket(ticket, CarbonTicket.ClosedBecause.CANCELLED)

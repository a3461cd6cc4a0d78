"""Listing, trade and offset of kilograms: the register's part of what market and ecology decide.

Who asked, at what price and for what purpose is theirs; each hands a ``Cause`` in that its own row
points at, and here the kilograms move.
"""

from __future__ import annotations

import uuid

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.statements import columns_of, prepared_cursor, row_as
from portal.base.transactions import write_transaction
from tickets.registry.access import owners_of, require_office
from tickets.registry.errors import BlockNotFree, MoveNotAllowed
from tickets.registry.ledger import (
    Draft,
    Piece,
    hold,
    hold_ticket,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import CarbonTicket, Cause, LedgerEntry
from tickets.registry.moves import BlockState, EntryKind
from tickets.registry.operations.registrations import Owners
from tickets.registry.operations.transfers import (
    require_another,
    require_paper_to_list,
)
from tickets.registry.quantities import require_quantity

_OPEN_CAUSE = f"""
INSERT INTO registry_cause (key, kind) VALUES (%s, %s)
RETURNING {columns_of(Cause, "registry_cause")}
"""


def open_cause(kind: Cause.Kind) -> Cause:
    """A row for a listing or an offset to point at, in the caller's transaction."""
    with prepared_cursor() as cursor:
        cursor.execute(_OPEN_CAUSE, [uuid.uuid4(), Cause.Kind(kind).value])
        return row_as(Cause, cursor.fetchone())


@write_transaction
def list_blocks(
    *,
    ticket: CarbonTicket,
    quantity_kg: int,
    cause: Cause,
    actor: User,
    document_sha256: bytes | None = None,
) -> LedgerEntry:
    """Free kilograms onto the trading centre's list (article 15). PaperOutstanding where their trade
    may close a printed ticket."""
    require_office(actor, Role.TRADING_APPROVER)
    require_paper_to_list(ticket, quantity_kg)
    return _put(
        ticket, quantity_kg, cause, BlockState.LISTED, EntryKind.LIST, "第十五条", actor,
        document_sha256,
    )  # fmt: skip


@write_transaction
def unlist_blocks(
    *, cause: Cause, actor: User | None, quantity_kg: int | None = None
) -> LedgerEntry:
    """Withdrawal, or (``actor`` None: the machine) expiry: back to held."""
    if actor is not None:
        require_office(actor, Role.TRADING_APPROVER)
    ticket, pieces = _listed(cause)
    draft = Draft()
    taken, left = draft.take(pieces, _wanted(quantity_kg, pieces), fits=_unfrozen)
    draft.move(taken, state=BlockState.HELD, because=None)
    draft.keep(left)
    return write_entry(
        draft,
        kind=EntryKind.UNLIST,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十五条",
        cause=cause.pk,
    )


@write_transaction
def trade_listed(
    *,
    cause: Cause,
    to: Owners,
    actor: User,
    quantity_kg: int | None = None,
    document_sha256: bytes | None = None,
) -> LedgerEntry:
    """Listed kilograms to a new ticket of the buyer (articles 15 and 16). He has paid: what was printed
    of a ticket that closes with it stops nothing and is void, the register prevails."""
    require_office(actor, Role.TRADING_APPROVER)
    to.require_right()
    ticket, pieces = _listed(cause)
    require_another(owners_of(ticket), to)
    wanted = _wanted(quantity_kg, pieces)
    draft = Draft()
    on_ticket = standing_pieces(ticket=ticket.pk)
    taken, left = draft.take(
        on_ticket, wanted, fits=lambda piece: piece.because == cause.pk and not piece.freezes
    )
    child = draft.open_ticket(to.keys, denominator=to.denominator, parent=ticket.pk)
    draft.move(taken, ticket=child, state=BlockState.HELD, because=None)
    draft.keep(left)
    if not left:
        draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.TRANSFERRED)
    return write_entry(
        draft,
        kind=EntryKind.TRADE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十五条",
        cause=cause.pk,
        document_sha256=document_sha256,
    )


@write_transaction
def trade_to_offset(
    *,
    cause: Cause,
    offset: Cause,
    quantity_kg: int,
    actor: User,
    document_sha256: bytes | None = None,
) -> LedgerEntry:
    """Listed kilograms are offset for the buyer at once (articles 11 and 17); ``offset`` is new."""
    if not (
        has_role(actor, Role.TRADING_APPROVER) or has_role(actor, Role.APPROVER, Department.ECOLOGY)
    ):
        raise OfficeMissing()
    ticket, pieces = _listed(cause)
    draft = Draft()
    taken, left = draft.take(pieces, require_quantity(quantity_kg), fits=_unfrozen)
    draft.move(taken, state=BlockState.OFFSET, because=offset.pk)
    draft.keep(left)
    return write_entry(
        draft,
        kind=EntryKind.TRADE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十七条",
        cause=cause.pk,
        document_sha256=document_sha256,
    )


@write_transaction
def offset_blocks(
    *,
    ticket: CarbonTicket,
    quantity_kg: int,
    cause: Cause,
    actor: User,
    document_sha256: bytes | None = None,
) -> LedgerEntry:
    """Retire free kilograms for good (article 17), by ecology's signer; the certificate is theirs."""
    require_office(actor, Role.APPROVER, Department.ECOLOGY)
    return _put(
        ticket, quantity_kg, cause, BlockState.OFFSET, EntryKind.OFFSET, "第十七条", actor,
        document_sha256,
    )  # fmt: skip


def _put(
    ticket: CarbonTicket,
    quantity_kg: int,
    cause: Cause,
    state: BlockState,
    kind: EntryKind,
    article: str,
    actor: User,
    document_sha256: bytes | None,
) -> LedgerEntry:
    require_quantity(quantity_kg)
    held = hold_ticket(ticket)
    if not held.pieces:
        held.require_open()
    draft = Draft()
    taken, left = draft.take(held.pieces, quantity_kg)
    draft.move(taken, state=state, because=cause.pk)
    draft.keep(left)
    return write_entry(
        draft,
        kind=kind,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article=article,
        cause=cause.pk,
        document_sha256=document_sha256,
    )


def _listed(cause: Cause) -> tuple[CarbonTicket, list[Piece]]:
    """What still stands for the listing, with its ticket, the issuance held."""
    if cause.kind != Cause.Kind.LISTED:
        raise MoveNotAllowed(move=cause.kind)
    keys: set[uuid.UUID] = {piece.ticket for piece in standing_pieces(because=cause.pk)}
    if not keys:
        raise BlockNotFree(wanted=1, free=0)
    hold(*CarbonTicket.objects.filter(pk__in=keys).values_list("issuance_id", flat=True))
    pieces = standing_pieces(because=cause.pk)  # Again: somebody may have been before.
    if not pieces:
        raise BlockNotFree(wanted=1, free=0)
    return CarbonTicket.objects.get(pk=pieces[0].ticket), pieces


def _wanted(quantity_kg: int | None, pieces: list[Piece]) -> int:
    return quantity_of(pieces) if quantity_kg is None else require_quantity(quantity_kg)


def _unfrozen(piece: Piece) -> bool:
    return not piece.freezes

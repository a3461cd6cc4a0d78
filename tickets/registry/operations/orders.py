"""Laying an order on live kilograms and taking it off again, whoever decided it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from portal.accounts.models import User
from tickets.registry.ledger import Draft, Piece, hold, standing_pieces, write_entry
from tickets.registry.models import FreezeOrder, LedgerEntry
from tickets.registry.moves import LIVE_STATES, EntryKind


def is_live(piece: Piece) -> bool:
    """Whether it can still move, or is kept by an order from moving."""
    return piece.state in LIVE_STATES


def lay_order(
    order: FreezeOrder,
    pieces: Sequence[Piece],
    actor: User | None,
    *,
    fits: Callable[[Piece], bool],
    **said: Any,
) -> LedgerEntry:
    """The entry that lays the order's kilograms under it, from the first pieces that fit. Its
    issuance is held."""
    draft = Draft()
    taken, left = draft.take(pieces, order.quantity_kg, fits=fits)
    for piece in taken:
        draft.move([piece], freezes=(*piece.freezes, order.key))
    draft.keep(left)
    return write_entry(
        draft,
        kind=EntryKind.FREEZE,
        issuance_id=order.issuance_id,
        actor=actor,
        freeze_order=order.key,
        **said,
    )


def take_off_order(order: FreezeOrder, actor: User, **said: Any) -> LedgerEntry | None:
    """The entry that takes the order off; None when it lies on nothing any more."""
    hold(order.issuance_id)
    frozen = [
        piece for piece in standing_pieces(issuance_id=order.issuance_id)
        if order.key in piece.freezes
    ]  # fmt: skip
    if not frozen:
        return None
    draft = Draft()
    for piece in frozen:
        draft.move([piece], freezes=tuple(key for key in piece.freezes if key != order.key))
    laid = LedgerEntry.objects.filter(
        issuance_id=order.issuance_id, freeze_order=order.key, kind=EntryKind.FREEZE
    ).first()
    return write_entry(
        draft,
        kind=EntryKind.LIFT,
        issuance_id=order.issuance_id,
        actor=actor,
        answers=laid,
        freeze_order=order.key,
        **said,
    )

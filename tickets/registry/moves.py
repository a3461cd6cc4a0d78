"""The one table of moves of a block (design.md, guarantee 5); the database's check is made from it."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class BlockState(TextChoices):
    """Where a range of kilograms is. The first three are live; the last two never move."""

    HELD = "held", _("持有")
    LISTED = "listed", _("挂牌")
    PLEDGED = "pledged", pgettext_lazy("state", "质押")
    OFFSET = "offset", _("已抵消")
    CANCELLED = "cancelled", _("已注销")


LIVE_STATES = (BlockState.HELD, BlockState.LISTED, BlockState.PLEDGED)


class EntryKind(TextChoices):
    """The registered acts."""

    ISSUE = "issue", _("制发")
    TRANSFER = "transfer", _("转移")
    DIVIDE = "divide", pgettext_lazy("register", "分割")
    COURT = "court", _("司法转移")
    LIST = "list", _("挂牌")
    UNLIST = "unlist", _("撤牌")
    TRADE = "trade", _("成交")
    PLEDGE = "pledge", _("质押")
    RELEASE = "release", _("解押")
    ENFORCE = "enforce", _("实现质权")
    FREEZE = "freeze", pgettext_lazy("register", "冻结")
    LIFT = "lift", _("解冻")
    OFFSET = "offset", _("抵消")
    CANCEL = "cancel", _("核减注销")
    REISSUE = "reissue", _("补发")
    CORRECT = "correct", _("更正")
    CHANGE = "change", pgettext_lazy("register", "变更")
    CLOSE = "close", _("用尽注销")


class Ticket(TextChoices):
    """On which ticket the kilograms are after the move."""

    SAME = "same"
    NEW = "new"  # One that this entry opens, a child of the former.


class Because(TextChoices):
    """How the entry's own cause stands to the block's."""

    NONE = "none"  # What stood before falls away, or nothing stood.
    KEPT = "kept"
    MADE = "made"  # The new block stands for the entry's cause.
    ANSWERED = "answered"  # The old block stood for the entry's cause; the new one is free.
    REPLACED = "replaced"  # The old block stood for it; the new one stands for another.


class Freezes(TextChoices):
    """What orders in force mean for the move."""

    FREE = "free"  # No order may lie on it.
    KEPT = "kept"  # It moves although orders lie on it, and they stay.
    DROPPED = "dropped"  # It moves although orders lie on it, and leaves circulation.
    ADDED = "added"
    LIFTED = "lifted"
    LAST_LIFTED = "last_lifted"  # The entry's order was the only one.


class Move(NamedTuple):
    """One line of the table."""

    kind: EntryKind
    before: BlockState
    after: BlockState
    ticket: Ticket
    because: Because
    freezes: Freezes


_HELD, _LISTED, _PLEDGED = LIVE_STATES
_OFFSET, _CANCELLED = BlockState.OFFSET, BlockState.CANCELLED

MOVES: tuple[Move, ...] = (
    Move(EntryKind.TRANSFER, _HELD, _HELD, Ticket.NEW, Because.NONE, Freezes.FREE),
    Move(EntryKind.DIVIDE, _HELD, _HELD, Ticket.NEW, Because.NONE, Freezes.FREE),
    *(
        Move(EntryKind.COURT, state, _HELD, Ticket.NEW, Because.NONE, Freezes.KEPT)
        for state in LIVE_STATES
    ),
    Move(EntryKind.LIST, _HELD, _LISTED, Ticket.SAME, Because.MADE, Freezes.FREE),
    Move(EntryKind.UNLIST, _LISTED, _HELD, Ticket.SAME, Because.ANSWERED, Freezes.FREE),
    Move(EntryKind.TRADE, _LISTED, _HELD, Ticket.NEW, Because.ANSWERED, Freezes.FREE),
    Move(EntryKind.TRADE, _LISTED, _OFFSET, Ticket.SAME, Because.REPLACED, Freezes.FREE),
    Move(EntryKind.PLEDGE, _HELD, _PLEDGED, Ticket.SAME, Because.MADE, Freezes.FREE),
    Move(EntryKind.RELEASE, _PLEDGED, _HELD, Ticket.SAME, Because.ANSWERED, Freezes.FREE),
    Move(EntryKind.RELEASE, _PLEDGED, _PLEDGED, Ticket.SAME, Because.REPLACED, Freezes.FREE),
    Move(EntryKind.ENFORCE, _PLEDGED, _HELD, Ticket.NEW, Because.ANSWERED, Freezes.FREE),
    Move(EntryKind.OFFSET, _HELD, _OFFSET, Ticket.SAME, Because.MADE, Freezes.FREE),
    *(
        Move(EntryKind.CANCEL, state, _CANCELLED, Ticket.SAME, Because.MADE, Freezes.DROPPED)
        for state in LIVE_STATES
    ),
    *(
        Move(EntryKind.FREEZE, state, state, Ticket.SAME, Because.KEPT, Freezes.ADDED)
        for state in LIVE_STATES
    ),
    *(
        Move(EntryKind.LIFT, state, state, Ticket.SAME, Because.KEPT, Freezes.LIFTED)
        for state in LIVE_STATES
    ),
    *(
        Move(EntryKind.REISSUE, state, state, Ticket.NEW, Because.KEPT, Freezes.LAST_LIFTED)
        for state in LIVE_STATES
    ),
    *(
        Move(EntryKind.CORRECT, state, state, Ticket.NEW, Because.KEPT, Freezes.FREE)
        for state in LIVE_STATES
    ),
)


# The acts that open tickets: those that issue or move kilograms to a new one.
OPENING_TICKETS = (
    EntryKind.ISSUE,
    *dict.fromkeys(move.kind for move in MOVES if move.ticket is Ticket.NEW),
)

# The acts that end tickets: those that take the last live kilogram away, and the end of a used-up one.
ENDING_TICKETS = (
    *(kind for kind in OPENING_TICKETS if kind is not EntryKind.ISSUE),
    EntryKind.CANCEL,
    EntryKind.CLOSE,
)


# What is written on the back of a printed paper; the ticket stands on.
MARKED = (EntryKind.PLEDGE, EntryKind.RELEASE, EntryKind.OFFSET)


def moves_sql() -> str:
    """``registry_moves()``, the table as the database reads it. A migration runs it anew when it changes."""
    # Column by column: a list of rows is made ready row by row each time that it is read.
    columns = ",\n  ".join(
        "'{" + ", ".join(value.value for value in column) + "}'::text[]"
        for column in zip(*MOVES, strict=True)
    )
    return (
        "CREATE OR REPLACE FUNCTION registry_moves() RETURNS TABLE (kind text, before text,\n"
        "  after text, ticket text, because text, freezes text)\n"
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 40 AS $$ SELECT * FROM unnest(\n  "
        f"{columns}) $$;\n"
    )

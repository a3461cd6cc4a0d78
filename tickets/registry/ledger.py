"""Writing one entry: hold the issuance, read what stands, say what closes and what opens."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from portal.accounts.models import User
from portal.base.statements import prepared_cursor
from tickets.registry.errors import BlockNotFree, TicketClosed
from tickets.registry.models import CarbonTicket, LedgerEntry
from tickets.registry.moves import LIVE_STATES, BlockState, EntryKind

_STATES = {state.value: state for state in BlockState}


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of kilograms as it stands or is to stand; ``home`` is the block it is cut from."""

    low: int
    high: int
    ticket: uuid.UUID
    state: BlockState
    because: uuid.UUID | None
    freezes: tuple[uuid.UUID, ...]
    home: tuple[int, int]

    @property
    def quantity_kg(self) -> int:
        return self.high - self.low

    @property
    def is_free(self) -> bool:
        """Whether its owner may dispose of it."""
        return self.state is BlockState.HELD and not self.freezes

    def continues(self, other: Piece) -> bool:
        """Whether ``other`` follows without a gap and is alike."""
        return self.high == other.low and (
            (self.ticket, self.state, self.because, self.freezes)
            == (other.ticket, other.state, other.because, other.freezes)
        )


def hold(*issuance_ids: int) -> None:
    """Lock the issuances in ascending order, before anything is read that decides.

    Every act on an issuance does, so that two crossing transfers cannot deadlock and what is read
    afterwards stands until the act is written.
    """
    with prepared_cursor() as cursor:
        cursor.execute("SELECT registry_hold(%s::bigint[])", [sorted(set(issuance_ids))])


@dataclass(frozen=True, slots=True)
class HeldTicket:
    """A ticket as it stands while its issuance is held: pieces, and the keys of its owners' rows."""

    number: str
    is_open: bool
    owners: tuple[int, ...]
    pieces: list[Piece]

    def require_open(self) -> None:
        """TicketClosed unless it stands now."""
        if not self.is_open:
            raise TicketClosed(number=self.number)


def hold_ticket(ticket: CarbonTicket) -> HeldTicket:
    """``hold`` its issuance and read the ticket after that, in one round trip."""
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT * FROM registry_hold_ticket(%s, %s)", [ticket.issuance_id, ticket.pk]
        )
        rows = cursor.fetchall()
    return HeldTicket(
        number=ticket.number,
        is_open=rows[0][0],
        owners=tuple(rows[0][1]),
        pieces=[
            Piece(low, high, ticket.pk, _STATES[state], why, tuple(freezes), (low, high))
            for _open, _owners, low, high, state, why, freezes in rows
            if low is not None
        ],
    )


_STANDING = """
SELECT lower(kg), upper(kg), ticket_id, state, because_id, freezes FROM registry_block
WHERE {column} = %s AND closed_by_id IS NULL ORDER BY lower(kg)
"""


def standing_pieces(
    *,
    ticket: uuid.UUID | None = None,
    because: uuid.UUID | None = None,
    issuance_id: int | None = None,
) -> list[Piece]:
    """What stands on a ticket, for a cause, or of an issuance, in the order of its kilograms."""
    column, value = next(
        (column, value)
        for column, value in (
            ("ticket_id", ticket),
            ("because_id", because),
            ("issuance_id", issuance_id),
        )
        if value is not None
    )
    with prepared_cursor() as cursor:
        cursor.execute(_STANDING.format(column=column), [value])
        return [
            Piece(low, high, on, _STATES[state], why, tuple(freezes), (low, high))
            for low, high, on, state, why, freezes in cursor.fetchall()
        ]


def quantity_of(pieces: Iterable[Piece]) -> int:
    """Their sum in kilograms."""
    return sum(piece.quantity_kg for piece in pieces)


# An order takes first what burdens least whom it does not concern.
_BURDENED = {state: place for place, state in enumerate(LIVE_STATES)}


def freest_first(
    pieces: Iterable[Piece], *, executed: Container[uuid.UUID] = frozenset()
) -> list[Piece]:
    """In the order in which an order takes part of a ticket: free, frozen, listed, and last what
    secures a loan; what has left circulation after all.

    ``executed`` are the freezes by which the same court secured what it takes now: of each state
    those come first, else the owner would lose his free ones and keep the frozen.
    """
    return sorted(
        pieces,
        key=lambda piece: (
            _BURDENED.get(piece.state, len(_BURDENED)),
            not any(freeze in executed for freeze in piece.freezes),
            bool(piece.freezes),
            piece.low,
        ),
    )


@dataclass(slots=True)
class Draft:
    """What an entry is going to say. Each piece is moved once; the rest of its block stays as it is."""

    opens: list[Piece] = field(default_factory=list)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    closed: list[dict[str, str]] = field(default_factory=list)
    shares: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    _rests: list[Piece] = field(default_factory=list)
    _homes: set[tuple[int, int]] = field(default_factory=set)

    def open_ticket(
        self,
        shares: Sequence[tuple[uuid.UUID, int]],
        *,
        denominator: int,
        parent: uuid.UUID | None = None,
        area: uuid.UUID | None = None,
        report: uuid.UUID | None = None,
    ) -> uuid.UUID:
        """A new ticket: owners with numerators, the ticket it comes from or (issued) its land."""
        key = uuid.uuid4()
        said: dict[str, Any] = {
            "key": str(key),
            "denominator": denominator,
            "shares": [[str(party), numerator] for party, numerator in shares],
        }
        for name, value in (("parent", parent), ("area", area), ("report", report)):
            if value is not None:
                said[name] = str(value)
        self.tickets.append(said)
        return key

    def close_ticket(self, ticket: uuid.UUID, because: CarbonTicket.ClosedBecause) -> None:
        """Nothing live is left on it when the entry is written."""
        self.closed.append({"ticket": str(ticket), "because": because.value})

    def write_shares(self, ticket: uuid.UUID, shares: Sequence[tuple[uuid.UUID, int]]) -> None:
        """Whose the standing ticket is from now on, over its own denominator."""
        self.shares.append(
            {"ticket": str(ticket), "shares": [[str(party), part] for party, part in shares]}
        )

    def move(self, pieces: Iterable[Piece], **changes: Any) -> None:
        """Open the pieces anew with ``changes`` (ticket, state, because, freezes)."""
        for piece in pieces:
            self._homes.add(piece.home)
            self.opens.append(replace(piece, **changes))

    def take(
        self,
        pieces: Sequence[Piece],
        quantity_kg: int,
        *,
        fits: Callable[[Piece], bool] = lambda piece: piece.is_free,
        highest_first: bool = False,
    ) -> tuple[list[Piece], list[Piece]]:
        """Cut ``quantity_kg`` out of the pieces that fit: (taken, what is left of all pieces).

        BlockNotFree when they do not suffice.
        """
        taken: list[Piece] = []
        left: list[Piece] = []
        wanted = quantity_kg
        for piece in reversed(pieces) if highest_first else pieces:
            if wanted == 0 or not fits(piece):
                left.append(piece)
                continue
            if piece.quantity_kg <= wanted:
                taken.append(piece)
                wanted -= piece.quantity_kg
                continue
            cut = piece.high - wanted if highest_first else piece.low + wanted
            below, above = replace(piece, high=cut), replace(piece, low=cut)
            taken.append(above if highest_first else below)
            left.append(below if highest_first else above)
            wanted = 0
        if wanted:
            raise BlockNotFree(wanted=quantity_kg, free=quantity_kg - wanted)
        return taken, left

    def keep(self, pieces: Iterable[Piece]) -> None:
        """What is left: its blocks are opened again unchanged where a part of them moves."""
        self._rests.extend(pieces)

    def content(self) -> dict[str, Any]:
        """As the entry says it (docs/verify.md)."""
        said: dict[str, Any] = dict(self.said)
        for name in ("tickets", "closed", "shares"):
            if getattr(self, name):
                said[name] = getattr(self, name)
        opens = sorted(
            [*self.opens, *(rest for rest in self._rests if rest.home in self._homes)],
            key=lambda piece: piece.low,
        )
        if opens:
            said["closes"] = sorted(list(home) for home in self._homes if home != NOWHERE)
            said["opens"] = [_said(piece) for piece in joined(opens)]
        return said


NOWHERE = (-1, -1)


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours that are alike become one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].continues(piece):
            found[-1] = replace(found[-1], high=piece.high)
        else:
            found.append(piece)
    return found


def issued_piece(low: int, high: int, ticket: uuid.UUID) -> Piece:
    """Kilograms that begin to be."""
    return Piece(low, high, ticket, BlockState.HELD, None, (), NOWHERE)


def _said(piece: Piece) -> dict[str, Any]:
    said: dict[str, Any] = {
        "kg": [piece.low, piece.high],
        "ticket": str(piece.ticket),
        "state": piece.state.value,
    }
    if piece.because is not None:
        said["because"] = str(piece.because)
    if piece.freezes:
        said["freezes"] = [str(key) for key in piece.freezes]
    return said


_WRITE = """
INSERT INTO registry_ledgerentry (issuance_id, kind, actor_key, article, effective_on, answers_id,
  cause, freeze_order, registration, document_sha256, content, seq, recorded_at, previous_hash, hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, now(), '', '')
RETURNING id, seq, recorded_at, content, previous_hash, hash
"""


def write_entry(
    draft: Draft,
    *,
    kind: EntryKind,
    issuance_id: int,
    actor: User | None,
    article: str,
    effective_on: date | None = None,
    answers: LedgerEntry | None = None,
    cause: uuid.UUID | None = None,
    freeze_order: uuid.UUID | None = None,
    registration: uuid.UUID | None = None,
    document_sha256: bytes | None = None,
) -> LedgerEntry:
    """One entry; its trigger numbers and chains it and makes what it says so.

    Written as late as the act allows: a new ticket's number holds the year's counter until the
    transaction ends.
    """
    entry = LedgerEntry(
        issuance_id=issuance_id,
        kind=kind.value,
        actor_key=actor.key if actor else None,
        article=article,
        effective_on=effective_on,
        answers_id=answers.pk if answers else None,
        cause=cause,
        freeze_order=freeze_order,
        registration=registration,
        document_sha256=document_sha256,
    )
    with prepared_cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                entry.issuance_id, entry.kind, entry.actor_key, entry.article, entry.effective_on,
                entry.answers_id, cause, freeze_order, registration, document_sha256,
                json.dumps(draft.content()),
            ],
        )  # fmt: skip
        entry.pk, entry.seq, entry.recorded_at, content, entry.previous_hash, entry.hash = (
            cursor.fetchone()
        )
    entry.content = json.loads(content) if isinstance(content, str) else content
    entry._state.adding = False
    return entry


def opened_tickets(entry: LedgerEntry) -> list[CarbonTicket]:
    """The tickets that an entry opened, in its order."""
    keys = [uuid.UUID(said["key"]) for said in entry.content.get("tickets", [])]
    found = CarbonTicket.objects.in_bulk(keys)
    return [found[key] for key in keys]

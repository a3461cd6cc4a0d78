"""Who answers for which kilograms of an issuance when an order reduces it (domain.md, "Reversal")."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from django.db import connection
from django.db.models import F, Sum

from tickets.registry.ledger import Piece, standing_pieces
from tickets.registry.models import Debt, Issuance, PartySuccession, TicketShare
from tickets.registry.moves import BlockState
from tickets.registry.quantities import split_by_shares


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner when the line began: his share, he himself, and who merged him in since, in turn."""

    numerator: int
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A ticket as it was issued, as owners got it when they divided theirs, or as heirs and the body
    that a merger left took it over whole; and its owners then.

    A correction or a reissue continues it; a body that divided goes on answering for its own.
    ``above`` are the lines that it comes from, the nearest first.
    """

    ticket: uuid.UUID
    owners: tuple[Owner, ...]
    above: tuple[Line, ...]

    @property
    def parties(self) -> set[int]:
        """Its owners and their successors."""
        return {place for owner in self.owners for place in owner.places}


@dataclass(frozen=True, slots=True)
class Answering:
    """What each undivided line still answers for, and what may be taken for it."""

    # In the order of their kilograms: what neither was cancelled nor is owed yet.
    open_kg: dict[Line, int]
    # By a line's ticket, what to take first at the end: free before frozen, highest numbers first.
    held: dict[uuid.UUID, list[Piece]]
    # Bought in good faith, securing a loan, gone.
    others: list[Piece]

    @property
    def left(self) -> list[Piece]:
        """Everything that was not taken."""
        return [*self.others, *(piece for pieces in self.held.values() for piece in pieces)]


# Each ticket with the line it comes from. By gift, inheritance, merger and division, by correction and
# reissue nobody buys in good faith; what owners divide among themselves, and what passes whole to who
# takes the place of an owner that is no more, is a line of its own. A body that divides is there still,
# or its makers are: by its own act it sheds no answer.
_DESCENT = """
WITH RECURSIVE descent AS (
  SELECT key, closed_by_id, key AS line, NULL::uuid AS above, true AS kept, true AS unbought
  FROM registry_carbonticket WHERE issuance_id = %s AND parent_id IS NULL
  UNION ALL
  SELECT child.key, child.closed_by_id,
         CASE WHEN kept AND how.begins THEN child.key ELSE line END,
         CASE WHEN kept AND how.begins THEN line ELSE above END,
         kept AND (how.begins OR opened.kind IN ('correct', 'reissue')),
         unbought AND (opened.kind IN ('divide', 'correct', 'reissue') OR coalesce(
           wanted.kind IN ('gift', 'inheritance', 'merger', 'company_division'), false))
  FROM descent
  JOIN registry_carbonticket AS child ON child.parent_id = descent.key
  JOIN registry_ledgerentry AS opened ON opened.id = child.opened_by_id
  LEFT JOIN registry_registration AS wanted ON wanted.key = opened.registration
  CROSS JOIN LATERAL (
    SELECT opened.kind = 'divide' OR coalesce(
      wanted.kind IN ('inheritance', 'merger')
      AND descent.closed_by_id = opened.id, false) AS begins) AS how
)
SELECT key, line, above, unbought FROM descent
"""
# With how many kilograms a ticket began; who was divided stands before its parts.
_BEGINNINGS = """
SELECT ticket.key, sum(upper(kg) - lower(kg))::bigint, min(lower(kg))
FROM registry_carbonticket AS ticket
JOIN registry_block AS block
  ON block.ticket_id = ticket.key AND block.opened_by_id = ticket.opened_by_id
WHERE ticket.key = ANY(%s) GROUP BY ticket.key ORDER BY ticket.opened_by_id, min(lower(kg))
"""


def answering(issuance: Issuance, *, revoked: bool) -> Answering:
    """As it stands now; the issuance is held. When it is ``revoked`` for false materials none of those
    who applied is in good faith, whatever one of them bought of another."""
    with connection.cursor() as cursor:
        cursor.execute(_DESCENT, [issuance.pk])
        descent = cursor.fetchall()
        above = {line: parent for _ticket, line, parent, _unbought in descent}
        cursor.execute(_BEGINNINGS, [list(above)])
        beginnings = cursor.fetchall()
    lines = _lines(above, [ticket for ticket, _kg, _low in beginnings])
    open_kg = _shared_out(lines.values(), {ticket: kg for ticket, kg, _low in beginnings})
    lows = {ticket: low for ticket, _kg, low in beginnings}
    leaves = sorted(open_kg, key=lambda leaf: lows[leaf.ticket])
    reach = Answering({leaf: open_kg[leaf] for leaf in leaves}, {key: [] for key in lines}, [])
    comes_from = {ticket: (lines[line], unbought) for ticket, line, _above, unbought in descent}
    roots = [line for line in lines.values() if not line.above]
    applied = {place for root in roots for place in root.parties} if revoked else set()
    _bear_cancelled(reach, _sort_out(reach, issuance, comes_from, applied))
    _bear_debts(reach, issuance)
    return reach


def _lines(
    above: dict[uuid.UUID, uuid.UUID | None], keys: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Line]:
    """By their tickets, what was divided before its parts."""
    successions = dict(PartySuccession.objects.values_list("former", "successor"))
    owners: dict[uuid.UUID, list[Owner]] = {}
    for ticket, party, numerator in (
        TicketShare.objects.filter(ticket__in=keys, opened_by=F("ticket__opened_by"))
        .order_by("place")
        .values_list("ticket_id", "party_id", "numerator")
    ):
        owners.setdefault(ticket, []).append(Owner(numerator, _places(party, successions)))
    lines: dict[uuid.UUID, Line] = {}
    for key in keys:
        parent = above[key]
        before = () if parent is None else (lines[parent], *lines[parent].above)
        lines[key] = Line(key, tuple(owners[key]), before)
    return lines


def _places(party: int, successions: dict[int, int]) -> tuple[int, ...]:
    places = [party]
    while (following := successions.get(places[-1])) is not None and following not in places:
        places.append(following)
    return tuple(places)


def _shared_out(lines: Iterable[Line], began_kg: dict[uuid.UUID, int]) -> dict[Line, int]:
    """What each undivided line answers for when nothing is reduced yet: of what a divided one did, in
    proportion to what its owners took out of it; what they sold before, they answer for alike."""
    parts: dict[Line, list[Line]] = {}
    borne: dict[Line, int] = {}
    for line in lines:
        parts[line] = []
        borne[line] = began_kg[line.ticket]
        if line.above:
            parts[line.above[0]].append(line)
    for line, among in parts.items():
        if among:
            shares = split_by_shares(borne[line], [began_kg[part.ticket] for part in among])
            borne.update(zip(among, shares, strict=True))
    return {line: kg for line, kg in borne.items() if not parts[line]}


def _sort_out(
    reach: Answering,
    issuance: Issuance,
    comes_from: dict[uuid.UUID, tuple[Line, bool]],
    bad_faith: Set[int],
) -> dict[Line, int]:
    """Put what stands where it may be taken; how much of each line is cancelled already."""
    cancelled_kg: dict[Line, int] = {}
    owners = _present_owners(issuance)
    answers_for: dict[uuid.UUID, Line | None] = {}
    bought: set[uuid.UUID] = set()  # By those of bad faith: taken when the seller has nothing left.
    for piece in standing_pieces(issuance_id=issuance.pk):
        line, unbought = comes_from[piece.ticket]
        if piece.state is BlockState.CANCELLED:
            cancelled_kg[line] = cancelled_kg.get(line, 0) + piece.quantity_kg
        if piece.ticket not in answers_for:
            mine = frozenset(owners.get(piece.ticket, ()))
            back = line if unbought else _bought_back_by(reach.open_kg, line, mine)
            if back is None and mine and mine <= bad_faith:
                back = line
                bought.add(piece.ticket)
            answers_for[piece.ticket] = back
        answers = answers_for[piece.ticket]
        if piece.state is BlockState.HELD and answers is not None:
            reach.held[answers.ticket].append(piece)
        else:
            reach.others.append(piece)
    for pieces in reach.held.values():
        pieces.sort(key=lambda piece: (piece.ticket not in bought, not piece.freezes, piece.low))
    return cancelled_kg


def _present_owners(issuance: Issuance) -> dict[uuid.UUID, set[int]]:
    found: dict[uuid.UUID, set[int]] = {}
    for ticket, party in TicketShare.objects.filter(
        ticket__issuance=issuance, ticket__closed_by__isnull=True, closed_by__isnull=True
    ).values_list("ticket_id", "party_id"):
        found.setdefault(ticket, set()).add(party)
    return found


def _bought_back_by(leaves: Iterable[Line], line: Line, owners: frozenset[int]) -> Line | None:
    """The line whose own owners have bought back what once left it, if they have."""
    if not owners or not owners <= line.parties:
        return None
    under = (leaf for leaf in leaves if line in (leaf, *leaf.above))
    return next((leaf for leaf in under if owners <= leaf.parties), line)


# --- what was reduced before --------------------------------------------------------------------
def _bear(open_kg: dict[Line, int], lines: Sequence[Line], quantity_kg: int) -> int:
    """The lines answer for so much less, in proportion; how much is beyond them."""
    room = [open_kg[line] for line in lines]
    borne_kg = min(quantity_kg, sum(room))
    if borne_kg:
        for line, part_kg in zip(lines, split_by_shares(borne_kg, room), strict=True):
            open_kg[line] -= part_kg
    return quantity_kg - borne_kg


def _bear_cancelled(reach: Answering, cancelled_kg: dict[Line, int]) -> None:
    """Of an undivided line first; what was cancelled before a division falls on all its parts."""
    for line, kg in sorted(cancelled_kg.items(), key=lambda one: -len(one[0].above)):
        _bear(reach.open_kg, [leaf for leaf in reach.open_kg if line in (leaf, *leaf.above)], kg)


def _bear_debts(reach: Answering, issuance: Issuance) -> None:
    """What somebody owes is no longer ordered of his lines, or of those who took them over."""
    leaves = list(reach.open_kg)
    owed = Debt.objects.filter(cancellation__issuance=issuance).values_list("party")
    for party, kg in owed.annotate(Sum("quantity_kg")).order_by("party"):
        own = [leaf for leaf in leaves if party in leaf.parties] or [
            leaf for leaf in leaves if any(party in line.parties for line in leaf.above)
        ]
        rest_kg = _bear(reach.open_kg, own, kg)
        _bear(reach.open_kg, leaves, rest_kg)

"""Facts and tonnes of the tickets that pass a filter, and their true sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from layers.ticket_map.facts import TicketFacts, facts_version, ticket_facts
from layers.ticket_map.filters import TicketFilter
from tickets.registry.moves import BlockState
from tickets.registry.queries import TicketState, newest_entry, register_version, state_table


@dataclass(frozen=True, slots=True)
class MapRow:
    """One ticket on the map: what it is, and what became of its kilograms."""

    facts: TicketFacts
    state: TicketState

    def kg_in(self, state: BlockState) -> int:
        return {
            BlockState.HELD: self.state.held_kg,
            BlockState.LISTED: self.state.listed_kg,
            BlockState.PLEDGED: self.state.pledged_kg,
            BlockState.OFFSET: self.state.offset_kg,
            BlockState.CANCELLED: self.state.cancelled_kg,
        }[state]


def map_version() -> str:
    """Changes whenever a row of the map may: what is made of the same rows is made once."""
    _number, newest = newest_entry()  # Counts alone would come again in a restored register.
    return f"{register_version()}-{newest.hex()[:16]}-{facts_version()}"


def map_rows(wanted: TicketFilter, facts: Iterable[TicketFacts] | None = None) -> list[MapRow]:
    """The tickets on which kilograms stand at the filter's moment, in the order of numbers.

    ``facts``: of all tickets at that moment, where they have been read already.
    """
    known = {one.key: one for one in (ticket_facts(wanted.at) if facts is None else facts)}
    return [
        MapRow(known[state.key], state)
        for state in state_table(wanted.at)
        if state.key in known and wanted.takes(known[state.key], state)
    ]


def sums_of(rows: Iterable[MapRow]) -> dict[str, int]:
    """Kilograms by state; equal to the ledger's when nothing is filtered."""
    found = {state.value: 0 for state in BlockState}
    for row in rows:
        for state in BlockState:
            found[state.value] += row.kg_in(state)
    return found

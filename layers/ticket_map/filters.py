"""What a visitor asks the map for, read from the address; everything unknown is refused.

The script of the map writes the same parameters (frontend/src/public/filters.ts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import QueryDict
from django.utils.translation import gettext as _

from layers.ticket_map.errors import BadMapQuestion
from layers.ticket_map.facts import HOLDER_KINDS, TicketFacts
from tickets.projects.models import Project
from tickets.registry.moments import parse_moment
from tickets.registry.queries import Standing, TicketState

KG_PER_TONNE = 1000
LONGEST_VALUE = 60
MOST_VALUES = 50
MOST = 10**9
FEN_PER_YUAN = 100
CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "state": frozenset(Standing.values),
    "type": frozenset(Project.Type.values),
    "holder": frozenset(HOLDER_KINDS),
}
SETS = ("state", "year", "township", "species", "type", "holder")
PARAMETERS = frozenset((*SETS, "min_t", "max_t", "min_p", "max_p", "at"))


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Nothing chosen in a set means everything; a ticket has to pass all of them."""

    state: frozenset[str] = frozenset()
    year: frozenset[str] = frozenset()
    township: frozenset[str] = frozenset()
    species: frozenset[str] = frozenset()
    type: frozenset[str] = frozenset()
    holder: frozenset[str] = frozenset()
    min_t: int | None = None
    max_t: int | None = None
    min_p: int | None = None
    max_p: int | None = None
    at: datetime | None = None

    def takes(self, facts: TicketFacts, state: TicketState | None) -> bool:
        """``state``: None of a ticket whose kilograms are all on others now."""
        tonnes = None if state is None else state.total_kg / KG_PER_TONNE
        yuan = None if facts.price_fen is None else facts.price_fen / FEN_PER_YUAN
        return (
            _in(self.state, [] if state is None else [state.standing.value])
            and _in(self.year, [str(facts.year)])
            and _in(self.township, [facts.township])
            and _in(self.species, facts.species or [""])
            and _in(self.type, [facts.type])
            and _in(self.holder, [facts.holder_kind])
            and _within(tonnes, self.min_t, self.max_t)
            and _within(yuan, self.min_p, self.max_p)
        )


def _in(chosen: frozenset[str], values: Iterable[str]) -> bool:
    return not chosen or any(value in chosen for value in values)


def _within(value: float | None, least: int | None, most: int | None) -> bool:
    """Whether the value lies in the range; one that is not known does so in the open one alone."""
    if least is None and most is None:
        return True
    return value is not None and (least or 0) <= value <= (MOST if most is None else most)


def parse_filter(query: QueryDict, also: Iterable[str] = ()) -> TicketFilter:
    """The filter of an address. ``also``: parameters that the page reads itself."""
    allowed = PARAMETERS | frozenset(also)
    for name in query:
        if name not in allowed:
            raise BadMapQuestion(parameter=name[:40], reason=_("没有这个参数。"))
    return TicketFilter(
        state=_set_of(query, "state"),
        year=_set_of(query, "year"),
        township=_set_of(query, "township"),
        species=_set_of(query, "species"),
        type=_set_of(query, "type"),
        holder=_set_of(query, "holder"),
        min_t=_number_of(query, "min_t"),
        max_t=_number_of(query, "max_t"),
        min_p=_number_of(query, "min_p"),
        max_p=_number_of(query, "max_p"),
        at=parse_moment(query.get("at", "")),
    )


def _set_of(query: QueryDict, name: str) -> frozenset[str]:
    values = query.getlist(name)
    if len(values) > MOST_VALUES:
        raise BadMapQuestion(parameter=name, reason=_("最多 {n} 个值。").format(n=MOST_VALUES))
    for value in values:
        if len(value) > LONGEST_VALUE or not (value.isprintable() or value == ""):
            raise BadMapQuestion(parameter=name, reason=_("值过长或含有控制字符。"))
        if name in CHOICES and value not in CHOICES[name]:
            offered = "、".join(sorted(CHOICES[name]))
            raise BadMapQuestion(
                parameter=name, reason=_("可选值：{offered}。").format(offered=offered)
            )
        if name == "year" and not (value.isascii() and value.isdecimal() and len(value) == 4):
            raise BadMapQuestion(parameter=name, reason=_("年份写作四位数字。"))
    return frozenset(values)


def _number_of(query: QueryDict, name: str) -> int | None:
    value = query.get(name, "")
    if value == "":
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 10):
        raise BadMapQuestion(parameter=name, reason=_("应为不小于 0 的整数。"))
    number = int(value)
    if number > MOST:
        raise BadMapQuestion(parameter=name, reason=_("数值过大。"))
    return number

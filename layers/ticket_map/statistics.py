"""What was issued, moved and offset, by year, township and species; prices; and the open data."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.registry import PUBLIC_LAYERS
from layers.ticket_map.columns import COLUMNS
from layers.ticket_map.downloads import OFFERED
from layers.ticket_map.facts import TicketFacts, ticket_facts
from layers.ticket_map.filters import TicketFilter, parse_filter
from layers.ticket_map.rows import MapRow, map_rows, map_version
from layers.ticket_map.species import species_in_words
from portal.base.clock import today
from portal.base.models import Township
from portal.base.parameters import only
from tickets.market.chart import price_chart
from tickets.market.queries import months
from tickets.registry.moves import BlockState
from tickets.registry.quantities import tonnes
from tickets.registry.queries import last_entry_number, register_totals

# A kilogram is moved when it comes onto another ticket, offset when it leaves circulation so. The act
# is that of the ticket on which it came to be.
_ACTS = """
SELECT extract(year FROM entry.recorded_at AT TIME ZONE 'Asia/Shanghai')::int, became.ticket_id,
       coalesce(sum(size) FILTER (WHERE was.ticket_id IS NULL), 0)::bigint,
       coalesce(sum(size) FILTER (WHERE was.ticket_id <> became.ticket_id
                                    AND entry.kind IN ('transfer', 'trade')), 0)::bigint,
       coalesce(sum(size) FILTER (WHERE became.state = 'offset'
                                    AND was.state IS DISTINCT FROM 'offset'), 0)::bigint
FROM registry_ledgerentry AS entry
JOIN registry_block AS became ON became.opened_by_id = entry.id
LEFT JOIN registry_block AS was ON was.closed_by_id = entry.id
     AND was.issuance_id = became.issuance_id AND was.kg && became.kg
CROSS JOIN LATERAL (SELECT upper(part) - lower(part) AS size
                    FROM (SELECT coalesce(was.kg * became.kg, became.kg) AS part) AS cut) AS sized
WHERE %(at)s::timestamptz IS NULL OR entry.recorded_at <= %(at)s
GROUP BY 1, 2 ORDER BY 1
"""
WIDTH = 1000  # Of a chart's bar, in its own units.


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: where it begins and how wide it is, in the chart's units."""

    name: str
    label: str
    tonnes: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart, and of the table that says the same."""

    label: str
    parts: tuple[Part, ...]
    tonnes: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Kilograms issued, moved and offset in one year on one ticket."""

    year: int
    ticket: uuid.UUID
    issued_kg: int
    moved_kg: int
    offset_kg: int


def acts_until(at: datetime | None) -> list[Acted]:
    """What was done, by year and ticket; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTS, {"at": at})
        return [Acted(*row) for row in cursor.fetchall()]


def bars(rows: Iterable[tuple[str, list[tuple[str, str, int]]]]) -> list[Bar]:
    """Bars on one scale: the longest fills the chart."""
    known = list(rows)
    longest = max((sum(kg for _n, _l, kg in parts) for _row, parts in known), default=0) or 1
    made = []
    for label, parts in known:
        x, pieces = 0, []
        for name, words, kg in parts:
            width = kg * WIDTH // longest
            pieces.append(Part(name, words, shown(kg), x, width))
            x += width
        made.append(Bar(label, tuple(pieces), shown(sum(kg for _n, _l, kg in parts))))
    return made


def shown(quantity_kg: int) -> str:
    """Tonnes with marks of thousands; nothing rounded."""
    whole, point, rest = tonnes(quantity_kg).partition(".")
    return f"{int(whole):,}{point}{rest}"


def act_rows(groups: Mapping[str, list[Acted]]) -> list[Bar]:
    """Issued, moved and offset of each group, all on one scale."""
    sums = {
        label: (
            ("held", _("制发"), sum(one.issued_kg for one in group)),
            ("listed", _("转移"), sum(one.moved_kg for one in group)),
            ("offset", _("抵消"), sum(one.offset_kg for one in group)),
        )
        for label, group in groups.items()
    }
    longest = max((kg for parts in sums.values() for _n, _l, kg in parts), default=0) or 1
    return [
        Bar(
            label,
            tuple(
                Part(name, words, shown(kg), 0, kg * WIDTH // longest) for name, words, kg in parts
            ),
            "",
        )
        for label, parts in sums.items()
    ]


def grouped(acts: Iterable[Acted], name_of: Callable[[Acted], str]) -> dict[str, list[Acted]]:
    """Acts under their names, in the order of the names."""
    found: dict[str, list[Acted]] = defaultdict(list)
    for one in acts:
        found[name_of(one)].append(one)
    return dict(sorted(found.items()))


def states_of(rows: Iterable[MapRow]) -> list[tuple[str, str, int]]:
    found = dict.fromkeys(BlockState, 0)
    for row in rows:
        for state in BlockState:
            found[state] += row.kg_in(state)
    return [(state.value, str(state.label), kg) for state, kg in found.items()]


@require_safe
def statistics(request: HttpRequest) -> HttpResponse:
    """``?at=`` and the map's filters narrow everything but the register's totals and the prices."""
    wanted = parse_filter(request.GET)
    figures = figures_of(wanted, map_version(), get_language() or "", today())
    return render(request, "layers/statistics.html", figures)


@lru_cache(maxsize=16)
def figures_of(wanted: TicketFilter, version: str, language: str, day: date) -> dict[str, Any]:
    """What the page shows, summed once for each filter, version of the map, language and day."""
    facts = ticket_facts(wanted.at)
    rows = map_rows(wanted, facts)
    townships = Township.objects.names()

    def place_of(one: TicketFacts) -> str:
        return townships.get(one.township, one.township) or _("未注明")

    def species_of(one: TicketFacts) -> str:
        return species_in_words(one.species) or _("未注明")

    by_township: dict[str, list[MapRow]] = defaultdict(list)
    by_species: dict[str, list[MapRow]] = defaultdict(list)
    for row in rows:
        by_township[place_of(row.facts)].append(row)
        by_species[species_of(row.facts)].append(row)
    # A ticket that gave all its kilograms away has no row any more, but what was done is its own.
    standing = {row.facts.key for row in rows}
    chosen = {one.key: one for one in facts if one.key in standing or wanted.takes(one, None)}
    acts = [one for one in acts_until(wanted.at) if one.ticket in chosen]
    totals = register_totals(wanted.at)
    series = months(until=wanted.at)
    return {
        "years": act_rows(grouped(acts, lambda one: str(one.year))),
        "acts_by_township": act_rows(grouped(acts, lambda one: place_of(chosen[one.ticket]))),
        "acts_by_species": act_rows(grouped(acts, lambda one: species_of(chosen[one.ticket]))),
        "townships": bars((name, states_of(group)) for name, group in sorted(by_township.items())),
        "species": bars((name, states_of(group)) for name, group in sorted(by_species.items())),
        "months": series,
        "chart": price_chart(series),
        "states": [str(state.label) for state in BlockState],
        "totals": [(str(state.label), shown(totals[state.value])) for state in BlockState],
        "at": wanted.at,
        "entry": last_entry_number(wanted.at),
        "n": len(rows),
    }


@require_safe
def open_data(request: HttpRequest) -> HttpResponse:
    """Licence, downloads, services and the data dictionary."""
    only(request.GET, ())
    context = {
        "columns": COLUMNS,
        "layers": PUBLIC_LAYERS.values(),
        "formats": OFFERED,
    }
    return render(request, "layers/open_data.html", context)

"""What was issued, moved and offset, by year, township and species; and the open data with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.registry import PUBLIC_LAYERS
from layers.ticket_map.columns import COLUMNS
from layers.ticket_map.downloads import OFFERED
from layers.ticket_map.filters import parse_filter
from layers.ticket_map.rows import MapRow, map_rows
from portal.base.models import Township
from tickets.registry.moves import BlockState
from tickets.registry.quantities import tonnes
from tickets.registry.queries import last_entry_number, register_totals

# A kilogram is moved when it comes onto another ticket, offset when it leaves circulation so.
_YEARS = """
SELECT extract(year FROM entry.recorded_at AT TIME ZONE 'Asia/Shanghai')::int,
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
GROUP BY 1 ORDER BY 1
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


def bars(rows: Iterable[tuple[str, list[tuple[str, str, int]]]]) -> list[Bar]:
    """Bars on one scale: the longest fills the chart."""
    known = list(rows)
    longest = max((sum(kg for _n, _l, kg in parts) for _row, parts in known), default=0) or 1
    made = []
    for label, parts in known:
        x, pieces = 0, []
        for name, words, kg in parts:
            width = kg * WIDTH // longest
            pieces.append(Part(name, words, tonnes(kg), x, width))
            x += width
        made.append(Bar(label, tuple(pieces), tonnes(sum(kg for _n, _l, kg in parts))))
    return made


def states_of(rows: Iterable[MapRow]) -> list[tuple[str, str, int]]:
    found = dict.fromkeys(BlockState, 0)
    for row in rows:
        for state in BlockState:
            found[state] += row.kg_in(state)
    return [(state.value, str(state.label), kg) for state, kg in found.items()]


@require_safe
def statistics(request: HttpRequest) -> HttpResponse:
    """``?at=`` and the map's filters narrow the sums of places and species; years are of all."""
    wanted = parse_filter(request.GET)
    rows = map_rows(wanted)
    townships = dict(Township.objects.values_list("code", "name"))
    by_township: dict[str, list[MapRow]] = defaultdict(list)
    by_species: dict[str, list[MapRow]] = defaultdict(list)
    for row in rows:
        place = townships.get(row.facts.township, row.facts.township)
        by_township[place or _("未注明")].append(row)
        by_species["、".join(row.facts.species) or _("未注明")].append(row)
    with connection.cursor() as cursor:
        cursor.execute(_YEARS, {"at": wanted.at})
        years = cursor.fetchall()
    acts = (("held", _("制发")), ("listed", _("转移")), ("offset", _("抵消")))
    yearly = [
        (str(year), name, label, kg)
        for year, *sums in years
        for (name, label), kg in zip(acts, sums, strict=True)
    ]
    totals = register_totals(wanted.at)
    context = {
        "years": bars((f"{year} {label}", [(name, label, kg)]) for year, name, label, kg in yearly),
        "townships": bars((name, states_of(group)) for name, group in sorted(by_township.items())),
        "species": bars((name, states_of(group)) for name, group in sorted(by_species.items())),
        "states": [str(state.label) for state in BlockState],
        "totals": [(str(state.label), tonnes(totals[state.value])) for state in BlockState],
        "at": wanted.at,
        "entry": last_entry_number(wanted.at),
        "n": len(rows),
    }
    return render(request, "layers/statistics.html", context)


@require_safe
def open_data(request: HttpRequest) -> HttpResponse:
    """Licence, downloads, services and the data dictionary."""
    context = {
        "columns": COLUMNS,
        "layers": PUBLIC_LAYERS.values(),
        "formats": OFFERED,
    }
    return render(request, "layers/open_data.html", context)

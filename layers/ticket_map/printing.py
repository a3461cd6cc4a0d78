"""What is filtered on one sheet of paper: map, sums, list; A4 or A3, as PDF."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import shapely
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.ticket_map.downloads import public_shapes
from layers.ticket_map.errors import BadMapQuestion, NothingFiltered, NothingInView, TooMuchToPrint
from layers.ticket_map.filters import TicketFilter, parse_filter
from layers.ticket_map.rows import MapRow, map_rows, map_version, sums_of
from parcels.api import parse_box
from portal.base.base_map import read_base_map
from portal.base.clock import CITY_TIME, now, today
from portal.base.map_sheet import SheetShape, map_sheet
from portal.base.models import Township
from portal.base.pdf import compile_pdf
from tickets.registry.moves import BlockState
from tickets.registry.quantities import tonnes
from tickets.registry.queries import last_entry_number

Box = tuple[float, float, float, float]
SHEET = Path(__file__).parent / "print.typ"
# Width and height of the map in mm; the list stands beside it.
PAPERS = {"a4": (172.0, 165.0), "a3": (270.0, 250.0)}
MOST_ROWS = {"a4": 32, "a3": 46}  # That stand beside the map; the sums are of all.
MOST_AREAS = 1000
# As the map on the screen (frontend/src/public/ticket-layer.ts).
COLOURS = {
    BlockState.HELD: "#12876f",
    BlockState.LISTED: "#2b78b5",
    BlockState.PLEDGED: "#d99a1c",
    BlockState.OFFSET: "#c6d3ac",
    BlockState.CANCELLED: "#b3b6b1",
}


@require_safe
def printed(request: HttpRequest) -> HttpResponse:
    """``?paper=`` a4 or a3, ``&bbox=`` of the view, and the filter."""
    wanted = parse_filter(request.GET, also=("paper", "bbox"))
    paper = request.GET.get("paper", "a4")
    if paper not in PAPERS:
        reason = _("可选值：{offered}。").format(offered="a4、a3")
        raise BadMapQuestion(parameter="paper", reason=reason)
    view = parse_box(request.GET["bbox"]).extent if "bbox" in request.GET else None
    pdf = sheet(wanted, paper, view, map_version(), get_language() or "", today())
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Cache-Control"] = "no-cache"
    if header := content_disposition_header(False, f"tickets-{paper}.pdf"):
        response["Content-Disposition"] = header
    return response


@lru_cache(maxsize=16)
def sheet(
    wanted: TicketFilter, paper: str, bounds: Box | None, version: str, language: str, day: date
) -> bytes:
    """The PDF, made once for each question, version of the map, language and day.

    Raises NothingFiltered, NothingInView, TooMuchToPrint.
    """
    view = None if bounds is None else shapely.box(*bounds)
    rows = [row for row in map_rows(wanted) if view is None or touches(row, view)]
    shapes = public_shapes({row.facts.land for row in rows})
    if not shapes:
        raise NothingFiltered() if view is None else NothingInView()
    if len(shapes) > MOST_AREAS:
        raise TooMuchToPrint(n=len(shapes), limit=MOST_AREAS)
    listed = rows[: MOST_ROWS[paper]]
    marks = {land: str(n) for n, land in enumerate(dict.fromkeys(r.facts.land for r in listed), 1)}
    moment = wanted.at or now()
    return compile_pdf(
        SHEET,
        facts=sheet_facts(rows, listed, marks, paper, moment, last_entry_number(wanted.at)),
        pictures={"map": sheet_map(rows, shapes, marks, paper, view)},
        dated=moment,
    )


def touches(row: MapRow, view: shapely.Polygon) -> bool:
    return bool(shapely.box(*row.facts.bbox).intersects(view))


def sheet_map(
    rows: Sequence[MapRow],
    shapes: Mapping[UUID, shapely.MultiPolygon],
    marks: Mapping[UUID, str],
    paper: str,
    view: shapely.Polygon | None,
) -> str:
    """Each area painted with its tonnes in proportion; those that are listed have their mark."""
    by_land: dict[UUID, list[MapRow]] = defaultdict(list)
    for row in rows:
        by_land[row.facts.land].append(row)
    width, height = PAPERS[paper]
    return map_sheet(
        shapes=[
            SheetShape(
                shapes[land],
                label=marks.get(land, ""),
                shares=tuple((COLOURS[state], kg) for state, kg in kilograms_of(group) if kg),
            )
            for land, group in by_land.items()
        ],
        base=read_base_map(),
        width_mm=width,
        height_mm=height,
        approval_number=settings.MAP_APPROVAL_NUMBER,
        view=view,
    )


def kilograms_of(rows: Sequence[MapRow]) -> list[tuple[BlockState, int]]:
    sums = sums_of(rows)
    return [(state, sums[state.value]) for state in BlockState]


def sheet_facts(
    rows: Sequence[MapRow],
    listed: Sequence[MapRow],
    marks: Mapping[UUID, str],
    paper: str,
    moment: datetime,
    entry: int,
) -> dict[str, Any]:
    """The words and numbers of the sheet."""
    townships = Township.objects.names()
    sums = kilograms_of(rows)
    unlisted = len(rows) - len(listed)
    return {
        "paper": paper,
        "lang": (get_language() or "zh")[:2],
        "title": _("伊宁市林业碳票地图"),
        "as_of": _("截至 {moment}，登记号 {entry}").format(
            moment=moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M"), entry=entry
        ),
        "words": {
            "mark": _("图号"), "number": _("碳票编号"), "township": _("乡镇"), "tonnes": _("吨"),
            "legend": _("图例（吨）"), "foot": _("图形经概化，不作权属依据。"),
            "more": _("另有 {n} 张未列出，已计入合计。").format(n=unlisted) if unlisted else "",
        },
        "count": _("{n} 张碳票，{t} 吨").format(n=len(rows), t=tonnes(sum(kg for _s, kg in sums))),
        "sums": [
            {"state": state.value, "label": str(state.label), "tonnes": tonnes(kg)}
            for state, kg in sums
        ],
        "colours": {state.value: colour for state, colour in COLOURS.items()},
        "rows": [
            {
                "mark": marks[row.facts.land],
                "number": row.facts.number,
                "township": townships.get(row.facts.township, ""),
                "tonnes": tonnes(row.state.total_kg),
                "bars": [{"state": state.value, "kg": kg} for state, kg in kilograms_of([row]) if kg],
            }
            for row in listed
        ],
    }  # fmt: skip

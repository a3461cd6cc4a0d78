"""What is filtered on one sheet of paper: map, sums, list; A4 or A3, as PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.ticket_map.downloads import public_shapes
from layers.ticket_map.errors import BadMapQuestion, NothingFiltered, TooMuchToPrint
from layers.ticket_map.filters import parse_filter
from layers.ticket_map.rows import map_rows, sums_of
from portal.base.base_map import read_base_map
from portal.base.clock import CITY_TIME, now
from portal.base.map_sheet import SheetShape, map_sheet
from portal.base.models import Township
from portal.base.pdf import compile_pdf
from tickets.registry.moves import BlockState
from tickets.registry.quantities import tonnes
from tickets.registry.queries import last_entry_number

SHEET = Path(__file__).parent / "print.typ"
# Width and height of the map in mm; the list stands beside it.
PAPERS = {"a4": (172.0, 165.0), "a3": (270.0, 250.0)}
MOST_AREAS = 60


@require_safe
def printed(request: HttpRequest) -> HttpResponse:
    """``?paper=`` a4 or a3, and the filter."""
    wanted = parse_filter(request.GET, also=("paper",))
    paper = request.GET.get("paper", "a4")
    if paper not in PAPERS:
        reason = _("可选值：{offered}。").format(offered="a4、a3")
        raise BadMapQuestion(parameter="paper", reason=reason)
    rows = map_rows(wanted)
    shapes = public_shapes({row.facts.area for row in rows})
    if not shapes:
        raise NothingFiltered()
    if len(shapes) > MOST_AREAS:
        raise TooMuchToPrint(n=len(shapes), limit=MOST_AREAS)
    marks = {area: str(n) for n, area in enumerate(dict.fromkeys(r.facts.area for r in rows), 1)}
    width, height = PAPERS[paper]
    sheet = map_sheet(
        shapes=[SheetShape(shapes[area], label=mark) for area, mark in marks.items()],
        base=read_base_map(),
        width_mm=width,
        height_mm=height,
        approval_number=settings.MAP_APPROVAL_NUMBER,
    )
    moment = wanted.at or now()
    townships = dict(Township.objects.values_list("code", "name"))
    sums = sums_of(rows)
    facts: dict[str, Any] = {
        "paper": paper,
        "lang": (get_language() or "zh")[:2],
        "title": _("伊宁市林业碳票地图"),
        "as_of": _("截至 {moment}，登记号 {entry}").format(
            moment=moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M"),
            entry=last_entry_number(wanted.at),
        ),
        "words": {
            "mark": _("图号"), "number": _("碳票编号"), "township": _("乡镇"), "tonnes": _("吨"),
            "legend": _("图例（吨）"), "foot": _("图形经概化，不作权属依据。"),
        },
        "count": _("{n} 张碳票，{t} 吨").format(n=len(rows), t=tonnes(sum(sums.values()))),
        "sums": [
            {"state": state.value, "label": str(state.label), "tonnes": tonnes(sums[state.value])}
            for state in BlockState
        ],
        "rows": [
            {
                "mark": marks[row.facts.area],
                "number": row.facts.number,
                "township": townships.get(row.facts.township, ""),
                "tonnes": tonnes(row.state.total_kg),
                "bars": [
                    {"state": state.value, "kg": row.kg_in(state)}
                    for state in BlockState
                    if row.kg_in(state)
                ],
            }
            for row in rows
        ],
    }  # fmt: skip
    pdf = compile_pdf(SHEET, facts=facts, pictures={"map": sheet}, dated=moment)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Cache-Control"] = "no-cache"
    if header := content_disposition_header(False, f"tickets-{paper}.pdf"):
        response["Content-Disposition"] = header
    return response

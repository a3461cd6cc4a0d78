"""Suggestions for the map's search box: tickets, projects, filings, offsets, then places."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.search import parse_question, search
from portal.accounts.queries import is_staff_reader

SUGGESTIONS = 8
# Numbers alone are looked for, and they have nothing else in them: no wildcard gets through.
NUMBER = re.compile(r"[0-9A-Z-]{2,30}", re.ASCII)
_NUMBERS = """
SELECT kind, label, issuance.key, ST_X(place.geom), ST_Y(place.geom),
       ST_XMin(version.geom_public), ST_YMin(version.geom_public),
       ST_XMax(version.geom_public), ST_YMax(version.geom_public)
FROM (
  SELECT 'ticket' AS kind, ticket.number AS label, ticket.issuance_id AS issuance, 0 AS rank
  FROM registry_carbonticket AS ticket WHERE ticket.number LIKE %(like)s
  UNION ALL
  (SELECT DISTINCT ON (project.id) 'project', project.number, issuance.id, 1
   FROM projects_project AS project
   JOIN projects_application AS application ON application.project_id = project.id
   JOIN projects_filing AS filing ON filing.application_id = application.id
   JOIN registry_issuance AS issuance ON issuance.filing_id = filing.id
   WHERE project.number LIKE %(like)s ORDER BY project.id, issuance.id)
  UNION ALL
  SELECT 'filing', filing.number, issuance.id, 2
  FROM projects_filing AS filing
  JOIN registry_issuance AS issuance ON issuance.filing_id = filing.id
  WHERE filing.number LIKE %(like)s
  UNION ALL
  SELECT 'offset', made.number, ticket.issuance_id, 3
  FROM offsets_offset AS made
  JOIN registry_carbonticket AS ticket ON ticket.key = made.ticket_id
  WHERE made.number LIKE %(like)s
) AS named
JOIN registry_issuance AS issuance ON issuance.id = named.issuance
JOIN projects_filing AS filing ON filing.id = issuance.filing_id
JOIN parcels_projectareaversion AS version ON version.id = filing.area_version_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(version.geom_public) AS geom) AS place
WHERE version.geom_public IS NOT NULL
ORDER BY rank, label LIMIT %(limit)s
"""


@require_safe
def suggest(request: HttpRequest) -> JsonResponse:
    """``?q=``: part of a number, a place or a coordinate. Too long a text is refused."""
    text = parse_question(request.GET)
    found: list[dict[str, Any]] = [
        *numbers(text),
        *(one.as_json() for one in search(text, staff=is_staff_reader(request.user))),
    ]
    return JsonResponse({"results": found[:SUGGESTIONS]}, headers={"Cache-Control": "no-store"})


@require_safe
def places(request: HttpRequest) -> JsonResponse:
    """Of the same box on other maps: places and, for those who serve the register, land."""
    found = search(parse_question(request.GET), staff=is_staff_reader(request.user))
    return JsonResponse(
        {"results": [item.as_json() for item in found]}, headers={"Cache-Control": "no-store"}
    )


def numbers(text: str) -> list[dict[str, Any]]:
    wanted = text.strip().upper()
    # Two digits fit every number; a number is asked for by more.
    if NUMBER.fullmatch(wanted) is None or len(wanted) < 3:
        return []
    words = {
        "ticket": _("碳票"),
        "project": _("项目"),
        "filing": _("备案"),
        "offset": _("抵消凭证"),
    }
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, {"like": f"%{wanted}%", "limit": SUGGESTIONS})
        return [
            {
                "kind": kind,
                "label": label,
                "detail": words[kind],
                "lon": round(lon, 5),
                "lat": round(lat, 5),
                "bbox": [round(value, 5) for value in bbox],
                "uid": str(area),
                "url": page_of(kind, label),
            }
            for kind, label, area, lon, lat, *bbox in cursor.fetchall()
        ]


def page_of(kind: str, number: str) -> str | None:
    """The public page that a number of its own has."""
    views = {"ticket": "registry:ticket", "offset": "offsets:offset"}
    return reverse(views[kind], args=[number]) if kind in views else None

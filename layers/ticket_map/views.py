"""The map's data: facts and states of tickets apart, each the same until its own next change."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from layers.ticket_map.facts import HOLDER_KINDS, facts_version, ticket_facts
from layers.ticket_map.filters import parse_filter
from layers.ticket_map.rows import MapRow, map_rows, map_version, sums_of
from layers.ticket_map.species import species_words
from portal.base.clock import CITY_TIME, now
from portal.base.models import Township
from portal.base.negotiation import has_etag, pack, packing
from portal.base.parameters import only
from tickets.projects.models import Project
from tickets.registry.moments import first_day
from tickets.registry.queries import (
    Standing,
    last_entry_number,
    register_totals,
)

VARY = "Accept-Language, Cookie"


def cacheable(request: HttpRequest, tag: str) -> tuple[dict[str, str], bool]:
    """Headers of an answer that may be kept but is asked for again, and whether it is held."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": "public, no-cache", "Vary": VARY}
    return headers, has_etag(request, headers["ETag"])


@require_safe
def facts(request: HttpRequest) -> HttpResponse:
    """Every ticket that was ever issued with what everyone may know, and the words for the codes."""
    only(request.GET, ())
    today = now().astimezone(CITY_TIME).date()
    version, language, encoding = facts_version(), get_language() or "", packing(request)
    headers, held = cacheable(request, f"facts-{version}-{today.isoformat()}-{language}-{encoding}")
    headers["Vary"] = f"Accept-Encoding, {VARY}"
    if held:
        return HttpResponseNotModified(headers=headers)
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    body = packed_facts(version, today, language, encoding)
    return HttpResponse(body, content_type="application/json", headers=headers)


@lru_cache(maxsize=8)
def packed_facts(version: str, today: date, language: str, encoding: str) -> bytes:
    """The facts as they travel, made once for each of their versions, day and language."""
    first = first_day()
    tickets = ticket_facts()
    drawn: dict[uuid.UUID, uuid.UUID] = {}
    for one in tickets:
        drawn.setdefault(one.land, one.area)
    body: dict[str, Any] = {
        "today": today.isoformat(),
        "first_day": (first or today).isoformat(),
        "words": {
            "township": Township.objects.names(),
            "species": species_words(),
            "type": {value: str(label) for value, label in Project.Type.choices},
            "holder": {value: str(label) for value, label in HOLDER_KINDS.items()},
            "state": {value: str(label) for value, label in Standing.choices},
        },
        "tickets": [
            {
                "number": one.number,
                "area": str(one.area),
                # Of an issue for another period of the same land, if that came before.
                "land": None if drawn[one.land] == one.area else str(drawn[one.land]),
                "issued_on": one.issued_on.isoformat(),
                "year": one.year,
                "project": one.project,
                "type": one.type,
                "filing": one.filing,
                "period": f"{one.period_start}/{one.period_end}",
                "ha": one.area_ha,
                "township": one.township,
                "species": one.species,
                "holder_kind": one.holder_kind,
                "holder": str(one.holder),
                "holders": [
                    {
                        "since": held.since.astimezone(CITY_TIME).date().isoformat(),
                        "holder_kind": held.kind,
                        "holder": str(held.name),
                    }
                    for held in one.holders
                ],
                "price_fen": one.price_fen,
                "at": [one.lon, one.lat],
                "bbox": one.bbox,
            }
            for one in tickets
        ],
    }
    return pack(orjson.dumps(body), encoding)


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The filtered tickets with their kilograms, and the sums: what the map's table shows."""
    wanted = parse_filter(request.GET)
    query = hashlib.sha256(request.GET.urlencode().encode()).hexdigest()[:16]
    versions = f"{map_version()}-{last_entry_number(wanted.at)}"
    headers, held = cacheable(request, f"rows-{versions}-{get_language()}-{query}")
    if held:
        return HttpResponseNotModified(headers=headers)
    found = map_rows(wanted)
    return JsonResponse(
        {
            "at": wanted.at.isoformat() if wanted.at else None,
            "entry": last_entry_number(wanted.at),
            "count": len(found),
            "totals": sums_of(found),
            "register_totals": register_totals(wanted.at),
            "tickets": [row_of(row) for row in found],
        },
        headers=headers,
    )


def row_of(row: MapRow) -> dict[str, Any]:
    """One row as programs read it; the table, the downloads and the map have the same fields."""
    facts, state = row.facts, row.state
    return {
        "number": facts.number,
        "area": str(facts.area),
        "state": state.standing.value,
        "project": facts.project,
        "filing": facts.filing,
        "project_type": facts.type,
        "township": facts.township,
        "species": "、".join(facts.species),
        "holder": str(facts.holder),
        "holder_kind": facts.holder_kind,
        "issued_on": facts.issued_on.isoformat(),
        "period_start": facts.period_start.isoformat(),
        "period_end": facts.period_end.isoformat(),
        "area_ha": facts.area_ha,
        "price_fen": facts.price_fen,
        "total_kg": state.total_kg,
        "held_kg": state.held_kg,
        "listed_kg": state.listed_kg,
        "pledged_kg": state.pledged_kg,
        "offset_kg": state.offset_kg,
        "cancelled_kg": state.cancelled_kg,
        "frozen_kg": state.frozen_kg,
    }

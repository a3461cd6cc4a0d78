"""The page and the endpoint of 这里有什么."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import shapely
from axes.helpers import get_client_ip_address
from django.contrib.gis.geos import GEOSGeometry, Point
from django.db.backends.postgresql.psycopg_any import DateRange
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from layers.stands_here.errors import PeriodMissing, PlaceMissing, TooManyQuestions
from layers.stands_here.queries import as_json, claims_of, tickets_of, what_stands
from parcels.drawing.files import read_drawing_file
from parcels.drawing.parsing import geometry_of, read_json
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices
from parcels.intake.crs import systems_as_json
from parcels.intake.gate import MIB, Limits
from parcels.rules.errors import ShapeUnreadable
from parcels.rules.period import parse_period
from parcels.rules.shapes import multipolygon_from_geojson
from parcels.stage import stage_config
from portal.accounts.errors import TooManyAttempts
from portal.accounts.models import Attempt
from portal.accounts.operations import ATTEMPT_LIMITS, note_attempt
from portal.base.clock import today

VERTEX_LIMIT = 5000
STORAGE_SRID = 4490
YEARS_PROPOSED = 5
# Anybody may bring a file: it costs less than an owner's may.
FILE_LIMITS = Limits(
    file_bytes=5 * MIB,
    entries=50,
    unpacked_bytes=64 * MIB,
    vertices=VERTEX_LIMIT,
    features=200,
    cpu_seconds=10,
    silence_seconds=15,
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The public page; it asks the endpoint below."""
    last_year = today().year - 1
    config: dict[str, Any] = {
        **stage_config(),
        "api": reverse("layers:api-stands-here"),
        "parcels": reverse("layers:tilejson", args=["parcels"]),
        "systems": systems_as_json(),
    }
    context = {
        "here_config": config,
        "start": date(last_year - YEARS_PROPOSED + 1, 1, 1),
        "end": date(last_year, 12, 31),
        "limit_mib": FILE_LIMITS.file_bytes // MIB,
    }
    return render(request, "layers/stands_here.html", context)


@csrf_exempt  # It changes nothing of anybody's; programs ask it too.
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """``POST /api/what-stands-here/``.

    JSON ``{"point": {"lon", "lat"} | "geometry": GeoJSON, "period": "2021-01-01/2025-12-31"}``, or
    a form with ``file``, ``period`` and, to read the file otherwise than guessed, ``crs`` (EPSG); then
    the answer says under ``reading`` how it was read. Counted before it is read: a wrong question costs one too.
    """
    _count(request)
    if (sent := request.FILES.get("file")) is not None:
        with receive_upload(sent) as path:
            brought = read_drawing_file(
                path, choices=parse_choices(request.POST), limits=FILE_LIMITS
            )
        shapes = shapely.from_wkb([wkb for _row, _label, wkb in brought.features])
        place = _area(bytes(shapely.to_wkb(shapely.union_all(shapes), byte_order=1)))
        period = _period(request.POST.get("period"))
        geometry: Any = shapely.geometry.mapping(shapely.union_all(shapes))
        reading: Any = brought.reading_as_json()
    elif request.content_type == "application/json":
        given = read_json(request)
        place, period = _place(given), _period(given.get("period"))
        geometry = reading = None
    else:
        raise PlaceMissing()
    answer = what_stands(place, period)
    tickets = tickets_of(claims_of(answer.found))
    body = {**as_json(answer, tickets), "geometry": geometry, "reading": reading}
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


def _count(request: HttpRequest) -> None:
    user = request.user
    source = f"user:{user.key}" if user.is_authenticated else str(get_client_ip_address(request))
    kind = Attempt.Kind.LAND_QUESTION
    try:
        note_attempt(kind=kind, source=source)
    except TooManyAttempts as refusal:
        limit, _span = ATTEMPT_LIMITS[kind]
        raise TooManyQuestions(limit=limit, **refusal.facts) from refusal


def _place(given: Mapping[str, Any]) -> GEOSGeometry:
    point, geometry = given.get("point"), given.get("geometry")
    if isinstance(point, Mapping):
        ring = [[point.get("lon"), point.get("lat")]] * 4
        multipolygon_from_geojson({"type": "Polygon", "coordinates": [ring]}, vertex_limit=4)
        return Point(float(point["lon"]), float(point["lat"]), srid=STORAGE_SRID)
    if geometry is None:
        raise PlaceMissing()
    if not isinstance(geometry, Mapping):
        raise ShapeUnreadable()
    return _area(multipolygon_from_geojson(geometry, vertex_limit=VERTEX_LIMIT))


def _area(wkb: bytes) -> GEOSGeometry:
    """A union of areas may come back as one polygon."""
    shape: Any = shapely.from_wkb(wkb)
    whole = shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    return geometry_of(bytes(shapely.to_wkb(whole, byte_order=1)))


def _period(given: Any) -> DateRange:
    if not isinstance(given, str) or given.strip() in {"", "/"}:
        raise PeriodMissing()
    return parse_period(given)

"""What the drawing page's script asks for: titles, surroundings, drafts, edits, files, saving."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from parcels.api import parse_box
from parcels.drawing import reshaping
from parcels.drawing.access import access_applicant, access_project_area, titles_to_draw_on
from parcels.drawing.errors import NothingDrawn, PartyMissing
from parcels.drawing.files import read_drawing_file, shifted_beside
from parcels.drawing.operations import drop_draft, keep_draft, save_drawing
from parcels.drawing.parsing import (
    Drawing,
    geometry_of,
    parse_drawing,
    parse_geometry,
    parse_key,
    parse_keys,
    parse_period,
    read_json,
)
from parcels.drawing.queries import (
    around_as_geojson,
    draft_as_json,
    exact_geojson,
    state_of_drawing,
    titles_as_geojson,
)
from parcels.imports.errors import UploadMissing
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices
from parcels.models import Parcel, ProjectArea
from portal.accounts.models import Party, User
from portal.base.errors import InvalidInput
from portal.base.idempotency import act_once

PRIVATE = {"Cache-Control": "no-store"}
Given = Mapping[str, Any]


@login_required
@require_safe
def titles(request: HttpRequest) -> HttpResponse:
    """The exact titles one may draw on, all or within ``bbox``."""
    box = parse_box(request.GET["bbox"]) if "bbox" in request.GET else None
    return JsonResponse(
        titles_as_geojson(titles_to_draw_on(request.user), box=box), headers=PRIVATE
    )


@login_required
@require_safe
def around(request: HttpRequest) -> HttpResponse:
    """Claims and exclusions within ``bbox``, generalised; ``area`` is the one being drawn."""
    area = _area(parse_key(request.GET.get("area")), request)
    box = parse_box(request.GET.get("bbox", ""))
    found = around_as_geojson(box, area_id=None if area is None else area.pk)
    return JsonResponse(found, headers=PRIVATE)


@login_required
@require_safe
def state(request: HttpRequest, key: uuid.UUID | None = None) -> HttpResponse:
    """What is saved and what is drafted now, for a tab that was overtaken."""
    found = state_of_drawing(cast(User, request.user), _area(key, request))
    return JsonResponse(found, headers=PRIVATE)


@login_required
@require_POST
@csrf_protect
def draft(request: HttpRequest, key: uuid.UUID | None = None) -> HttpResponse:
    """Autosave."""
    area = _area(key, request)
    drawing = parse_drawing(read_json(request))
    kept = keep_draft(
        area=area,
        drawing=drawing,
        party=_party(drawing, request),
        actor=cast(User, request.user),
    )
    answer = draft_as_json(kept)
    return JsonResponse({"revision": answer["revision"], "saved_at": answer["saved_at"]})


@login_required
@require_POST
@csrf_protect
def discard(request: HttpRequest, key: uuid.UUID | None = None) -> HttpResponse:
    """Throw the draft away."""
    area = _area(key, request)
    drop_draft(area=area, actor=cast(User, request.user))
    return JsonResponse(state_of_drawing(cast(User, request.user), area))


@login_required
@require_POST
@csrf_protect
def save(request: HttpRequest, key: uuid.UUID | None = None) -> HttpResponse:
    """A new area (without ``key``) or a newer version; sent twice under one ``request_key``, saved once."""
    user = cast(User, request.user)
    given = read_json(request)
    request_key = given.get("request_key")
    if not request_key:
        return JsonResponse(_saved(request, given, key), status=201)
    answer = act_once(
        actor_key=user.key,
        operation="save_drawing",
        key=str(request_key),
        content=[given, str(key or "")],
        act=lambda: _saved(request, given, key),
    )
    return JsonResponse(answer.body, status=200 if answer.repeated else 201)


def _saved(request: HttpRequest, given: Given, key: uuid.UUID | None) -> dict[str, Any]:
    area = _area(key, request)
    drawing = parse_drawing(given)
    party = _party(drawing, request)
    if area is None and party is None:
        raise PartyMissing()
    # What was picked whole may have been cut away since; what is left of it counts.
    geom = geometry_of(reshaping.require_valid(drawing.wkb))
    allowed = titles_to_draw_on(request.user).filter(
        parcel__key__in=drawing.picked, geom__bboverlaps=geom, geom__relate=(geom, "T********")
    )
    parcels = list(Parcel.objects.filter(pk__in=allowed.values("parcel")).order_by("pk"))
    version = save_drawing(
        area=area, drawing=drawing, party=party, parcels=parcels, actor=cast(User, request.user)
    )
    return {
        "area": str(version.area.key),
        "version": str(version.key),
        "number": version.number,
        "area_m2": version.area_m2,
    }


@login_required
@require_POST
@csrf_protect
def reshape(request: HttpRequest) -> HttpResponse:
    """One edit by PostGIS: ``act`` names it; the answer is the new shape, or the parts of a split."""
    given = read_json(request)
    act = _ACTS.get(str(given.get("act")))
    if act is None:
        raise InvalidInput(field="act", reason=str(given.get("act"))[:40])
    parts = act(request, given)
    return JsonResponse(
        {
            "geometry": exact_geojson(geometry_of(parts[0])) if len(parts) == 1 else None,
            "parts": [
                {
                    "geometry": exact_geojson(geometry_of(part)),
                    "area_m2": round(reshaping.area_m2_of(part), 3),
                }
                for part in parts
            ],
        }
    )


@login_required
@require_POST
@csrf_protect
def compare(request: HttpRequest) -> HttpResponse:
    """What another window's shape has more and less than this one's."""
    given = read_json(request)
    mine, theirs = parse_geometry(given.get("geometry")), parse_geometry(given.get("other"))
    return JsonResponse(reshaping.difference(mine, theirs))


@login_required
@require_POST
@csrf_protect
def read_file(request: HttpRequest) -> HttpResponse:
    """The features of a dropped file, to choose from."""
    sent = request.FILES.get("file")
    if sent is None:
        raise UploadMissing()
    with receive_upload(sent) as path:
        brought = read_drawing_file(path, choices=parse_choices(request.POST))
    own = list(titles_to_draw_on(request.user).values_list("parcel", flat=True))
    brought.notices.extend(shifted_beside(brought, own))
    return JsonResponse(brought.as_json())


# --- the acts of reshape ------------------------------------------------------------------------
def _drawn(given: Given) -> bytes:
    wkb = parse_geometry(given.get("geometry"))
    if wkb is None:
        raise NothingDrawn()
    return wkb


def _add_parcels(request: HttpRequest, given: Given) -> list[bytes]:
    found = reshaping.whole_parcels(
        keys=parse_keys(given.get("parcels")), titles=titles_to_draw_on(request.user)
    )
    wkb = parse_geometry(given.get("geometry"))
    return [reshaping.add_parcels(wkb, [shape for _key, shape in found])]


def _remove_parcels(request: HttpRequest, given: Given) -> list[bytes]:
    found = reshaping.whole_parcels(
        keys=parse_keys(given.get("parcels")), titles=titles_to_draw_on(request.user)
    )
    left = reshaping.take_away(_drawn(given), [shape for _key, shape in found])
    return [] if left is None else [left]


def _union(_request: HttpRequest, given: Given) -> list[bytes]:
    more = given.get("more")
    if not isinstance(more, list) or len(more) > 2000:
        raise InvalidInput(field="more", reason=_("须为图形列表"))
    shapes = [parse_geometry(given.get("geometry")), *(parse_geometry(one) for one in more)]
    pieces = [shape for shape in shapes if shape is not None]
    if not pieces:
        raise NothingDrawn()
    return [reshaping.unite(pieces)]


def _trim(request: HttpRequest, given: Given) -> list[bytes]:
    return [reshaping.trim_to_titles(_drawn(given), titles_to_draw_on(request.user))]


def _subtract(request: HttpRequest, given: Given) -> list[bytes]:
    area = _area(parse_key(given.get("area")), request)
    return [
        reshaping.subtract_conflicts(
            _drawn(given),
            titles=titles_to_draw_on(request.user),
            period=parse_period(given.get("period")),
            area_id=None if area is None else area.pk,
            only=parse_key(given.get("only")),
        )
    ]


def _cut_hole(_request: HttpRequest, given: Given) -> list[bytes]:
    hole = parse_geometry(given.get("hole"))
    if hole is None:
        raise NothingDrawn()
    return [reshaping.cut_out(_drawn(given), reshaping.require_valid(hole))]


def _split(_request: HttpRequest, given: Given) -> list[bytes]:
    line = given.get("line")
    if not isinstance(line, list) or not 2 <= len(line) <= 1000:
        raise InvalidInput(field="line", reason=_("须为至少两个点的线"))
    try:
        points = [(float(lon), float(lat)) for lon, lat in line]
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(field="line", reason=_("须为经纬度")) from error
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in points):
        raise InvalidInput(field="line", reason=_("须为经纬度"))
    return reshaping.split_by_line(_drawn(given), points)


def _repair(_request: HttpRequest, given: Given) -> list[bytes]:
    return [reshaping.repair(_drawn(given))]


_ACTS: Mapping[str, Callable[[HttpRequest, Given], list[bytes]]] = {
    "add_parcels": _add_parcels,
    "remove_parcels": _remove_parcels,
    "union": _union,
    "cut": _cut_hole,
    "trim": _trim,
    "subtract": _subtract,
    "split": _split,
    "repair": _repair,
}


def _area(key: uuid.UUID | None, request: HttpRequest) -> ProjectArea | None:
    return None if key is None else access_project_area(key, request.user)


def _party(drawing: Drawing, request: HttpRequest) -> Party | None:
    if drawing.party_key is None:
        return None
    return access_applicant(drawing.party_key, request.user)

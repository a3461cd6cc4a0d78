"""Tiles and TileJSON."""

from __future__ import annotations

import hashlib
import re

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from layers.errors import BadTileAddress, UnknownLayer, UnknownLayerVersion
from layers.registry import Layer, Present, layer_of
from layers.tile_store import newest_stored, store, stored
from layers.tiles import check_address, geometry_version, tile, tile_with_state, zoom_range
from portal.accounts.queries import is_staff_reader
from portal.base.negotiation import has_etag, known_tags, pack, packing
from portal.base.parameters import only

MVT = "application/vnd.mapbox-vector-tile"
YEAR_S = 31_536_000
WHOLE = re.compile(r"0|[1-9][0-9]{0,7}", re.ASCII)


def open_layer(name: str, request: HttpRequest) -> Layer:
    """The gate: a public layer asks nobody who they are; a staff layer needs an office held now."""
    layer = layer_of(name)
    if layer.staff_only and not is_staff_reader(request.user):
        raise UnknownLayer(layer=name)
    return layer


def numbers(*texts: str) -> list[int]:
    """Zoom, column, row as whole numbers; each has one spelling, so that a tile has one address."""
    if not all(WHOLE.fullmatch(text) for text in texts):
        raise BadTileAddress(reason="/".join(texts)[:60])
    return [int(text) for text in texts]


@require_safe
def versioned_tile(
    request: HttpRequest, layer: str, version: str, z: str, x: str, y: str
) -> HttpResponse:
    """A tile under its geometry version: any cache may keep it for ever.

    A public one that was sent before comes from its file, without the database.
    """
    only(request.GET, ())
    wanted, zoom, column, row = numbers(version, z, x, y)
    opened = open_layer(layer, request)
    check_address(opened, zoom, column, row)
    encoding = packing(request)
    if not opened.staff_only:
        kept = stored(opened, wanted, zoom, column, row, encoding)
        if kept is not None:
            return lasting(request, opened, kept, encoding)
    place = zoom, column, row
    newest = None if opened.staff_only else newest_stored(opened, *place)
    known = () if newest is None else (newest,)
    present, body = tile(opened, *place, known=known, least=wanted)
    if wanted > present:
        raise UnknownLayerVersion(layer=layer, version=version)
    present, packed = packed_tile(opened, present, place, body, encoding)
    if wanted == present:
        return lasting(request, opened, packed, encoding)
    # A page that was opened before the last change gets today's shapes, but no cache may keep
    # them under yesterday's address.
    return answer(opened, packed, encoding, {"Cache-Control": "no-store"})


def lasting(request: HttpRequest, layer: Layer, packed: bytes, encoding: str) -> HttpResponse:
    scope = "private" if layer.staff_only else "public"
    headers = {
        "ETag": f'"{hashlib.sha256(packed).hexdigest()[:32]}"',
        "Cache-Control": f"{scope}, max-age={YEAR_S}, immutable",
    }
    if has_etag(request, headers["ETag"]):
        return HttpResponseNotModified(headers=headers | {"Vary": vary(layer)})
    return answer(layer, packed, encoding, headers)


@require_safe
def present_tile(request: HttpRequest, layer: str, z: str, x: str, y: str) -> HttpResponse:
    """A tile without a version, for GIS programs: always checked, cheap when unchanged."""
    only(request.GET, ())
    zoom, column, row = numbers(z, x, y)
    opened = open_layer(layer, request)
    check_address(opened, zoom, column, row)
    encoding = packing(request)
    if opened.present is not None:
        return _tile_with_state(request, opened, opened.present, (zoom, column, row), encoding)
    place = zoom, column, row
    held = version_held(request, encoding)
    kept = None if opened.staff_only else newest_stored(opened, *place)
    known = {number for number in (held, kept) if number is not None}
    version, body = tile(opened, *place, known=known)
    headers = {
        "ETag": f'"{version}-{encoding}"',
        "Cache-Control": "private, no-cache" if opened.staff_only else "public, no-cache",
    }
    if version == held:
        return HttpResponseNotModified(headers=headers | {"Vary": vary(opened)})
    version, packed = packed_tile(opened, version, place, body, encoding)
    headers["ETag"] = f'"{version}-{encoding}"'
    return answer(opened, packed, encoding, headers)


def _tile_with_state(
    request: HttpRequest,
    layer: Layer,
    present: Present,
    place: tuple[int, int, int],
    encoding: str,
) -> HttpResponse:
    """Shapes with what became of them; never kept, for it changes without a shape."""
    tags = (re.fullmatch(rf'"([0-9.]{{3,40}})-{encoding}"', tag) for tag in known_tags(request))
    held = next((found[1] for found in tags if found), "")
    version, body = tile_with_state(layer, present, *place, held=held)
    headers = {"ETag": f'"{version}-{encoding}"', "Cache-Control": "public, no-cache"}
    if body is None:
        return HttpResponseNotModified(headers=headers | {"Vary": vary(layer)})
    return answer(layer, pack(body, encoding) if body else b"", encoding, headers)


def version_held(request: HttpRequest, encoding: str) -> int | None:
    """The version of the tile that the reader has in this packing, from its entity tags."""
    for tag in known_tags(request):
        if found := re.fullmatch(rf'"(\d{{1,15}})-{encoding}"', tag, re.ASCII):
            return int(found[1])
    return None


def packed_tile(
    layer: Layer, version: int, place: tuple[int, int, int], body: bytes | None, encoding: str
) -> tuple[int, bytes]:
    """(version, the tile as it travels); a public one is kept for the next reader.

    No body: the store has it under this version.
    """
    if body is None:
        kept = stored(layer, version, *place, encoding)
        if kept is not None:
            return version, kept
        version, body = tile(layer, *place)  # Swept away since it was looked for.
    packed = pack(body, encoding) if body else b""
    # Empty tiles are not: the world has more of them than a disk has room.
    if packed and not layer.staff_only:
        store(layer, version, *place, packed, encoding)
    return version, packed


def vary(layer: Layer) -> str:
    return "Accept-Encoding, Cookie" if layer.staff_only else "Accept-Encoding"


def answer(layer: Layer, packed: bytes, encoding: str, headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(packed, content_type=MVT, headers=headers | {"Vary": vary(layer)})
    if packed and encoding != "identity":
        response["Content-Encoding"] = encoding
    if not layer.staff_only:
        response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
def tilejson(request: HttpRequest, layer: str) -> HttpResponse:
    """TileJSON 3.0 of a layer, with the present geometry version in the tiles' address.

    It writes nothing: a replica answers it too.
    """
    only(request.GET, ())
    opened = open_layer(layer, request)
    response = JsonResponse(tilejson_of(opened, request))
    response["Cache-Control"] = "private, no-cache" if opened.staff_only else "no-cache"
    response["Vary"] = "Cookie, Accept-Language" if opened.staff_only else "Accept-Language"
    response["Content-Language"] = get_language() or "zh-hans"
    if not opened.staff_only:
        response["Access-Control-Allow-Origin"] = "*"
    return response


def tilejson_of(layer: Layer, request: HttpRequest) -> dict[str, object]:
    low, high = zoom_range(layer)
    # reverse() would quote the braces that TileJSON wants plain.
    address = reverse("layers:versioned-tile", args=[layer.name, geometry_version(layer), 0, 0, 0])
    tiles = request.build_absolute_uri(address).replace("/0/0/0.mvt", "/{z}/{x}/{y}.mvt")
    return {
        "tilejson": "3.0.0",
        "name": str(layer.title),
        "description": str(layer.about),
        "scheme": "xyz",
        "tiles": [tiles],
        "minzoom": low,
        "maxzoom": high,
        "vector_layers": [
            {
                "id": layer.name,
                "description": str(layer.about),
                "minzoom": low,
                "maxzoom": high,
                "fields": layer.tile_fields,
            }
        ],
    }

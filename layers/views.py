"""Tiles and TileJSON."""

from __future__ import annotations

import gzip
import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from layers.errors import BadTileAddress, UnknownLayer, UnknownLayerVersion
from layers.registry import Layer, layer_of
from layers.tasks import ask_for_cells
from layers.tiles import check_address, geometry_version, tile, zoom_range
from portal.accounts.queries import is_staff_reader

MVT = "application/vnd.mapbox-vector-tile"
YEAR_S = 31_536_000


def open_layer(name: str, request: HttpRequest) -> Layer:
    """The gate: a public layer asks nobody who they are; a staff layer needs an office held now."""
    layer = layer_of(name)
    if layer.staff_only and not is_staff_reader(request.user):
        raise UnknownLayer(layer=name)
    return layer


def numbers(*texts: str) -> list[int]:
    """Zoom, column, row as whole numbers."""
    if not all(text.isascii() and text.isdecimal() and len(text) < 9 for text in texts):
        raise BadTileAddress(reason="/".join(texts)[:60])
    return [int(text) for text in texts]


@require_safe
def versioned_tile(
    request: HttpRequest, layer: str, version: str, z: str, x: str, y: str
) -> HttpResponse:
    """A tile under its geometry version: any cache may keep it for ever."""
    wanted, zoom, column, row = numbers(version, z, x, y)
    opened = open_layer(layer, request)
    check_address(opened, zoom, column, row)
    present, body = tile(opened, zoom, column, row)
    if wanted > present:
        raise UnknownLayerVersion(layer=layer, version=version)
    response = tile_response(request, body)
    scope = "private" if opened.staff_only else "public"
    # A page that was opened before the last change gets today's shapes, but no cache may keep
    # them under yesterday's address.
    fresh = f"{scope}, max-age={YEAR_S}, immutable" if wanted == present else "no-store"
    response["Cache-Control"] = fresh
    return response


@require_safe
def present_tile(request: HttpRequest, layer: str, z: str, x: str, y: str) -> HttpResponse:
    """A tile without a version, for GIS programs: always checked, cheap when unchanged."""
    zoom, column, row = numbers(z, x, y)
    opened = open_layer(layer, request)
    check_address(opened, zoom, column, row)
    _version, body = tile(opened, zoom, column, row)
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    scope = "private, no-cache" if opened.staff_only else "public, no-cache"
    headers = {"ETag": etag, "Cache-Control": scope}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    response = tile_response(request, body)
    for name, value in headers.items():
        response[name] = value
    return response


def tile_response(request: HttpRequest, body: bytes) -> HttpResponse:
    if "gzip" in request.headers.get("Accept-Encoding", "") and len(body) > 512:
        packed = gzip.compress(body, compresslevel=5, mtime=0)
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return HttpResponse(packed, content_type=MVT, headers=headers)
    return HttpResponse(body, content_type=MVT, headers={"Vary": "Accept-Encoding"})


@require_safe
def tilejson(request: HttpRequest, layer: str) -> HttpResponse:
    """TileJSON 3.0 of a layer, with the present geometry version in the tiles' address."""
    opened = open_layer(layer, request)
    ask_for_cells()
    low, high = zoom_range(opened)
    version = geometry_version(opened)
    # reverse() would quote the braces that TileJSON wants plain.
    address = reverse("layers:versioned-tile", args=[layer, version, 0, 0, 0])
    tiles = request.build_absolute_uri(address).replace("/0/0/0.mvt", "/{z}/{x}/{y}.mvt")
    return JsonResponse(
        {
            "tilejson": "3.0.0",
            "name": opened.title,
            "scheme": "xyz",
            "tiles": [tiles],
            "minzoom": low,
            "maxzoom": high,
            "vector_layers": [{"id": opened.name, "fields": opened.fields}],
        },
        headers={"Cache-Control": "private, no-cache" if opened.staff_only else "no-cache"},
    )

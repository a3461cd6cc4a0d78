"""Answers of the OGC API: JSON, or a page for people who look with a browser."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import orjson
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from layers.ogc import documents
from layers.ogc.documents import GEOJSON, HTML, JSON, OPENAPI, Document, address, link
from layers.ogc.errors import FeatureNotFound
from layers.ogc.features import (
    CHUNK,
    Page,
    chunks,
    chunks_async,
    matched,
    one_feature,
    one_page,
    require_known_past,
)
from layers.ogc.openapi import openapi
from layers.ogc.parameters import Wanted, parse_format, parse_item, parse_list
from layers.registry import Layer, public_layer
from portal.base.negotiation import has_etag
from portal.base.parameters import only

View = Callable[..., HttpResponseBase]
HTML_LIMIT = 25


def open_to_all(view: View) -> View:
    """Readable by scripts of any site, always checked, different by form and language."""

    @require_safe
    @wraps(view)
    def answer(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "Content-Crs, ETag, Link"
        # A page carries the reader's menu; data is the same for everyone.
        if response.get("Content-Type", "").startswith(HTML):
            response["Cache-Control"] = "private, no-cache"
        else:
            response["Cache-Control"] = "public, no-cache"
        patch_vary_headers(response, ["Accept", "Accept-Language"])
        return response

    return answer


def form_of(request: HttpRequest) -> str:
    """``f``, else what the reader likes best; whatever else it asks for, JSON (never 406)."""
    if "f" in request.GET:
        return request.GET["f"]
    best = request.get_preferred_type([JSON, GEOJSON, HTML])
    return "html" if best == HTML and request.headers.get("Accept") != "*/*" else "json"


def json_answer(request: HttpRequest, content: bytes, kind: str = JSON) -> HttpResponse:
    """With a strong entity tag, and 304 for who has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if has_etag(request, etag):
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(content, content_type=kind, headers={"ETag": etag})


def document(
    request: HttpRequest, make: Callable[[str], Document], template: str, **more: Any
) -> HttpResponse:
    """One of the fixed documents in the form asked for."""
    parse_format(only(request.GET, ("f",)))
    shown = form_of(request)
    made = make(shown)
    if shown == "html":
        return render(request, f"layers/ogc/{template}.html", {"document": made} | more)
    return json_answer(request, orjson.dumps(made))


@open_to_all
def landing(request: HttpRequest) -> HttpResponse:
    return document(request, lambda shown: documents.landing(request, shown), "landing")


@open_to_all
def conformance(request: HttpRequest) -> HttpResponse:
    return document(request, lambda _shown: documents.conformance(), "conformance")


@open_to_all
def api(request: HttpRequest) -> HttpResponse:
    parse_format(only(request.GET, ("f",)))
    made = openapi(request, settings.APPLICATION_VERSION)
    if form_of(request) == "html":
        shared = made["components"]["parameters"]
        operations = [
            {
                "path": path,
                "summary": methods["get"]["summary"],
                "parameters": [
                    shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
                    for one in methods["get"]["parameters"]
                ],
            }
            for path, methods in made["paths"].items()
        ]
        return render(request, "layers/ogc/api.html", {"document": made, "operations": operations})
    return json_answer(request, orjson.dumps(made), OPENAPI)


@open_to_all
def collections(request: HttpRequest) -> HttpResponse:
    return document(request, lambda shown: documents.collections(request, shown), "collections")


@open_to_all
def collection(request: HttpRequest, layer: str) -> HttpResponse:
    opened = public_layer(layer)
    return document(
        request,
        lambda shown: documents.collection(opened, request, shown=shown),
        "collection",
        layer=opened,
    )


@open_to_all
def tilesets(request: HttpRequest, layer: str) -> HttpResponse:
    opened = public_layer(layer)
    parse_format(only(request.GET, ("f",)))
    return json_answer(request, orjson.dumps(documents.tilesets(opened, request)))


@open_to_all
def tileset(request: HttpRequest, layer: str, scheme: str) -> HttpResponse:
    opened = public_layer(layer)
    require_scheme(scheme)
    parse_format(only(request.GET, ("f",)))
    return json_answer(request, orjson.dumps(documents.tileset(opened, request)))


@open_to_all
def tile_matrix_sets(request: HttpRequest) -> HttpResponse:
    parse_format(only(request.GET, ("f",)))
    return json_answer(request, orjson.dumps(documents.tile_matrix_sets(request)))


@open_to_all
def tile_matrix_set(request: HttpRequest, scheme: str) -> HttpResponse:
    require_scheme(scheme)
    parse_format(only(request.GET, ("f",)))
    return json_answer(request, orjson.dumps(documents.tile_matrix_set()))


def require_scheme(scheme: str) -> None:
    if scheme != "WebMercatorQuad":
        raise FeatureNotFound(layer=scheme[:40])


@open_to_all
def items(request: HttpRequest, layer: str) -> HttpResponseBase:
    opened = public_layer(layer)
    wanted = parse_list(request, opened)
    require_known_past(opened, wanted)
    if form_of(request) == "html":
        return items_page(request, opened, wanted)
    total = matched(opened, wanted)
    if wanted.limit <= CHUNK:
        page = one_page(opened, wanted)
        body = START + page.features.encode() + end_of(request, opened, total, page.count, page)
        response: HttpResponseBase = json_answer(request, body, GEOJSON)
    else:
        response = StreamingHttpResponse(
            pieces_of(request, opened, wanted, total), content_type=GEOJSON
        )
    response["Content-Crs"] = f"<{wanted.crs.uri}>"
    return response


START = b'{"type":"FeatureCollection","features":['


def end_of(
    request: HttpRequest, layer: Layer, total: int | None, returned: int, page: Page | None
) -> bytes:
    """What follows the features: counts and links; known only when they have all been read."""
    closing: Document = {"numberReturned": returned, "links": item_links(request, layer, page)}
    if total is not None:
        closing = {"numberMatched": total} | closing
    return b"]," + orjson.dumps(closing)[1:]


def item_links(
    request: HttpRequest, layer: Layer, page: Page | None, shown: str = "json"
) -> list[Document]:
    kinds = {"json": GEOJSON, "html": HTML}
    links = []
    for form, kind in kinds.items():
        query = request.GET.copy()
        query["f"] = form
        rel = "self" if form == shown else "alternate"
        links.append(
            link(address(request, "ogc-items", layer.name, query=query.urlencode()), rel, kind)
        )
    if page is not None and page.more:
        query = request.GET.copy()
        query["after"] = str(page.last)
        query["f"] = shown
        links.append(
            link(
                address(request, "ogc-items", layer.name, query=query.urlencode()),
                "next",
                kinds[shown],
            )
        )
    links.append(link(address(request, "ogc-collection", layer.name), "collection", JSON))
    return links


def pieces_of(
    request: HttpRequest, layer: Layer, wanted: Wanted, total: int | None
) -> Iterable[bytes] | AsyncIterator[bytes]:
    """A large answer; whoever asks for its head alone costs no row."""
    if request.method == "HEAD":
        return ()
    if isinstance(request, ASGIRequest):
        return long_answer_async(request, layer, wanted, total)
    return long_answer(request, layer, wanted, total)


def long_answer(
    request: HttpRequest, layer: Layer, wanted: Wanted, total: int | None
) -> Iterator[bytes]:
    """A large answer in pieces: no more of it is in memory than one of them."""
    returned, last = 0, None
    yield START
    for page in chunks(layer, wanted):
        yield piece(page, first=returned == 0)
        returned, last = returned + page.count, page
    yield end_of(request, layer, total, returned, last)


async def long_answer_async(
    request: HttpRequest, layer: Layer, wanted: Wanted, total: int | None
) -> AsyncIterator[bytes]:
    """The same for a server that waits without threads."""
    returned, last = 0, None
    yield START
    async for page in chunks_async(layer, wanted):
        yield piece(page, first=returned == 0)
        returned, last = returned + page.count, page
    yield end_of(request, layer, total, returned, last)


def piece(page: Page, *, first: bool) -> bytes:
    return (page.features if first or not page.count else "," + page.features).encode()


def items_page(request: HttpRequest, layer: Layer, wanted: Wanted) -> HttpResponse:
    """The features as a table."""
    if "limit" not in request.GET or wanted.limit > CHUNK:
        wanted = Wanted(
            HTML_LIMIT, wanted.after, wanted.crs, wanted.box, wanted.span, wanted.filters
        )
    page = one_page(layer, wanted)
    rows = [
        (one["id"], [one["properties"][field.name] for field in layer.properties])
        for one in orjson.loads(f"[{page.features}]")
    ]
    links = item_links(request, layer, page, shown="html")
    following = next((one["href"] for one in links if one["rel"] == "next"), None)
    other = next(one["href"] for one in links if one["rel"] == "alternate")
    return render(
        request,
        "layers/ogc/items.html",
        {
            "layer": layer,
            "rows": rows,
            "total": matched(layer, wanted),
            "following": following,
            "geojson": other,
        },
    )


@open_to_all
def item(request: HttpRequest, layer: str, uid: str) -> HttpResponse:
    opened = public_layer(layer)
    wanted = parse_item(request)
    require_known_past(opened, wanted)
    found = one_feature(opened, uid, wanted)
    shown = form_of(request)
    links = []
    for form, kind in (("json", GEOJSON), ("html", HTML)):
        query = request.GET.copy()
        query["f"] = form
        rel = "self" if form == shown else "alternate"
        links.append(
            link(address(request, "ogc-item", layer, uid, query=query.urlencode()), rel, kind)
        )
    links.append(link(address(request, "ogc-collection", layer), "collection", JSON))
    if shown == "html":
        facts = [(field.title, found["properties"][field.name]) for field in opened.properties]
        return render(
            request,
            "layers/ogc/item.html",
            {"layer": opened, "uid": uid, "facts": facts, "geojson": links[0]["href"]},
        )
    response = json_answer(request, orjson.dumps(found | {"links": links}), GEOJSON)
    response["Content-Crs"] = f"<{wanted.crs.uri}>"
    return response

#!/usr/bin/env python3
"""Does an OGC API keep what it says it conforms to? Requirement by requirement, over HTTP.

    python3 docs/check_ogc.py https://HOST/ogc/

Features Part 1 (core, GeoJSON, HTML, OpenAPI 3.0), Part 2 (CRS) and the metadata of Tiles, on every
collection. Standard library only. JSON on standard output: what was kept, what was not and why.
Exit 0 all kept, 1 something was not, 2 not run.
"""

from __future__ import annotations

import json
import math
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON, JSON, HTML = "application/geo+json", "application/json", "text/html"
CLASSES = (
    *(f"ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")),
    "ogcapi-features-2/1.0/conf/crs",
    *(
        f"ogcapi-tiles-1/1.0/conf/{name}"
        for name in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt")
    ),
)
Document = dict[str, Any]


class NotKept(Exception):
    """Why a requirement is not kept."""


def require(kept: object, why: str) -> None:
    if not kept:
        raise NotKept(why)


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: Any
    body: bytes

    @property
    def kind(self) -> str:
        return str(self.headers.get("Content-Type", "")).split(";")[0]

    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """The API under test; documents are read once."""

    root: str
    known: dict[str, Answer] = field(default_factory=dict)

    def ask(self, address: str, accept: str = JSON) -> Answer:
        """Any answer, refusals too."""
        if not address.startswith("http"):
            address = self.root.rstrip("/") + address
        key = f"{accept} {address}"
        if key not in self.known:
            request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                    self.known[key] = Answer(reply.status, reply.headers, reply.read())
            except urllib.error.HTTPError as refusal:
                self.known[key] = Answer(refusal.code, refusal.headers, refusal.read())
        return self.known[key]

    def read(self, address: str, accept: str = JSON) -> Any:
        answer = self.ask(address, accept)
        require(answer.status == 200, f"{address}: {answer.status}")
        return answer.document()

    @property
    def collections(self) -> list[Document]:
        found: list[Document] = self.read("/collections")["collections"]
        return found

    def items(self, query: str = "") -> Iterator[tuple[Document, str, Document]]:
        """Each collection with the address of its features and a first page."""
        for one in self.collections:
            address = linked(one, "items", GEOJSON)
            yield one, address, self.read(f"{address}{query}", GEOJSON)


def linked(document: Document, rel: str, kind: str = "") -> str:
    found = [
        one["href"]
        for one in document["links"]
        if one["rel"] == rel and kind in ("", one.get("type", "").split(";")[0])
    ]
    require(found, f"no link {rel} {kind}")
    return str(found[0])


Check = Callable[[Api], None]
CHECKS: list[tuple[str, Check]] = []


def keeps(*requirements: str) -> Callable[[Check], Check]:
    """Registers a check under the requirements that it decides."""

    def register(check: Check) -> Check:
        CHECKS.extend((requirement, check) for requirement in requirements)
        return check

    return register


@keeps("core/root-op", "core/root-success")
def landing_page(api: Api) -> None:
    page = api.read("/")
    for rel in ("service-desc", "service-doc", "conformance", "data"):
        linked(page, rel)


@keeps("core/api-definition-op", "core/api-definition-success", "oas30/oas-definition-1")
def definition(api: Api) -> None:
    page = api.read("/")
    document = api.read(linked(page, "service-desc"))
    require(document["openapi"].startswith("3.0"), "not OpenAPI 3.0")
    require(api.ask(linked(page, "service-doc"), HTML).kind == HTML, "service-doc is no page")


@keeps("oas30/oas-impl", "oas30/completeness", "oas30/exceptions-codes")
def definition_is_the_api(api: Api) -> None:
    document = api.read(linked(api.read("/"), "service-desc"))
    base = document["servers"][0]["url"]
    for path, methods in document["paths"].items():
        require("400" in methods["get"]["responses"], f"{path} names no refusal")
        if "{" not in path:
            require(api.ask(base + path).status == 200, f"{path} is not there")


@keeps("core/conformance-op", "core/conformance-success")
def conformance(api: Api) -> None:
    said = api.read(linked(api.read("/"), "conformance"))["conformsTo"]
    for name in CLASSES:
        require(f"http://www.opengis.net/spec/{name}" in said, f"does not declare {name}")


@keeps("core/fc-md-op", "core/fc-md-success", "core/fc-md-links", "core/fc-md-items")
def collections(api: Api) -> None:
    document = api.read(linked(api.read("/"), "data"))
    linked(document, "self", JSON)
    linked(document, "alternate", HTML)
    require(document["collections"], "no collection")


@keeps("core/fc-md-items-links", "core/fc-md-extent", "core/sfc-md-op", "core/sfc-md-success")
def each_collection(api: Api) -> None:
    for one in api.collections:
        linked(one, "items", GEOJSON)
        alone = api.read(f"/collections/{one['id']}")
        require(alone["id"] == one["id"], f"{one['id']} differs alone")
        require(alone.get("extent") == one.get("extent"), f"{one['id']}: another extent alone")
        if "spatial" in one.get("extent", {}):
            west, south, east, north = one["extent"]["spatial"]["bbox"][0]
            require(west <= east and south <= north, f"{one['id']}: a box turned over")


@keeps("core/fc-op", "core/fc-response", "core/fc-links", "core/fc-rel-type", "geojson/content")
def features(api: Api) -> None:
    for one, address, page in api.items():
        require(api.ask(address, GEOJSON).kind == GEOJSON, f"{one['id']} is not GeoJSON")
        require(page["type"] == "FeatureCollection", f"{one['id']} is no FeatureCollection")
        linked(page, "self", GEOJSON)
        linked(page, "alternate", HTML)
        require(all("type" in link for link in page["links"]), "a link without its type")


@keeps("core/fc-numberReturned", "core/fc-numberMatched", "core/fc-limit-response-1")
def counted_and_paged(api: Api) -> None:
    for one, address, whole in api.items("?limit=1000"):
        require(whole["numberReturned"] == len(whole["features"]), f"{one['id']}: a wrong count")
        if "numberMatched" in whole and not any(link["rel"] == "next" for link in whole["links"]):
            require(whole["numberMatched"] == len(whole["features"]), f"{one['id']}: matched")
        first = api.read(f"{address}?limit=1", GEOJSON)
        require(len(first["features"]) <= 1, f"{one['id']}: more than the limit")
        if len(whole["features"]) > 1:
            second = api.read(linked(first, "next", GEOJSON), GEOJSON)
            ids = [first["features"][0]["id"], second["features"][0]["id"]]
            require(ids == [each["id"] for each in whole["features"][:2]], f"{one['id']}: paging")


@keeps(
    "core/fc-limit-definition",
    "core/fc-bbox-definition",
    "core/fc-time-definition",
    "crs/fc-bbox-crs-definition",
)
def parameters_are_defined(api: Api) -> None:
    document = api.read(linked(api.read("/"), "service-desc"))
    for name in ("limit", "bbox", "datetime", "crs", "bbox-crs"):
        found = document["components"]["parameters"][name]
        require((found["in"], found["explode"]) == ("query", False), f"{name} is defined otherwise")
    require(document["components"]["parameters"]["limit"]["schema"]["minimum"] == 1, "limit")


@keeps("core/fc-bbox-response", "crs/fc-bbox-crs-action")
def boxes(api: Api) -> None:
    for one, address, whole in api.items("?limit=1000"):
        if "spatial" not in one.get("extent", {}):
            continue
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        # The extent is rounded: widened by its last digit it holds everything.
        box = f"{west - 1e-5},{south - 1e-5},{east + 1e-5},{north + 1e-5}"
        inside = api.read(f"{address}?limit=1000&bbox={box}", GEOJSON)
        require(len(inside["features"]) == len(whole["features"]), f"{one['id']}: own extent")
        require(
            not api.read(f"{address}?bbox=10,10,11,11", GEOJSON)["features"], f"{one['id']}: far"
        )


@keeps("core/fc-time-response")
def times(api: Api) -> None:
    for one, address, whole in api.items("?limit=1000"):
        ever = api.read(f"{address}?limit=1000&datetime=../..", GEOJSON)
        require(len(ever["features"]) >= len(whole["features"]), f"{one['id']}: less than now")
        spans = one["extent"].get("temporal", {}).get("interval", [])
        for begins in [span[0] for span in spans if span[0] is not None]:
            moment = quote(begins, safe="")
            then = api.read(f"{address}?limit=1000&datetime={moment}", GEOJSON)
            since = api.read(f"{address}?limit=1000&datetime={moment}/..", GEOJSON)
            first, all_of_them = (
                {feature["id"] for feature in page["features"]} for page in (then, since)
            )
            require(first <= all_of_them, f"{one['id']}: what was first is not in what was since")


@keeps("core/query-param-unknown", "core/query-param-invalid")
def wrong_parameters(api: Api) -> None:
    for one, address, _page in api.items():
        for query in ("nosuch=1", "limit=0", "limit=x", "bbox=1,2,3", "datetime=x", "bbox-crs=x"):
            status = api.ask(f"{address}?{query}", GEOJSON).status
            require(status == 400, f"{one['id']}?{query}: {status}")


@keeps("core/f-op", "core/f-success", "core/f-links")
def single_features(api: Api) -> None:
    for one, address, page in api.items():
        for feature in page["features"][:3]:
            alone = api.read(f"{address}/{quote(str(feature['id']), safe='')}", GEOJSON)
            require(alone["properties"] == feature["properties"], f"{one['id']}: differs alone")
            for rel in ("self", "alternate", "collection"):
                linked(alone, rel)
        require(api.ask(f"{address}/nosuch").status == 404, f"{one['id']}: one that is not there")


@keeps("core/http", "core/crs84")
def http(api: Api) -> None:
    for one, address, _page in api.items():
        require(api.ask(address, "image/png").status == 200, "406 for what is not offered")
        reply = api.ask(address, GEOJSON)
        require(
            reply.headers.get("Content-Crs") in (None, f"<{CRS84}>"), f"{one['id']}: default CRS"
        )
        require(reply.headers.get("ETag"), f"{one['id']}: no entity tag")


@keeps("html/definition", "html/content")
def pages(api: Api) -> None:
    for path in ("/", "/conformance", "/collections", "/api"):
        require(api.ask(path, HTML).kind == HTML, f"{path} is no page")
    for one, address, _page in api.items():
        require(api.ask(address, HTML).kind == HTML, f"{one['id']} has no page")


@keeps("crs/crs-uri", "crs/fc-md-crs-list-A", "crs/fc-md-storageCrs", "crs/fc-md-crs-list-global")
def systems(api: Api) -> None:
    everywhere = api.read("/collections")["crs"]
    require(CRS84 in everywhere, "CRS84 is not offered")
    for one in api.collections:
        offered = everywhere if one["crs"] == ["#/crs"] else one["crs"]
        require(one["storageCrs"] in offered, f"{one['id']}: its storage system is not offered")


@keeps("crs/fc-crs-definition", "crs/fc-crs-valid-value", "crs/crs-action", "crs/ogc-crs-header")
def features_in_each_system(api: Api) -> None:
    everywhere = api.read("/collections")["crs"]
    for one, address, _page in api.items():
        for system in everywhere:
            reply = api.ask(f"{address}?limit=1&crs={quote(system, safe='')}", GEOJSON)
            require(reply.status == 200, f"{one['id']} in {system}: {reply.status}")
            require(reply.headers["Content-Crs"] == f"<{system}>", f"{one['id']}: Content-Crs")
        require(
            api.ask(f"{address}?crs=nosuch").status == 400, f"{one['id']}: a system not offered"
        )


@keeps("tiles/tilesets-list", "tiles/tileset", "tiles/core", "tiles/mvt")
def tiles(api: Api) -> None:
    for one in api.collections:
        listed = api.read(linked(one, "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"))
        tileset = api.read(linked(listed["tilesets"][0], "self"))
        require(tileset["dataType"] == "vector", f"{one['id']}: dataType")
        api.read(linked(tileset, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"))
        low = int(tileset["layers"][0]["minTileMatrix"])
        tile = linked(tileset, "item").replace("{tileMatrix}", str(low))
        filled = 0
        for column, row in tiles_over(tileset["boundingBox"], low):
            address = tile.replace("{tileCol}", str(column)).replace("{tileRow}", str(row))
            reply = api.ask(address, "*/*")
            require(
                reply.kind == "application/vnd.mapbox-vector-tile", f"{one['id']}: {reply.kind}"
            )
            filled += len(reply.body) > 0
        require(filled, f"{one['id']}: no tile over its box holds anything")


def tiles_over(box: Document, zoom: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of WebMercatorQuad over a bounding box in CRS84."""

    def place(lon: float, lat: float) -> tuple[int, int]:
        up = math.asinh(math.tan(math.radians(lat)))
        return int((lon + 180) / 360 * 2**zoom), int((1 - up / math.pi) / 2 * 2**zoom)

    (left, low), (right, top) = place(*box["lowerLeft"]), place(*box["upperRight"])
    for column in range(left, right + 1):
        for row in range(top, low + 1):
            yield column, row


def run(root: str) -> Document:
    """Every requirement once: kept, or not and why."""
    api = Api(root)
    kept: list[str] = []
    broken: list[Document] = []
    for requirement, check in CHECKS:
        try:
            check(api)
        except (NotKept, KeyError, ValueError, TypeError, IndexError) as why:
            broken.append(
                {"requirement": f"/req/{requirement}", "why": f"{type(why).__name__}: {why}"}
            )
        else:
            kept.append(f"/req/{requirement}")
    return {"api": root, "kept": kept, "broken": broken}


def main(words: list[str]) -> int:
    if len(words) != 1 or not words[0].startswith(("http://", "https://")):
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        found = run(words[0])
    except urllib.error.URLError as error:
        sys.stderr.write(f"{words[0]}: {error.reason}\n")
        return 2
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The documents of the API but its features: landing page, conformance, collections, tilesets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from layers.ogc.crs import CRSES, STORAGE_CRS
from layers.ogc.features import beginning, extent
from layers.registry import PUBLIC_LAYERS, Layer
from layers.tiles import geometry_version, zoom_range

JSON, HTML, GEOJSON = "application/json", "text/html", "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
MVT = "application/vnd.mapbox-vector-tile"
FEATURES_1 = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
TILES_1 = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf"
CONFORMS_TO = (
    f"{FEATURES_1}/core",
    f"{FEATURES_1}/oas30",
    f"{FEATURES_1}/html",
    f"{FEATURES_1}/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    f"{TILES_1}/core",
    f"{TILES_1}/tileset",
    f"{TILES_1}/tilesets-list",
    f"{TILES_1}/geodata-tilesets",
    f"{TILES_1}/mvt",
)
CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
WEB_MERCATOR_QUAD = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
TILESETS_VECTOR = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
SCALE_0, METRES_PER_PIXEL_AT_SCALE_1 = 559082264.028717, 0.00028
HALF_WORLD_M = 20037508.342789244
MATRICES = 19

Document = dict[str, Any]


def address(request: HttpRequest, view: str, *args: str, query: str = "") -> str:
    found = request.build_absolute_uri(reverse(f"layers:{view}", args=args))
    return f"{found}?{query}" if query else found


def link(href: str, rel: str, kind: str, title: str = "") -> Document:
    found = {"href": href, "rel": rel, "type": kind}
    if title:
        found |= {"title": title, "hreflang": get_language() or "zh-hans"}
    return found


def both_forms(request: HttpRequest, view: str, *args: str, shown: str = "json") -> list[Document]:
    """Links to the document itself and to its other form."""
    forms = {"json": JSON, "html": HTML}
    return [
        link(address(request, view, *args, query=f"f={form}"),
             "self" if form == shown else "alternate", kind, form.upper())
        for form, kind in forms.items()
    ]  # fmt: skip


def landing(request: HttpRequest, shown: str) -> Document:
    return {
        "title": _("伊宁市林业碳票地图门户 · 开放服务"),
        "description": _("林地、碳票、碳票项目和排除范围的概化图形，供任何程序使用，无需申请。"),
        "links": [
            *both_forms(request, "ogc", shown=shown),
            link(address(request, "ogc-api"), "service-desc", OPENAPI, _("接口说明（OpenAPI）")),
            link(address(request, "ogc-api", query="f=html"), "service-doc", HTML, _("接口说明")),
            link(address(request, "ogc-conformance"), "conformance", JSON, _("符合的规范")),
            link(address(request, "ogc-collections"), "data", JSON, _("数据集")),
            link(
                address(request, "ogc-tile-matrix-sets"),
                "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes",
                JSON,
                _("瓦片方案"),
            ),
        ],
    }


def conformance() -> Document:
    return {"conformsTo": list(CONFORMS_TO)}


def collections(request: HttpRequest, shown: str) -> Document:
    return {
        "links": both_forms(request, "ogc-collections", shown=shown),
        "crs": list(CRSES),
        "collections": [
            collection(layer, request, shown="", crs=["#/crs"]) for layer in PUBLIC_LAYERS.values()
        ],
    }


def collection(
    layer: Layer, request: HttpRequest, *, shown: str, crs: list[str] | None = None
) -> Document:
    name = layer.name
    whole: Document = {}
    if (box := extent(layer)) is not None:
        whole["spatial"] = {"bbox": [box], "crs": CRS84_URI}
    if layer.past is not None and (begins := beginning(layer)) is not None:
        whole["temporal"] = {"interval": [[begins.isoformat(), None]], "trs": GREGORIAN}
    return {
        "id": name,
        "title": str(layer.title),
        "description": str(layer.about),
        "itemType": "feature",
        "extent": whole,
        "crs": crs or list(CRSES),
        "storageCrs": STORAGE_CRS.uri,
        "links": [
            *both_forms(request, "ogc-collection", name, shown=shown),
            link(address(request, "ogc-items", name), "items", GEOJSON, _("要素（GeoJSON）")),
            link(address(request, "ogc-items", name, query="f=html"), "items", HTML, _("要素")),
            link(address(request, "ogc-tilesets", name), TILESETS_VECTOR, JSON, _("矢量瓦片")),
        ],
    }


def tilesets(layer: Layer, request: HttpRequest) -> Document:
    """OGC API Tiles, "tilesets list": one tileset a layer."""
    return {
        "links": [link(address(request, "ogc-tilesets", layer.name), "self", JSON)],
        "tilesets": [tileset(layer, request)],
    }


def tileset(layer: Layer, request: HttpRequest) -> Document:
    """OGC API Tiles, "tileset": where the tiles are, and which."""
    low, high = zoom_range(layer)
    name = layer.name
    # reverse() would quote the braces of a template.
    tile = request.build_absolute_uri(
        reverse("layers:versioned-tile", args=[name, geometry_version(layer), 0, 0, 0])
    ).replace("/0/0/0.mvt", "/{tileMatrix}/{tileCol}/{tileRow}.mvt")
    box = extent(layer)
    found: Document = {
        "title": str(layer.title),
        "description": str(layer.about),
        "dataType": "vector",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrixSetURI": WEB_MERCATOR_QUAD,
        "links": [
            link(address(request, "ogc-tileset", name, "WebMercatorQuad"), "self", JSON),
            link(address(request, "tilejson", name), "describedby", JSON, "TileJSON"),
            link(address(request, "ogc-tile-matrix-set", "WebMercatorQuad"), TILING_SCHEME, JSON),
            link(tile, "item", MVT) | {"templated": True},
        ],
        "layers": [
            {
                "id": name,
                "title": str(layer.title),
                "dataType": "vector",
                "geometryDimension": 2,
                "minTileMatrix": str(low),
                "maxTileMatrix": str(high),
            }
        ],
    }
    if box is not None:
        found["boundingBox"] = {"lowerLeft": box[:2], "upperRight": box[2:], "crs": CRS84_URI}
    return found


def tile_matrix_sets(request: HttpRequest) -> Document:
    return {
        "tileMatrixSets": [
            {
                "id": "WebMercatorQuad",
                "uri": WEB_MERCATOR_QUAD,
                "links": [
                    link(address(request, "ogc-tile-matrix-set", "WebMercatorQuad"), "self", JSON)
                ],
            }
        ]
    }


def tile_matrix_set() -> Document:
    """WebMercatorQuad of the OGC's Two Dimensional Tile Matrix Set."""
    return {
        "id": "WebMercatorQuad",
        "uri": WEB_MERCATOR_QUAD,
        "title": "Google Maps Compatible for the World",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(zoom),
                "scaleDenominator": SCALE_0 / 2**zoom,
                "cellSize": SCALE_0 / 2**zoom * METRES_PER_PIXEL_AT_SCALE_1,
                "pointOfOrigin": [-HALF_WORLD_M, HALF_WORLD_M],
                "tileWidth": 256,
                "tileHeight": 256,
                "matrixWidth": 2**zoom,
                "matrixHeight": 2**zoom,
            }
            for zoom in range(MATRICES)
        ],
    }

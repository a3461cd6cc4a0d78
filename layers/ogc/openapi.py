"""The API's OpenAPI 3.0 document, made from the registry, so that it cannot lag behind."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from layers.ogc.crs import CRSES
from layers.ogc.documents import CRS84_URI, GEOJSON, HTML, JSON, OPENAPI, address
from layers.ogc.parameters import LIMIT_DEFAULT, LIMIT_MAX
from layers.registry import PUBLIC_LAYERS, Field, Layer
from portal.base.parameters import LONGEST_VALUE

Document = dict[str, Any]
SCHEMAS: dict[str, Document] = {
    "string": {"type": "string", "maxLength": LONGEST_VALUE},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "date": {"type": "string", "format": "date"},
}


def openapi(request: HttpRequest, version: str) -> Document:
    paths: Document = {
        "/": one_get("getLanding", _("首页"), ["f"]),
        "/conformance": one_get("getConformance", _("符合的规范"), ["f"]),
        "/api": one_get("getApi", _("接口说明"), ["f"], content=OPENAPI),
        "/collections": one_get("getCollections", _("数据集"), ["f"]),
        "/tileMatrixSets": one_get("getTileMatrixSets", _("瓦片方案"), ["f"], html=False),
        "/tileMatrixSets/WebMercatorQuad": one_get(
            "getWebMercatorQuad", "WebMercatorQuad", ["f"], html=False
        ),
    }
    for layer in PUBLIC_LAYERS.values():
        paths |= paths_of(layer)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": _("伊宁市林业碳票地图门户 · 开放服务"),
            "description": _("OGC API Features 第 1、2 部分；只含概化图形和公开字段。"),
            "version": version,
        },
        "servers": [{"url": address(request, "ogc").rstrip("/")}],
        "paths": paths,
        "components": {
            "parameters": parameters(),
            "schemas": {"exception": exception(), "collection": featured_list()},
            "responses": {
                name: {
                    "description": text,
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/exception"}}},
                }
                for name, text in (("Invalid", _("参数不对")), ("NotFound", _("没有找到")))
            },
        },
    }


def paths_of(layer: Layer) -> Document:
    """The addresses of one collection."""
    root = f"/collections/{layer.name}"
    name = layer.name.title()
    title = str(layer.title)
    items = one_get(
        f"get{name}Items",
        title,
        ["f", "limit", "after", "bbox", "bbox-crs", "crs", "datetime"],
        content=GEOJSON,
        schema={"$ref": "#/components/schemas/collection"},
        missing=True,
    )
    items["get"]["parameters"] += [filter_parameter(field) for field in layer.properties]
    item = one_get(f"get{name}Item", title, ["f", "crs", "datetime"], content=GEOJSON, missing=True)
    item["get"]["parameters"].append(
        {
            "name": "featureId",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "maxLength": 40},
        }
    )
    return {
        root: one_get(f"get{name}", title, ["f"], missing=True),
        f"{root}/items": items,
        f"{root}/items/{{featureId}}": item,
        f"{root}/tiles": one_get(f"get{name}Tilesets", title, ["f"], html=False),
        f"{root}/tiles/WebMercatorQuad": one_get(f"get{name}Tileset", title, ["f"], html=False),
    }


def one_get(
    operation: str,
    summary: str,
    names: list[str],
    *,
    content: str = JSON,
    schema: Document | None = None,
    html: bool = True,
    missing: bool = False,
) -> Document:
    forms: Document = {content: {"schema": schema or {"type": "object"}}}
    if html:
        forms[HTML] = {"schema": {"type": "string"}}
    responses: Document = {
        "200": {"description": summary, "content": forms},
        "400": {"$ref": "#/components/responses/Invalid"},
    }
    if missing:
        responses["404"] = {"$ref": "#/components/responses/NotFound"}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
            "responses": responses,
        }
    }


def filter_parameter(field: Field) -> Document:
    return {
        "name": field.name,
        "in": "query",
        "required": False,
        "description": str(field.title),
        "schema": SCHEMAS[field.kind],
        "style": "form",
        "explode": False,
    }


def parameters() -> Document:
    """The shared parameters, as OGC API Features defines them."""
    crs = {"type": "string", "format": "uri", "enum": list(CRSES), "default": CRS84_URI}
    shapes: dict[str, tuple[str, Document]] = {
        "f": (_("输出格式"), {"type": "string", "enum": ["json", "html"]}),
        "limit": (
            _("至多多少个要素"),
            {
                "type": "integer",
                "minimum": 1,
                "maximum": LIMIT_MAX,
                "default": LIMIT_DEFAULT,
            },
        ),
        "after": (_("上一页给出的位置"), {"type": "integer", "minimum": 0, "default": 0}),
        "bbox": (
            _("范围"),
            {
                "type": "array",
                "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
                "items": {"type": "number"},
            },
        ),
        "bbox-crs": (_("范围的坐标系"), crs),
        "crs": (_("输出的坐标系"), crs),
        "datetime": (_("时刻、日期或 起/止"), {"type": "string"}),
    }
    return {
        name: {
            "name": name,
            "in": "query",
            "required": False,
            "description": text,
            "schema": schema,
            "style": "form",
            "explode": False,
        }
        for name, (text, schema) in shapes.items()
    }


def exception() -> Document:
    return {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    }


def featured_list() -> Document:
    return {
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": {"type": "object"}},
            "links": {"type": "array", "items": {"type": "object"}},
            "timeStamp": {"type": "string", "format": "date-time"},
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        },
    }

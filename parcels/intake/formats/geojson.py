"""GeoJSON, read by ourselves: every number and ring is seen before GEOS sees it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from parcels.intake.columns import label_column
from parcels.intake.crs import Bounds
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.source import BATCH_FEATURES, Layer, Opened, plain
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused

LAYER = "GeoJSON"
MIN_RING_POSITIONS = 4
_KINDS = {
    "Point": "geometry_is_point",
    "MultiPoint": "geometry_is_point",
    "LineString": "geometry_is_line",
    "MultiLineString": "geometry_is_line",
    "GeometryCollection": "geometry_is_collection",
}


class Fault(Exception):
    """One feature cannot be read: code, facts, and a place in the file's numbers."""

    def __init__(self, code: str, place: list[float] | None = None, **params: Any) -> None:
        self.code = code
        self.place = place
        self.params = params
        super().__init__(code)


def is_one(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"{", b"[", b"\x1e{"))


def parse(path: Path, limits: Limits) -> dict[str, Any]:
    """The document. Python's reader lets NaN and 1e999 through; positions are checked later."""
    if path.stat().st_size > limits.text_bytes:
        raise Refused("geojson_too_large", limit_mib=limits.text_bytes // 1024**2)
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as error:
            raise Refused("geojson_encoding") from error
    try:
        found = json.loads(text.lstrip("\x1e"))
    except RecursionError as error:
        raise Refused("nested_too_deeply", limit=limits.nesting) from error
    except json.JSONDecodeError as error:
        sequence = parse_sequence(text)
        if sequence is None:
            raise Refused("json_damaged", line=error.lineno, column=error.colno) from error
        found = {"type": "FeatureCollection", "features": sequence}
    except ValueError as error:  # An integer of a million digits.
        raise Refused("json_damaged", line=1, column=1) from error
    if not isinstance(found, dict):
        raise Refused("geojson_shape")
    return found


def parse_sequence(text: str) -> list[Any] | None:
    """GeoJSON text sequences and one feature a line; None when it is something else."""
    features = []
    for written in text.splitlines():
        line = written.strip("\x1e \t,")
        if not line:
            continue
        try:
            feature = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            return None
        features.append(feature)
    return features or None


def features_of(document: dict[str, Any]) -> list[Any]:
    kind = document.get("type")
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        return list(document["features"])
    if kind == "Feature":
        return [document]
    if isinstance(kind, str) and (kind in _KINDS or kind in ("Polygon", "MultiPolygon")):
        return [{"type": "Feature", "properties": {}, "geometry": document}]
    raise Refused("geojson_shape")


def position(given: Any) -> tuple[float, float]:
    """Two finite numbers."""
    if not isinstance(given, list) or len(given) < 2:
        raise Fault("position_wrong")
    first, second = given[0], given[1]
    if isinstance(first, bool) or isinstance(second, bool):
        raise Fault("position_wrong")
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        raise Fault("position_wrong")
    try:
        x, y = float(first), float(second)
    except OverflowError as error:
        raise Fault("number_not_finite") from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Fault("number_not_finite")
    return x, y


def ring(given: Any) -> list[tuple[float, float]]:
    if not isinstance(given, list):
        raise Fault("position_wrong")
    points: list[tuple[float, float]] = []
    for item in given:
        try:
            points.append(position(item))
        except Fault as fault:
            fault.place = list(points[-1]) if points else None
            raise
    if points and points[0] != points[-1]:
        raise Fault("ring_open", list(points[-1]))
    if len(points) < MIN_RING_POSITIONS:
        raise Fault("too_few_points", list(points[0]) if points else None)
    return points


def polygon(given: Any) -> Any:
    if not isinstance(given, list):
        raise Fault("position_wrong")
    if not given:
        raise Fault("geometry_empty")
    rings: list[Any] = [shapely.linearrings(np.array(ring(item))) for item in given]
    return shapely.polygons(rings[0], rings[1:] or None)


def vertices_of(given: Any) -> int:
    """Positions in a coordinates array (lists of lists of numbers), without recursion."""
    count, waiting = 0, [given]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            if item and not isinstance(item[0], list):
                count += 1
            else:
                waiting.extend(item)
    return count


def shape_of(geometry: Any, limits: Limits) -> bytes | None:
    """One GeoJSON geometry → WKB; None where it is null. Raises Fault."""
    if geometry is None:
        return None
    if not isinstance(geometry, dict) or not isinstance(geometry.get("type"), str):
        raise Fault("geometry_unreadable")
    kind = geometry["type"]
    coordinates = geometry.get("coordinates")
    if kind in _KINDS:
        raise Fault(_KINDS[kind], first_position(geometry))
    if kind not in ("Polygon", "MultiPolygon"):
        raise Fault("geometry_is_curve" if "urve" in kind else "geometry_unreadable")
    if not isinstance(coordinates, list) or not coordinates:
        raise Fault("geometry_empty")
    vertices = vertices_of(coordinates)
    if vertices > limits.vertices:
        raise Fault(
            "too_many_vertices", first_position(geometry), vertices=vertices, limit=limits.vertices
        )
    try:
        shape = (
            polygon(coordinates)
            if kind == "Polygon"
            else shapely.multipolygons([polygon(part) for part in coordinates])
        )
    except (ValueError, shapely.errors.GEOSException) as error:
        raise Fault("geometry_unreadable") from error
    return bytes(shapely.to_wkb(shape, byte_order=1))


def first_position(geometry: Any) -> list[float] | None:
    """Some finite position inside, for the map; without recursion, for nesting is the attack."""
    waiting, steps = [geometry], 0
    while waiting and steps < 10_000:
        steps += 1
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.get(name) for name in ("coordinates", "geometries"))
        elif isinstance(item, list):
            try:
                return list(position(item))
            except Fault:
                waiting.extend(item[:3])
    return None


class GeoJson:
    """One document as one layer."""

    format = "GeoJSON"

    def __init__(self, path: Path, limits: Limits) -> None:
        self.limits = limits
        self.document = parse(path, limits)
        self.features = features_of(self.document)
        self.label: str | None = None
        if len(self.features) > limits.features:
            raise Refused("too_many_features", limit=limits.features)

    def layers(self) -> list[Layer]:
        return [Layer(LAYER, len(self.features), "Polygon")]

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        names: dict[str, str] = {}
        for feature in self.features:
            properties = feature.get("properties") if isinstance(feature, dict) else None
            if isinstance(properties, dict):
                for key, value in properties.items():
                    names.setdefault(str(key), type(value).__name__)
        self.label = label_column(names)
        return Opened(
            self.layers()[0], list(names.items()), self.declared_crs(), self.bounds(), None
        )

    def declared_crs(self) -> str:
        """RFC 7946 says WGS 84; the older ``crs`` member still names others."""
        member = self.document.get("crs")
        if member is None:
            return "EPSG:4326"
        properties = member.get("properties") if isinstance(member, dict) else None
        name = properties.get("name") if isinstance(properties, dict) else None
        return name if isinstance(name, str) else ""

    def bounds(self) -> Bounds | None:
        """Of one position a feature: enough to tell degrees from metres."""
        points = [
            place
            for feature in self.features
            if isinstance(feature, dict) and (place := first_position(feature.get("geometry")))
        ]
        if not points:
            return None
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def batches(self, opened: Opened) -> Iterator[Raw]:
        names = [name for name, _kind in opened.fields]
        for start in range(0, len(self.features), BATCH_FEATURES):
            raw = Raw([], {name: [] for name in names}, [])
            for row, feature in enumerate(
                self.features[start : start + BATCH_FEATURES], start=start + 1
            ):
                self._add(raw, row, feature)
            yield raw

    def _add(self, raw: Raw, row: int, feature: Any) -> None:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        properties = properties if isinstance(properties, dict) else {}
        try:
            if not isinstance(feature, dict):
                raise Fault("geometry_unreadable")
            wkb = shape_of(feature.get("geometry"), self.limits)
        except Fault as fault:
            shape = feature.get("geometry") if isinstance(feature, dict) else None
            lon, lat = fault.place or first_position(shape) or (None, None)
            label = str(properties.get(self.label) or "") if self.label else ""
            raw.rejects.append(Reject(row, label, fault.code, fault.params, lon, lat))
            return
        raw.rows.append(row)
        raw.wkb.append(wkb)
        for name, values in raw.columns.items():
            value = properties.get(name)
            text = (
                json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            )
            values.append(plain(text))


def open_source(path: Path, scratch: Path, limits: Limits) -> GeoJson:
    return GeoJson(path, limits)

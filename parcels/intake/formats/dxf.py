"""DXF: closed polylines and hatches make polygons, one layer for each layer of the drawing.

A drawing names no coordinate system, and its units are not believed: surveys in metres are saved
under any setting. Curves are flattened by ourselves, for the library's own paths stand in for an
arc of 100 m radius with an error of centimetres.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from ezdxf import recover
from ezdxf.entities.boundary_paths import (
    ArcEdge,
    EllipseEdge,
    LineEdge,
    PolylinePath,
    SplineEdge,
)
from ezdxf.filemanagement import read, readfile
from ezdxf.lldxf.const import DXFError
from ezdxf.lldxf.encoding import decode_dxf_unicode

from parcels.intake.encodings import reads
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.dxf_head import BINARY
from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.order import usual_bounds
from parcels.intake.formats.rings import Points, closed, depths, is_closed, nested, parents
from parcels.intake.formats.source import BATCH_FEATURES, Layer, Opened
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused

FLATTENING_M = 0.001
CLOSED_M = 0.001
# A line that ends near its start was meant to be closed; others are roads and contours.
NEARLY_CLOSED = 0.05
SHARED_EDGE_M = 0.001
TEXTS_SHOWN = 20
TEXT_CHARACTERS = 200
COLUMN = "text"
_TEXT_BOX = 8
_SPLINE_FRAME = 16
# What the library raises for an entity that lacks or garbles what it must have.
ODDITIES = (ArithmeticError, AttributeError, DXFError, LookupError, TypeError, ValueError)
Corner = tuple[float, float, float]  # x, y, bulge


def load(path: Path) -> Any:
    """The drawing; a damaged one is read as far as it goes."""
    try:
        if path.read_bytes()[: len(BINARY)] == BINARY:
            return readfile(path)
        return read(io.StringIO(decoded(path.read_bytes())))
    except Exception as error:  # The library answers damage with whatever it stumbles over.
        if isinstance(error, MemoryError):
            raise
    try:
        return recover.readfile(path)[0]
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise Refused("file_damaged", detail=type(error).__name__) from error


def decoded(data: bytes) -> str:
    """Newer drawings are UTF-8, older ones in the code page of their author: here GBK."""
    encoding = "utf-8" if reads([data], "utf-8") else "gb18030"
    if encoding == "gb18030" and b"ANSI_950" in data[:20_000]:
        encoding = "big5"
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def readable(text: str) -> str:
    r"""Text with ``\U+4E00`` decoded and lone surrogates replaced."""
    return decode_dxf_unicode(text).encode("utf-8", errors="replace").decode()


@dataclass(slots=True)
class Ring:
    """One closed line of a layer, or why it is none; ``order`` is its place in the drawing."""

    order: int
    points: Points | None
    is_hatch: bool
    fault: Fault | None = None


@dataclass(slots=True)
class Feature:
    """One polygon with the text inside, or a fault."""

    order: int
    shape: Any
    fault: Fault | None = None
    text: str | None = None


@dataclass(slots=True)
class Drawn:
    """One layer: its closed lines, its texts, and what was left aside."""

    rings: list[Ring] = field(default_factory=list)
    texts: list[tuple[float, float, str]] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    open_lines: int = 0
    others: int = 0
    holes: int = 0
    has_altitude: bool = False


def arc_steps(radius: float, angle: float, limit: int) -> int:
    """Into how many chords an arc is cut so that none leaves it by more than a millimetre."""
    if radius <= FLATTENING_M:
        return 1
    step = 2 * math.acos(1 - min(FLATTENING_M / radius, 1.0))
    steps = math.ceil(abs(angle) / max(step, 1e-9))
    if steps > limit:
        raise Fault("too_many_vertices", vertices=steps, limit=limit)
    return max(steps, 1)


def bulged(start: Corner, end: Corner, limit: int) -> list[tuple[float, float]]:
    """The points after ``start``, ``end`` included; bulge = tan(angle / 4), left is positive."""
    (x0, y0, bulge), (x1, y1, _next) = start, end
    chord = math.hypot(x1 - x0, y1 - y0)
    if abs(bulge) < 1e-12 or chord == 0:
        return [(x1, y1)]
    angle = 4 * math.atan(bulge)
    radius = chord * (1 + bulge * bulge) / (4 * abs(bulge))
    to_centre = (1 - bulge * bulge) / (4 * bulge)
    centre_x = (x0 + x1) / 2 - to_centre * (y1 - y0)
    centre_y = (y0 + y1) / 2 + to_centre * (x1 - x0)
    begin = math.atan2(y0 - centre_y, x0 - centre_x)
    steps = arc_steps(radius, angle, limit)
    between = [
        (
            centre_x + radius * math.cos(begin + angle * at / steps),
            centre_y + radius * math.sin(begin + angle * at / steps),
        )
        for at in range(1, steps)
    ]
    return [*between, (x1, y1)]


def flattened(corners: Iterable[Corner], *, is_closed: bool, limit: int) -> Points:
    """Corners with bulges → points; a closed line's last corner bulges towards its first."""
    given = list(corners)
    if not given:
        return np.empty((0, 2))
    points = [given[0][:2]]
    for start, end in pairwise([*given, *given[:1]] if is_closed else given):
        points.extend(bulged(start, end, limit))
        if len(points) > limit:
            raise Fault("too_many_vertices", vertices=len(points), limit=limit)
    return np.array(points, dtype=np.float64)


class _Collector:
    """The entities of the model space, sorted into layers."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.layers: dict[str, Drawn] = {}
        self.blocks = 0
        self.order = 0

    def collect(self, drawing: Any) -> None:
        for entity in drawing.modelspace():
            self.order += 1
            kind = entity.dxftype()
            layer = self.layers.setdefault(readable(str(entity.dxf.layer)), Drawn())
            if kind == "INSERT":
                self.blocks += 1
            elif kind in ("LINE", "ARC", "SPLINE", "CIRCLE", "ELLIPSE"):
                layer.others += 1
            elif kind in ("TEXT", "MTEXT"):
                with suppress(*ODDITIES):
                    self.add_text(layer, entity)
            elif kind in ("LWPOLYLINE", "POLYLINE", "HATCH", "MPOLYGON"):
                add = self.add_hatch if kind in ("HATCH", "MPOLYGON") else self.add_polyline
                try:
                    add(layer, entity)
                except ODDITIES:
                    fault = Fault("geometry_unreadable")
                    layer.rings.append(Ring(self.order, None, False, fault))

    def add_text(self, layer: Drawn, entity: Any) -> None:
        place = entity.dxf.insert
        if entity.dxftype() == "TEXT":
            _align, first, second = entity.get_placement()
            place = entity.ocs().to_wcs(second or first)
        text = " ".join(readable(entity.plain_text()).split())
        if text and math.isfinite(place[0]) and math.isfinite(place[1]):
            layer.texts.append((place[0], place[1], text[:TEXT_CHARACTERS]))

    def add_polyline(self, layer: Drawn, entity: Any) -> None:
        if entity.dxftype() == "LWPOLYLINE":
            corners = [tuple(point) for point in entity.get_points("xyb")]
            level = float(entity.dxf.get("elevation", 0.0))
            ocs: Any = entity.ocs()
        elif entity.is_2d_polyline or entity.is_3d_polyline:
            used = [v for v in entity.vertices if not v.dxf.get("flags", 0) & _SPLINE_FRAME]
            corners = [
                (v.dxf.location.x, v.dxf.location.y, float(v.dxf.get("bulge", 0.0))) for v in used
            ]
            level = max((abs(v.dxf.location.z) for v in used), default=0.0)
            ocs = entity.ocs() if entity.is_2d_polyline else None
        else:
            return  # Meshes.
        layer.has_altitude |= level != 0
        is_ring = bool(entity.is_closed)
        try:
            points = flattened(corners, is_closed=is_ring, limit=self.limits.vertices)
            points = in_world(points, ocs, level)
        except Fault as fault:
            layer.rings.append(Ring(self.order, None, False, fault))
            return
        if is_ring or (len(points) and is_closed(points, CLOSED_M)):
            self.add_ring(layer, points, is_hatch=False)
        elif is_nearly_closed(points):
            gap = Fault("ring_open", points[-1].tolist())
            layer.rings.append(Ring(self.order, None, False, gap))
        else:
            layer.open_lines += 1

    def add_ring(self, layer: Drawn, points: Points, *, is_hatch: bool) -> None:
        fault: Fault | None = None
        try:
            if not np.isfinite(points).all():
                finite = points[np.isfinite(points).all(axis=1)]
                raise Fault("number_not_finite", finite[0].tolist() if len(finite) else None)
            points = closed(points, CLOSED_M)
        except Fault as found:
            fault = found
        layer.rings.append(Ring(self.order, None if fault else points, is_hatch, fault))

    def add_hatch(self, layer: Drawn, entity: Any) -> None:
        level = float(entity.dxf.elevation.z) if entity.dxf.hasattr("elevation") else 0.0
        layer.has_altitude |= level != 0
        for path in entity.paths:
            if path.path_type_flags & _TEXT_BOX:
                continue
            try:
                points = hatch_points(path, self.limits.vertices)
                if not len(points):
                    continue
                points = in_world(points, entity.ocs(), level)
            except Fault as fault:
                layer.rings.append(Ring(self.order, None, True, fault))
                continue
            self.add_ring(layer, points, is_hatch=True)


def is_nearly_closed(points: Points) -> bool:
    if len(points) < 3 or not np.isfinite(points).all():
        return False
    steps = np.hypot(*np.diff(points, axis=0).T)
    return bool(np.hypot(*(points[-1] - points[0])) <= NEARLY_CLOSED * steps.sum())


def in_world(points: Points, ocs: Any, level: float) -> Points:
    """From the plane an entity was drawn in (mirrored ones look from below) to the drawing's."""
    if ocs is None or not ocs.transform:
        return points
    seen = [ocs.to_wcs((x, y, level)) for x, y in points.tolist()]
    return np.array([(place.x, place.y) for place in seen], dtype=np.float64).reshape(-1, 2)


def hatch_points(path: Any, limit: int) -> Points:
    """One boundary of a hatch; its edges follow one another."""
    if isinstance(path, PolylinePath):
        return flattened(path.vertices, is_closed=True, limit=limit)
    pieces = [edge_points(edge, limit) for edge in path.edges]
    if not pieces:
        return np.empty((0, 2))
    for before, after in zip(pieces, [*pieces[1:], pieces[0]], strict=True):
        if not np.hypot(*(after[0] - before[-1])) <= 10 * CLOSED_M:
            raise Fault("ring_open", before[-1].tolist())
    return np.vstack([piece[:-1] for piece in pieces])


def edge_points(edge: Any, limit: int) -> Points:
    if isinstance(edge, LineEdge):
        ends = [(edge.start.x, edge.start.y), (edge.end.x, edge.end.y)]
        return np.array(ends, dtype=np.float64)
    if isinstance(edge, ArcEdge):
        begin, end = math.radians(edge.start_angle), math.radians(edge.end_angle)
        sweep = (end - begin) % (2 * math.pi) or 2 * math.pi
        steps = arc_steps(edge.radius, sweep, limit)
        angles = begin + sweep * np.arange(steps + 1) / steps
        points = np.column_stack(
            [edge.center.x + edge.radius * np.cos(angles),
             edge.center.y + edge.radius * np.sin(angles)]
        )  # fmt: skip
        return points if edge.ccw else points[::-1]
    if isinstance(edge, EllipseEdge | SplineEdge):
        curve = edge.construction_tool().flattening(FLATTENING_M)
        found = np.array([(point.x, point.y) for point in curve], dtype=np.float64)
        if len(found) > limit:
            raise Fault("too_many_vertices", vertices=len(found), limit=limit)
        turned = isinstance(edge, EllipseEdge) and not edge.ccw
        return found[::-1] if turned else found
    raise Fault("geometry_is_curve")


def polygons_of(layer: Drawn) -> None:
    """The layer's closed lines → polygons with holes, in the drawing's order.

    A line strictly inside another is its hole. One that shares an edge with the line around it is a
    plot of its own, as stands within a compartment are drawn.
    """
    seen: set[tuple[frozenset[tuple[float, float]], float]] = set()
    rings: list[Ring] = []
    for ring in sorted(layer.rings, key=lambda ring: ring.is_hatch):
        if ring.points is None:
            layer.features.append(Feature(ring.order, None, ring.fault))
            continue
        corners = np.round(ring.points, 3)
        key = (frozenset(map(tuple, corners.tolist())), round(shapely.Polygon(ring.points).area, 2))
        if key not in seen:
            seen.add(key)
            rings.append(ring)
        elif not ring.is_hatch:  # A hatch only fills the line around it.
            fault = Fault("rings_twice", ring.points[0].tolist())
            layer.features.append(Feature(ring.order, None, fault))
    shapes = np.array([shapely.Polygon(ring.points) for ring in rings], dtype=object)
    sound = [at for at in range(len(rings)) if shapely.is_valid(shapes[at])]
    layer.features.extend(
        Feature(rings[at].order, shapes[at]) for at in set(range(len(rings))) - set(sound)
    )
    layer.features.extend(_with_holes(layer, [rings[at] for at in sound], shapes[sound]))
    layer.features.sort(key=lambda feature: feature.order)


def _with_holes(layer: Drawn, rings: list[Ring], shapes: Any) -> list[Feature]:
    if not len(rings):
        return []
    pairs = [pair for pair in nested(shapes) if not shares_edge(shapes[pair[0]], shapes[pair[1]])]
    areas = shapely.area(shapes)
    around = parents(len(rings), pairs, areas)
    depth = depths(len(rings), pairs, areas)
    holes: dict[int, list[int]] = {}
    for at, parent in enumerate(around):
        if parent is not None and depth[at] % 2:
            holes.setdefault(parent, []).append(at)
            layer.holes += 1
    features = []
    for at, ring in enumerate(rings):
        if depth[at] % 2:
            continue
        shape = shapes[at]
        if inside := holes.get(at):
            shape = shapely.Polygon(ring.points, [rings[hole].points for hole in inside])
            if not shape.is_valid:  # Holes that touch one another along an edge are one hole.
                shape = shapely.difference(shapes[at], shapely.union_all(shapes[inside]))
        features.append(Feature(ring.order, shape))
    return features


def shares_edge(outer: Any, inner: Any) -> bool:
    met = shapely.intersection(shapely.boundary(outer), shapely.boundary(inner))
    return bool(shapely.length(met) > SHARED_EDGE_M)


def write_texts(layers: dict[str, Drawn]) -> None:
    """Words inside a polygon become its ``text``: the layer's own, else those of any layer."""
    every = [text for layer in layers.values() for text in layer.texts]
    for layer in layers.values():
        shaped = [feature for feature in layer.features if feature.shape is not None]
        for texts in (layer.texts, every):
            waiting = [feature for feature in shaped if feature.text is None]
            if not texts or not waiting:
                continue
            valid = [feature for feature in waiting if shapely.is_valid(feature.shape)]
            tree = shapely.STRtree([feature.shape for feature in valid])
            places = shapely.points([(x, y) for x, y, _text in texts])
            found: dict[int, list[str]] = {}
            for at, inside in zip(*tree.query(places, predicate="within"), strict=True):
                found.setdefault(int(inside), []).append(texts[int(at)][2])
            for at, words in found.items():
                valid[at].text = "；".join(dict.fromkeys(words[:TEXTS_SHOWN]))


class Dxf:
    """The layers of one drawing that hold closed lines."""

    format = "DXF"

    def __init__(self, path: Path, limits: Limits) -> None:
        collector = _Collector(limits)
        drawing = load(path)
        try:
            collector.collect(drawing)
        except ODDITIES as error:
            raise Refused("file_damaged", detail=type(error).__name__) from error
        for layer in collector.layers.values():
            polygons_of(layer)
        write_texts(collector.layers)
        self.blocks = collector.blocks
        self.drawn = {
            name: layer
            for name, layer in collector.layers.items()
            if any(feature.shape is not None for feature in layer.features)
        }
        if not self.drawn:
            raise Refused("dxf_without_polygons")

    def layers(self) -> list[Layer]:
        return [Layer(name, len(layer.features), "Polygon") for name, layer in self.drawn.items()]

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        layer = self.drawn[name]
        shapes = [feature.shape for feature in layer.features if feature.shape is not None]
        opened = Opened(
            next(found for found in self.layers() if found.name == name),
            [(COLUMN, "str")],
            declared_crs="",
            bounds=usual_bounds(shapely.get_coordinates(shapes)),
            encoding=None,
        )
        for code, count in (
            ("dxf_holes", layer.holes),
            ("dxf_open_lines", layer.open_lines),
            ("dxf_other_lines", layer.others),
            ("dxf_blocks", self.blocks),
        ):
            if count:
                opened.notices.append((code, {"n": count}))
        if layer.has_altitude:
            opened.notices.append(("altitude_dropped", {}))
        return opened

    def batches(self, opened: Opened) -> Iterator[Raw]:
        features = self.drawn[opened.layer.name].features
        for start in range(0, len(features), BATCH_FEATURES):
            raw = Raw([], {COLUMN: []}, [])
            for row, feature in enumerate(
                features[start : start + BATCH_FEATURES], start=start + 1
            ):
                if feature.fault is not None:
                    x, y = feature.fault.place or (None, None)
                    raw.rejects.append(
                        Reject(row, "", feature.fault.code, feature.fault.params, x, y)
                    )
                    continue
                raw.rows.append(row)
                raw.wkb.append(bytes(shapely.to_wkb(feature.shape, byte_order=1)))
                raw.columns[COLUMN].append(feature.text)
            yield raw


def open_source(path: Path, scratch: Path, limits: Limits) -> Dxf:
    return Dxf(path, limits)

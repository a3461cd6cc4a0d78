"""Every feature on its own: raw geometry bytes → MultiPolygon in 4490, or a reason and a place."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from parcels.intake.crs import CrsGuess, to_storage
from parcels.intake.gate import Limits

EMPTY_WKB_BYTES = 9
_PLACED_REASON = re.compile(r"^(?P<reason>[^\[]+)\[(?P<x>\S+) (?P<y>[^\]\s]+)\]")
_CURVES = {8, 9, 10, 11, 12}
_LINES = {2, 5, 13}
_POINTS = {1, 4}
_PLACED_FAULTS = ("geometry_is_point", "geometry_is_line", "too_many_vertices")
REASONS = {
    "Self-intersection": "self_intersection",
    "Ring Self-intersection": "ring_self_intersection",
    "Hole lies outside shell": "hole_outside",
    "Holes are nested": "holes_nested",
    "Nested shells": "parts_nested",
    "Interior is disconnected": "interior_disconnected",
    "Duplicate Rings": "rings_twice",
    "Duplicate rings": "rings_twice",
    "Too few points in geometry component": "too_few_points",
}


@dataclass(frozen=True, slots=True)
class Reject:
    """One thing wrong with one feature: row from 1, code, its facts, and where on the map."""

    row: int
    id: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    lon: float | None = None
    lat: float | None = None


@dataclass(slots=True)
class Raw:
    """Features as a format module hands them on: ISO or extended WKB (None where absent).

    ``rejects`` are those that the format itself could not read; their rows are not in ``rows``.
    """

    rows: list[int]
    columns: dict[str, list[Any]]
    wkb: list[bytes | None]
    rejects: list[Reject] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """Features that may go on: ``wkb`` is a little-endian MultiPolygon in EPSG:4490 for each."""

    rows: list[int]
    columns: dict[str, list[Any]]
    wkb: list[bytes]
    warnings: list[Reject]
    rejects: list[Reject]
    total: int | None


def wkb_kind(wkb: bytes) -> int:
    """The geometry type in the header, without Z, M and SRID: 3 polygon, 6 multipolygon, …"""
    if len(wkb) < EMPTY_WKB_BYTES:
        return 0
    order = "<" if wkb[0] == 1 else ">"
    kind: int = struct.unpack_from(order + "I", wkb, 1)[0]
    return (kind & 0x0FFFFFFF) % 1000


def header_fault(wkb: bytes | None, limits: Limits) -> tuple[str, dict[str, Any]] | None:
    """What can be told before GEOS reads a byte: a nested collection would crash it."""
    if wkb is None:
        return "geometry_missing", {}
    kind = wkb_kind(wkb)
    if kind in _POINTS:
        return "geometry_is_point", {}
    if kind in _LINES:
        return "geometry_is_line", {}
    if kind in _CURVES:
        return "geometry_is_curve", {}
    if kind not in (3, 6):
        return "geometry_is_collection", {}
    if len(wkb) // 16 > limits.vertices + 8 * limits.nesting and len(wkb) // 32 > limits.vertices:
        return "too_many_vertices", {"vertices": len(wkb) // 16, "limit": limits.vertices}
    return None


def judge(raw: Raw, *, crs: CrsGuess, limits: Limits, labels: Sequence[str]) -> Batch:
    """Split a batch into what may go on and what may not. One vectorised pass a test."""
    return _Judge(raw, crs, limits, labels).run()


class _Judge:
    """The state of one batch between its tests."""

    def __init__(self, raw: Raw, crs: CrsGuess, limits: Limits, labels: Sequence[str]) -> None:
        self.raw = raw
        self.crs = crs
        self.limits = limits
        self.labels = labels
        self.rejects: list[Reject] = [self.placed(reject) for reject in raw.rejects]
        count = len(raw.rows)
        self.good: NDArray[np.bool_] = np.ones(count, dtype=bool)
        self.shapes: NDArray[np.object_] = np.full(count, None, dtype=object)

    def reject(
        self, at: int, code: str, params: Mapping[str, Any] | None = None,
        place: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        self.good[at] = False
        lon, lat = place if place is not None else self.place_of(at)
        self.rejects.append(
            Reject(self.raw.rows[at], self.labels[at], code, dict(params or {}), lon, lat)
        )

    def placed(self, reject: Reject) -> Reject:
        """A format module's rejection: its place is in the file's numbers, ours is on the map."""
        if reject.lon is None or reject.lat is None:
            return reject
        lon, lat = self.on_map(np.array([reject.lon, reject.lat]))
        return replace(reject, lon=lon, lat=lat)

    def place_of(self, at: int) -> tuple[float | None, float | None]:
        """Some finite vertex of the feature as longitude and latitude."""
        shape = self.shapes[at]
        if shape is None:
            return None, None
        points = shapely.get_coordinates(shape)
        finite = points[np.isfinite(points).all(axis=1)]
        if not len(finite):
            return None, None
        return self.on_map(finite[0])

    def on_map(self, point: NDArray[np.float64]) -> tuple[float | None, float | None]:
        lon, lat = to_storage(np.asarray([point], dtype=np.float64), self.crs)[0]
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            return None, None
        return round(float(lon), 7), round(float(lat), 7)

    def run(self) -> Batch:
        self.read_bytes()
        self.check_numbers()
        self.reproject()
        self.check_validity()
        kept = np.flatnonzero(self.good)
        return Batch(
            rows=[self.raw.rows[at] for at in kept],
            columns={
                name: [values[at] for at in kept] for name, values in self.raw.columns.items()
            },
            wkb=as_multipolygons(self.shapes[kept]),
            warnings=[],
            rejects=sorted(self.rejects, key=lambda reject: reject.row),
            total=None,
        )

    def read_bytes(self) -> None:
        for at, wkb in enumerate(self.raw.wkb):
            if (fault := header_fault(wkb, self.limits)) is not None:
                if fault[0] in _PLACED_FAULTS and wkb is not None:
                    self.shapes[at] = shapely.from_wkb(wkb, on_invalid="ignore")
                self.reject(at, *fault)
        left = np.flatnonzero(self.good)
        found = shapely.from_wkb(
            np.array([self.raw.wkb[at] for at in left], dtype=object), on_invalid="ignore"
        )
        self.shapes[left] = found
        for at in left[shapely.is_missing(found)]:
            # "fix" closes rings; when that alone makes it readable, the ring was open.
            repaired = shapely.from_wkb(self.raw.wkb[at], on_invalid="fix")
            if repaired is None:
                self.reject(at, "geometry_unreadable")
                continue
            self.shapes[at] = repaired
            self.reject(at, "ring_open")
            self.shapes[at] = None
        self.shapes = shapely.force_2d(self.shapes)

    def check_numbers(self) -> None:
        left = np.flatnonzero(self.good)
        shapes = self.shapes[left]
        for at in left[shapely.is_empty(shapes)]:
            self.reject(at, "geometry_empty")
        counts = shapely.get_num_coordinates(shapes)
        for at in left[counts > self.limits.vertices]:
            self.reject(
                at, "too_many_vertices",
                {"vertices": int(shapely.get_num_coordinates(self.shapes[at])),
                 "limit": self.limits.vertices},
            )  # fmt: skip
        points, owner = shapely.get_coordinates(shapes, return_index=True)
        for place in np.unique(owner[~np.isfinite(points).all(axis=1)]):
            if self.good[left[place]]:
                self.reject(left[place], "number_not_finite")

    def reproject(self) -> None:
        left = np.flatnonzero(self.good)
        if not len(left):
            return
        moved = shapely.transform(self.shapes[left], lambda points: to_storage(points, self.crs))
        points, owner = shapely.get_coordinates(moved, return_index=True)
        outside = ~(
            (np.abs(points[:, 0]) <= 180) & (np.abs(points[:, 1]) <= 90)
        )  # NaN is outside too.
        for place in np.unique(owner[outside]):
            first = shapely.get_coordinates(self.shapes[left[place]])[0]
            self.reject(
                left[place], "outside_earth",
                {"x": float(first[0]), "y": float(first[1]), "crs": self.crs.name},
            )  # fmt: skip
        self.shapes[left] = moved

    def check_validity(self) -> None:
        left = np.flatnonzero(self.good)
        shapes = self.shapes[left]
        valid = shapely.is_valid(shapes)
        for at, reason in zip(left[~valid], shapely.is_valid_reason(shapes[~valid]), strict=True):
            found = _PLACED_REASON.match(reason)
            text = found["reason"].strip() if found else reason
            place = (float(found["x"]), float(found["y"])) if found else self.first_point(at)
            self.reject(at, REASONS.get(text, "geometry_invalid"), {"reason": text}, place)
        flat = left[valid & (shapely.area(shapes) <= 0)]
        for at in flat:
            self.reject(at, "area_zero", None, self.first_point(at))

    def first_point(self, at: int) -> tuple[float, float]:
        lon, lat = shapely.get_coordinates(self.shapes[at])[0]
        return round(float(lon), 7), round(float(lat), 7)


def as_multipolygons(shapes: NDArray[np.object_]) -> list[bytes]:
    """Polygons and MultiPolygons → MultiPolygon, little-endian WKB."""
    if not len(shapes):
        return []
    parts, owner = shapely.get_parts(shapes, return_index=True)
    many = shapely.multipolygons(parts, indices=owner)
    return [bytes(wkb) for wkb in shapely.to_wkb(many, output_dimension=2, byte_order=1)]

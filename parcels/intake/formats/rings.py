"""Rings of one feature, listed without saying which is a hole: containment decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from parcels.intake.formats.geojson import Fault

Points = NDArray[np.float64]  # (n, 2)
MIN_CORNERS = 3


def loops(points: Points) -> list[slice]:
    """Where a list of points comes back to its start and goes on, a new ring begins.

    The slices hold each ring with its closing point, where it has one.
    """
    found: list[slice] = []
    start = 0
    while start < len(points):
        again = (points[start + MIN_CORNERS :] == points[start]).all(axis=1)
        end = start + MIN_CORNERS + int(np.argmax(again)) + 1 if again.any() else len(points)
        found.append(slice(start, end))
        start = end
    return found


def is_closed(points: Points, tolerance: float = 0.0) -> bool:
    """Whether the last point is the first one again."""
    gap = float(np.hypot(*(points[-1] - points[0])))
    return len(points) > MIN_CORNERS and gap <= tolerance


def closed(points: Points, tolerance: float = 0.0) -> Points:
    """The ring with its first point as its last. Fault: fewer than three different points."""
    if len(points) and is_closed(points, tolerance):
        points = points[:-1]
    if not _has_three_places(points):
        raise Fault("too_few_points", points[0].tolist() if len(points) else None)
    return np.vstack([points, points[:1]])


def _has_three_places(points: Points) -> bool:
    if len(points) < MIN_CORNERS:
        return False
    others = (points != points[0]).any(axis=1)
    second = points[int(np.argmax(others))]
    return bool((others & (points != second).any(axis=1)).any())


def nested(shapes: NDArray[np.object_]) -> list[tuple[int, int]]:
    """All pairs (outer, inner) of polygons of which the first covers the second."""
    tree = shapely.STRtree(shapes)
    outer, inner = tree.query(shapes, predicate="covers")
    return [(int(i), int(j)) for i, j in zip(outer, inner, strict=True) if i != j]


def depths(count: int, pairs: Sequence[tuple[int, int]], areas: NDArray[np.float64]) -> list[int]:
    """How many rings lie around each: even is land, odd is a hole."""
    around = parents(count, pairs, areas)
    found = [-1] * count
    for at in sorted(range(count), key=lambda index: -float(areas[index])):
        parent = around[at]
        found[at] = 0 if parent is None else found[parent] + 1
    return found


def parents(
    count: int, pairs: Sequence[tuple[int, int]], areas: NDArray[np.float64]
) -> list[int | None]:
    """The smallest ring around each."""
    around: list[int | None] = [None] * count
    for outer, inner in pairs:
        if areas[outer] <= areas[inner]:
            continue
        known = around[inner]
        if known is None or areas[outer] < areas[known]:
            around[inner] = outer
    return around


def assemble(rings: Sequence[Points]) -> Any:
    """Closed rings of one feature → Polygon or MultiPolygon.

    Fault ``rings_cross`` or ``rings_twice`` with the place. A ring that crosses itself comes back
    alone, as an invalid polygon, for the later test names the crossing.
    """
    if not rings:
        raise Fault("geometry_empty")
    shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    if len(shapes) == 1:
        return shapes[0]
    valid = shapely.is_valid(shapes)
    if not valid.all():
        return shapes[int(np.argmin(valid))]
    _refuse_crossing(shapes)
    pairs = nested(shapes)
    both_ways = set(pairs)
    for outer, inner in pairs:
        if (inner, outer) in both_ways:
            raise Fault("rings_twice", rings[max(outer, inner)][0].tolist())
    areas = shapely.area(shapes)
    around = parents(len(shapes), pairs, areas)
    depth = depths(len(shapes), pairs, areas)
    holes: dict[int, list[Points]] = {}
    for at, parent in enumerate(around):
        if depth[at] % 2 and parent is not None:
            holes.setdefault(parent, []).append(rings[at])
    parts = [
        shapely.Polygon(rings[at], holes.get(at)) for at in range(len(rings)) if not depth[at] % 2
    ]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _refuse_crossing(shapes: NDArray[np.object_]) -> None:
    for one, other in zip(
        *shapely.STRtree(shapes).query(shapes, predicate="overlaps"), strict=True
    ):
        if one < other:
            met = shapely.intersection(
                shapely.boundary(shapes[one]), shapely.boundary(shapes[other])
            )
            raise Fault("rings_cross", shapely.get_coordinates(met)[0].tolist())

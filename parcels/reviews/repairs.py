"""Proposals to mend a boundary: snap, clip, simplify, split, merge. Pure geometry, EPSG:4490.

Lengths are judged in the plane of EPSG:4536; shapes are cut in degrees, so that a border taken over
from a neighbour is the neighbour's to the last digit. Whether a proposal is right is asked of the
rules afterwards, in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry
from shapely.ops import split as shapely_split

from parcels.reviews.errors import CutDoesNotCross, PartsDoNotTouch, RepairChangesNothing

GRID_M = 0.0001
OVER_M = 0.002  # How far a filled gap reaches into both sides, so that no slit stays.
SAME_M = 0.01  # Vertices nearer than this are one (domain.md, "Overlap, sliver, gap").
CRUMB_M2 = 1.0
MOST_PARTS = 20
DEGREE_M = 111_132.0


class RepairKind(StrEnum):
    """What the bench offers."""

    SNAP = "snap"
    CLIP = "clip"
    YIELD = "yield"  # What was reported of a title and the bureau agreed to.
    SIMPLIFY = "simplify"


@cache
def _to_plane() -> Transformer:
    return Transformer.from_crs(4490, 4536, always_xy=True)


@cache
def _from_plane() -> Transformer:
    return Transformer.from_crs(4536, 4490, always_xy=True)


def plane(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: np.column_stack(_to_plane().transform(*xy.T)))


def degrees(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: np.column_stack(_from_plane().transform(*xy.T)))


def polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    """The areas of a shape; lines and points that an overlay leaves fall away."""
    return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"] + [
        inner
        for part in shapely.get_parts(shape)
        if part.geom_type in ("MultiPolygon", "GeometryCollection")
        for inner in polygons(part)
    ]


def multi(parts: Iterable[BaseGeometry]) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([one for part in parts for one in polygons(part)])


def snap(
    shape: BaseGeometry, neighbours: Sequence[BaseGeometry], metres: float
) -> shapely.MultiPolygon:
    """Take the neighbours' border over where it is within ``metres``.

    Overlaps narrower than that go to the neighbour, gaps narrower than that are filled; wider ones
    stay, for they are no matter of drawing.
    """
    if not neighbours:
        raise RepairChangesNothing()
    theirs = shapely.union_all(list(neighbours))
    mine_flat, theirs_flat = plane(shape), plane(theirs)
    # Each neighbour apart: a narrow strip along one must not hide in a wide one along the next.
    wide = [
        part
        for neighbour in neighbours
        for part in polygons(shapely.intersection(mine_flat, plane(neighbour), grid_size=GRID_M))
        if not part.buffer(-metres / 2).is_empty
    ]
    both = shapely.union(mine_flat, theirs_flat, grid_size=GRID_M)
    closed = both.buffer(metres / 2, join_style="mitre", mitre_limit=50).buffer(
        -metres / 2, join_style="mitre", mitre_limit=50
    )
    gaps = [
        part
        for part in polygons(shapely.difference(closed, both, grid_size=GRID_M))
        if part.distance(mine_flat) < OVER_M and part.distance(theirs_flat) < OVER_M
    ]
    filled = shape
    if gaps:
        filled = shapely.union(
            shape, degrees(shapely.union_all(gaps).buffer(OVER_M, join_style="mitre"))
        )
    cut = shapely.difference(filled, theirs)
    if wide:
        kept = degrees(shapely.union_all(wide).buffer(OVER_M, join_style="mitre"))
        cut = shapely.union(cut, shapely.intersection(kept, shape))
    return _changed(shape, _tidy(cut, [shape, theirs]))


def clip(shape: BaseGeometry, neighbours: Sequence[BaseGeometry]) -> shapely.MultiPolygon:
    """Give up all land that the neighbours cover."""
    if not neighbours:
        raise RepairChangesNothing()
    theirs = shapely.union_all(list(neighbours))
    return _changed(shape, _tidy(shapely.difference(shape, theirs), [shape, theirs]))


def simplify(shape: BaseGeometry, metres: float) -> shapely.MultiPolygon:
    """Leave out vertices that lie within ``metres`` of the line without them."""
    exact = shapely.get_coordinates(shape)
    flat = plane(shape)
    # What stays are the shape's own vertices: their degrees are looked up, never computed back.
    known = {tuple(at): own for at, own in zip(shapely.get_coordinates(flat), exact, strict=True)}
    fewer = shapely.simplify(flat, metres, preserve_topology=True)
    back = shapely.transform(
        fewer, lambda xy: np.array([known[tuple(at)] for at in xy]).reshape(-1, 2)
    )
    return _changed(shape, multi([back]))


def cut_along(shape: BaseGeometry, line: shapely.LineString) -> list[shapely.MultiPolygon]:
    """The pieces of ``shape`` on the sides of a line that crosses it; CutDoesNotCross if none."""
    parts = polygons(shape)
    pieces = [piece for part in parts for piece in polygons(shapely_split(part, line))]
    if len(pieces) <= len(parts) or len(pieces) > MOST_PARTS:
        raise CutDoesNotCross()
    if any(plane(piece).area <= CRUMB_M2 for piece in pieces):
        raise CutDoesNotCross()
    return [multi([piece]) for piece in pieces]


def joined(shapes: Sequence[BaseGeometry]) -> shapely.MultiPolygon:
    """One shape of several that touch along a border; PartsDoNotTouch if one stands apart."""
    together = polygons(shapely.union_all(list(shapes)))
    if len(together) > 1 and len(together) >= sum(len(polygons(shape)) for shape in shapes):
        raise PartsDoNotTouch()
    reached = shapely.union_all([part for part in together if _touched_by(part, shapes) > 1])
    if any(not shape.intersects(reached) for shape in shapes):
        raise PartsDoNotTouch()
    return multi(together)


def _touched_by(part: shapely.Polygon, shapes: Sequence[BaseGeometry]) -> int:
    return sum(shapely.intersection(part, shape).area > 0 for shape in shapes)


def _changed(before: BaseGeometry, after: shapely.MultiPolygon) -> shapely.MultiPolygon:
    if after.is_empty or shapely.equals(before, after):
        raise RepairChangesNothing()
    return after


def _tidy(shape: BaseGeometry, sources: Sequence[BaseGeometry]) -> shapely.MultiPolygon:
    """Without crumbs and without the vertices that cutting added beside true ones."""
    known = {tuple(at) for source in sources for at in shapely.get_coordinates(source)}
    kept = [part for part in polygons(shape) if plane(part).area > CRUMB_M2]
    cleaned = multi(_without_artefacts(part, lambda at: tuple(at) in known) for part in kept)
    return cleaned if cleaned.is_valid else multi(kept)


def _without_artefacts(
    part: shapely.Polygon, is_known: Callable[[NDArray[np.float64]], bool]
) -> shapely.Polygon:
    holes = [ring for ring in part.interiors if plane(shapely.Polygon(ring)).area > CRUMB_M2]
    return shapely.Polygon(
        _ring(part.exterior, is_known), [_ring(hole, is_known) for hole in holes]
    )


def _ring(
    ring: shapely.LinearRing, is_known: Callable[[NDArray[np.float64]], bool]
) -> NDArray[np.float64]:
    """Drop an unknown vertex that lies on the line of its neighbours or beside one of them."""
    exact = shapely.get_coordinates(ring)[:-1]
    flat = shapely.get_coordinates(plane(ring))[:-1]
    kept = list(range(len(exact)))
    for at in range(len(exact)):
        if is_known(exact[at]) or len(kept) <= 3:
            continue
        place = kept.index(at)
        before, after = flat[kept[place - 1]], flat[kept[(place + 1) % len(kept)]]
        line = shapely.LineString([before, after])
        if (
            line.distance(shapely.Point(flat[at])) < OVER_M
            or np.hypot(*(flat[at] - before)) < SAME_M
            or np.hypot(*(flat[at] - after)) < SAME_M
        ):
            kept.remove(at)
    return exact[[*kept, kept[0]]]

"""What is drawn in a browser → a candidate's shape. Parsed at the border, by us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely

from parcels.errors import ShapeTooLarge
from parcels.rules.errors import ShapeUnreadable

NUMBERS = (int, float)  # By their exact type: a truth value is no coordinate.


def multipolygon_from_geojson(geometry: Mapping[str, Any], *, vertex_limit: int) -> bytes:
    """A GeoJSON Polygon or MultiPolygon in EPSG:4490 → WKB of a MultiPolygon.

    It may be invalid as a shape (that is a finding), never as data: ShapeUnreadable for other
    types, for rings that are open or have fewer than four points, and for numbers off the earth;
    ShapeTooLarge above ``vertex_limit``. Altitudes are dropped.
    """
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ShapeUnreadable()
    parts = [coordinates] if kind == "Polygon" else coordinates
    read = [_rings(part) for part in parts]
    vertices = sum(len(ring) for part in read for ring in part)
    if vertices > vertex_limit:
        raise ShapeTooLarge(vertices=vertices, limit=vertex_limit)
    polygons = [
        shapely.polygons(
            shapely.linearrings(part[0]), [shapely.linearrings(ring) for ring in part[1:]] or None
        )
        for part in read
    ]
    return shapely.to_wkb(shapely.multipolygons(polygons), byte_order=1)


def _rings(part: Any) -> list[list[tuple[float, float]]]:
    if not isinstance(part, list) or not part:
        raise ShapeUnreadable()
    rings = [_ring(ring) for ring in part]
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise ShapeUnreadable()
    return rings


def _ring(ring: Any) -> list[tuple[float, float]]:
    if not isinstance(ring, list):
        raise ShapeUnreadable()
    return [_position(position) for position in ring]


def _position(position: Any) -> tuple[float, float]:
    # Once for each vertex of a drawing that is asked about while it is drawn.
    if not isinstance(position, list | tuple) or len(position) < 2:
        raise ShapeUnreadable()
    lon, lat = position[0], position[1]
    if type(lon) not in NUMBERS or type(lat) not in NUMBERS:
        raise ShapeUnreadable()
    # What is no number or not finite is within no bounds.
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ShapeUnreadable()
    return float(lon), float(lat)

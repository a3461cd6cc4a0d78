"""What a browser draws: a polygon in longitude and latitude, or a refusal, never a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from parcels.errors import ShapeTooLarge
from parcels.rules.errors import ShapeUnreadable
from parcels.rules.shapes import multipolygon_from_geojson

RING = [[81.3, 43.9], [81.301, 43.9], [81.301, 43.901], [81.3, 43.9]]
BOW = [[81, 43], [82, 44], [82, 43], [81, 44], [81, 43]]
NAN, INFINITY = float("nan"), float("inf")


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [RING]},
        {"type": "MultiPolygon", "coordinates": [[RING]]},
        {"type": "Polygon", "coordinates": [[[*point, 800.0] for point in RING]]},
        {"type": "Polygon", "coordinates": [BOW]},  # Invalid as a shape: a finding, no refusal.
    ],
)
def test_polygons_are_read_as_multipolygons(geometry: dict[str, Any]) -> None:
    shape = shapely.from_wkb(multipolygon_from_geojson(geometry, vertex_limit=100))
    assert shape.geom_type == "MultiPolygon"
    assert not shape.has_z


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "Point", "coordinates": [81, 43]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [RING[:3]]},
        {"type": "Polygon", "coordinates": [[*RING[:3], [81, 43]]]},
        {"type": "Polygon", "coordinates": [[[81, NAN], *RING[1:3], [81, NAN]]]},
        {"type": "Polygon", "coordinates": [[[INFINITY, 43], *RING[1:3], [INFINITY, 43]]]},
        {
            "type": "Polygon",
            "coordinates": [[[434_000, 4_860_000], *RING[1:3], [434_000, 4_860_000]]],
        },
        {"type": "Polygon", "coordinates": [[["81", "43"], *RING[1:3], ["81", "43"]]]},
        {"type": "Polygon", "coordinates": [[[True, False], *RING[1:3], [True, False]]]},
        {"type": "Polygon", "coordinates": ["ring"]},
        {"type": "Polygon", "coordinates": {"0": RING}},
        {"type": "Polygon", "coordinates": [["ab", "cd", "ef", "ab"]]},
        {"type": "Polygon", "coordinates": nested(500)},
        {"type": "MultiPolygon", "coordinates": [RING]},
    ],
)
def test_anything_else_is_refused(geometry: dict[str, Any]) -> None:
    with pytest.raises(ShapeUnreadable):
        multipolygon_from_geojson(geometry, vertex_limit=100)


def test_too_many_vertices_are_refused() -> None:
    with pytest.raises(ShapeTooLarge):
        multipolygon_from_geojson({"type": "Polygon", "coordinates": [RING]}, vertex_limit=3)


def test_numbers_written_as_nan_by_a_lenient_writer_are_refused() -> None:
    text = '{"type": "Polygon", "coordinates": [[[NaN, 43], [81, 43], [81, 44], [NaN, 43]]]}'
    with pytest.raises(ShapeUnreadable):
        multipolygon_from_geojson(json.loads(text), vertex_limit=100)

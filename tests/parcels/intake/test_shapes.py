"""Every feature on its own: the good go on, each bad one is listed with row, id, reason, place."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parcels.intake.features import header_fault
from parcels.intake.gate import Limits
from parcels.intake.reader import Reject
from tests.factories.files import (
    SOUTH,
    WEST,
    Ring,
    circle,
    degrees_prj,
    feature,
    geojson,
    geopackage,
    plane_prj,
    polygon,
    projected,
    shapefile_zip,
    square,
    text_file,
    wkb_curve_polygon,
    wkb_line,
    wkb_multipolygon,
    wkb_nested_collection,
    wkb_point,
    wkb_polygon,
)
from tests.parcels.intake.reading import Found, look, metres_between, read, refusal, words

# Edges of a thousandth of a degree: y = x / 2 and y = 3 - 3/4 x cross at (2.4, 1.2).
CROSSING = (WEST + 0.0024, SOUTH + 0.0012)
BOW_TIE: Ring = [
    (WEST, SOUTH),
    (WEST + 0.004, SOUTH + 0.002),
    (WEST + 0.004, SOUTH),
    (WEST, SOUTH + 0.003),
    (WEST, SOUTH),
]
UNCLOSED = square()[:-1]
HOLE_OUTSIDE = (square(), square(1, side_m=20))
TOUCHING: Ring = [  # Two triangles that meet in one point, drawn as one ring.
    (WEST, SOUTH),
    (WEST + 0.001, SOUTH + 0.001),
    (WEST, SOUTH + 0.002),
    (WEST + 0.002, SOUTH + 0.002),
    (WEST + 0.001, SOUTH + 0.001),
    (WEST + 0.002, SOUTH),
    (WEST, SOUTH),
]


def inner_square(at: int = 0) -> Ring:
    """Thirty metres from each side of the square of 100 m."""
    (west, south), _, (east, north) = square(at)[:3]
    return [
        (west + (lon - west) * 0.4 + (east - west) * 0.3,
         south + (lat - south) * 0.4 + (north - south) * 0.3)
        for lon, lat in square(at)
    ]  # fmt: skip


def with_number(at: int, value: str) -> dict[str, Any]:
    """A square whose vertex ``at`` has this text as its longitude."""
    ring: list[list[Any]] = [list(point) for point in square()]
    ring[at] = [f"@{value}@", 43.95]
    return polygon(ring)


# (what it is, geometry, code or None when it is good, whether it has a place on the map)
GEOJSON_CASES: list[tuple[str, Any, str | None, bool]] = [
    ("good", polygon(square()), None, True),
    ("null", None, "geometry_missing", False),
    ("point", {"type": "Point", "coordinates": [WEST, SOUTH]}, "geometry_is_point", True),
    ("line", {"type": "LineString", "coordinates": square()}, "geometry_is_line", True),
    ("bow-tie", polygon(BOW_TIE), "self_intersection", True),
    ("unclosed", polygon(UNCLOSED), "ring_open", True),
    ("empty", {"type": "Polygon", "coordinates": []}, "geometry_empty", False),
    ("empty ring", {"type": "Polygon", "coordinates": [[]]}, "too_few_points", False),
    ("no coordinates", {"type": "Polygon"}, "geometry_empty", False),
    ("NaN", with_number(1, "NaN"), "number_not_finite", True),
    ("NaN first", with_number(0, "NaN"), "number_not_finite", True),
    ("Infinity", with_number(2, "-Infinity"), "number_not_finite", True),
    ("1e999", with_number(3, "1e999"), "number_not_finite", True),
    ("a number of 400 digits", with_number(3, "1" + "0" * 400), "number_not_finite", True),
    ("a text for a number", with_number(1, '"81"'), "position_wrong", True),
    ("true for a number", with_number(1, "true"), "position_wrong", True),
    ("off the earth", polygon([(181, 3), (182, 3), (182, 4), (181, 3)]), "outside_earth", False),
    (
        "collection",
        {"type": "GeometryCollection", "geometries": [polygon(square())]},
        "geometry_is_collection",
        True,
    ),
    ("curve", {"type": "CurvePolygon", "coordinates": [square()]}, "geometry_is_curve", True),
    ("two points", polygon([square()[0], square()[1], square()[0]]), "too_few_points", True),
    ("one point four times", polygon([square()[0]] * 4), "too_few_points", True),
    ("hole outside", polygon(*HOLE_OUTSIDE), "hole_outside", True),
    ("touching itself", polygon(TOUCHING), "ring_self_intersection", True),
    ("the same ring twice", polygon(square(), square()), "self_intersection", True),
    ("brackets only", {"type": "Polygon", "coordinates": [[[[[]]]]]}, "position_wrong", False),
    ("another good one", polygon(square(7)), None, True),
]


@pytest.fixture(scope="module")
def mixed_geojson() -> Iterator[Found]:
    """All of the cases in one file, read once."""
    features = [
        feature(shape, BDCDYH=f"宗地-{at}", QLR="李秀英")
        for at, (_what, shape, _code, _placed) in enumerate(GEOJSON_CASES, start=1)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": [*features, "no feature"]})
    whole = re.sub(r'"@(.*?)@"', lambda found: json.loads(f'"{found[1]}"'), text)
    with tempfile.TemporaryDirectory() as folder:
        yield read(text_file(Path(folder) / "mixed.geojson", whole))


def test_good_features_of_a_mixed_file_go_on(mixed_geojson: Found) -> None:
    good = [at for at, case in enumerate(GEOJSON_CASES, start=1) if case[2] is None]
    assert mixed_geojson.rows == good
    assert mixed_geojson.columns["BDCDYH"] == [f"宗地-{at}" for at in good]
    assert metres_between(mixed_geojson.shapes[-1], square(7)) == 0


def test_every_feature_is_either_taken_or_listed(mixed_geojson: Found) -> None:
    listed = [reject.row for reject in mixed_geojson.rejects]
    assert sorted(mixed_geojson.rows + listed) == list(range(1, len(GEOJSON_CASES) + 2))
    assert listed == sorted(listed)


@pytest.mark.parametrize(
    ("row", "code", "placed"),
    [
        pytest.param(row, code, placed, id=what)
        for row, (what, _shape, code, placed) in enumerate(GEOJSON_CASES, start=1)
        if code is not None
    ],
)
def test_a_bad_feature_is_listed_with_row_id_reason_and_place(
    mixed_geojson: Found, row: int, code: str, placed: bool
) -> None:
    [reject] = [reject for reject in mixed_geojson.rejects if reject.row == row]
    assert reject.code == code
    assert reject.id == f"宗地-{row}"
    assert words(reject)
    assert_placed(reject, placed)


def assert_placed(reject: Reject, placed: bool) -> None:
    if not placed:
        assert (reject.lon, reject.lat) == (None, None)
        return
    assert reject.lon is not None
    assert reject.lat is not None
    assert abs(reject.lon - WEST) < 0.02
    assert abs(reject.lat - SOUTH) < 0.02


def test_the_crossing_of_a_bow_tie_is_shown_within_a_millionth_of_a_degree(here: Path) -> None:
    plane = shapefile_zip(here / "plane.zip", [[projected(BOW_TIE, 4536)]], prj=plane_prj())
    degrees = geopackage(here / "degrees.gpkg", [wkb_polygon(BOW_TIE)])
    for path in (plane, degrees):
        [reject] = read(path).rejects
        assert reject.code == "self_intersection"
        assert reject.lon == pytest.approx(CROSSING[0], abs=1e-6)
        assert reject.lat == pytest.approx(CROSSING[1], abs=1e-6)


NAN, INFINITY = math.nan, math.inf
GEOPACKAGE_CASES: list[tuple[str, bytes | None, str | None, bool]] = [
    ("good", wkb_polygon(square()), None, True),
    ("null", None, "geometry_missing", False),
    ("empty", wkb_polygon(), "geometry_empty", False),
    ("empty multi", wkb_multipolygon(), "geometry_empty", False),
    ("point", wkb_point((WEST, SOUTH)), "geometry_is_point", True),
    ("line", wkb_line(square()), "geometry_is_line", True),
    ("collection", wkb_nested_collection(3), "geometry_is_collection", False),
    ("bow-tie", wkb_polygon(BOW_TIE), "self_intersection", True),
    ("unclosed", wkb_polygon(UNCLOSED), "ring_open", True),
    (
        "NaN",
        wkb_polygon([square()[0], (NAN, SOUTH), *square()[2:]]),
        "number_not_finite",
        True,
    ),
    (
        "Infinity",
        wkb_polygon([square()[0], (WEST, -INFINITY), *square()[2:]]),
        "number_not_finite",
        True,
    ),
    ("two points", wkb_polygon([*square()[:2], square()[0]]), "too_few_points", True),
    ("a million vertices", wkb_polygon(circle(1_000_000)), "too_many_vertices", True),
    ("one vertex too many", wkb_polygon(circle(100_000)), "too_many_vertices", True),
    ("as many as allowed", wkb_polygon(circle(99_999)), None, True),
    ("nested parts", wkb_multipolygon(wkb_polygon(square()), wkb_polygon(inner_square())),
     "parts_nested", True),
    ("hole outside", wkb_polygon(*HOLE_OUTSIDE), "hole_outside", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def mixed_geopackage() -> Iterator[Found]:
    shapes = [case[1] for case in GEOPACKAGE_CASES]
    numbers = [f"宗地-{row}" for row in range(1, len(shapes) + 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = geopackage(Path(folder) / "a.gpkg", shapes, columns={"BDCDYH": numbers})
        yield read(path)


@pytest.mark.parametrize(
    ("row", "code", "placed"),
    [
        pytest.param(row, code, placed, id=what)
        for row, (what, _shape, code, placed) in enumerate(GEOPACKAGE_CASES, start=1)
    ],
)
def test_a_geopackage_is_judged_feature_by_feature(
    mixed_geopackage: Found, row: int, code: str | None, placed: bool
) -> None:
    if code is None:
        assert row in mixed_geopackage.rows
        return
    [reject] = [reject for reject in mixed_geopackage.rejects if reject.row == row]
    assert reject.code == code
    assert reject.id == f"宗地-{row}"
    assert words(reject)
    assert_placed(reject, placed)


def test_a_shapefile_is_judged_feature_by_feature(here: Path) -> None:
    cases: list[tuple[list[Ring] | None, str | None]] = [
        ([square()], None),
        (None, "geometry_missing"),
        ([BOW_TIE], "self_intersection"),
        ([UNCLOSED], "ring_open"),
        ([[square()[0], (NAN, SOUTH), *square()[2:]]], "number_not_finite"),
        ([projected(square(), 4536)], "outside_earth"),
        ([square(1), square(2)], None),
        ([square(3), inner_square(3)[::-1]], None),
    ]
    shapes = [rings for rings, _code in cases]
    found = read(shapefile_zip(here / "a.zip", shapes, prj=degrees_prj()))
    assert found.rows == [row for row, case in enumerate(cases, start=1) if case[1] is None]
    assert [(reject.row, reject.id, reject.code) for reject in found.rejects] == [
        (row, str(row), code) for row, (_rings, code) in enumerate(cases, start=1) if code
    ]
    assert [shape.geom_type for shape in found.shapes] == ["MultiPolygon"] * 3


def test_a_million_vertices_in_geojson_are_counted_and_refused(here: Path) -> None:
    ring = "[" + f"[{WEST},{SOUTH}]," * 1_000_000 + f"[{WEST},{SOUTH}]]"
    text = json.dumps({"type": "FeatureCollection", "features": [
        feature(polygon(square()), BDCDYH="1"),
        feature({"type": "Polygon", "coordinates": ["@"]}, BDCDYH="2"),
    ]})  # fmt: skip
    found = read(text_file(here / "a.geojson", text.replace('"@"', ring)))
    assert found.rows == [1]
    [reject] = found.rejects
    assert reject.code == "too_many_vertices"
    assert "1000001" in words(reject)
    assert "100000" in words(reject)
    assert_placed(reject, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"type":"GeometryCollection","geometries":[', "]}"),
        ('{"type":"Polygon","coordinates":[', "]}"),
        ("[", "]"),
    ],
    ids=["collections", "polygons", "brackets"],
)
def test_a_document_nested_fifty_thousand_deep_is_refused(
    here: Path, before: str, after: str
) -> None:
    inner = before * 50_000 + after * 50_000
    text = '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":' + inner + "}]}"
    assert refusal(text_file(here / "deep.geojson", text)).code == "nested_too_deeply"


def test_a_collection_nested_within_reason_is_one_bad_feature(here: Path) -> None:
    inner: dict[str, Any] = polygon(square())
    for _level in range(200):
        inner = {"type": "GeometryCollection", "geometries": [inner]}
    features = [feature(inner, BDCDYH="1"), feature(polygon(square()), BDCDYH="2")]
    found = read(geojson(here / "a.geojson", features))
    assert found.rows == [2]
    assert [reject.code for reject in found.rejects] == ["geometry_is_collection"]


def test_a_geopackage_nested_fifty_thousand_deep_harms_nothing(here: Path) -> None:
    path = geopackage(here / "deep.gpkg", [wkb_nested_collection(50_000), wkb_polygon(square())])
    found = read(path)
    assert [reject.code for reject in found.rejects] == ["geometry_is_collection"]
    assert found.rows == [2]


def test_a_curve_is_told_by_its_header_before_any_library_reads_it() -> None:
    fault = header_fault(wkb_curve_polygon(square()), Limits())
    assert fault == ("geometry_is_curve", {})


def test_a_curve_in_a_geopackage_is_refused_and_not_flattened_unsaid(here: Path) -> None:
    path = geopackage(here / "a.gpkg", [wkb_curve_polygon(square()), wkb_polygon(square(1))])
    found = read(path)
    assert [(reject.row, reject.code) for reject in found.rejects] == [(1, "geometry_is_curve")]
    assert found.rows == [2]


def test_an_unreadable_shape_in_a_geopackage_does_not_stop_the_others(here: Path) -> None:
    found = read(geopackage(here / "a.gpkg", [b"\x01\x03\x00", wkb_polygon(square())]))
    assert [reject.row for reject in found.rejects] == [1]
    assert found.rows == [2]


def test_an_inspection_lists_what_the_import_will_refuse(here: Path) -> None:
    shapes = [wkb_polygon(square()), wkb_polygon(BOW_TIE), None]
    path = geopackage(here / "a.gpkg", shapes, columns={"BDCDYH": ["1", "2", "3"]})
    inspection = look(path)
    answer = inspection.as_json()
    assert (answer["rejected"], answer["feature_count"]) == (2, 3)
    assert [(problem["row"], problem["id"]) for problem in answer["problems"]] == [
        (2, "2"),
        (3, "3"),
    ]
    assert "自相交" in answer["problems"][0]["message"]
    [shown] = answer["preview"]["features"]
    assert shown["properties"] == {"row": 1}

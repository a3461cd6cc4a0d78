"""Rules for every file there can be: land survives unharmed, rubbish harms nothing."""

from __future__ import annotations

import math
import tempfile
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcels.intake.errors import IntakeError
from tests.factories.files import (
    METRE_LAT,
    METRE_LON,
    degrees_prj,
    feature,
    geojson,
    geopackage,
    polygon,
    shapefile_zip,
    square,
    wkb_polygon,
)
from tests.parcels.intake.reading import CHINESE, at_once, look, read

MILLIMETRE = 0.001
PATIENT = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def land(draw: st.DrawFn) -> shapely.Polygon:
    """A star of 4 to 30 corners around a point of Ili, in some cases with a hole."""
    lon = draw(st.floats(80.0, 84.5))
    lat = draw(st.floats(42.6, 45.0))
    size_m = draw(st.floats(5, 3000))
    corners = draw(st.integers(5, 30))
    # A corner in each sector, the sectors in order: the ring cannot cross itself.
    turns = draw(st.lists(st.floats(0, 0.8), min_size=corners, max_size=corners))
    radii = draw(st.lists(st.floats(0.3, 1), min_size=corners, max_size=corners))

    def corner(at: int, radius_m: float) -> tuple[float, float]:
        angle = (at + turns[at]) / corners * 2 * math.pi
        return (
            lon + radius_m * math.cos(angle) * METRE_LON,
            lat + radius_m * math.sin(angle) * METRE_LAT,
        )

    shell = [corner(at, radii[at] * size_m) for at in range(corners)]
    holes = [[corner(at, 0.02 * size_m) for at in range(corners)]] if draw(st.booleans()) else []
    return shapely.Polygon(shell, holes)


@settings(PATIENT, max_examples=5)
@given(
    shapes=st.lists(land(), min_size=1, max_size=30),
    epsg=st.sampled_from([4490, 4536, 4515, 4503, 4492]),
)
def test_any_valid_land_survives_within_a_millimetre(
    shapes: list[shapely.Polygon], epsg: int
) -> None:
    assert all(shape.is_valid for shape in shapes)
    frame = gpd.GeoDataFrame({"BDCDYH": [str(at) for at in range(len(shapes))]}, geometry=shapes)
    frame = frame.set_crs(4490).to_crs(epsg)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "land.gpkg"
        frame.to_file(path, layer="林地", driver="GPKG")
        found = read(path)
    assert found.rejects == []
    assert found.columns["BDCDYH"] == [str(at) for at in range(len(shapes))]
    before, after = shapely.get_coordinates(shapes), shapely.get_coordinates(found.shapes)
    apart_m = np.hypot(*((after - before) / [METRE_LON, METRE_LAT]).T)
    assert apart_m.max() < MILLIMETRE


@cache
def real_files() -> tuple[bytes, ...]:
    """One good file of each format, to be spoilt."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        shapes = [square(at) for at in range(3)]
        paths = [
            shapefile_zip(here / "a.zip", [[ring] for ring in shapes], prj=degrees_prj()),
            geopackage(here / "a.gpkg", [wkb_polygon(ring) for ring in shapes]),
            geojson(here / "a.geojson", [feature(polygon(ring)) for ring in shapes]),
        ]
        return tuple(path.read_bytes() for path in paths)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good file with some bytes changed and perhaps its end lost."""
    content = bytearray(draw(st.sampled_from(real_files())))
    for _change in range(draw(st.integers(1, 8))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(len(content) // 2, len(content)))])


HEADS = (b"", b"PK\x03\x04", b"SQLite format 3\x00", b'{"type":"FeatureCollection","features":[',
         b"\x00\x00\x27\x0a", b"Rar!", b"<kml>", b"\xef\xbb\xbf{", b"[1,", b"\x1e{")  # fmt: skip
RUBBISH = st.builds(bytes.__add__, st.sampled_from(HEADS), st.binary(max_size=2000))
SUFFIXES = (".zip", ".gpkg", ".geojson", ".json", ".shp", ".dbf", ".vrt", ".kml", ".txt", "")


Named = tuple[bytes, str]
FILES = st.lists(st.tuples(RUBBISH | spoilt(), st.sampled_from(SUFFIXES)), min_size=2, max_size=4)


@settings(PATIENT, max_examples=6)
@given(files=FILES)
def test_any_bytes_under_any_name_leave_the_portal_alive(files: list[Named]) -> None:
    def survive(path: Path) -> None:
        try:
            found = look(path)
        except IntakeError as error:
            assert CHINESE.search(str(error))
        else:
            assert found.feature_count > 0
            assert found.as_json()

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"file{at}{suffix}" for at, (_content, suffix) in enumerate(files)]
        for path, (content, _suffix) in zip(paths, files, strict=True):
            path.write_bytes(content)
        at_once(survive, paths)

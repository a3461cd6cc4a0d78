"""Which system the numbers are in: known by parameters, guessed and asked, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import CRS

from parcels.intake import crs as systems
from parcels.intake.reader import Inspection
from parcels.intake.refusal import Refused
from tests.factories.files import (
    BEIJING54,
    CGCS2000,
    WGS84,
    XIAN80,
    Ring,
    degrees_prj,
    feature,
    geojson,
    geopackage,
    plane_prj,
    polygon,
    projected,
    shapefile_zip,
    square,
    swapped,
    wkb_polygon,
)
from tests.parcels.intake.reading import at_once, look, metres_between, notices, read, refusal

MILLIMETRE = 0.001
LAND = square()
SUPERMAP = plane_prj(name="User_Define", method="Transverse_Mercator")


def land_in(path: Path, ring: Ring, prj: str | None) -> Path:
    return shapefile_zip(path, [[ring]], prj=prj)


def document(path: Path, ring: Ring, crs: str | None = None) -> Path:
    return geojson(path, [feature(polygon(ring))], crs=crs)


# --- known by parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "epsg"),
    [
        (plane_prj(), 4536),
        (SUPERMAP, 4536),
        (plane_prj(name="Xian_1980_3_Degree_GK_CM_81E"), 4536),  # The name lies.
        (plane_prj(easting=27_500_000, name="CGCS2000_3_Degree_GK_Zone_27"), 4515),
        (plane_prj(easting=14_500_000, name="CGCS2000_GK_Zone_14"), 4492),
        (plane_prj(meridian=84), 4537),
        (CRS.from_epsg(4536).to_wkt("WKT2_2019"), 4536),
        (CRS.from_epsg(4503).to_wkt("WKT1_ESRI"), 4536),  # The same plane as 4536.
        (CRS.from_epsg(4515).to_wkt("WKT1_GDAL"), 4515),
        ("+proj=tmerc +lon_0=81 +x_0=500000 +ellps=GRS80", 4536),
        ("urn:ogc:def:crs:EPSG::4536", 4536),
        (degrees_prj(), 4490),
        ("EPSG:4490", 4490),
        (degrees_prj(WGS84, name="GCS_WGS_1984"), 4326),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326),
        ("EPSG:32644", 32644),
        ("EPSG:3857", 3857),
    ],
)
def test_a_system_is_known_by_its_parameters_whatever_it_is_called(text: str, epsg: int) -> None:
    found = systems.from_text(text)
    assert found is not None
    assert found.epsg == epsg
    assert found.certain
    truth = np.asarray(LAND if epsg in (4490, 4326) else projected(LAND, epsg))
    assert metres_between_points(systems.to_storage(truth, found)) < MILLIMETRE


def metres_between_points(points: Any) -> float:
    return float(np.abs((points - np.asarray(LAND)) * [80_286, 111_112]).max())


def metres_between_corners(inspection: Inspection) -> float:
    """How far the bounds of what was read are from those of the land."""
    expected = np.concatenate([np.min(LAND, axis=0), np.max(LAND, axis=0)])
    return float(
        np.abs((inspection.raw["bounds"] - expected) * [80_286, 111_112, 80_286, 111_112]).max()
    )


@pytest.mark.parametrize(
    "prj",
    [
        plane_prj(unit='"Foot",0.3048'),
        plane_prj(unit='"Kilometer",1000.0'),
        plane_prj(prime='"Paris",2.33722917'),
        degrees_prj(unit='"Radian",1.0'),
        degrees_prj(prime='"Ferro",-17.6666667'),
        degrees_prj((6377397.155, 299.1528128), name="GCS_Tokyo"),
        "+proj=lcc +lat_1=30 +lat_2=60 +lon_0=105 +ellps=GRS80",
        "+proj=omerc +lat_0=43 +lonc=81 +alpha=30 +ellps=GRS80",
        "+proj=tmerc +axis=wsu +lon_0=81 +ellps=GRS80",
        "EPSG:3395",  # A Mercator, but 30 km from the web's.
        "EPSG:4978",
    ],
)
def test_a_system_that_would_be_read_wrong_is_refused(prj: str) -> None:
    with pytest.raises(Refused) as caught:
        systems.from_text(prj)
    assert caught.value.code == "crs_unknown"


@pytest.mark.parametrize(
    "text", ["EPSG:999999", "hello", '{"type": "x"}', "/etc/passwd", "PROJCS["]
)
def test_a_definition_that_nobody_can_read_declares_nothing(text: str) -> None:
    assert systems.from_text(text) is None


def test_every_declared_system_of_this_land_leads_to_the_same_place(here: Path) -> None:
    paths = [
        land_in(here / "4536.zip", projected(LAND, 4536), plane_prj()),
        land_in(here / "supermap.zip", projected(LAND, 4503), SUPERMAP),
        land_in(here / "4515.zip", projected(LAND, 4515), plane_prj(easting=27_500_000)),
        geopackage(here / "4536.gpkg", [wkb_polygon(projected(LAND, 4536))], system=4536),
        document(here / "old.geojson", projected(LAND, 4536), "urn:ogc:def:crs:EPSG::4536"),
    ]
    for path, found in zip(paths, at_once(read, paths), strict=True):
        assert metres_between(found.shapes[0], LAND) < MILLIMETRE, path.name


def test_wgs84_is_taken_as_cgcs2000_and_said(here: Path) -> None:
    inspection = look(document(here / "land.geojson", LAND))
    assert inspection.crs.epsg == 4326
    assert notices(inspection) == ["wgs84_as_cgcs2000"]
    assert metres_between_corners(inspection) == 0


# --- refused --------------------------------------------------------------------------------------


def test_datums_that_need_seven_parameters_are_refused_whoever_names_them(here: Path) -> None:
    plane = projected(LAND, 4536)
    paths = [
        land_in(here / "xian.zip", plane, plane_prj(XIAN80, name="Xian_1980_3_Degree_GK_CM_81E")),
        land_in(here / "called_cgcs2000.zip", plane, plane_prj(XIAN80)),
        document(here / "xian.geojson", LAND, "EPSG:4610"),
        land_in(here / "beijing.zip", LAND, degrees_prj(BEIJING54, name="GCS_Beijing_1954")),
    ]
    for path, error in zip(paths, at_once(refusal, paths), strict=True):
        assert error.code == "crs_needs_seven_parameters", path.name
        assert ("北京 1954" if path.stem == "beijing" else "西安 1980") in str(error)
        assert "七参数" in str(error)


@pytest.mark.parametrize(
    ("epsg", "code"),
    [(999999, "crs_unknown"), (2380, "crs_needs_seven_parameters"), (27700, "crs_unknown")],
)
def test_a_person_cannot_choose_what_is_unknown_or_shifted(epsg: int, code: str) -> None:
    with pytest.raises(Refused) as caught:
        systems.choose(declared=None, chosen_epsg=epsg, bounds=(81.0, 43.0, 81.1, 43.1))
    assert caught.value.code == code


def test_an_unknown_epsg_names_itself_and_says_what_to_do(here: Path) -> None:
    error = refusal(land_in(here / "land.zip", LAND, None), crs_epsg=999999)
    assert error.code == "crs_unknown"
    assert "EPSG:999999" in str(error)
    assert "4490" in str(error)


def test_numbers_of_no_usual_system_must_be_given_one(here: Path) -> None:
    error = refusal(land_in(here / "land.zip", projected(LAND, 3857), None))
    assert error.code == "crs_missing"
    assert "EPSG" in str(error)


# --- guessed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ring", "epsg", "turned"),
    [
        (LAND, 4490, False),
        (swapped(LAND), 4490, True),
        (projected(LAND, 4536), 4536, False),
        (projected(LAND, 4515), 4515, False),
        (projected(LAND, 4492), 4492, False),
        (swapped(projected(LAND, 4536)), 4536, True),
        (swapped(projected(LAND, 4515)), 4515, True),
        (swapped(projected(LAND, 4492)), 4492, True),
    ],
)
def test_missing_systems_are_guessed_from_the_numbers_and_always_asked(
    ring: Ring, epsg: int, turned: bool
) -> None:
    points = np.asarray(ring)
    bounds = (*points.min(axis=0), *points.max(axis=0))
    found = systems.choose(declared=None, chosen_epsg=None, bounds=bounds)
    assert (found.epsg, found.swapped) == (epsg, turned)
    assert found.needs_question
    assert not found.certain
    assert metres_between_points(systems.to_storage(points, found)) < MILLIMETRE


@pytest.mark.parametrize("prj", [None, "hello"])
def test_a_guess_is_shown_with_its_reason(here: Path, prj: str | None) -> None:
    inspection = look(land_in(here / "land.zip", swapped(projected(LAND, 4536)), prj))
    assert inspection.crs.needs_question
    assert inspection.crs.epsg == 4536
    assert notices(inspection) == ["crs_unreadable" if prj else "prj_missing", "axes_swapped"]
    assert metres_between_corners(inspection) < MILLIMETRE


@pytest.mark.parametrize("crs", [None, "EPSG:4490"])
def test_plane_numbers_that_are_called_degrees_are_guessed_and_asked(
    here: Path, crs: str | None
) -> None:
    inspection = look(document(here / "land.geojson", projected(LAND, 4515), crs))
    assert inspection.crs.epsg == 4515
    assert inspection.crs.needs_question
    assert notices(inspection) == ["crs_contradicts_numbers"]
    assert metres_between_corners(inspection) < MILLIMETRE


def test_an_undefined_system_of_a_geopackage_declares_nothing(here: Path) -> None:
    path = geopackage(here / "land.gpkg", [wkb_polygon(projected(LAND, 4536))], system=None)
    crs = look(path).crs
    assert (crs.epsg, crs.needs_question) == (4536, True)


# --- northing first -------------------------------------------------------------------------------


@pytest.mark.parametrize("epsg", [4536, 4515, 4490])
@pytest.mark.parametrize("how", ["declared", "chosen"])
def test_northing_first_is_turned_also_where_the_system_is_known(how: str, epsg: int) -> None:
    points = np.asarray(swapped(LAND if epsg == 4490 else projected(LAND, epsg)))
    bounds = (*points.min(axis=0), *points.max(axis=0))
    found = systems.choose(
        declared=systems.from_epsg(epsg, how="declared") if how == "declared" else None,
        chosen_epsg=epsg if how == "chosen" else None,
        bounds=bounds,
    )
    assert found.swapped
    assert metres_between_points(systems.to_storage(points, found)) < MILLIMETRE


def test_a_turned_file_says_so(here: Path) -> None:
    path = land_in(here / "land.zip", swapped(projected(LAND, 4536)), plane_prj(CGCS2000))
    inspection = look(path)
    assert notices(inspection) == ["axes_swapped"]
    assert metres_between_corners(inspection) < MILLIMETRE


def test_one_wild_vertex_does_not_change_the_system_of_the_others(here: Path) -> None:
    wild = [(813.0, 43.95), *square(1)[1:-1], (813.0, 43.95)]
    found = read(geojson(here / "land.geojson", [feature(polygon(ring)) for ring in (LAND, wild)]))
    assert metres_between(found.shapes[0], LAND) == 0
    assert [(reject.row, reject.code) for reject in found.rejects] == [(2, "outside_earth")]


def test_land_far_from_here_is_read_and_said(here: Path) -> None:
    away = [(lon + 35, lat - 4) for lon, lat in LAND]
    inspection = look(document(here / "land.geojson", away, "EPSG:4490"))
    assert notices(inspection) == ["far_from_ili"]
    assert not inspection.crs.needs_question

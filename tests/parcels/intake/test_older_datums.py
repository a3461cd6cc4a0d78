"""Xian 80 and Beijing 54: refused, unless seven parameters are given by hand; then exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from parcels.intake.errors import IntakeError
from parcels.intake.reader import parse_seven_parameters
from tests.factories.files import shapefile_zip, square, text_file
from tests.parcels.intake.reading import look, read, refusal

SEVEN = (-12.5, 118.3, 66.1, 0.42, -0.17, 1.3, -2.5)
# Code, semi-major axis, inverse flattening, and how the plane is written.
XIAN = (2372, 6378140.0, 298.257, "+x_0=500000")
XIAN_ZONE = (2351, 6378140.0, 298.257, "+x_0=27500000")
BEIJING = (2424, 6378245.0, 298.3, "+x_0=500000")


def older(points: Any, system: tuple[int, float, float, str]) -> list[tuple[float, float]]:
    """CGCS2000 → the older plane by the inverse of the parameters; position vector, so that the
    reader's own convention is not merely repeated."""
    _code, axis, flattening, easting = system
    x, y, z, rx, ry, rz, scale = SEVEN
    pipeline = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        "+step +proj=cart +ellps=GRS80 "
        f"+step +inv +proj=helmert +x={x} +y={y} +z={z} +rx={-rx} +ry={-ry} +rz={-rz} +s={scale} "
        "+convention=position_vector "
        f"+step +inv +proj=cart +a={axis} +rf={flattening} "
        f"+step +proj=tmerc +lat_0=0 +lon_0=81 +k=1 {easting} +y_0=0 +a={axis} +rf={flattening}"
    )
    return [pipeline.transform(lon, lat) for lon, lat in points]


@pytest.mark.parametrize("system", [XIAN, XIAN_ZONE, BEIJING])
@pytest.mark.parametrize("how", ["declared", "chosen"])
def test_seven_parameters_by_hand_lead_to_the_place_within_a_millimetre(
    tmp_path: Path, system: tuple[int, float, float, str], how: str
) -> None:
    prj = CRS.from_epsg(system[0]).to_wkt("WKT1_ESRI") if how == "declared" else None
    path = shapefile_zip(tmp_path / "a.zip", [[older(square(), system)]], prj=prj)
    choices: dict[str, Any] = {"crs_epsg": None if how == "declared" else system[0]}
    assert refusal(path, **choices).code == "crs_needs_seven_parameters"
    [shape] = read(path, seven_parameters=SEVEN, **choices).shapes
    metres = (shapely.get_coordinates(shape) - np.array(sorted_like(shape))) * (80_286, 111_112)
    assert np.abs(metres).max() < 0.001
    notices = {one["code"] for one in look(path, seven_parameters=SEVEN, **choices).raw["notices"]}
    assert "seven_parameters_given" in notices


def sorted_like(shape: shapely.Geometry) -> list[tuple[float, float]]:
    """The true corner nearest to each vertex."""
    true = np.array(square())
    return [
        tuple(true[np.abs(true - point).sum(axis=1).argmin()])
        for point in shapely.get_coordinates(shape)
    ]


def test_a_survey_text_without_parameters_takes_those_given_by_hand(tmp_path: Path) -> None:
    lines = [
        f"J{at},1,{north:.4f},{east:.4f}"
        for at, (east, north) in enumerate(older(square(), XIAN_ZONE), start=1)
    ]
    text = (
        "[属性描述]\r\n坐标系=1980西安坐标系\r\n几度分带=3\r\n投影类型=高斯克吕格\r\n"
        "计量单位=米\r\n带号=27\r\n转换参数=,,,,,,\r\n[地块坐标]\r\n"
        f"{len(lines)},1.0,1,地块,面,,,,@\r\n" + "\r\n".join(lines) + "\r\n"
    )
    path = text_file(tmp_path / "a.txt", text)
    assert refusal(path).code == "crs_needs_seven_parameters"
    [shape] = read(path, seven_parameters=SEVEN).shapes
    metres = (shapely.get_coordinates(shape) - np.array(sorted_like(shape))) * (80_286, 111_112)
    assert np.abs(metres).max() < 0.002  # Written to a tenth of a millimetre.


def test_parameters_that_move_the_land_away_are_refused(tmp_path: Path) -> None:
    path = shapefile_zip(tmp_path / "a.zip", [[older(square(), XIAN)]], prj=None)
    wrong = (5000.0, *SEVEN[1:])
    found = refusal(path, seven_parameters=wrong, crs_epsg=2372)
    assert found.code == "survey_parameters_wrong"


def test_parameters_that_a_file_does_not_need_are_said_to_be_idle(tmp_path: Path) -> None:
    path = shapefile_zip(tmp_path / "a.zip", [[square()]], prj=CRS.from_epsg(4490).to_wkt())
    codes = {one["code"] for one in look(path, seven_parameters=SEVEN).raw["notices"]}
    assert "seven_parameters_idle" in codes


@pytest.mark.parametrize("written", ["1,2,3", "1,2,3,4,5,6,x", "0,0,0,0,0,0,0", "1,2,3,4,5,6,inf"])
def test_anything_but_seven_numbers_is_refused(written: str) -> None:
    with pytest.raises(IntakeError) as caught:
        parse_seven_parameters(written)
    assert caught.value.code == "survey_parameters_wrong"
    assert parse_seven_parameters("  ") is None
    assert parse_seven_parameters("1，2;3 4,5,6,7") == (1, 2, 3, 4, 5, 6, 7)

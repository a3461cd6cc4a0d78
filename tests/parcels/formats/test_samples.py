"""The files that bureaus and owners really bring, through the reader's own process."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from parcels.intake.reader import Choices, Limits, inspect_file, read_batches
from tests.parcels.formats.reading import SAMPLES, holes, metres_apart, read


def test_survey_text_has_six_plots_and_a_hole_in_the_second() -> None:
    path = SAMPLES / "勘测定界坐标.txt"
    found = inspect_file(path, choices=Choices(), limits=Limits())
    [batch] = read_batches(path, choices=Choices(), limits=Limits())
    shapes = shapely.from_wkb(batch.wkb)
    assert (found.format, found.feature_count, found.crs.epsg) == ("报备坐标 TXT", 6, 4515)
    assert found.crs.certain
    assert found.encoding is not None
    assert found.encoding.value == "gb18030"
    assert [holes(shape) for shape in shapes] == [0, 1, 0, 0, 0, 0]
    assert batch.rejects == []
    assert batch.columns["地块名称"][1] == "0052林班00125小班"
    assert batch.columns["面积"][0] == pytest.approx(8.9299)


def test_survey_text_lies_where_the_stand_of_the_same_name_lies() -> None:
    text, stands = read(SAMPLES / "勘测定界坐标.txt"), read(SAMPLES / "stands.gpkg")
    keys = zip(stands.columns["LIN_BAN"], stands.columns["XIAO_BAN"], strict=True)
    by_name = {f"{lin}林班{xiao}小班": at for at, (lin, xiao) in enumerate(keys)}
    stand = stands.shapes[by_name[text.columns["地块名称"][0]]]
    assert metres_apart(text.shapes[0], stand) < 0.001


def test_workbook_has_three_plots_with_the_northing_first() -> None:
    path = SAMPLES / "界址点成果表.xlsx"
    found = inspect_file(path, choices=Choices(), limits=Limits())
    [batch] = read_batches(path, choices=Choices(), limits=Limits())
    assert (found.format, found.feature_count, found.crs.epsg) == ("XLSX", 3, 4515)
    assert found.crs.needs_question
    assert batch.columns["地块号"] == ["DK01", "DK02", "DK03"]
    assert batch.rejects == []
    assert all(
        43.8 < shapely.get_coordinates(s)[:, 1].min() < 44.3 for s in shapely.from_wkb(batch.wkb)
    )


def test_outline_from_a_phone_map_is_one_polygon_with_a_warning() -> None:
    path = SAMPLES / "项目范围.kml"
    found = inspect_file(path, choices=Choices(), limits=Limits())
    [batch] = read_batches(path, choices=Choices(), limits=Limits())
    codes = {notice["code"] for notice in found.raw["notices"]}
    assert (found.format, found.layer, found.feature_count) == ("KML", "项目范围", 1)
    assert {"altitude_dropped", "may_be_gcj02"} <= codes
    assert batch.columns["name"] == ["达达木图造林项目"]
    assert batch.rejects == []


@pytest.mark.parametrize("name", ["林地小班_2025.zip", "采伐规划.gpkg", "其他机制项目.geojson"])
def test_other_samples_still_read_whole(name: str) -> None:
    found = read(Path(SAMPLES / name))
    assert found.shapes
    assert found.rejects == []

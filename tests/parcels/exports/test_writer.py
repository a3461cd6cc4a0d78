"""What is written, the reader reads back: the same land within a millimetre."""

from __future__ import annotations

import datetime
import json
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely import MultiPolygon

from parcels.exports import errors
from parcels.exports.writer import FORMATS, Feature, Maker, write_features
from parcels.intake.reader import Choices, Limits, read_batches
from tests.parcels.exports.shapes import KINDS, PARTS, WITH_HOLE, box, features
from tests.parcels.formats.reading import SAMPLES, Read, holes, look, metres_apart, notices, read

EVERY_WAY = [
    (name, epsg, encoding)
    for name, known in FORMATS.items()
    for epsg in known.systems
    for encoding in known.encodings
]
PLOTS = [
    Feature({"地块编号": "DK-1", "地块名称": "达达木图", "地块用途": "林地"}, WITH_HOLE),
    Feature({"地块编号": "DK-2", "地块名称": "巴彦岱"}, PARTS),
]


def written(folder: Path, format: str, given: list[Feature], **choices: Any) -> Path:
    path = folder / f"导出{FORMATS[format].suffix}"
    write_features(path, features=given, format=format, **choices)
    assert [found.name for found in folder.iterdir()] == [path.name]
    return path


def assert_same_land(found: Read, given: list[Feature]) -> None:
    assert found.rejects == []
    assert len(found.shapes) == len(given)
    for shape, feature in zip(found.shapes, given, strict=True):
        assert metres_apart(shape, feature.shape) < 0.001
        assert shapely.get_num_geometries(shape) == shapely.get_num_geometries(feature.shape)
        assert holes(shape) == holes(feature.shape)


@pytest.mark.parametrize("format", FORMATS)
def test_the_readers_own_process_reads_it_back(tmp_path: Path, format: str) -> None:
    path = written(tmp_path, format, PLOTS)
    [batch] = read_batches(path, choices=Choices(), limits=Limits())
    shapes = list(shapely.from_wkb(batch.wkb))
    assert_same_land(Read(shapes, batch.rows, batch.columns, batch.rejects), PLOTS)  # type: ignore[arg-type]


@pytest.mark.parametrize(("format", "epsg", "encoding"), EVERY_WAY)
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_system_and_encoding(
    tmp_path: Path, kind: str, format: str, epsg: int, encoding: str
) -> None:
    given = [Feature({"名称": "甲"}, KINDS[kind]), Feature({"名称": "乙"}, PARTS)]
    path = written(tmp_path, format, given, crs_epsg=epsg, encoding=encoding)
    assert_same_land(read(path), given)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given=features())
def test_any_land_and_any_values(format: str, given: list[Feature]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), format, given)
        found = read(path)
        assert_same_land(found, given)
        # Nobody's text became a formula, a separator or another column's.
        if format in ("geojson", "geopackage"):
            for name, values in found.columns.items():
                wanted = [feature.properties[name] for feature in given]
                for value, want in zip(values, wanted, strict=True):
                    if isinstance(want, str) and isinstance(value, str):
                        assert value == want


@pytest.mark.parametrize("format", FORMATS)
def test_a_thousand_plots_keep_their_order(tmp_path: Path, format: str) -> None:
    given = [
        Feature({"地块编号": f"{at:04}"}, MultiPolygon([box(2 * (at % 40), 2 * (at // 40), 1)]))
        for at in range(1100)
    ]
    found = read(written(tmp_path, format, given))
    assert_same_land(found, given)
    assert list(next(v for k, v in found.columns.items() if "编" in k)) == [
        feature.properties["地块编号"] for feature in given
    ]


def test_the_samples_go_round(tmp_path: Path) -> None:
    first = read(SAMPLES / "勘测定界坐标.txt")
    given = [
        Feature({name: values[at] for name, values in first.columns.items()}, shape)
        for at, shape in enumerate(first.shapes)
    ]
    found = read(written(tmp_path, "survey_txt", given))
    assert_same_land(found, given)
    del found.columns["面积"], first.columns["面积"]  # The sample's counts the hole in.
    assert found.columns == first.columns


# --- what each format is --------------------------------------------------------------------------


def test_survey_text_is_what_bureaus_read(tmp_path: Path) -> None:
    maker = Maker("伊宁市林业和草原局", datetime.date(2026, 3, 9))
    data = written(tmp_path, "survey_txt", PLOTS, maker=maker).read_bytes()
    lines = data.decode("gbk").split("\r\n")
    assert lines[:12] == [
        "[属性描述]", "格式版本号=1.01版本", "数据产生单位=伊宁市林业和草原局",
        "数据产生日期=2026-03-09", "坐标系=2000国家大地坐标系", "几度分带=3",
        "投影类型=高斯克吕格", "计量单位=米", "带号=27", "精度=0.001",
        "转换参数=0,0,0,0,0,0,0", "[地块坐标]",
    ]  # fmt: skip
    assert lines[12].startswith("15,")
    assert lines[12].endswith(",DK-1,达达木图,面,,林地,,@")
    name, ring, northing, easting = lines[13].split(",")
    assert (name, ring) == ("J1", "1")
    assert (northing[:2], len(northing), easting[:4], len(easting)) == ("48", 11, "2752", 12)
    assert lines[17] == lines[13]
    assert lines[-1] == ""
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_survey_text_begins_in_the_north_west_and_goes_clockwise(tmp_path: Path) -> None:
    given = [Feature({}, MultiPolygon([box(0, 0, 5)]))]
    text = written(tmp_path, "survey_txt", given).read_text("gbk")
    points = [tuple(map(float, line.split(",")[2:])) for line in text.split() if line[0] == "J"]
    north_west, north_east = points[:2]
    assert north_west[0] > points[2][0]
    assert north_east[1] > north_west[1]


@pytest.mark.parametrize(("epsg", "zone", "digits"), [(4515, "27", 8), (4536, "27", 6)])
def test_survey_text_names_the_zone_in_either_way(
    tmp_path: Path, epsg: int, zone: str, digits: int
) -> None:
    text = written(tmp_path, "survey_txt", PLOTS, crs_epsg=epsg).read_text("gbk")
    assert f"带号={zone}\n" in text
    [first] = [line for line in text.splitlines() if line.startswith("J1,1,")][:1]
    assert len(first.split(",")[3].split(".")[0]) == digits


def test_survey_text_keeps_its_separators_apart(tmp_path: Path) -> None:
    given = [Feature({"地块名称": "甲,乙@丙=丁\r\n戊", "权利人": "张三"}, PARTS)]
    path = tmp_path / "a.txt"
    assert write_features(path, features=given, format="survey_txt").left_out == ("权利人",)
    assert read(path).columns["地块名称"] == ["甲，乙＠丙＝丁 戊"]


def test_survey_text_gives_the_area_of_its_own_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "survey_txt", PLOTS)
    [first, _second] = read(path).columns["面积"]
    assert first == pytest.approx(0.0001 * 87 * 80_263 * 111_120 * 1e-6, rel=0.001)
    assert notices(path) == []


@pytest.mark.parametrize(
    ("encoding", "cpg", "language", "name"),
    [("gb18030", "GBK", 0x4D, "地块编号"), ("utf-8", "UTF-8", 0, "地块编")],
)
def test_shapefile_declares_its_encoding_twice(
    tmp_path: Path, encoding: str, cpg: str, language: int, name: str
) -> None:
    path = written(tmp_path, "shapefile", PLOTS, encoding=encoding, layer="宗 地/1")
    with zipfile.ZipFile(path) as archive:
        parts = {Path(part).suffix: archive.read(part) for part in archive.namelist()}
        assert {Path(part).stem for part in archive.namelist()} == {"宗 地_1"}
    assert sorted(parts) == [".cpg", ".dbf", ".prj", ".shp", ".shx"]
    assert (parts[".cpg"], parts[".dbf"][29]) == (cpg.encode(), language)
    assert look(path)["encoding"]["how"] == "declared"
    assert read(path).columns[name] == ["DK-1", "DK-2"]


def test_shapefile_says_what_it_renamed_and_cut(tmp_path: Path) -> None:
    given = [Feature({"很长的字段名称一": 1, "很长的字段名称二": "长" * 300, "短": "x"}, WITH_HOLE)]
    path = tmp_path / "a.zip"
    found = write_features(path, features=given, format="shapefile")
    assert found.renamed == {"很长的字段名称一": "很长的字段", "很长的字段名称二": "很长的字_2"}
    assert found.shortened == ("很长的字段名称二",)
    assert read(path).columns == {"很长的字段": [1], "很长的字_2": ["长" * 127], "短": ["x"]}


def test_a_table_of_blanks_is_no_bomb_to_the_reader(tmp_path: Path) -> None:
    given = [
        Feature({f"C{at}": None if row else "长" * 120 for at in range(12)}, PARTS)
        for row in range(900)
    ]
    assert len(read(written(tmp_path, "shapefile", given)).shapes) == 900


def test_values_keep_their_types(tmp_path: Path) -> None:
    properties: dict[str, Any] = {
        "whole": 7, "number": Decimal("8.93"), "text": "0045", "day": datetime.date(2026, 3, 9),
        "none": None, "mixed": 1, "huge": 10**20, "nan": float("nan"),
    }  # fmt: skip
    given = [Feature(properties, WITH_HOLE), Feature({**properties, "mixed": "一"}, PARTS)]
    columns = read(written(tmp_path, "geopackage", given)).columns
    assert {name: values[0] for name, values in columns.items()} == {
        "whole": 7, "number": 8.93, "text": "0045", "day": "2026-03-09", "none": None,
        "mixed": "1", "huge": str(10**20), "nan": None,
    }  # fmt: skip


def test_geojson_names_its_system_and_runs_counter_clockwise(tmp_path: Path) -> None:
    path = written(tmp_path, "geojson", PLOTS)
    document = json.loads(path.read_text("utf-8"))
    assert document["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4490"
    [outer, *inner] = document["features"][0]["geometry"]["coordinates"][0]
    assert shapely.LinearRing(outer).is_ccw
    assert not any(shapely.LinearRing(ring).is_ccw for ring in inner)
    assert notices(path) == []
    assert read(path).shapes[0].equals(WITH_HOLE)


def test_kml_escapes_and_names_its_placemarks(tmp_path: Path) -> None:
    given = [Feature({"名称": "<a>&\"'\x01", '备"注': "]]>"}, WITH_HOLE), Feature({}, PARTS)]
    path = written(tmp_path, "kml", given, layer="甲<乙")
    found = look(path)
    assert (found["layer"], found["crs"]["epsg"]) == ("甲_乙", 4326)
    columns = read(path).columns
    assert columns["name"] == ["<a>&\"'", "2"]
    assert columns['备"注'] == ["]]>", None]


@pytest.mark.parametrize(
    "text", ["=1+1", '=HYPERLINK("http://x")', "+1", "-1", "@A1", "'=1", "=1\x01"]
)
def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path, text: str) -> None:
    given = [Feature({"地块号": text, text: text, "备注": text}, WITH_HOLE)]
    path = written(tmp_path, "point_table", given)
    shown = text.replace("\x01", "")
    [sheet] = openpyxl.load_workbook(path).worksheets
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    texts = [cell for cell in cells if cell.value == shown]
    assert len(texts) == 12 + 3  # The plot's number at each point; a heading and two values.
    assert all(cell.quotePrefix for cell in texts)
    found = read(path)
    assert (found.columns["地块号"], found.columns["备注"]) == ([shown], [shown])


def test_workbook_keeps_plots_of_one_number_apart(tmp_path: Path) -> None:
    given = [Feature({"地块号": "1"}, WITH_HOLE), Feature({"地块号": "1"}, PARTS)]
    path = tmp_path / "a.xlsx"
    assert (
        write_features(path, features=given, format="point_table").renamed["地块号"] == "原地块号"
    )
    found = read(path)
    assert_same_land(found, given)
    assert found.columns == {"地块号": ["1", "2"], "原地块号": ["1", "1"]}


def test_workbook_does_not_round_long_codes(tmp_path: Path) -> None:
    code = 654002103023000001234567
    path = written(tmp_path, "point_table", [Feature({"代码": code}, PARTS)])
    assert read(path).columns["代码"] == [str(code)]


def test_a_column_called_like_a_coordinate_stays_a_column(tmp_path: Path) -> None:
    given = [Feature({"X": 5, "经度": "东", "圈号": 9, "b": True}, PARTS)]
    found = read(written(tmp_path, "point_table", given))
    assert_same_land(found, given)
    assert found.columns == {
        "地块号": ["1"], "X": ["5"], "经度": ["东"], "圈号": ["9"], "b": ["是"],
    }  # fmt: skip


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "refusal"),
    [
        ({"format": "dwg"}, errors.UnknownExportFormat),
        ({"format": "geojson", "crs_epsg": 4536}, errors.CrsNotOffered),
        ({"format": "survey_txt", "crs_epsg": 4490}, errors.CrsNotOffered),
        ({"format": "shapefile", "crs_epsg": 4535}, errors.CrsNotOffered),
        ({"format": "shapefile", "encoding": "big5"}, errors.EncodingNotOffered),
        ({"format": "shapefile", "encoding": "klingon"}, errors.EncodingNotOffered),
        ({"format": "geojson", "encoding": "gbk"}, errors.EncodingNotOffered),
        ({"format": "geojson", "features": []}, errors.NothingToExport),
    ],
)
def test_what_is_not_offered_is_refused_and_leaves_nothing(
    tmp_path: Path, choices: dict[str, Any], refusal: type[errors.ExportRefused]
) -> None:
    with pytest.raises(refusal) as refused:
        write_features(tmp_path / "a", **{"features": PLOTS, **choices})
    assert "{" not in str(refused.value)
    assert "?" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_more_points_than_rows_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("parcels.exports.point_table.MAX_ROWS", 20)
    with pytest.raises(errors.TooManyRows):
        write_features(tmp_path / "a.xlsx", features=PLOTS, format="point_table")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays_when_writing_fails(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"before")
    monkeypatch.setattr("parcels.exports.point_table.MAX_ROWS", 20)
    with pytest.raises(errors.TooManyRows):
        write_features(path, features=PLOTS, format="point_table")
    assert path.read_bytes() == b"before"


def test_gbk_is_a_name_of_gb18030(tmp_path: Path) -> None:
    rare = [Feature({"地块名称": "䶮𠮷"}, PARTS)]
    path = written(tmp_path, "survey_txt", rare, encoding="GBK")
    assert read(path).columns["地块名称"] == ["䶮𠮷"]

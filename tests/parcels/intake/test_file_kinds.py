"""What a file is, is told by its content; what we cannot read is named, with a way out."""

from __future__ import annotations

import os
from pathlib import Path

import pyogrio
import pytest

from parcels.intake.formats.geojson import features_of, parse
from parcels.intake.gate import MIB, Limits
from parcels.intake.refusal import Refused
from tests.factories.files import (
    dbf,
    feature,
    geojson,
    geopackage,
    polygon,
    square,
    text_file,
    wkb_polygon,
    zip_of,
)
from tests.parcels.intake.reading import at_once, look, refusal

FOREIGN = [
    (b"Rar!\x1a\x07\x01\x00", ".rar", "format_rar", "zip"),
    (b"7z\xbc\xaf\x27\x1c\x00\x04", ".7z", "format_7z", "zip"),
    (b"\x1f\x8b\x08\x00", ".gz", "format_gzip", "zip"),
    (b"AC1032\x00\x00", ".geojson", "format_dwg", "另存为 DXF"),
    (b"%PDF-1.7\n", ".pdf", "format_pdf", "请上传"),
    (b"\x00\x00\x27\x0a", ".shp", "shapefile_alone", "压缩为 zip"),
    (b"\x89PNG\r\n\x1a\n", ".gpkg", "format_unknown", "GeoPackage"),
    (b"hello", ".zip", "not_a_zip", "重新打包为 zip"),
]


def test_a_foreign_format_is_named_with_a_way_out(here: Path) -> None:
    paths = []
    for at, (head, suffix, _code, _advice) in enumerate(FOREIGN):
        paths.append(here / f"宗地{at}{suffix}")
        paths[-1].write_bytes(head + bytes(200))
    errors = at_once(refusal, paths)
    assert [error.code for error in errors] == [code for _head, _suffix, code, _way in FOREIGN]
    for path, error, (_head, _suffix, _code, advice) in zip(paths, errors, FOREIGN, strict=True):
        assert advice in str(error)
        assert path.name in str(error)


def test_an_empty_file_says_so(here: Path) -> None:
    paths = [here / "空.zip", here / "空.geojson"]
    for path in paths:
        path.touch()
    for path, error in zip(paths, at_once(refusal, paths), strict=True):
        assert error.code == "file_empty"
        assert path.name in str(error)


def test_an_absent_file_says_so(here: Path) -> None:
    assert refusal(here / "没有.zip").code == "file_missing"


def test_a_folder_or_a_pipe_is_no_file(here: Path) -> None:
    os.mkfifo(here / "pipe.geojson")
    errors = at_once(refusal, [here, here / "pipe.geojson"])
    assert [error.code for error in errors] == ["file_missing"] * 2


def test_a_file_of_200_mib_is_refused_by_a_limit_of_50(here: Path) -> None:
    path = here / "large.gpkg"
    path.touch()
    os.truncate(path, 200 * MIB)
    error = refusal(path)
    assert error.code == "file_too_large"
    assert "200 MB" in str(error)
    assert "50 MB" in str(error)


def test_content_decides_and_not_the_name(here: Path) -> None:
    package = geopackage(here / "land.geojson", [wkb_polygon(square())])
    document = geojson(here / "land.zip", [feature(polygon(square()))])
    found = at_once(look, [package, document])
    assert [inspection.format for inspection in found] == ["GeoPackage", "GeoJSON"]


def test_an_encoding_that_a_format_has_no_use_for_is_said_to_be_idle(here: Path) -> None:
    package = geopackage(here / "land.gpkg", [wkb_polygon(square())])
    codes = [one["code"] for one in look(package, encoding="gb18030").raw["notices"]]
    assert "encoding_idle" in codes


@pytest.fixture
def vrt(here: Path) -> str:
    """A virtual file that makes GDAL read another file of the server; shown to work without us."""
    secret = text_file(here / "secret.csv", 'shape,name\n"POLYGON((81 43,82 43,82 44,81 43))",秘密')
    text = (
        '<OGRVRTDataSource><OGRVRTLayer name="secret">'
        f"<SrcDataSource>{secret}</SrcDataSource>"
        '<GeometryField encoding="WKT" field="shape"/></OGRVRTLayer></OGRVRTDataSource>'
    )
    for name in ("attack.vrt", "attack.shp"):
        fields = pyogrio.read_info(text_file(here / name, text))["fields"]
        assert "name" in fields, "the attack itself must work, or the test says nothing"
    return text


def test_a_virtual_file_is_read_under_no_name(here: Path, vrt: str) -> None:
    paths = [text_file(here / f"land{end}", vrt) for end in (".geojson", ".gpkg", ".vrt", ".zip")]
    errors = at_once(refusal, paths)
    assert [error.code for error in errors] == [*["format_unknown"] * 3, "not_a_zip"]
    assert not any("秘密" in str(error) for error in errors)


def test_a_virtual_file_is_not_read_from_within_an_archive(here: Path, vrt: str) -> None:
    table = dbf([(b"A", 5)], [[b"1"]])
    as_shapes = zip_of(here / "1.zip", {"land.shp": vrt.encode(), "land.dbf": table})
    as_package = zip_of(here / "2.zip", {"land.gpkg": vrt.encode()})
    errors = at_once(refusal, [as_shapes, as_package])
    assert [error.code for error in errors] == ["file_damaged", "zip_without_layers"]


def test_a_shp_that_is_no_shapefile_is_not_opened_by_another_driver(here: Path) -> None:
    table = dbf([(b"A", 5)], [[b"1"]])
    document = geojson(here / "a.json", [feature(polygon(square()))]).read_bytes()
    package = geopackage(here / "a.gpkg", [wkb_polygon(square())]).read_bytes()
    paths = [
        zip_of(here / f"{at}.zip", {"小班.shp": content, "小班.dbf": table})
        for at, content in enumerate([document, package])
    ]
    for error in at_once(refusal, paths):
        assert error.code == "file_damaged"
        assert "小班.shp" in str(error)


def test_a_database_that_is_no_geopackage_is_refused(here: Path) -> None:
    path = geopackage(here / "land.gpkg", [wkb_polygon(square())])
    content = path.read_bytes().replace(b"gpkg_contents", b"gpkg_c_ntents")
    path.write_bytes(content)
    assert refusal(path).code == "file_damaged"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[1, 2]", "geojson_shape"),
        ('{"name": "package", "version": 1}', "geojson_shape"),
        ('{"type": "FeatureCollection"}', "geojson_shape"),
        ('{"type":"FeatureCollection","features":[' + "1" * 5000 + "]}", "json_damaged"),
        (
            '{"type":"FeatureCollection","features":[{"type":"Feature","id":\udc80}]}',
            "geojson_encoding",
        ),
    ],
)
def test_json_that_is_no_geojson_is_refused(here: Path, text: str, code: str) -> None:
    path = here / "land.geojson"
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(Refused) as caught:
        features_of(parse(path, Limits()))
    assert caught.value.code == code


def test_broken_json_says_where_and_no_features_says_so(here: Path) -> None:
    broken = text_file(here / "1.geojson", '{"type":"FeatureCollection",\n"features":[}')
    empty = geojson(here / "2.geojson", [])
    errors = at_once(refusal, [broken, empty])
    assert [error.code for error in errors] == ["json_damaged", "layer_empty"]
    assert "第 2 行第 13 列" in str(errors[0])

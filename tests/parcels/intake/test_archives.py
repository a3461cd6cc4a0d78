"""The gate before zip files: names, links, locks, bombs, and what lies inside."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parcels.intake.gate import MIB, Limits, unpack
from parcels.intake.refusal import Refused
from tests.factories.files import (
    feature,
    geojson,
    geopackage,
    polygon,
    shapefile_zip,
    square,
    wkb_polygon,
    zip_of,
    zip_of_many,
    zip_that_lies,
    zip_with_link,
    zip_with_password,
)
from tests.parcels.intake.reading import at_once, look, read, refusal


def refused_while_unpacking(path: Path, limits: Limits = Limits()) -> str | None:
    """The code of the gate alone, without a reader; what is refused for its names writes nothing."""
    into = path.parent / "into"
    into.mkdir()
    try:
        unpack(path, into, limits)
    except Refused as refused:
        assert not refused.code.startswith("zip_name") or not list(into.iterdir())
        return refused.code
    finally:
        shutil.rmtree(into)
    return None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../小班.shp", "zip_name_leads_out"),
        ("/etc/小班.shp", "zip_name_absolute"),
        ("C:\\小班.shp", "zip_name_absolute"),
    ],
)
def test_a_name_that_leads_out_of_the_archive_is_refused(here: Path, name: str, code: str) -> None:
    error = refusal(zip_of(here / "land.zip", {"good.txt": b"x", name: b"x"}))
    assert error.code == code
    assert name in str(error)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a/../../land.shp", "zip_name_leads_out"),
        ("a\\..\\..\\land.shp", "zip_name_leads_out"),
        ("..", "zip_name_leads_out"),
        ("C:/land.shp", "zip_name_absolute"),
        ("c:land.shp", "zip_name_absolute"),
        ("\\\\server\\share\\land.shp", "zip_name_absolute"),
        ("//server/land.shp", "zip_name_absolute"),
        ("数据/LAND.RAR", "zip_nested"),
        ("land.7z", "zip_nested"),
        ("land.ovkmz", "zip_nested"),
    ],
)
def test_no_entry_is_written_when_one_name_is_bad(here: Path, name: str, code: str) -> None:
    path = zip_of(here / "land.zip", {"good.shp": b"x", name: b"x"})
    assert refused_while_unpacking(path) == code
    assert sorted(here.rglob("*.*")) == [path]


def test_a_link_in_an_archive_is_refused(here: Path) -> None:
    error = refusal(zip_with_link(here / "land.zip", "land.shp", "/etc/passwd"))
    assert error.code == "zip_has_link"
    assert "land.shp" in str(error)


def test_an_archive_with_a_password_is_refused_by_that_reason(here: Path) -> None:
    error = refusal(zip_with_password(here / "land.zip", "小班.shp", b"content"))
    assert error.code == "zip_encrypted"
    assert "小班.shp" in str(error)
    assert "密码" in str(error)


def test_an_archive_within_an_archive_is_refused(here: Path) -> None:
    inner = shapefile_zip(here / "小班.zip", [[square()]]).read_bytes()
    error = refusal(zip_of(here / "outer.zip", {"数据/小班.zip": inner}))
    assert error.code == "zip_nested"
    assert "数据/小班.zip" in str(error)


def test_a_hundred_thousand_entries_are_refused_whatever_the_archive_declares(here: Path) -> None:
    paths = [
        zip_of_many(here / "honest.zip", 100_000),
        zip_of_many(here / "lying.zip", 100_000, declared=1),
    ]
    for error in at_once(refusal, paths):
        assert error.code == "zip_entries"
        assert "500" in str(error)


@pytest.mark.parametrize(("count", "code"), [(501, "zip_entries"), (500, None)])
def test_five_hundred_entries_are_the_limit(here: Path, count: int, code: str | None) -> None:
    path = zip_of(here / "land.zip", {f"{at}.txt": b"x" for at in range(count)})
    assert refused_while_unpacking(path) == code


def test_a_thousandfold_ratio_is_refused_before_unpacking(here: Path) -> None:
    path = zip_of(here / "bomb.zip", {"land.shp": bytes(20 * MIB)})
    assert path.stat().st_size * 900 < 20 * MIB
    error = refusal(path)
    assert error.code == "zip_ratio"
    assert "land.shp" in str(error)


def test_an_entry_larger_than_declared_stops_where_it_lies(here: Path) -> None:
    path = zip_that_lies(here / "bomb.zip", "land.shp", bytes(20 * MIB), declared_bytes=100)
    assert refusal(path).code == "zip_damaged"


def test_entries_may_not_unpack_to_more_than_the_limit(here: Path) -> None:
    path = zip_of(here / "land.zip", {f"{at}.shp": bytes(MIB // 2) for at in range(5)})
    assert refused_while_unpacking(path, Limits(unpacked_bytes=2 * MIB)) == "zip_unpacked_size"
    assert refused_while_unpacking(path, Limits(unpacked_bytes=3 * MIB)) is None


def cut_short(path: Path) -> Path:
    whole = shapefile_zip(path, [[square()]]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def spoilt(path: Path) -> Path:
    """The end record is whole, the compressed bytes are not."""
    content = bytearray(shapefile_zip(path, [[square(at)] for at in range(50)]).read_bytes())
    content[60:160] = bytes(100)
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda path: zip_of(path, {}), "zip_empty"),
        (lambda path: zip_that_lies(path, "", b"x", declared_bytes=1), None),
        (cut_short, "zip_damaged"),
        (spoilt, "zip_damaged"),
    ],
    ids=["empty", "no name", "cut short", "spoilt"],
)
def test_an_archive_that_gives_nothing_says_why(
    here: Path, build: Callable[[Path], Path], code: str | None
) -> None:
    assert refused_while_unpacking(build(here / "land.zip")) == code


def test_an_archive_without_layers_says_what_it_holds_and_what_is_needed(here: Path) -> None:
    error = refusal(zip_of(here / "land.zip", {"说明.txt": b"x", "photo.jpg": b"x"}))
    assert error.code == "zip_without_layers"
    assert "说明.txt" in str(error)
    assert ".shp" in str(error)


def test_an_archive_may_hold_one_geopackage_or_geojson(here: Path) -> None:
    package = geopackage(here / "a.gpkg", [wkb_polygon(square())]).read_bytes()
    document = geojson(here / "a.json", [feature(polygon(square()))]).read_bytes()
    assert look(zip_of(here / "1.zip", {"数据/小班.gpkg": package})).format == "GeoPackage"
    assert len(read(zip_of(here / "2.zip", {"land.geojson": document})).shapes) == 1


def test_names_written_by_chinese_windows_are_read(here: Path) -> None:
    gbk = shapefile_zip(here / "gbk.zip", [[square()]], stem="资料/伊宁小班", gbk_names=True)
    assert "伊宁小班".encode("gb18030") in gbk.read_bytes()
    assert look(gbk).layer == "伊宁小班"

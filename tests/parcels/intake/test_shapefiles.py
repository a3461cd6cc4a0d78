"""Zipped shapefiles: which parts may be missing, and in which encoding the words are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parcels.intake.encodings import EncodingGuess, recognise
from parcels.intake.refusal import Refused
from tests.factories.files import dbf, degrees_prj, shapefile_zip, shp_and_shx, square, zip_of
from tests.parcels.intake.reading import look, notices, read, refusal

FIELDS = (("BDCDYH", 28), ("权利人", 30), ("优势树种", 20))
ROWS = (("1", "伊宁市国有平原林场", "雪岭云杉"), ("2", "李秀英", "白榆"))


def land(path: Path, **changes: Any) -> Path:
    """Two squares with Chinese attributes in GB18030, all parts there but a .cpg."""
    given: dict[str, Any] = {"fields": FIELDS, "rows": ROWS, "prj": degrees_prj(), **changes}
    return shapefile_zip(path, [[square(at)] for at in range(len(given["rows"]))], **given)


def words_in(path: Path, **choices: Any) -> list[tuple[str, ...]]:
    found = read(path, **choices)
    return list(zip(*found.columns.values(), strict=True))


@pytest.mark.parametrize("part", [".shp", ".dbf"])
def test_a_layer_without_its_shapes_or_its_table_is_refused(here: Path, part: str) -> None:
    error = refusal(land(here / "a.zip", leave_out=[part], stem="资料/伊宁小班"))
    assert error.code == "shapefile_part_missing"
    assert "伊宁小班" in str(error)
    assert part in str(error)


def test_a_missing_index_is_restored_and_said(here: Path) -> None:
    path = land(here / "a.zip", leave_out=[".shx"])
    inspection = look(path)
    assert notices(inspection) == ["shx_restored"]
    west, south, east, north = inspection.raw["bounds"]
    assert [(west, south), (east, north)] == [square(0)[0], square(1)[2]]


def test_a_missing_prj_is_guessed_said_and_asked(here: Path) -> None:
    inspection = look(land(here / "a.zip", prj=None))
    assert notices(inspection) == ["prj_missing"]
    assert inspection.crs.needs_question
    assert inspection.crs.epsg == 4490


def test_upper_case_suffixes_and_strange_neighbours_do_not_disturb(here: Path) -> None:
    shp, shx = shp_and_shx([[square()]])
    table = dbf([(b"BDCDYH", 28)], [[b"1"]])
    entries = {"A/小班.SHP": shp, "A/小班.SHX": shx, "A/小班.DBF": table}
    entries |= {"A/小班.sbn": b"x", "__MACOSX/A/._小班.shp": b"x", "A/说明.txt": b"x"}
    assert len(read(zip_of(here / "a.zip", entries)).shapes) == 1


def test_layers_of_one_name_in_two_folders_are_both_offered(here: Path) -> None:
    entries: dict[str, bytes] = {}
    for at, folder in enumerate(("东", "西")):
        shp, shx = shp_and_shx([[square(at)]])
        table = dbf([(b"BDCDYH", 28)], [[folder.encode("gb18030")]])
        entries |= {f"{folder}/小班.{end}": part for end, part in
                    (("shp", shp), ("shx", shx), ("dbf", table))}  # fmt: skip
    path = zip_of(here / "a.zip", entries)
    inspection = look(path)
    other = {layer["name"] for layer in inspection.raw["layers"]} - {inspection.layer}
    assert inspection.fields[0].samples == ["东"]
    assert read(path, layer=other.pop()).columns["BDCDYH"] == ["西"]


def test_a_layer_that_is_not_there_is_answered_with_those_that_are(here: Path) -> None:
    error = refusal(land(here / "a.zip", stem="伊宁小班"), layer="宗地")
    assert error.code == "layer_missing"
    assert "宗地" in str(error)
    assert "伊宁小班" in str(error)


def test_gbk_without_a_cpg_is_recognised_by_its_bytes(here: Path) -> None:
    path = land(here / "a.zip")
    inspection = look(path)
    assert inspection.encoding is not None
    assert (inspection.encoding.value, inspection.encoding.how) == ("gb18030", "bytes")
    assert [field.name for field in inspection.fields] == ["BDCDYH", "权利人", "优势树种"]
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    assert [field.samples for field in inspection.fields] == columns


def test_utf8_is_recognised_without_a_cpg(here: Path) -> None:
    assert words_in(land(here / "a.zip", encoding="utf-8")) == list(ROWS)


BIG5 = {"fields": (("QLR", 20),), "rows": (("國有林場",),), "encoding": "big5"}


@pytest.mark.parametrize("declaration", [{"cpg": "BIG5"}, {"language": 0x4F}])
def test_the_cpg_and_the_language_byte_decide_before_any_guess(
    here: Path, declaration: dict[str, Any]
) -> None:
    assert words_in(land(here / "a.zip", **BIG5, **declaration)) == [("國有林場",)]


def test_the_language_byte_of_gbk_decides_where_bytes_are_utf8_too(here: Path) -> None:
    # The two bytes of 权 in GBK are a letter in UTF-8.
    given = {"fields": (("QLR", 20),), "rows": (("权",),)}
    assert words_in(land(here / "a.zip", language=0x4D, **given)) == [("权",)]


def test_a_cpg_that_lies_is_not_believed(here: Path) -> None:
    assert words_in(land(here / "a.zip", cpg="UTF-8")) == list(ROWS)


@pytest.mark.parametrize("cpg", ["hex", "utf-16", "\x00weird", "999999", "", "idna"])
def test_a_cpg_that_names_no_encoding_of_tables_is_passed_over(cpg: str) -> None:
    values = ["雪岭云杉".encode("gb18030")]
    guess = recognise(chosen=None, cpg=cpg, language_byte=0, values=values)
    assert guess == EncodingGuess("gb18030", "bytes")


def test_a_person_chooses_before_all_declarations(here: Path) -> None:
    path = land(here / "a.zip", cpg="BIG5")
    assert words_in(path, encoding="GBK") == list(ROWS)


def test_a_wrong_choice_names_the_row_and_the_column(here: Path) -> None:
    rows = [("1", "farm", "elm"), ("2", "farm", "elm"), ("3", "farm", "白榆")]
    fields = (("BDCDYH", 28), ("QLR", 30), ("YOU_SHI_SZ", 20))
    error = refusal(land(here / "a.zip", fields=fields, rows=rows), encoding="UTF-8")
    assert error.code == "encoding_wrong"
    assert "第 3 行“YOU_SHI_SZ”列" in str(error)
    assert "utf-8" in str(error)


def test_a_wrong_choice_that_spoils_a_column_name_says_which(here: Path) -> None:
    error = refusal(land(here / "a.zip"), encoding="UTF-8")
    assert error.code == "encoding_wrong"
    assert "权利人" in str(error)


def test_an_unknown_encoding_is_answered_with_those_that_are_known(here: Path) -> None:
    error = refusal(land(here / "a.zip"), encoding="klingon")
    assert error.code == "encoding_unknown"
    assert "klingon" in str(error)
    assert "GB18030" in str(error)


@pytest.mark.parametrize("choice", ["hex", "utf-16", "punycode", "base64", "zip"])
def test_an_encoding_in_which_no_table_is_written_is_unknown(choice: str) -> None:
    with pytest.raises(Refused) as caught:
        recognise(chosen=choice, cpg=None, language_byte=0, values=[b"1"])
    assert caught.value.code == "encoding_unknown"


@pytest.mark.parametrize(
    ("encoding", "width", "left"), [("gb18030", 5, "伊宁"), ("utf-8", 8, "伊宁")]
)
def test_a_text_cut_in_the_middle_of_a_character_loses_only_that_character(
    here: Path, encoding: str, width: int, left: str
) -> None:
    fields = (("BDCDYH", 28), ("权利人", width), ("优势树种", 20))
    rows = (("1", "伊宁市国有平原林场", "雪岭云杉"),)
    path = land(here / "a.zip", fields=fields, rows=rows, encoding=encoding)
    assert words_in(path) == [("1", left, "雪岭云杉")]


def test_a_column_name_cut_in_the_middle_of_a_character_is_read_to_there(here: Path) -> None:
    fields = (("BDCDYH", 28), ("a不动产单元号", 20))  # Ten bytes end within the fifth character.
    path = land(here / "a.zip", fields=fields, rows=(("1", "白榆"),))
    assert [field.name for field in look(path).fields] == ["BDCDYH", "a不动产单"]


def test_bytes_of_no_encoding_are_refused_with_their_place(here: Path) -> None:
    rows = (("1", b"\xff\xfe\xfd\x80\x81", "x"),)
    fields = (("BDCDYH", 28), ("QLR", 30), ("SZ", 20))
    error = refusal(land(here / "a.zip", fields=fields, rows=rows))
    assert error.code == "encoding_wrong"
    assert "第 1 行“QLR”列" in str(error)


@pytest.mark.parametrize("kept", [0, 20, 70])
def test_a_table_cut_short_is_refused_and_no_attribute_is_lost_unsaid(
    here: Path, kept: int
) -> None:
    shp, shx = shp_and_shx([[square()]])
    table = dbf([(b"QLR", 5)], [[b"1"]])[:kept]
    path = zip_of(here / "a.zip", {"a.shp": shp, "a.shx": shx, "a.dbf": table})
    assert refusal(path).code == "file_damaged"


def test_shapes_without_a_row_in_the_table_are_refused(here: Path) -> None:
    shp, shx = shp_and_shx([[square(at)] for at in range(3)])
    table = dbf([(b"QLR", 5)], [[b"1"], [b"2"]])
    path = zip_of(here / "a.zip", {"小班.shp": shp, "小班.shx": shx, "小班.dbf": table})
    error = refusal(path)
    assert error.code == "file_damaged"
    assert "小班.dbf" in str(error)


def test_shapes_cut_short_are_refused(here: Path) -> None:
    shp, shx = shp_and_shx([[square(at)] for at in range(3)])
    table = dbf([(b"QLR", 5)], [[b"1"], [b"2"], [b"3"]])
    path = zip_of(here / "a.zip", {"a.shp": shp[:-60], "a.shx": shx, "a.dbf": table})
    assert refusal(path).code == "file_damaged"

"""Tables of boundary points, XLSX and CSV."""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from pyproj import Transformer

from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.point_table import coordinate, role_of
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused
from tests.parcels.formats.reading import holes, look, metres_apart, notices, read

Row = Sequence[Any]
Make = Callable[[Sequence[Row]], Path]
X, Y = 4_878_000.0, 27_517_500.0
HEAD = ("地块号", "点号", "X(纵坐标)", "Y(横坐标)")
CORNERS = [(X + 100, Y), (X + 100, Y + 100), (X, Y + 100), (X, Y)]
INNER = [(X + 60, Y + 30), (X + 60, Y + 60), (X + 30, Y + 60), (X + 30, Y + 30)]


def plot(number: Any, corners: Sequence[Row] = tuple(CORNERS)) -> list[Row]:
    return [(number, f"J{at}", *corner) for at, corner in enumerate(corners, start=1)]


def workbook(folder: Path, *sheets: tuple[str, Sequence[Row]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    path = folder / "界址点.xlsx"
    book.save(path)
    return path


def csv_file(
    folder: Path, rows: Sequence[Row], encoding: str = "utf-8", mark: bytes = b"", by: str = ","
) -> Path:
    path = folder / "界址点.csv"
    lines = [by.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_bytes(mark + ("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


@pytest.fixture(params=["xlsx", "csv"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Both kinds of file, from the same rows."""
    if request.param == "csv":
        return lambda rows: csv_file(tmp_path, rows)
    return lambda rows: workbook(tmp_path, ("表", rows))


def expected(*rings: Sequence[Any]) -> Any:
    change = Transformer.from_crs(4515, 4490, always_xy=True)
    places = [[change.transform(y, x) for x, y in ring] for ring in rings]
    return shapely.MultiPolygon([shapely.Polygon(places[0], places[1:])])


def test_x_is_the_northing(make: Make) -> None:
    path = make([HEAD, *plot("DK1"), *plot("DK2")])
    found = look(path)
    assert (found["crs"]["epsg"], found["crs"]["needs_question"]) == (4515, True)
    assert [notice["code"] for notice in found["notices"]] == ["axes_swapped"]
    assert read(path).columns["地块号"] == ["DK1", "DK2"]
    assert metres_apart(read(path).shapes[0], expected(CORNERS)) < 0.001


def test_columns_exchanged_are_told_by_their_size(make: Make) -> None:
    path = make([HEAD, *plot("DK1", [corner[::-1] for corner in CORNERS])])
    assert notices(path) == ["xy_exchanged"]
    assert metres_apart(read(path).shapes[0], expected(CORNERS)) < 0.001


def test_a_chosen_system_finds_the_order_by_itself(make: Make) -> None:
    plain = [(x, y - 27e6) for x, y in CORNERS]
    found = read(make([HEAD, *plot("DK1", plain)]), crs_epsg=4536)
    assert metres_apart(found.shapes[0], expected(CORNERS)) < 0.001


@pytest.mark.parametrize(
    ("head", "order"),
    [
        (("点号", "X", "Y"), (0, 1)),
        (("点号", "x坐标（m）", "y坐标（m）"), (0, 1)),
        (("界址点号", "纵坐标(X)", "横坐标(Y)"), (0, 1)),
        (("拐点编号", "北坐标", "东坐标"), (0, 1)),
        (("Point No.", "Easting", "Northing"), (1, 0)),
        (("点名", "Y 坐标", "X 坐标"), (1, 0)),
        (("点号", "东坐标(X)", "北坐标(Y)"), (1, 0)),
    ],
)
def test_headings_by_synonyms(make: Make, head: Row, order: tuple[int, int]) -> None:
    rows = [(at, *(corner[i] for i in order)) for at, corner in enumerate(CORNERS)]
    assert metres_apart(read(make([head, *rows])).shapes[0], expected(CORNERS)) < 0.001


@pytest.mark.parametrize(
    ("text", "role"),
    [("X", "north"), ("东坐标(X)", "east"), ("X(东)", "east"), ("经度(°)", "lon"),
     ("B(纬度)", "lat"), ("备注", None), ("", None), (None, None), ("地块 编号", "plot"),
     ("Y(横坐标)", "east")],
)  # fmt: skip
def test_words_come_before_letters(text: Any, role: str | None) -> None:
    assert role_of(text) == role


def test_header_may_stand_below_titles_within_twenty_rows(make: Make) -> None:
    title = [("界址点成果表",), (), ("单位：米",)] * 6
    assert len(read(make([*title, HEAD, *plot("DK1")])).shapes) == 1
    with pytest.raises(Refused) as refused:
        read(make([*title, (), (), HEAD, *plot("DK1")]))
    assert refused.value.code == "table_header_missing"


def test_headings_may_take_two_rows(make: Make) -> None:
    rows = [("地块号", "点号", "坐标", ""), ("", "", "X", "Y"), *plot("DK1"), *plot("DK2")]
    assert read(make(rows)).columns["地块号"] == ["DK1", "DK2"]


def test_merged_plot_numbers_reach_down(make: Make) -> None:
    rows = [HEAD, *plot("DK1")[:1], *plot(None)[1:], *plot("DK2")[:1], *plot("")[1:]]
    assert read(make(rows)).columns["地块号"] == ["DK1", "DK2"]


def test_a_second_heading_blank_rows_and_words_below_do_not_matter(make: Make) -> None:
    rows = [
        HEAD,
        *plot("DK1")[:2],
        (),
        HEAD,
        *plot("DK1")[2:],
        (),
        ("制表人：", "", "张三"),
        ("2026",),
    ]
    assert len(read(make(rows)).shapes) == 1


def test_without_a_plot_column_blank_rows_part_the_plots(make: Make) -> None:
    one = [row[1:] for row in plot("")]
    found = read(make([HEAD[1:], *one, ("", "", ""), *one]))
    assert found.columns["地块号"] == ["1", "2"]
    assert found.shapes[0].equals(found.shapes[1])


def test_a_ring_column_or_a_closing_point_makes_holes(make: Make) -> None:
    want = expected(CORNERS, INNER)
    closing = [*CORNERS, CORNERS[0], *INNER, INNER[0]]
    assert metres_apart(read(make([HEAD, *plot("DK1", closing)])).shapes[0], want) < 0.001
    rings = [("DK1", 1, *corner) for corner in CORNERS] + [("DK1", 2, *corner) for corner in INNER]
    [shape] = read(make([("地块号", "圈号", "X", "Y"), *rings])).shapes
    assert holes(shape) == 1


def test_other_columns_go_with_their_plot(make: Make) -> None:
    rows = [(*HEAD, "权利人", "面积"), *((*row, "张三", 1.5) for row in plot("DK1")), *plot("DK2")]
    found = read(make(rows))
    assert found.columns == {
        "地块号": ["DK1", "DK2"], "权利人": ["张三", None], "面积": ["1.5", None],
    }  # fmt: skip


@pytest.mark.parametrize(
    "write",
    [
        lambda d: f"{d:.9f}",
        lambda d: float(d),
        lambda d: dms(d, "{}°{:02d}′{:08.5f}″"),
        lambda d: dms(d, "{}-{:02d}-{:08.5f}"),
        lambda d: dms(d, "{}度{}分{:.5f}秒"),
        lambda d: dms(d, "{}°{}'{:.5f}''"),
        lambda d: dms(d, "{}：{}：{:.5f}"),
        lambda d: ("E" if d > 60 else "N") + dms(d, "{}°{}’{:.5f}”"),
        lambda d: ("东经" if d > 60 else "北纬") + dms(d, "{}°{}′{:.5f}″"),
        lambda d: f"{int(d)}°{d % 1 * 60:.7f}′",
    ],
)
@pytest.mark.parametrize("head", [("点号", "经度", "纬度"), ("点号", "L", "B"), ("点号", "X", "Y")])
def test_degrees_in_any_writing(make: Make, head: Row, write: Callable[[float], Any]) -> None:
    shape = expected(CORNERS)
    corners = shapely.get_coordinates(shape)[:-1].tolist()
    path = make([head, *((at, write(lon), write(lat)) for at, (lon, lat) in enumerate(corners))])
    assert look(path)["crs"]["epsg"] == 4490
    assert metres_apart(read(path).shapes[0], shape) < 0.002


def dms(degrees: float, form: str) -> str:
    seconds = round(degrees * 3600, 5)
    return form.format(int(seconds // 3600), int(seconds % 3600 // 60), seconds % 60)


@pytest.mark.parametrize(
    ("written", "degrees"),
    [("81°18′02.5″", 81.300694444), ("81-18-02.5", 81.300694444), ("81 18 02.5", 81.300694444),
     ("81°18′", 81.3), ("W81°18′", -81.3), ("４３．９", 43.9), ("4,878,000.5", 4878000.5)],
)  # fmt: skip
def test_single_coordinates(written: str, degrees: float) -> None:
    assert coordinate(written) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("4878l00.0", "cell_not_number"),
        ("4878100 m", "cell_not_number"),
        ("4.8781E+06", "cell_not_number"),
        ("nan", "cell_not_number"),
        ("inf", "cell_not_number"),
        ("1" * 400, "cell_not_number"),
        (True, "cell_not_number"),
        (float("inf"), "cell_not_number"),
        ("81°61′02″", "cell_angle_wrong"),
        ("81-18-60", "cell_angle_wrong"),
        ("=A1+1", "cell_is_formula"),
        ("＝1", "cell_is_formula"),
        ("", "cell_empty"),
        (None, "cell_empty"),
    ],
)
def test_what_is_no_coordinate(value: Any, code: str) -> None:
    with pytest.raises(Fault) as fault:
        coordinate(value)
    assert fault.value.code == code


@pytest.mark.parametrize(
    ("at", "change", "code", "cell"),
    [
        (1, ("DK2", "J2", "48781o0.0", Y + 100), "cell_not_number", "C7"),
        (1, ("DK2", "J2", X + 100, None), "cell_empty", "D7"),
        (1, ("DK2", "J2", X + 100, "=1+1"), "cell_is_formula", "D7"),
        (1, ("DK2", "J2", X + 100, Y), "point_repeated", "C7"),
        (2, ("DK2", "J3", X / 10, Y + 100), "cell_out_of_line", "C8"),
        (2, ("DK2", "J3", X, Y - 27e6 + 100), "cell_out_of_line", "D8"),
        (2, ("DK2", "J3", "", ""), "cell_empty", "C8"),
    ],
)
def test_a_bad_plot_names_its_cell_and_the_others_go_on(
    make: Make, at: int, change: Row, code: str, cell: str
) -> None:
    bad = plot("DK2")
    bad[at] = change
    found = read(make([HEAD, *plot("DK1"), *bad, *plot("DK3")]))
    assert (found.codes, found.rows) == ([code], [1, 3])
    [reject] = found.rejects
    assert (reject["row"], reject["id"], reject["params"]["cell"]) == (2, "DK2", cell)
    assert reject["lon"] == pytest.approx(81.22, abs=0.01)


def test_a_formula_among_plot_numbers_is_rejected(tmp_path: Path) -> None:
    rows = [HEAD, *plot("DK1"), *plot('="DK"&2')]
    found = read(workbook(tmp_path, ("表", rows)))
    assert [reject["params"] for reject in found.rejects] == [{"cell": "A6"}]


def test_a_formula_elsewhere_does_no_harm(tmp_path: Path) -> None:
    rows = [(*HEAD, "备注"), *((*row, "=1+1") for row in plot("DK1"))]
    assert len(read(workbook(tmp_path, ("表", rows))).shapes) == 1


def test_crossing_lines_are_rejected_with_their_place(make: Make) -> None:
    found = read(make([HEAD, *plot("DK1", [CORNERS[i] for i in (0, 2, 1, 3)]), *plot("DK2")]))
    assert found.codes == ["self_intersection"]
    assert found.rejects[0]["lat"] == pytest.approx(44.04, abs=0.01)


def test_each_sheet_with_points_is_a_layer(tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ("说明", [("这里没有坐标",)]), ("一", [HEAD, *plot("DK1")]),
        ("二", [HEAD, *plot("DK2"), *plot("DK3")]),
    )  # fmt: skip
    assert [(layer["name"], layer["features"]) for layer in look(path)["layers"]] == [
        ("一", 1), ("二", 2),
    ]  # fmt: skip
    assert read(path, layer="一").columns["地块号"] == ["DK1"]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("gb18030", b""), ("utf-8", b""), ("utf-8", codecs.BOM_UTF8),
     ("utf-16-le", codecs.BOM_UTF16_LE)],
)  # fmt: skip
@pytest.mark.parametrize("by", [",", "\t", ";"])
def test_csv_in_any_encoding_and_with_any_delimiter(
    tmp_path: Path, encoding: str, mark: bytes, by: str
) -> None:
    path = csv_file(tmp_path, [HEAD, *plot("地块甲")], encoding, mark, by)
    assert read(path).columns["地块号"] == ["地块甲"]


def test_csv_in_a_chosen_encoding(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [("parcel", "point", "x", "y"), *plot("䶮")], "gb18030")
    assert read(path, encoding="gb18030").columns["parcel"] == ["䶮"]
    with pytest.raises(Refused) as refused:
        read(path, encoding="utf-8")
    assert refused.value.code == "text_encoding_wrong"


@pytest.mark.parametrize("name", ["说明.csv", "说明.txt"])
def test_text_without_coordinates_is_refused_with_what_is_missing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("甲,乙\n1,2\n", "utf-8")
    with pytest.raises(Refused) as refused:
        look(tmp_path / name)
    assert refused.value.code == "table_header_missing"


def test_old_and_locked_workbooks_are_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "表.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with pytest.raises(Refused) as refused:
        look(tmp_path / "表.xlsx")
    assert refused.value.code == "format_xls"


# --- hostile workbooks ----------------------------------------------------------------------------

LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "哈哈哈哈哈哈哈哈哈哈">'
    + "".join(f'<!ENTITY a{n} "{("&a" + str(n - 1 or "") + ";") * 10}">' for n in range(1, 9))
    + "]>"
)


def changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts written anew."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if part not in parts:
        parts[part] = (
            b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"></sst>'
        )
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
        entry = f'<Override PartName="/{part}" ContentType="{kind}"/></Types>'
        types = parts["[Content_Types].xml"].replace(b"</Types>", entry.encode())
        parts["[Content_Types].xml"] = types
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"]
)
def test_a_billion_laughs_are_refused(tmp_path: Path, part: str) -> None:
    def laugh(data: bytes) -> bytes:
        text = data.decode()
        start = text.index(">") + 1
        inside = "<si><t>&a8;</t></si>" if "shared" in part else "<x>&a8;</x>"
        return (LAUGHS + text[:start] + inside + text[start:]).encode()

    path = changed(workbook(tmp_path, ("表", [HEAD, *plot("DK1")])), part, laugh)
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == "xml_forbidden"


def test_a_workbook_of_garbage_is_refused(tmp_path: Path) -> None:
    book = workbook(tmp_path, ("表", [HEAD, *plot("DK1")]))
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"):
        with pytest.raises(Refused) as refused:
            look(changed(book, part, lambda data: b"<a>" + data[:40]))
        assert refused.value.code == "file_damaged"


def test_a_claimed_size_and_a_far_cell_cost_nothing(tmp_path: Path) -> None:
    def far(data: bytes) -> bytes:
        text = data.decode()
        text = text.replace('ref="A1:D5"', 'ref="A1:XFD1048576"')
        row = '<row r="900000"><c r="XFD900000"><v>1</v></c></row>'
        return text.replace("</sheetData>", row + "</sheetData>").encode()

    path = workbook(tmp_path, ("表", [HEAD, *plot("DK1")]))
    assert len(read(changed(path, "xl/worksheets/sheet1.xml", far)).shapes) == 1


def test_a_workbook_passes_the_gate_for_archives(tmp_path: Path) -> None:
    path = workbook(tmp_path, ("表", [HEAD, *plot("DK1")]))
    with pytest.raises(Refused) as refused:
        look(path, limits=Limits(entries=3))
    assert refused.value.code == "zip_entries"

"""报备坐标 as the format has it, and as it is seen in the wild."""

from __future__ import annotations

import codecs
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused
from tests.parcels.formats.reading import holes, look, metres_apart, notices, read

HEADER = {
    "格式版本号": "1.01版本",
    "坐标系": "2000国家大地坐标系",
    "几度分带": "3",
    "投影类型": "高斯克吕格",
    "计量单位": "米",
    "带号": "27",
    "精度": "0.001",
    "转换参数": ",,,,,,",
}
Corner = tuple[float, float]  # Northing, easting without its zone.
X, Y = 4_878_000.0, 517_500.0
ZONE = 27_000_000.0


def square(side: float = 100.0, at: Corner = (0.0, 0.0)) -> list[Corner]:
    """Four corners, clockwise from the north-west, not closed."""
    x, y = X + at[0], Y + at[1]
    return [(x + side, y), (x + side, y + side), (x, y + side), (x, y)]


def plot(
    *rings: list[Corner],
    zone: float = ZONE,
    fields: str = "{count},1.0000,1,地块甲,面,,林地,0301,@",
    close: bool = True,
    count: int | None = None,
    line: str = "J{j},{ring},{x:.3f},{y:.3f}",
) -> str:
    points = []
    for number, ring in enumerate(rings, start=1):
        for j, (x, y) in enumerate([*ring, ring[0]] if close else ring, start=1):
            points.append(line.format(j=j, ring=number, x=x, y=y + zone))
    head = fields.format(count=len(points) if count is None else count)
    return "\r\n".join([head, *points])


def survey(
    folder: Path, *plots: str, encoding: str = "gbk", mark: bytes = b"", **header: str
) -> Path:
    path = folder / "坐标.txt"
    lines = [
        "[属性描述]",
        *(f"{key}={value}" for key, value in {**HEADER, **header}.items()),
        "[地块坐标]",
        *plots,
    ]
    path.write_bytes(mark + ("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def expected(*rings: list[Corner]) -> Any:
    """The polygon of the first ring with the others as holes, in 4490."""
    change = Transformer.from_crs(4536, 4490, always_xy=True)
    places = [[change.transform(y, x) for x, y in ring] for ring in rings]
    return shapely.MultiPolygon([shapely.Polygon(places[0], places[1:])])


# --- what is written as the format has it ---------------------------------------------------------


def test_northing_comes_first_and_the_zone_stands_before_the_easting(tmp_path: Path) -> None:
    path = survey(tmp_path, plot(square()))
    found = look(path)
    assert (found["crs"]["epsg"], found["crs"]["how"]) == (4515, "declared")
    assert found["notices"] == []
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_a_ring_inside_another_is_a_hole_and_one_beside_it_a_part(tmp_path: Path) -> None:
    inner, island = square(40, (30, 30)), square(10, (45, 45))
    beside = square(50, (0, 200))
    [shape] = read(survey(tmp_path, plot(beside, inner, square(), island))).shapes
    assert (shapely.get_num_geometries(shape), holes(shape)) == (3, 1)
    alone = read(survey(tmp_path, plot(square(), inner))).shapes[0]
    assert metres_apart(alone, expected(square(), inner)) < 0.001


def test_rings_that_share_a_number_are_told_apart_by_their_closing_points(tmp_path: Path) -> None:
    inner = square(40, (30, 30))
    [shape] = read(survey(tmp_path, plot([*square(), square()[0], *inner]))).shapes
    assert metres_apart(shape, expected(square(), inner)) < 0.001


def test_fields_of_the_plot_line_become_columns(tmp_path: Path) -> None:
    line = "{count},1.0000,DK-7,达达木图,面,K44G001,林地,0301,@"
    assert read(survey(tmp_path, plot(square(), fields=line))).columns == {
        "地块编号": ["DK-7"], "地块名称": ["达达木图"], "面积": [1.0], "图幅号": ["K44G001"],
        "地块用途": ["林地"], "地类编码": ["0301"],
    }  # fmt: skip


# --- what is seen in the wild ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "name", "land_class"),
    [
        ("{count},1,1,甲,面,,林地,@", "甲", None),
        ("{count},1,1,甲,面,,林地,0301,,1,2,备注,@", "甲", "0301"),
        ("{count},1,1,甲,乙二户,面,,林地,0301,@", "甲,乙二户", "0301"),
        ("{count},1,1,甲，乙二户,面,,林地,0301,@", "甲，乙二户", "0301"),
        ("{count},1,1,面,面,,林地,0301,@", "面", "0301"),
        ("{count},1,1,,面,,,,@", None, None),
        ("{count},1,1,甲,面,,林地,0301", "甲", "0301"),
    ],
)
def test_plot_lines_with_more_or_fewer_fields(
    tmp_path: Path, fields: str, name: str | None, land_class: str | None
) -> None:
    found = read(survey(tmp_path, plot(square(), fields=fields)))
    assert found.columns["地块名称"] == [name]
    assert found.columns["地类编码"] == [land_class]


@pytest.mark.parametrize(
    ("close", "count", "accepted"),
    [(True, 5, True), (True, 4, True), (False, 4, True), (False, 5, True), (True, 6, False),
     (False, 3, False)],
)  # fmt: skip
def test_count_may_include_the_closing_point_or_not(
    tmp_path: Path, close: bool, count: int, accepted: bool
) -> None:
    found = read(survey(tmp_path, plot(square(), close=close, count=count), plot(square())))
    assert found.codes == ([] if accepted else ["point_count_wrong"])
    assert len(found.shapes) == 1 + accepted


def test_a_wrong_count_names_the_plot_line_and_has_a_place(tmp_path: Path) -> None:
    [reject] = read(survey(tmp_path, plot(square()), plot(square(), count=9))).rejects
    assert (reject["row"], reject["id"]) == (2, "1")
    assert reject["params"] == {"line": 17, "stated": 9, "found": 5}
    assert reject["lon"] == pytest.approx(81.22, abs=0.01)
    assert reject["lat"] == pytest.approx(44.04, abs=0.01)


def test_open_rings_are_closed_and_said(tmp_path: Path) -> None:
    path = survey(tmp_path, plot(square(), close=False))
    assert notices(path) == ["rings_closed"]
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_a_closing_point_with_fewer_digits_still_closes(tmp_path: Path) -> None:
    path = survey(tmp_path, plot([*square(), (X + 100, Y + 0.0004)], close=False, count=4))
    assert (notices(path), len(read(path).shapes)) == ([], 1)


def test_area_in_square_metres_is_taken_as_hectares(tmp_path: Path) -> None:
    path = survey(
        tmp_path,
        plot(square(), fields="{count},10000.0,1,甲,面,,,,@"),
        plot(square(), fields="{count},15.0,2,乙,面,,,,@"),
    )
    assert read(path).columns["面积"] == [1.0, 15.0]  # 15 mu in the second: asked later.
    assert notices(path) == ["area_in_square_metres"]


@pytest.mark.parametrize(("zone", "epsg"), [("27", 4536), ("14", 4536), ("26", 4535)])
def test_without_prefix_the_zone_of_the_header_counts(tmp_path: Path, zone: str, epsg: int) -> None:
    found = look(survey(tmp_path, plot(square(), zone=0), 带号=zone))
    assert found["crs"]["epsg"] == epsg
    assert [notice["code"] for notice in found["notices"]][0] == "zone_from_header"


def test_without_prefix_and_header_a_person_is_asked(tmp_path: Path) -> None:
    found = look(survey(tmp_path, plot(square(), zone=0), 带号=""))
    assert (found["crs"]["epsg"], found["crs"]["needs_question"]) == (4536, True)


def test_a_person_is_asked_whether_the_prefix_is_to_be_believed_against_the_header(
    tmp_path: Path,
) -> None:
    path = survey(tmp_path, plot(square()), 带号="26")
    assert "zone_contradicts" in notices(path)
    assert look(path)["crs"]["needs_question"]
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_a_plot_without_the_prefix_that_others_have_gets_it(tmp_path: Path) -> None:
    found = read(survey(tmp_path, plot(square()), plot(square(), zone=0)))
    assert metres_apart(found.shapes[0], found.shapes[1]) < 0.001


def test_a_plot_in_another_zone_is_rejected(tmp_path: Path) -> None:
    found = read(survey(tmp_path, plot(square()), plot(square()), plot(square(), zone=28e6)))
    assert (found.codes, found.rejects[0]["params"]["zone"]) == (["zone_differs"], 28)


@pytest.mark.parametrize("zone", [0.0, ZONE])
def test_x_and_y_exchanged_are_told_by_their_size(tmp_path: Path, zone: float) -> None:
    line = "J{j},{ring},{y:.3f},{x:.3f}"
    path = survey(tmp_path, plot(square(), zone=zone, line=line))
    assert "xy_exchanged" in notices(path)
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_one_exchanged_plot_among_others_is_told_too(tmp_path: Path) -> None:
    found = read(
        survey(tmp_path, plot(square()), plot(square(), line="J{j},{ring},{y:.3f},{x:.3f}"))
    )
    assert metres_apart(found.shapes[0], found.shapes[1]) < 0.001


@pytest.mark.parametrize(
    ("encoding", "mark", "shown"),
    [("gbk", b"", "gb18030"), ("utf-8", b"", "utf-8"), ("utf-8", codecs.BOM_UTF8, "utf-8"),
     ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16")],
)  # fmt: skip
def test_encodings(tmp_path: Path, encoding: str, mark: bytes, shown: str) -> None:
    path = survey(tmp_path, plot(square()), encoding=encoding, mark=mark)
    assert look(path)["encoding"]["value"] == shown
    assert read(path).columns["地块名称"] == ["地块甲"]
    assert read(path, encoding=shown).columns["地块名称"] == ["地块甲"]


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = survey(tmp_path, plot(square()))
    with pytest.raises(Refused) as refused:
        look(path, encoding="utf-8")
    assert (refused.value.code, refused.value.params["row"]) == ("text_encoding_wrong", 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("[", "【").replace("]", "】"),
        lambda text: text.replace("\r\n", "\n\n"),
        lambda text: text[text.index("5,1.0000") :],
        lambda text: text.replace("[地块坐标]\r\n", ""),
        lambda text: text.replace("J1,1,", "J1，1，").replace("1,4", "1，4").replace(",27", "，27"),
        lambda text: text + "\x1a",
    ],
    ids=["wide-brackets", "empty-lines", "no-header", "no-section", "wide-commas", "end-mark"],
)
def test_loose_writing_is_read(tmp_path: Path, change: Any) -> None:
    path = survey(tmp_path, plot(square()))
    path.write_bytes(change(path.read_bytes().decode("gbk")).encode("gbk"))
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_degrees_are_read_as_degrees(tmp_path: Path) -> None:
    shape = expected(square())
    corners = shapely.get_coordinates(shape)[:-1, ::-1].tolist()
    path = survey(tmp_path, plot(corners, zone=0, line="J{j},{ring},{x:.10f},{y:.10f}"))
    assert look(path)["crs"]["epsg"] == 4490
    assert metres_apart(read(path).shapes[0], shape) < 0.001


# --- what is wrong with a plot --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (plot([(X, Y), (X + 9, Y + 9), (X, Y + 9), (X + 9, Y)]), "self_intersection"),
        (plot(square(), square(100, (50, 50))), "rings_cross"),
        (plot(square(), [(X, Y), (X + 9, Y + 9), (X, Y + 9), (X + 9, Y)]), "self_intersection"),
        (plot(square(), square()), "rings_twice"),
        (plot(square()[:2], count=3), "too_few_points"),
        (plot(square()).replace("27517600", "27517a00", 1), "point_line_wrong"),
        (plot(square()).replace("27517600", "275176", 1), "point_line_wrong"),
        (plot(square()).replace("27517600.000", "1e999", 1), "number_not_finite"),
        (plot(square()).replace("J2,1,", "J2,", 1), "point_line_wrong"),
        (plot(square()).replace("J2,1,", "J2,一,", 1), "point_line_wrong"),
        ("0,0,1,甲,面,,,,@", "geometry_empty"),
        (plot(square(), fields="{count},1,1,甲,线,,,,@"), "geometry_is_line"),
        (plot(square(), fields="{count},1,1,甲,点,,,,@"), "geometry_is_point"),
    ],
)
def test_a_bad_plot_is_listed_and_the_others_go_on(tmp_path: Path, bad: str, code: str) -> None:
    found = read(survey(tmp_path, plot(square()), bad, plot(square())))
    assert (found.codes, found.rows) == ([code], [1, 3])
    assert found.rejects[0]["row"] == 2


@pytest.mark.parametrize(
    "bad",
    [
        plot([(X, Y), (X + 10, Y + 10), (X, Y + 10), (X + 10, Y)]),
        plot(square(10), [(X - 5, Y + 2), (X + 5, Y + 2), (X + 5, Y + 5), (X - 5, Y + 5)]),
    ],
)
def test_crossing_lines_are_shown_where_they_cross(tmp_path: Path, bad: str) -> None:
    [reject] = read(survey(tmp_path, bad)).rejects
    [near] = expected(square(10)).centroid.coords
    assert math.hypot((reject["lon"] - near[0]) * 80e3, (reject["lat"] - near[1]) * 111e3) < 8


def test_vertices_are_limited(tmp_path: Path) -> None:
    found = read(survey(tmp_path, plot(square())), limits=Limits(vertices=4))
    assert found.codes == ["too_many_vertices"]


def test_a_file_without_plots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        look(survey(tmp_path))
    assert refused.value.code == "layer_empty"


# --- older datums ---------------------------------------------------------------------------------

PARAMETERS = (-12.5, 103.25, 41.75, 1.2, -0.85, 2.4, -3.3)  # Metres, arc-seconds, ppm.


def from_older(points: list[Corner], semi_major_m: float, rf: float) -> Any:
    """The land of (northing, easting) by the formula of 布尔莎, written out."""
    plane = f"+proj=tmerc +lon_0=81 +x_0=500000 +a={semi_major_m} +rf={rf}"
    to_space = Transformer.from_crs(
        plane, f"+proj=geocent +a={semi_major_m} +rf={rf}", always_xy=True
    )
    from_space = Transformer.from_crs(
        "+proj=geocent +ellps=GRS80", "+proj=longlat +ellps=GRS80", always_xy=True
    )
    shift = np.array(PARAMETERS[:3])
    ex, ey, ez = np.radians(np.array(PARAMETERS[3:6]) / 3600)
    turn = np.array([[1, ez, -ey], [-ez, 1, ex], [ey, -ex, 1]])
    places = []
    for x, y in points:
        space = np.array(to_space.transform(y, x, 0.0))
        lon, lat, _height = from_space.transform(
            *(shift + (1 + PARAMETERS[6] * 1e-6) * turn @ space)
        )
        places.append((lon, lat))
    return shapely.MultiPolygon([shapely.Polygon(places)])


@pytest.mark.parametrize(
    ("name", "ellipsoid"),
    [("1980西安坐标系", (6378140.0, 298.257)), ("80国家大地坐标系", (6378140.0, 298.257)),
     ("1954北京坐标系", (6378245.0, 298.3))],
)  # fmt: skip
@pytest.mark.parametrize("zone", [0.0, ZONE])
def test_seven_parameters_lead_from_an_older_datum(
    tmp_path: Path, name: str, ellipsoid: tuple[float, float], zone: float
) -> None:
    given = ",".join(str(value) for value in PARAMETERS)
    path = survey(tmp_path, plot(square(), zone=zone), 坐标系=name, 转换参数=given)
    assert look(path)["crs"]["epsg"] == 4490
    assert "seven_parameters_used" in notices(path)
    found = read(path).shapes[0]
    assert metres_apart(found, from_older(square(), *ellipsoid)) < 0.001
    assert 20 < metres_apart(found, expected(square())) < 300


def test_places_of_problems_are_transformed_too(tmp_path: Path) -> None:
    given = ",".join(str(value) for value in PARAMETERS)
    bad = plot(square(), count=77)
    [reject] = read(survey(tmp_path, bad, 坐标系="1980西安坐标系", 转换参数=given)).rejects
    assert reject["lon"] == pytest.approx(81.22, abs=0.01)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"转换参数": ""}, "crs_needs_seven_parameters"),
        ({"转换参数": ",,,,,,"}, "crs_needs_seven_parameters"),
        ({"转换参数": "0,0,0,0,0,0,0"}, "crs_needs_seven_parameters"),
        ({"转换参数": "0.0, 0.0, 0, 0, 0, 0, 0"}, "crs_needs_seven_parameters"),
        ({"转换参数": "1,2,3"}, "survey_parameters_wrong"),
        ({"转换参数": "1,2,3,4,5,6,a"}, "survey_parameters_wrong"),
        ({"转换参数": "90000,2,3,4,5,6,7"}, "survey_parameters_wrong"),
        ({"转换参数": "1,2,3,4,5,6,1e300"}, "survey_parameters_wrong"),
        ({"转换参数": "1,2,3,0,0,0,0", "带号": ""}, "survey_zone_missing"),
    ],
)
def test_an_older_datum_without_good_parameters_is_refused(
    tmp_path: Path, header: dict[str, str], code: str
) -> None:
    values: dict[str, Any] = {"坐标系": "1980西安坐标系", **header}
    path = survey(tmp_path, plot(square(), zone=0), **values)
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == code


def test_a_choice_of_system_does_not_lift_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(survey(tmp_path, plot(square()), 坐标系="1980西安坐标系"), crs_epsg=4515)
    assert refused.value.code == "crs_needs_seven_parameters"


def test_parameters_of_a_cgcs2000_file_do_nothing(tmp_path: Path) -> None:
    path = survey(tmp_path, plot(square()), 转换参数="1,2,3,4,5,6,7")
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_wgs_84_is_taken_as_cgcs2000_and_said(tmp_path: Path) -> None:
    path = survey(tmp_path, plot(square()), 坐标系="WGS84")
    assert notices(path) == ["wgs84_as_cgcs2000"]
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_an_unnamed_datum_is_guessed_and_asked(tmp_path: Path) -> None:
    found = look(survey(tmp_path, plot(square()), 坐标系=""))
    assert (found["crs"]["epsg"], found["crs"]["needs_question"]) == (4515, True)

"""A map sheet is read back: what is drawn is where it is on the ground, and says what it is."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pypdf
import pyproj
import pytest
import shapely
import typst
from django.utils import translation

from portal.base.base_map import read_base_map
from portal.base.map_sheet import BaseMap, NothingToDraw, Place, SheetShape, map_sheet

SVG = "{http://www.w3.org/2000/svg}"
WEST, SOUTH = 81.30, 44.00
FIELD = shapely.Polygon(
    [(WEST, SOUTH), (WEST + 0.02, SOUTH + 0.001), (WEST + 0.018, SOUTH + 0.012), (WEST, SOUTH + 0.01)],
    [[(WEST + 0.005, SOUTH + 0.003), (WEST + 0.005, SOUTH + 0.006), (WEST + 0.009, SOUTH + 0.006)]],
)  # fmt: skip
CITY = shapely.box(81.05, 43.8, 81.55, 44.2)
BASE = BaseMap(
    borders=(("伊宁市", CITY), ("霍城县", shapely.box(80.6, 43.8, 81.05, 44.2))),
    city=CITY,
    rivers=(("伊犁河", shapely.LineString([(81.0, 43.995), (81.6, 44.004)])),),
    places=(Place("伊宁", 81.35, 43.9), Place("远方", 84.0, 45.0)),
)


def sheet(**changes: Any) -> Xml.Element:
    wanted: dict[str, Any] = {
        "shapes": [SheetShape(FIELD, label="甲地")], "base": BASE, "width_mm": 160, "height_mm": 110,
    }  # fmt: skip
    with translation.override("zh-hans"):
        return Xml.fromstring(map_sheet(**{**wanted, **changes}))


def words(root: Xml.Element) -> list[str]:
    return [item.text or "" for item in root.iter(f"{SVG}text")]


def layer(root: Xml.Element, name: str) -> Xml.Element:
    return next(item for item in root.iter() if item.get("data-layer") == name)


def on_the_ground(root: Xml.Element, way: str) -> shapely.Geometry:
    """A path's rings measured back from millimetres to degrees."""
    west, north, left, top, scale = (
        float(root.get(f"data-{name}", "")) for name in ("west", "north", "left", "top", "scale")
    )
    back = pyproj.Transformer.from_crs(4536, 4490, always_xy=True)
    rings = []
    for ring in re.findall(r"M([^MZ]+)Z", way):
        points = np.array([[float(n) for n in pair.split()] for pair in ring.split("L")])
        eastings = west + (points[:, 0] - left) * scale / 1000
        northings = north - (points[:, 1] - top) * scale / 1000
        rings.append(np.column_stack(back.transform(eastings, northings)))
    return shapely.Polygon(rings[0], rings[1:])


def test_what_is_drawn_is_the_shape_itself_with_its_hole() -> None:
    root = sheet()
    path = next(item for item in root.iter() if item.get("data-role") == "subject")
    drawn = on_the_ground(root, path.get("d", ""))
    assert len(drawn.interiors) == 1
    metres = 1 / 111_000
    paper_mm = float(root.get("data-scale", "")) / 1000
    assert shapely.hausdorff_distance(drawn, FIELD) < 0.05 * paper_mm * metres
    assert drawn.area == pytest.approx(FIELD.area, rel=0.002)


def test_a_shape_is_painted_with_its_shares_and_the_view_is_what_is_asked_for() -> None:
    field = shapely.box(WEST, SOUTH, WEST + 0.04, SOUTH + 0.02)
    shares = (("#12876f", 3.0), ("#d99a1c", 1.0))
    root = sheet(shapes=[SheetShape(field, shares=shares)])
    painted = {
        str(item.get("fill")): sum(
            on_the_ground(root, f"M{ring}Z").area
            for ring in re.findall(r"M([^MZ]+)Z", item.get("d", ""))
        )
        for item in root.iter()
        if item.get("data-role") == "share"
    }
    assert sum(painted.values()) == pytest.approx(field.area, rel=0.01)
    assert painted["#12876f"] / field.area == pytest.approx(0.75, abs=0.03)
    around = sheet(shapes=[SheetShape(field)], view=CITY)
    assert float(around.get("data-scale", "")) > 4 * float(root.get("data-scale", ""))


def test_the_small_map_of_the_city_hides_nothing_of_the_subject() -> None:
    """It leaves its corner for another, and the sheet when the land reaches into each."""
    far, near = WEST + 0.02, SOUTH + 0.016
    corner = {
        "south-west": shapely.box(WEST, SOUTH, WEST + 0.002, SOUTH + 0.002),
        "south-east": shapely.box(far - 0.002, SOUTH, far, SOUTH + 0.002),
        "north-west": shapely.box(WEST, near - 0.002, WEST + 0.002, near),
        "north-east": shapely.box(far - 0.002, near - 0.002, far, near),
    }
    size = {"width_mm": 118, "height_mm": 121}
    for land, right, low in (
        (("north-west", "north-east"), False, True),
        (("south-west", "north-east"), True, True),
        (("south-west", "south-east", "north-east"), False, False),
    ):
        parts = shapely.union_all([corner[name] for name in land])
        root = sheet(shapes=[SheetShape(parts)], **size)
        box = next(layer(root, "locator").iter(f"{SVG}rect"))
        assert (float(box.get("x", "")) > 50, float(box.get("y", "")) > 50) == (right, low), land
    everywhere = sheet(shapes=[SheetShape(shapely.union_all(list(corner.values())))], **size)
    assert not any(item.get("data-layer") == "locator" for item in everywhere.iter())


@pytest.mark.parametrize(("width", "height"), [(160, 110), (90, 90), (60, 140), (297, 210)])
def test_the_subject_fits_at_a_round_scale_with_land_around_it(width: float, height: float) -> None:
    root = sheet(width_mm=width, height_mm=height)
    assert float(root.get("data-scale", "")) in {5e3, 1e4, 1.5e4, 2e4, 2.5e4, 3e4, 4e4, 5e4, 6e4}
    path = next(item for item in root.iter() if item.get("data-role") == "subject")
    numbers = np.array([float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]).reshape(
        -1, 2
    )
    assert (numbers > 5.5).all()
    assert (numbers < (width - 5.5, height - 9)).all()


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    root = sheet()
    bar = layer(root, "scale-bar")
    scale = float(root.get("data-scale", ""))
    drawn_mm = sum(float(part.get("width", "")) for part in bar.iter(f"{SVG}rect"))
    assert drawn_mm * scale / 1000 == pytest.approx(float(bar.get("data-metres", "")), rel=0.01)
    assert f"1:{scale:,.0f}".replace(",", " ") in words(root)


def test_grid_north_is_marked_and_is_up() -> None:
    root = sheet()
    assert "北" in words(layer(root, "north"))
    assert "rotate" not in Xml.tostring(layer(root, "north"), encoding="unicode")


def test_places_inside_are_named_and_near_ones_outside_are_pointed_to_with_their_distance() -> None:
    root = sheet(places=[Place("达达木图镇", WEST + 0.004, SOUTH - 0.001)])
    said = words(root)
    assert "达达木图镇" in said
    beyond = [word for word in said if "伊宁 " in word]
    assert len(beyond) == 1
    assert re.fullmatch(r"↓ 伊宁 1[12](\.\d)? km", beyond[0])
    assert not any("远方" in word for word in said), "181 km away is no neighbour"
    assert "伊宁市" in said
    assert "伊犁河" in said


@pytest.mark.parametrize(
    ("number", "mark", "kind"),
    [("", "示意图", "sketch"), ("新S（2026）001号", "审图号：新S（2026）001号", "approved")],
)
def test_it_carries_its_approval_number_or_says_that_it_is_a_sketch(
    number: str, mark: str, kind: str
) -> None:
    root = sheet(approval_number=number)
    said = next(item for item in root.iter() if item.get("data-mark"))
    assert (said.text, said.get("data-mark")) == (mark, kind)
    assert any("非法定界线" in word for word in words(root)) is (kind == "sketch")


def test_the_same_input_gives_the_same_bytes() -> None:
    made = {
        map_sheet(shapes=[SheetShape(FIELD)], base=BASE, width_mm=120, height_mm=90) for _ in "ab"
    }
    assert len(made) == 1


def test_names_are_text_and_never_markup() -> None:
    root = sheet(shapes=[SheetShape(FIELD, label='<script>"甲"&\x00')])
    assert '<script>"甲"&' in words(root)
    assert not list(root.iter(f"{SVG}script"))


def test_names_do_not_lie_over_each_other() -> None:
    crowd = [
        SheetShape(shapely.box(x, y, x + 0.002, y + 0.002), "part", f"小班{row}{column}")
        for row, y in enumerate(np.arange(SOUTH, SOUTH + 0.01, 0.0021))
        for column, x in enumerate(np.arange(WEST, WEST + 0.02, 0.0021))
    ]
    root = sheet(shapes=[SheetShape(FIELD), *crowd], width_mm=80, height_mm=80)
    boxes = []
    for item in layer(root, "names"):
        x, y, size = (float(item.get(name, "")) for name in ("x", "y", "font-size"))
        half = len(item.text or "") * size * 0.28
        boxes.append((x - half, y - size, x + half, y))
    assert len(boxes) > 5
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            apart = (
                one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            )
            assert apart


def test_a_part_too_small_for_paper_is_ringed() -> None:
    speck = shapely.box(WEST + 0.5, SOUTH, WEST + 0.5001, SOUTH + 0.0001)
    root = sheet(shapes=[SheetShape(shapely.MultiPolygon([FIELD, speck]))])
    assert len([item for item in root.iter() if item.get("data-role") == "ring"]) == 1


@pytest.mark.parametrize(
    "changes",
    [{"shapes": []}, {"shapes": [SheetShape(shapely.Polygon())]}, {"width_mm": 20}],
    ids=["no shape", "empty shape", "no room"],
)
def test_nothing_to_draw_is_said(changes: dict[str, Any]) -> None:
    with pytest.raises(NothingToDraw):
        sheet(**changes)


def test_the_base_map_of_the_database_lies_under_a_sheet_that_prints(db: None) -> None:
    base = read_base_map()
    assert {"伊宁市", "霍城县"} <= {name for name, _geom in base.borders}
    assert base.city is not None
    with translation.override("zh-hans"):
        svg = map_sheet(
            shapes=[SheetShape(FIELD, label="甲地")], base=base, width_mm=160, height_mm=110
        )
    pdf = typst.compile(
        b'#set page(width: 180mm, height: 130mm, margin: 10mm)\n#image(bytes("%s"), format: "svg")'
        % svg.replace("\\", "\\\\").replace('"', '\\"').encode(),
        format="pdf",
    )
    page = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    for expected in ("甲地", "示意图", "北", "1:20 000"):
        assert expected in page

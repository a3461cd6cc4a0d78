"""Drawings."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from ezdxf.document import Drawing
from ezdxf.filemanagement import new
from ezdxf.layouts.layout import Modelspace
from pyproj import Transformer

from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused
from tests.parcels.formats.reading import holes, look, metres_apart, notices, read

X, Y = 517_500.0, 4_878_000.0
ZONE = 27_000_000.0
Corner = tuple[float, ...]


def square(side: float = 100.0, at: tuple[float, float] = (0.0, 0.0)) -> list[Corner]:
    x, y = X + at[0], Y + at[1]
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def drawing(
    folder: Path, draw: Callable[[Modelspace], Any], version: str = "R2010", **how: Any
) -> Path:
    document = new(version)
    draw(document.modelspace())
    return saved(document, folder, **how)


def saved(document: Drawing, folder: Path, encoding: str | None = None, fmt: str = "asc") -> Path:
    path = folder / "图.dxf"
    if encoding:
        document.encoding = encoding
    document.saveas(path, encoding=encoding, fmt=fmt)
    return path


def closed(space: Modelspace, corners: Sequence[Corner], layer: str = "地块", **more: Any) -> Any:
    return space.add_lwpolyline(corners, close=True, dxfattribs={"layer": layer, **more})


def on_plane(shape: Any) -> Any:
    change = Transformer.from_crs(4490, 4536, always_xy=True)
    return shapely.transform(shape, lambda p: np.column_stack(change.transform(p[:, 0], p[:, 1])))


def expected(*rings: list[Corner]) -> Any:
    change = Transformer.from_crs(4536, 4490, always_xy=True)
    places = [[change.transform(x, y) for x, y in ring] for ring in rings]
    return shapely.MultiPolygon([shapely.Polygon(places[0], places[1:])])


@pytest.mark.parametrize("version", ["R12", "R2000", "R2010", "R2018"])
@pytest.mark.parametrize("fmt", ["asc", "bin"])
def test_closed_polylines_are_polygons_and_the_system_is_asked(
    tmp_path: Path, version: str, fmt: str
) -> None:
    def draw(space: Modelspace) -> None:
        space.add_polyline2d(square(), close=True, dxfattribs={"layer": "0"})

    path = drawing(tmp_path, draw, version, fmt=fmt)
    found = look(path)
    assert (found["format"], found["feature_count"]) == ("DXF", 1)
    assert (found["crs"]["epsg"], found["crs"]["needs_question"]) == (4536, True)
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_the_zone_in_the_easting_is_recognised(tmp_path: Path) -> None:
    zoned = [(x + ZONE, y) for x, y in square()]
    path = drawing(tmp_path, lambda space: closed(space, zoned))
    assert look(path)["crs"]["epsg"] == 4515


def test_units_of_the_drawing_are_not_believed(tmp_path: Path) -> None:
    document = new(units=4)  # Millimetres, the default of many programs.
    closed(document.modelspace(), square())
    found = read(saved(document, tmp_path))
    assert metres_apart(found.shapes[0], expected(square())) < 0.001


def test_a_line_that_ends_where_it_began_is_closed(tmp_path: Path) -> None:
    ring = [*square(), square()[0]]
    path = drawing(tmp_path, lambda space: space.add_lwpolyline(ring))
    assert len(read(path).shapes) == 1


def test_one_layer_for_each_layer_with_polygons(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square(), "宗地")
        closed(space, square(at=(200, 0)), "宗地")
        closed(space, square(at=(400, 0)), "JZD")
        space.add_line((X, Y), (X + 9, Y), dxfattribs={"layer": "道路"})

    path = drawing(tmp_path, draw)
    layers = {layer["name"]: layer["features"] for layer in look(path)["layers"]}
    assert layers == {"宗地": 2, "JZD": 1}
    assert look(path)["layer"] == "宗地"


def test_a_line_inside_another_of_its_layer_is_a_hole(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square(10, (45, 45)))  # An island in the hole.
        closed(space, square(40, (30, 30)))
        closed(space, square())
        closed(space, square(20, (10, 10)), "别的层")

    path = drawing(tmp_path, draw)
    found = read(path, layer="地块")
    assert found.rows == [1, 2]
    assert [holes(shape) for shape in found.shapes] == [0, 1]
    assert metres_apart(found.shapes[1], expected(square(), square(40, (30, 30)))) < 0.001
    assert "dxf_holes" in notices(path, layer="地块")
    assert holes(read(path, layer="别的层").shapes[0]) == 0


def test_holes_that_touch_along_an_edge_are_one_hole(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        closed(space, square(20, (30, 30)))
        closed(space, square(20, (50, 30)))

    [shape] = read(drawing(tmp_path, draw)).shapes
    assert on_plane(shape).area == pytest.approx(100**2 - 20 * 40)


def test_a_plot_that_shares_an_edge_with_the_line_around_it_is_a_plot(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        closed(space, square(50))

    found = read(drawing(tmp_path, draw))
    assert [holes(shape) for shape in found.shapes] == [0, 0]


def test_plots_that_overlap_or_share_an_edge_stay_themselves(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        closed(space, square(at=(100, 0)))
        closed(space, square(at=(50, 50)))

    found = read(drawing(tmp_path, draw))
    assert len(found.shapes) == 3


@pytest.mark.parametrize("radius", [1.0, 100.0, 5000.0])
@pytest.mark.parametrize("kind", ["lwpolyline", "polyline", "hatch polyline", "hatch edges"])
def test_arcs_are_flattened_to_a_millimetre(tmp_path: Path, radius: float, kind: str) -> None:
    west, east = (X - radius, Y, 1.0), (X + radius, Y, 1.0)  # Bulge 1: half a circle.

    def draw(space: Modelspace) -> None:
        if kind == "lwpolyline":
            space.add_lwpolyline([west, east], format="xyb", close=True)
        elif kind == "polyline":
            space.add_polyline2d([west, east], format="xyb", close=True)
        elif kind == "hatch polyline":
            space.add_hatch().paths.add_polyline_path([west, east], is_closed=True)
        else:
            edges = space.add_hatch().paths.add_edge_path()
            edges.add_arc((X, Y), radius, 0, 180)
            edges.add_line((X - radius, Y), (X, Y))
            edges.add_line((X, Y), (X, Y - radius))
            edges.add_arc((X, Y), radius, 270, 360)

    shape = on_plane(read(drawing(tmp_path, draw)).shapes[0])
    share = 0.75 if kind == "hatch edges" else 1.0
    # A chord with a sagitta s takes (2/3)·s off along the arc.
    missing = math.pi * radius**2 * share - shape.area
    assert 0 <= missing < 2 * math.pi * radius * 0.001
    corners = shapely.get_coordinates(shape) - (X, Y)
    on_arc = np.hypot(*corners.T)[np.hypot(*corners.T) > radius / 2]
    assert np.abs(on_arc - radius).max() < 0.0005


def test_bulges_turn_to_the_side_they_are_drawn(tmp_path: Path) -> None:
    corners = [(*corner, bulge) for corner, bulge in zip(square(), (0.2, -0.3, 0, 0), strict=True)]

    def draw(space: Modelspace) -> None:
        space.add_lwpolyline(corners, format="xyb", close=True)

    def segment(bulge: float) -> float:
        angle = 4 * math.atan(bulge)
        radius = 50 / math.sin(abs(angle) / 2)
        return math.copysign(radius**2 / 2 * (abs(angle) - math.sin(abs(angle))), bulge)

    [shape] = read(drawing(tmp_path, draw)).shapes
    assert on_plane(shape).area == pytest.approx(100**2 + segment(0.2) + segment(-0.3), abs=0.1)


def test_a_mirrored_line_lies_where_it_is_seen(tmp_path: Path) -> None:
    mirrored = [(-x, y) for x, y in square()]
    path = drawing(tmp_path, lambda space: closed(space, mirrored, extrusion=(0, 0, -1)))
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_hatches_make_polygons_with_their_holes(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        hatch = space.add_hatch(dxfattribs={"layer": "林地"})
        hatch.paths.add_polyline_path(square(), is_closed=True)
        hatch.paths.add_polyline_path(square(40, (30, 30)), is_closed=True, flags=16)

    [shape] = read(drawing(tmp_path, draw)).shapes
    assert metres_apart(shape, expected(square(), square(40, (30, 30)))) < 0.001


def test_a_hatch_in_its_line_is_no_second_plot_but_a_second_line_is_told(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        space.add_hatch(dxfattribs={"layer": "地块"}).paths.add_polyline_path(square())
        closed(space, square())
        closed(space, square()[2:] + square()[:2])

    found = read(drawing(tmp_path, draw))
    assert (len(found.shapes), found.codes) == (1, ["rings_twice"])
    assert found.rejects[0]["row"] == 2


def test_ellipses_and_splines_of_a_hatch_are_flattened(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        edges = space.add_hatch().paths.add_edge_path()
        edges.add_ellipse((X, Y), major_axis=(50, 0), ratio=0.5, start_angle=0, end_angle=360)

    [shape] = read(drawing(tmp_path, draw)).shapes
    assert on_plane(shape).area == pytest.approx(math.pi * 50 * 25, abs=0.5)


def test_words_inside_a_polygon_become_its_text(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        closed(space, square(at=(200, 0)))
        closed(space, square(at=(400, 0)))
        for layer, at, text in (
            ("地块", (50, 50), "0045林班"), ("地块", (60, 40), "00043小班"),
            ("注记", (20, 20), "高程"), ("注记", (250, 50), "乙"), ("注记", (900, 50), "外"),
        ):  # fmt: skip
            place = {"insert": (X + at[0], Y + at[1]), "layer": layer}
            space.add_text(text, dxfattribs=place)
        where = {"insert": (X + 450, Y + 50), "layer": "地块"}
        space.add_mtext(r"{\fSimSun;丙}\P12.5亩", dxfattribs=where)

    assert read(drawing(tmp_path, draw)).columns["text"] == [
        "0045林班；00043小班", "乙", "丙 12.5亩",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "encoding"), [("R2000", "gbk"), ("R12", "gbk"), ("R2010", None)]
)
def test_layers_and_words_in_chinese(tmp_path: Path, version: str, encoding: str | None) -> None:
    def draw(space: Modelspace) -> None:
        space.add_polyline2d(square(), close=True, dxfattribs={"layer": "宗地"})
        space.add_text("伊宁", dxfattribs={"insert": (X + 50, Y + 50), "layer": "宗地"})

    path = drawing(tmp_path, draw, version, encoding=encoding)
    assert look(path)["layer"] == "宗地"
    assert read(path).columns["text"] == ["伊宁"]


def test_gbk_without_a_declared_code_page_is_read(tmp_path: Path) -> None:
    out = io.StringIO()
    document = new("R2000")
    document.encoding = "gbk"
    closed(document.modelspace(), square(), "宗地")
    document.write(out)
    text = out.getvalue().replace("ANSI_936", "ANSI_1252")
    path = tmp_path / "图.dxf"
    path.write_bytes(text.encode("gbk", errors="replace"))
    assert look(path)["layer"] == "宗地"


def test_altitudes_are_dropped_and_said(tmp_path: Path) -> None:
    high = [(*corner, 800.0) for corner in square()]

    def draw(space: Modelspace) -> None:
        space.add_polyline3d(high, close=True)

    path = drawing(tmp_path, draw)
    assert "altitude_dropped" in notices(path)
    assert metres_apart(read(path).shapes[0], expected(square())) < 0.001


def test_a_line_that_nearly_closes_is_listed_and_others_are_counted(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        space.add_lwpolyline([*square(at=(300, 0)), (X + 300, Y + 2)], dxfattribs={"layer": "地块"})
        space.add_lwpolyline([(X, Y), (X + 500, Y + 3)], dxfattribs={"layer": "地块"})
        space.add_circle((X, Y), 3, dxfattribs={"layer": "地块"})
        space.add_blockref("树", (X, Y))

    path = drawing(tmp_path, draw)
    found = read(path)
    assert (found.codes, found.rejects[0]["row"]) == (["ring_open"], 2)
    assert {"dxf_open_lines", "dxf_other_lines", "dxf_blocks"} <= set(notices(path))


def test_a_crossing_line_is_rejected_with_its_place(tmp_path: Path) -> None:
    crossing = [square()[i] for i in (0, 2, 1, 3)]

    def draw(space: Modelspace) -> None:
        closed(space, crossing)
        closed(space, square(at=(200, 0)))

    found = read(drawing(tmp_path, draw))
    assert (found.codes, found.rows) == (["self_intersection"], [2])
    assert found.rejects[0]["lat"] == pytest.approx(44.04, abs=0.01)


def test_something_drawn_at_the_origin_does_not_decide_the_system(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        closed(space, square())
        closed(space, square(at=(200, 0)))
        closed(space, [(0, 0), (420, 0), (420, 297), (0, 297)])

    assert look(drawing(tmp_path, draw))["crs"]["epsg"] == 4536


def test_numbers_of_no_known_system_are_refused(tmp_path: Path) -> None:
    path = drawing(tmp_path, lambda space: closed(space, [(5e3, 5e3), (6e3, 5e3), (6e3, 6e3)]))
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == "crs_missing"


def test_vertices_are_limited_for_arcs_too(tmp_path: Path) -> None:
    def draw(space: Modelspace) -> None:
        space.add_lwpolyline([(X, Y, 1), (X + 1e5, Y, 1)], format="xyb", close=True)
        closed(space, square(), "0")

    found = read(drawing(tmp_path, draw), limits=Limits(vertices=500))
    assert found.codes == ["too_many_vertices"]


def test_a_drawing_without_closed_lines_is_refused(tmp_path: Path) -> None:
    path = drawing(tmp_path, lambda space: space.add_line((X, Y), (X + 1, Y)))
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == "dxf_without_polygons"


def test_dwg_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "图.dwg"
    path.write_bytes(b"AC1032" + b"\0" * 500)
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == "format_dwg"


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_drawing_cut_off_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, keep: float
) -> None:
    path = drawing(tmp_path, lambda space: closed(space, square()))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    try:
        found = read(path)
    except Refused as refused:
        assert refused.code in ("file_damaged", "dxf_without_polygons")
    else:
        assert metres_apart(found.shapes[0], expected(square())) < 0.001

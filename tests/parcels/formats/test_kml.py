"""KML and its kin."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely

from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused
from tests.parcels.formats.reading import holes, look, notices, read

Change = Callable[[str], str]
RING = "81.30,43.90{z} 81.31,43.90{z} 81.31,43.91{z} 81.30,43.91{z} 81.30,43.90{z}"
HOLE = "81.302,43.902 81.304,43.902 81.304,43.904 81.302,43.904 81.302,43.902"


def ring(text: str, kind: str = "outer") -> str:
    inside = f"<LinearRing><coordinates>{text}</coordinates></LinearRing>"
    return f"<{kind}BoundaryIs>{inside}</{kind}BoundaryIs>"


def polygon(outer: str = RING.format(z=""), *inner: str) -> str:
    return f"<Polygon>{ring(outer)}{''.join(ring(text, 'inner') for text in inner)}</Polygon>"


def placemark(shape: str, name: str = "甲", more: str = "") -> str:
    return f"<Placemark><name>{name}</name>{more}{shape}</Placemark>"


def kml(folder: Path, body: str, *, name: str = "范围.kml", encoding: str = "utf-8") -> Path:
    path = folder / name
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>图</name>{body}</Document></kml>'
    )
    path.write_bytes(text.encode(encoding))
    return path


def test_each_folder_is_a_layer_named_by_its_path(tmp_path: Path) -> None:
    inner = f"<Folder><name>乙</name>{placemark(polygon())}{placemark(polygon())}</Folder>"
    body = f"<Folder><name>甲</name>{placemark(polygon())}{inner}</Folder>{placemark(polygon())}"
    found = look(kml(tmp_path, body + "<Folder><name>空</name></Folder>"))
    assert {layer["name"]: layer["features"] for layer in found["layers"]} == {
        "甲": 1, "甲/乙": 2, "图": 1,
    }  # fmt: skip
    assert found["layer"] == "甲/乙"


def test_two_folders_of_one_name_stay_apart(tmp_path: Path) -> None:
    body = f"<Folder><name>甲</name>{placemark(polygon())}</Folder>" * 2
    path = kml(tmp_path, body)
    assert [layer["name"] for layer in look(path)["layers"]] == ["甲", "甲 (2)"]
    assert len(read(path, layer="甲 (2)").shapes) == 1


def test_altitude_is_dropped_and_said(tmp_path: Path) -> None:
    high = kml(tmp_path, placemark(polygon(RING.format(z=",1250.5"))), name="高.kml")
    flat = kml(tmp_path, placemark(polygon()), name="平.kml")
    assert "altitude_dropped" in notices(high)
    assert "altitude_dropped" not in notices(flat)
    assert read(high).shapes[0].equals(read(flat).shapes[0])
    assert not read(high).shapes[0].has_z


def test_polygons_of_a_multigeometry_are_one_feature_with_its_holes(tmp_path: Path) -> None:
    east = "81.32,43.90 81.33,43.90 81.33,43.91 81.32,43.90"
    nested = f"<MultiGeometry>{polygon(east)}</MultiGeometry>"
    shape = f"<MultiGeometry>{polygon(RING.format(z=''), HOLE)}{nested}</MultiGeometry>"
    [found] = read(kml(tmp_path, placemark(shape))).shapes
    assert (shapely.get_num_geometries(found), holes(found)) == (2, 1)


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ("<Point><coordinates>81.3,43.9</coordinates></Point>", "geometry_is_point"),
        (
            "<LineString><coordinates>81.3,43.9 81.4,43.9</coordinates></LineString>",
            "geometry_is_line",
        ),
        (
            f"<MultiGeometry><Point><coordinates>81.3,43.9</coordinates></Point>{polygon()}"
            "</MultiGeometry>",
            "geometry_is_collection",
        ),
        ("<MultiGeometry/>", "geometry_empty"),
        ("", "geometry_missing"),
        (polygon("81.3,43.9 81.4,北 81.4,44 81.3,43.9"), "position_wrong"),
        (polygon("81.3,43.9 81.4,nan 81.4,44 81.3,43.9"), "number_not_finite"),
        (polygon("81.3,43.9 81.4,1e999 81.4,44 81.3,43.9"), "number_not_finite"),
        (polygon("81.3,43.9 81.4,43.9 81.3,43.9"), "too_few_points"),
        (polygon("81.3,43.9 81.4,44 81.4,43.9 81.3,44 81.3,43.9"), "self_intersection"),
        (polygon("43.9,81.3 43.9,181.3 44,81.3 43.9,81.3"), "outside_earth"),
    ],
)  # fmt: skip
def test_what_is_no_polygon_is_listed_and_the_others_go_on(
    tmp_path: Path, shape: str, code: str
) -> None:
    found = read(kml(tmp_path, placemark(shape) + placemark(polygon(), "好")))
    assert found.codes == [code]
    assert found.rejects[0]["row"] == 1
    assert (found.rows, found.columns["name"]) == ([2], ["好"])


def test_a_ring_left_open_is_closed_and_said(tmp_path: Path) -> None:
    path = kml(tmp_path, placemark(polygon("81.3,43.9 81.31,43.9 81.31,43.91")))
    assert "rings_closed" in notices(path)
    assert len(read(path).shapes) == 1


def test_spaces_behind_commas_do_not_matter(tmp_path: Path) -> None:
    path = kml(tmp_path, placemark(polygon("81.3, 43.9, 0\n81.31, 43.9, 0\n81.31, 43.91, 0")))
    assert len(read(path).shapes) == 1


def test_extended_data_become_columns(tmp_path: Path) -> None:
    more = (
        "<description>手绘</description>"
        "<ExtendedData><Data name='权利人'><value>张三</value></Data>"
        "<SchemaData><SimpleData name='林班'>0045</SimpleData></SchemaData></ExtendedData>"
    )
    found = read(kml(tmp_path, placemark(polygon(), more=more) + placemark(polygon(), "乙")))
    assert found.columns == {
        "name": ["甲", "乙"], "description": ["手绘", None], "权利人": ["张三", None],
        "林班": ["0045", None],
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["gb2312", "gb18030", "utf-8", "utf-16"])
def test_any_declared_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    found = read(kml(tmp_path, placemark(polygon(), "林场"), encoding=encoding))
    assert found.columns["name"] == ["林场"]


def test_gbk_bytes_declared_as_utf_8_are_read(tmp_path: Path) -> None:
    path = kml(tmp_path, placemark(polygon(), "林场"))
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    assert read(path).columns["name"] == ["林场"]


@pytest.mark.parametrize("namespace", ["", "http://earth.google.com/kml/2.0"])
def test_any_namespace_is_read(tmp_path: Path, namespace: str) -> None:
    path = kml(tmp_path, placemark(polygon(RING.format(z=""), HOLE)))
    path.write_text(path.read_text("utf-8").replace("http://www.opengis.net/kml/2.2", namespace))
    assert holes(read(path).shapes[0]) == 1


@pytest.mark.parametrize("name", ["范围.kmz", "范围.ovkmz", "范围.zip"])
def test_kmz_is_a_zip_with_a_kml(tmp_path: Path, name: str) -> None:
    inside = kml(tmp_path, placemark(polygon()))
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("files/photo.png", b"\x89PNG\r\n")
        archive.write(inside, "doc.kml")
    found = look(tmp_path / name)
    assert (found["format"], found["feature_count"]) == ("KML", 1)


def test_kmz_passes_the_gate_for_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("../doc.kml", "<kml/>")
    with pytest.raises(Refused) as refused:
        look(tmp_path / "a.kmz")
    assert refused.value.code == "zip_name_leads_out"


def test_objects_that_say_gcj_02_are_rejected_one_by_one(tmp_path: Path) -> None:
    shifted = placemark(polygon(), more="<OvCoordType>GCJ02</OvCoordType>")
    right = placemark(polygon(), more="<OvCoordType>CGCS2000</OvCoordType>")
    found = read(kml(tmp_path, shifted + right, name="a.ovkml"))
    assert (found.codes, found.rows) == (["shifted_coordinates"], [2])
    assert found.rejects[0]["lon"] == pytest.approx(81.3)


def test_objects_that_all_name_their_system_bring_no_warning(tmp_path: Path) -> None:
    body = "<OvCoordType>CGCS2000</OvCoordType>" + placemark(polygon())
    found = look(kml(tmp_path, body))
    assert found["crs"]["epsg"] == 4490
    assert found["notices"] == []


def put(before: str) -> Change:
    """The text before the root or the first placemark."""
    mark = "<Placemark>" if before.startswith("<Net") else "<kml"
    return lambda text: text.replace(mark, before + mark, 1)


LAUGHS = '<!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (put(LAUGHS), "xml_forbidden"),
        (put("<!DOCTYPE kml SYSTEM 'x.dtd'>"), "xml_forbidden"),
        (put("<NetworkLink/>"), "kml_network_link"),
        (lambda text: text.replace("</kml>", ""), "xml_damaged"),
        (lambda text: text.replace("甲", "&nbsp;"), "xml_damaged"),
        (
            lambda text: text.replace("<Placemark>", "<Folder>" * 50 + "<Placemark>").replace(
                "</Placemark>", "</Placemark>" + "</Folder>" * 50
            ),
            "nested_too_deeply",
        ),
    ],
)  # fmt: skip
def test_what_could_harm_is_refused(tmp_path: Path, change: Change, code: str) -> None:
    path = kml(tmp_path, placemark(polygon()))
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == code


def test_depth_of_a_hundred_thousand_elements_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "deep.kml"
    path.write_text("<kml>" + "<a>" * 100_000 + "</a>" * 100_000 + "</kml>")
    with pytest.raises(Refused) as refused:
        look(path)
    assert refused.value.code == "nested_too_deeply"


def test_vertices_are_limited(tmp_path: Path) -> None:
    path = kml(tmp_path, placemark(polygon()))
    assert read(path, limits=Limits(vertices=4)).codes == ["too_many_vertices"]

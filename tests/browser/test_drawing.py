"""Drawing a project area in a real browser: parcels picked, land drawn, a CCER conflict subtracted."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import shapely
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.urls import reverse
from playwright.sync_api import Page, Route, expect
from pyproj import CRS

from parcels.claims.exclusions import take_in_exclusions
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from parcels.models import Parcel, ProjectArea
from portal.accounts.models import Party, User
from portal.accounts.queries import parties_acted_for
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.factories.files import shapefile_zip
from tests.factories.land import square
from tests.factories.tables import points_table
from tests.parcels.claims.areas import claim_at
from tests.parcels.drawing.owners import land_of
from tests.parcels.intake.test_older_datums import SEVEN, XIAN, older

SAMPLES = Path(settings.FIXTURES) / "samples"
NEAR_DEG = 0.004


def as_multipolygon(shape: Any) -> MultiPolygon:
    wkb = shapely.to_wkb(
        shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    )
    geom = GEOSGeometry(memoryview(wkb), srid=4490)
    assert isinstance(geom, MultiPolygon)
    return geom


def owners_party() -> Party:
    user = User.objects.get(username="owner1")
    party = parties_acted_for(user).filter(checked_at__isnull=False).first()
    assert party is not None
    return party


def ccer_shape() -> Any:
    projects: Any = shapely.from_geojson((SAMPLES / "其他机制项目.geojson").read_bytes())
    return projects.geoms[0]


@pytest.fixture
def land(served: str) -> list[Parcel]:
    """The sample stands around the sample CCER project as owner1's verified land; five first, that
    touch one another and not the project."""
    take_in_exclusions(path=SAMPLES / "其他机制项目.geojson", actor=None)
    ccer = ccer_shape()
    stands = [
        shapely.from_wkb(wkb)
        for batch in read_batches(SAMPLES / "stands.gpkg", choices=Choices(), limits=Limits())
        for wkb in batch.wkb
    ]
    near = [stand for stand in stands if stand.distance(ccer) < NEAR_DEG]
    free = [stand for stand in near if not stand.buffer(-1e-6).intersects(ccer)]
    chain = [next(stand for stand in free if stand.intersects(ccer))]
    while len(chain) < 5:
        reached = shapely.union_all(chain)
        chain.append(
            next(
                stand
                for stand in free
                if stand not in chain and stand.intersection(reached).length > 0
            )
        )
    rest = [stand for stand in near if stand not in chain]
    parcels = land_of(owners_party(), *(as_multipolygon(stand) for stand in [*chain, *rest]))
    return parcels[:5]


@pytest.fixture
def two_parcels(served: str) -> list[Parcel]:
    """Two squares of owner1 that touch."""
    return land_of(owners_party(), square(0, 0), square(100, 0))


def start(page: Page, address: str = "/areas/new/") -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, "owner1")
    page.goto(address)
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")


def at(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is in the window: Mercator around the centre that the map tells of."""
    view = page.locator("#map").get_attribute("data-view")
    box = page.locator("#map").bounding_box()
    assert view is not None
    assert box is not None
    middle_lat, middle_lon, zoom = (float(value) for value in view.split(","))
    world = 256 * 2**zoom

    def pixel(lon: float, lat: float) -> tuple[float, float]:
        y = math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
        return (lon + 180) / 360 * world, (1 - y / math.pi) / 2 * world

    x, y = pixel(lon, lat)
    middle_x, middle_y = pixel(middle_lon, middle_lat)
    return (
        box["x"] + box["width"] / 2 + x - middle_x,
        box["y"] + box["height"] / 2 + y - middle_y,
    )


def checked(page: Page, verdict: str) -> None:
    """The rules have answered on what is drawn now."""
    expect(page.locator("#main")).to_have_attribute("data-verdict", verdict)


def fill_in(page: Page) -> None:
    page.fill("[data-ref=name]", "下潘津造林一期")
    page.fill("[data-ref=start]", "2021-01-01")
    page.fill("[data-ref=end]", "2025-12-31")
    page.fill("[data-ref=expected]", "12.5")


def draw_box(page: Page, box: tuple[float, float, float, float]) -> None:
    """Four corners set with the drawing tool, each once the tool has the one before; then closed.

    The first corner may have snapped to a line near it, so the shape is closed on its own mark.
    """
    west, south, east, north = box
    drawing = page.locator("#map")
    page.locator("[data-tool-name=draw]").click()
    expect(drawing).to_have_attribute("data-points", "0")
    corners = [(west, south), (east, south), (east, north), (west, north)]
    for count, (lon, lat) in enumerate(corners, start=1):
        page.mouse.move(*at(page, lon, lat), steps=3)
        page.mouse.click(*at(page, lon, lat))
        expect(drawing).to_have_attribute("data-points", str(count))
    page.locator(".marker-icon:not(.cursor-marker)").first.click()
    expect(drawing).not_to_have_attribute("data-points", re.compile("."))


def test_an_owner_picks_five_parcels_draws_the_rest_and_subtracts_the_ccer_project(
    open_page: Any, land: list[Parcel]
) -> None:
    page = open_page(DESKTOP)
    start(page)
    expect(page.locator("[data-ref=titles] li")).not_to_have_count(0)
    picture(page, "draw_1_titles")
    fill_in(page)
    page.locator("[data-tool-name=pick]").click()
    for count, parcel in enumerate(land, start=1):
        middle = parcel.versions.get().geom.point_on_surface
        page.mouse.click(*at(page, middle.x, middle.y))
        expect(page.locator("[data-ref=note]")).to_contain_text(str(count))
    checked(page, "clear")
    expect(page.locator("[data-ref=covered]")).to_have_text("100%")
    expect(page.locator("#main")).to_have_attribute("data-parts", "1")
    picture(page, "draw_2_five_parcels")

    west, south, east, north = ccer_shape().bounds
    middle_lat = (south + north) / 2
    draw_box(page, (west, south, east, middle_lat))
    checked(page, "conflict")
    found = page.locator(".draw-finding.conflict[data-rule=overlap_exclusion]")
    expect(found).to_contain_text("CCER-14-001-2024-0137")
    expect(found.locator(".cost")).to_contain_text("吨")
    picture(page, "draw_3_conflict")
    page.locator("[data-ref=trim]").click()
    expect(page.locator("[data-ref=note]")).to_have_text("已完成")
    page.locator("[data-ref=subtract-all]").click()
    expect(found).to_have_count(0)
    expect(page.locator("#main")).not_to_have_attribute("data-verdict", "conflict")
    picture(page, "draw_4_subtracted")
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    page.locator("form[data-ref=form] button[type=submit]").click()
    page.wait_for_url("**/areas/*-*/draw/")
    expect(page.locator("[data-ref=version-note]")).to_contain_text("1")
    version = ProjectArea.objects.get().versions.get()
    assert version.picked.count() == 5
    assert version.area.party == owners_party()


def type_point(page: Page, row: int, first: str, second: str) -> None:
    """By keys alone: both cells, then on."""
    cells = page.locator(f"[data-row='{row}'] input")
    cells.nth(0).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(first)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type(second)
    page.keyboard.press("Tab")


def test_an_area_is_drawn_and_saved_by_keyboard_alone(
    open_page: Any, two_parcels: list[Parcel]
) -> None:
    page = open_page(DESKTOP)
    start(page)
    page.locator("[data-ref=name]").focus()
    page.keyboard.type("键盘林")
    page.locator("[data-ref=vertex-box] summary").focus()
    page.keyboard.press("Enter")
    west, south, east, north = square(10, 10, 80).extent
    beyond = square(-0.02, 0).extent[0]
    type_point(page, 0, f"{beyond:.9f}", f"{south:.9f}")
    type_point(page, 1, f"{east:.9f}", f"{south:.9f}")
    type_point(page, 2, "91°70′", f"{north:.9f}")
    expect(page.locator("[data-ref=vertex-trouble]")).to_contain_text("第 3 点无法识别")
    type_point(page, 2, f"{east:.9f}", f"{north:.9f}")
    type_point(page, 3, f"{beyond:.9f}", f"{north:.9f}")
    # Two centimetres beyond the title, eighty metres long: a yellow sliver, told with its size.
    checked(page, "warning")
    sliver = page.locator(".draw-finding.warning[data-rule=covered_by_titles]")
    expect(sliver).to_contain_text("细缝")
    expect(sliver.locator(".cost")).to_contain_text("1.6")
    expect(page.locator("path[fill='#ffd93b']")).to_have_count(1)
    picture(page, "draw_sliver")
    type_point(page, 0, f"{west:.9f}", f"{south:.9f}")
    type_point(page, 3, f"{west:.9f}", f"{north:.9f}")
    checked(page, "clear")
    expect(page.locator("[data-ref=area]")).to_contain_text("0.6399 公顷 · 9.60 亩")
    # The same corner in the other two notations, and moved in the plane by typing.
    for notation, sample in (("dms", "81°18′"), ("plane", "48")):
        page.locator("[data-ref=notation]").select_option(notation)
        expect(page.locator("[data-row='0'] input").first).to_have_value(re.compile(sample))
    northing = page.locator("[data-row='2'] input").nth(0).input_value()
    easting = page.locator("[data-row='2'] input").nth(1).input_value()
    type_point(
        page, 2, f"{float(northing) + 10:.4f}", f"27{easting}" if len(easting) < 11 else easting
    )
    expect(page.locator("[data-ref=area]")).to_contain_text("0.68")
    picture(page, "draw_keyboard")
    page.locator("[data-row='3'] button").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-ref=size]")).to_contain_text("3 个顶点")
    for button, corners in (("undo", 4), ("redo", 3), ("undo", 4)):
        page.locator(f"[data-ref={button}]").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-ref=size]")).to_contain_text(f"{corners} 个顶点")
    page.locator("[data-ref=titles] input").nth(1).focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-ref=note]")).to_contain_text("已选 1 宗")
    expect(page.locator("#main")).to_have_attribute("data-parts", "2")
    page.locator("form[data-ref=form] button[type=submit]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/areas/*-*/draw/")
    assert ProjectArea.objects.get().name == "键盘林"


def test_a_phone_picks_cuts_splits_and_undoes_by_touch(
    browser: Any, served: str, two_parcels: list[Parcel]
) -> None:
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
        locale="zh-CN",
        base_url=served,
    )
    page = context.new_page()
    start(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[data-tool-name=pick]").tap()
    for count, parcel in enumerate(two_parcels, start=1):
        middle = parcel.versions.get().geom.centroid
        page.touchscreen.tap(*at(page, middle.x, middle.y))
        expect(page.locator("[data-ref=note]")).to_contain_text(f"已选 {count} 宗")
    checked(page, "clear")
    picture(page, "draw_phone_picked")

    west, south, east, north = square(20, 20, 40).extent
    page.locator("[data-tool-name=hole]").tap()
    for lon, lat in ((west, south), (east, south), (east, north), (west, south)):
        page.touchscreen.tap(*at(page, lon, lat))
        page.wait_for_timeout(350)  # As fast as a finger goes; nearer taps are a double tap.
    picture(page, "draw_phone_hole")
    expect(page.locator("[data-ref=area]")).to_contain_text("1.91")
    page.locator("[data-tool-name=split]").tap()
    line_lon = square(0, 0, 120).extent[2]
    page.touchscreen.tap(*at(page, line_lon, square(0, -20).extent[1]))
    beyond = square(0, 120).extent[1]
    page.touchscreen.tap(*at(page, line_lon, beyond))
    page.touchscreen.tap(*at(page, line_lon, beyond))
    chooser = page.locator("[data-ref=chooser]")
    expect(chooser.locator("input")).to_have_count(2)
    picture(page, "draw_phone_split")
    chooser.locator("input").nth(1).uncheck()
    chooser.locator("button").first.tap()
    expect(page.locator("[data-ref=note]")).to_have_text("已完成")
    expect(page.locator("#main")).to_have_attribute("data-parts", "1")
    expect(page.locator("[data-ref=area]")).not_to_contain_text("1.91")
    page.locator("[data-ref=undo]").tap()
    expect(page.locator("[data-ref=area]")).to_contain_text("1.91")
    page.locator("[data-ref=fit]").tap()
    page.locator("[data-tool-name=edit]").tap()
    page.wait_for_timeout(400)
    corner = square(0, 0).extent
    page.touchscreen.tap(*at(page, corner[0], corner[1]))
    picture(page, "draw_phone_vertex")
    page.locator("[data-ref=delete-vertex]").tap()
    expect(page.locator("[data-ref=area]")).not_to_contain_text("1.91")
    picture(page, "draw_phone_edit")
    context.close()


def test_points_snap_to_ones_own_borders_and_to_neighbours_public_outlines(
    open_page: Any, two_parcels: list[Parcel]
) -> None:
    claim_at(square(0, 115, 60), state="live")
    page = open_page(DESKTOP)
    sent: list[Any] = []
    page.on(
        "request", lambda one: sent.append(one.post_data_json) if "/rules/" in one.url else None
    )
    start(page)
    expect(page.locator(".leaflet-around-pane path")).to_have_count(1)
    west, south, east, north = square(0, 0, 300).extent
    around = page.request.get(
        reverse("parcels:api-drawing-around"), params={"bbox": f"{west},{south},{east},{north}"}
    ).json()
    [feature] = around["features"]
    [part] = shapely.get_parts(shapely.from_geojson(json.dumps(feature["geometry"])))
    outline = min(part.exterior.coords, key=sum)
    own = two_parcels[1].versions.get().geom.extent
    corner = (own[2], own[3])
    page.locator("[data-tool-name=draw]").click()
    expect(page.locator("[data-ref=note]")).to_contain_text("概化线")
    free = (square(0, 0, 250).extent[2], square(0, 0, 200).extent[3])
    for place, off in ((outline, 5), (corner, 5), (free, 0), (outline, 0)):
        x, y = at(page, *place)
        page.mouse.move(x + off, y - off, steps=3)
        page.wait_for_timeout(250)  # A hand rests before it clicks; the point has snapped by then.
        page.mouse.click(x + off, y - off)
    expect(page.locator("[data-ref=size]")).to_contain_text("3 个顶点")
    expect(page.locator("#main")).to_have_attribute("data-verdict", re.compile("."))
    picture(page, "draw_snapped")
    drawn = json.dumps(sent[-1])
    for place in (outline, corner):
        assert f"{place[0]}, {place[1]}" in drawn, (place, drawn)


def test_the_second_window_is_shown_the_difference_and_nothing_is_lost(
    open_page: Any, two_parcels: list[Parcel]
) -> None:
    first, second = open_page(DESKTOP), open_page(DESKTOP)
    start(first)
    start(second)
    second.locator("[data-ref=titles] input").nth(0).check()
    expect(second.locator("#main")).to_have_attribute("data-kept", "1")
    for tick in (0, 1):
        first.locator("[data-ref=titles] input").nth(tick).check()
        expect(first.locator("[data-ref=note]")).to_contain_text(f"已选 {tick + 1} 宗")
    box = first.locator("[data-ref=overtaken]")
    expect(box).to_contain_text("少 0.9998 公顷")
    picture(first, "draw_two_windows")
    first.locator("[data-ref=use-theirs]").click()
    expect(first.locator("[data-ref=area]")).to_contain_text("0.9998 公顷")
    first.locator("[data-ref=undo]").click()  # What was here before comes back.
    expect(first.locator("[data-ref=area]")).to_contain_text("1.9997 公顷")
    expect(first.locator("#main")).to_have_attribute("data-kept", re.compile("[23]"))
    reopened = open_page(DESKTOP)
    start(reopened)
    expect(reopened.locator("[data-ref=area]")).to_contain_text("1.9997 公顷")


def test_a_save_whose_answer_was_lost_is_saved_once_and_shown_beside_what_changed_since(
    open_page: Any, two_parcels: list[Parcel]
) -> None:
    page = open_page(DESKTOP)
    start(page)
    page.locator("[data-ref=titles] input").nth(0).check()
    expect(page.locator("#main")).to_have_attribute("data-kept", "1")
    page.fill("[data-ref=name]", "断线时保存")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/save/", lose_the_answer, times=1)
    page.locator("form[data-ref=form] button[type=submit]").click()
    expect(page.locator("[data-ref=note]")).to_contain_text("网络")
    page.locator("[data-ref=titles] input").nth(1).check()
    expect(page.locator("[data-ref=overtaken]")).to_contain_text("少 0.9998 公顷")
    page.locator("[data-ref=use-mine]").click()
    page.locator("form[data-ref=form] button[type=submit]").click()
    page.wait_for_url(re.compile("/areas/[0-9a-f-]{36}/draw/"))
    [area] = ProjectArea.objects.filter(name="断线时保存")
    assert [version.number for version in area.versions.order_by("number")] == [1, 2]


def file_of_an_older_datum(folder: Path) -> Path:
    """The first of ``two_parcels`` as a survey of Xian 80 has it."""
    prj = CRS.from_epsg(XIAN[0]).to_wkt("WKT1_ESRI")
    [[ring]] = square(0, 0).coords
    return shapefile_zip(folder / "西安80.zip", [[older(ring, XIAN)]], prj=prj)


def test_a_file_is_chosen_from_a_crossing_is_repaired_and_the_page_asks_before_it_is_left(
    open_page: Any, two_parcels: list[Parcel], tmp_path: Path
) -> None:
    page = open_page(DESKTOP)
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    start(page)
    west, south, east, north = square(0, 0).extent
    far = square(400, 0).coords
    brought = tmp_path / "范围.geojson"
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": geometry}
        for name, geometry in (
            ("东块", {"type": "MultiPolygon", "coordinates": far}),
            ("西块", {"type": "MultiPolygon", "coordinates": square(0, 0).coords}),
        )
    ]
    brought.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    page.locator("summary", has_text="从文件加入").click()
    chooser = page.locator("[data-ref=chooser]")
    page.set_input_files("[data-ref=file]", file_of_an_older_datum(tmp_path))
    expect(page.locator("[data-ref=note]")).to_contain_text("七参数")
    page.fill("[data-ref=seven_parameters]", ",".join(map(str, SEVEN)))
    page.locator("[data-ref=seven_parameters]").blur()
    expect(page.locator("[data-ref=file-notes]")).to_contain_text("七参数")
    chooser.locator("button").first.click()
    checked(page, "clear")  # On the title to the millimetre, and not a hundred metres beside it.
    page.locator("[data-ref=undo]").click()

    page.set_input_files("[data-ref=file]", brought)
    chooser.locator("label", has_text="西块").locator("input").check()
    picture(page, "draw_file")
    chooser.locator("button").first.click()
    checked(page, "clear")
    expect(page.locator("#main")).to_have_attribute("data-parts", "1")

    middle_x, middle_y = at(page, *square(0, 0).centroid.coords)
    page.locator("[data-tool-name=move]").click()
    page.mouse.move(middle_x, middle_y)
    page.mouse.down()
    page.mouse.move(middle_x, middle_y - 60, steps=6)
    page.mouse.up()
    checked(page, "warning")  # Dragged off the title.
    page.locator("[data-ref=undo]").click()
    checked(page, "clear")

    page.locator("[data-ref=vertex-box] summary").click()
    first, second = (
        [page.locator(f"[data-row='{row}'] input").nth(cell).input_value() for cell in (0, 1)]
        for row in (0, 1)
    )
    type_point(page, 0, *second)
    type_point(page, 1, *first)
    checked(page, "conflict")
    expect(page.locator(".draw-finding[data-rule=valid_geometry]")).to_be_visible()
    page.locator("form[data-ref=form] button[type=submit]").click()
    page.fill("[data-ref=name]", "交叉")
    page.locator("form[data-ref=form] button[type=submit]").click()
    expect(page.locator("[data-ref=note]")).to_contain_text("自相交")
    picture(page, "draw_crossing")
    page.locator(".draw-finding[data-rule=valid_geometry] button", has_text="修复").click()
    expect(page.locator(".draw-finding[data-rule=valid_geometry]")).to_have_count(0)
    page.goto("/help/")
    assert "beforeunload" in asked


def drop_file(page: Page, geom: MultiPolygon) -> None:
    """A GeoJSON file let fall on the page."""
    text = json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {},
                    "geometry": {"type": "MultiPolygon", "coordinates": geom.coords},
                }
            ],
        }
    )
    page.evaluate(
        "text => { const list = new DataTransfer();"
        " list.items.add(new File([text], '地块.geojson'));"
        " document.getElementById('main').dispatchEvent("
        "new DragEvent('drop', { dataTransfer: list, bubbles: true, cancelable: true })) }",
        text,
    )


def test_anyone_taps_a_place_and_learns_what_stands_there(
    open_page: Any, served: str, tmp_path: Path
) -> None:
    claim = claim_at(square(0, 0, 1000), state="live")
    table = tmp_path / "界址点.csv"
    table.write_bytes(points_table(square(0, 0, 2000, 1000)))
    for size in (DESKTOP, PHONE):
        page = open_page(size)
        page.goto("/what-stands-here/")
        expect(page.locator("#main")).to_have_attribute("data-ready", "true")
        page.fill("[data-ref=lon]", "81.3060")
        page.fill("[data-ref=lat]", "43.9550")
        page.locator("form[data-ref=form] button[type=submit]").click()
        expect(page.locator("#main")).to_have_attribute("data-verdict", "claimed")
        expect(page.locator("[data-ref=found]")).to_contain_text(claim.number)
        west, south, _east, _north = square(4000, 0, 10).extent
        # The map is still flying to the place when the answer is quick.
        expect(page.locator("#map")).to_have_attribute("data-view", re.compile(r",1[4-9]$"))
        page.mouse.click(*at(page, *(square(-300, 300, 1).extent[:2])))
        expect(page.locator("#main")).to_have_attribute("data-verdict", "free")
        draw_box(page, square(500, 200, 900, 500).extent)
        expect(page.locator("[data-ref=summary]")).to_contain_text("55%")
        drop_file(page, square(0, 0, 4000, 1000))
        expect(page.locator("[data-ref=summary]")).to_contain_text("25%")
        page.set_input_files("[data-ref=file]", table)
        expect(page.locator("[data-ref=summary]")).to_contain_text("50%")
        expect(page.locator("[data-ref=file-notes]")).to_contain_text("推测，请核对")
        page.locator("[data-ref=crs]").scroll_into_view_if_needed()
        picture(page, f"stands_here_{size[0]}")
        page.select_option("[data-ref=crs]", "4537")
        expect(page.locator("#main")).to_have_attribute("data-verdict", "free")
        expect(page.locator("[data-ref=file-notes]")).to_contain_text("人工选定")
        expect(page.locator("[data-ref=crs]")).to_have_value("4537")
        assert [found["id"] for found in Axe().run(page).response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

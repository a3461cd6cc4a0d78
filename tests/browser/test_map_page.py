"""The map by keyboard, in full screen, in English, by its address alone, on a phone, without network."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from deploy.local.machine import compile_messages
from layers.cells import prepare_cells
from parcels.models import Parcel
from portal.settings.base import content_security_policy
from tests.browser.conftest import PHONE, picture, sign_in
from tests.factories.land import ORIGIN_LAT, ORIGIN_LON, parcel_at, square
from tests.parcels.claims.areas import exclusion_at

VIEW = f"/#15/{ORIGIN_LAT}/{ORIGIN_LON}"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
UNITS = [f"654002101001JE0000{n}L00000001" for n in range(3)]


@pytest.fixture
def land(served: str) -> list[Parcel]:
    """Three fields in a row, the first one around the map's middle."""
    fields = [
        parcel_at(square(-300 + at * 700, -300, 600), unit_number=unit)
        for at, unit in enumerate(UNITS)
    ]
    prepare_cells()
    return fields


def ready(page: Page, address: str = VIEW) -> None:
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")


def view_of(page: Page) -> tuple[float, float, float]:
    zoom, lat, lon = re.match(
        r"#([\d.]+)/([\d.-]+)/([\d.-]+)", page.evaluate("location.hash")
    ).groups()  # type: ignore[union-attr]
    return float(zoom), float(lat), float(lon)


def test_everything_on_the_map_can_be_done_by_keyboard(land: list[Parcel], open_page: Any) -> None:
    page = open_page()
    sign_in(page, "natural_resources")
    ready(page)
    page.locator("#map").focus()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("#16/"))
    before = view_of(page)
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(re.compile(re.escape(f"{before[2]:.5f}")))
    assert view_of(page)[2] > before[2]
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(UNITS[1])
    expect(page.locator("#found [role=option]").first).to_contain_text(UNITS[1])
    page.keyboard.press("Enter")
    expect(page.locator("[data-ref=facts-title]")).to_have_text(UNITS[1])
    expect(page.locator("[data-ref=facts-title]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-ref=facts]")).to_be_hidden()
    page.locator("[data-ref=in-view] summary").focus()
    page.keyboard.press("Enter")
    rows = page.locator("[data-ref=in-view-list] button")
    expect(rows.first).to_be_visible()
    page.keyboard.press("Tab")
    expect(rows.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-ref=facts-title]")).to_have_text(re.compile("|".join(UNITS)))
    page.locator("#map").focus()
    ring = page.evaluate("getComputedStyle(document.querySelector('#map')).outlineStyle")
    assert ring == "solid", "a keyboard user sees where the focus is"


def test_full_screen_takes_the_map_with_its_search_and_legend(
    land: list[Parcel], open_page: Any
) -> None:
    page = open_page()
    ready(page)
    page.get_by_role("button", name="全屏").click()
    expect(page.locator(".map-stage:fullscreen")).to_be_visible()
    expect(page.locator("#q")).to_be_visible()
    expect(page.locator("[data-ref=legend]")).to_be_visible()
    page.get_by_role("button", name="全屏").click()
    expect(page.locator(".map-stage:fullscreen")).to_have_count(0)


def test_the_english_switch_turns_page_and_map(land: list[Parcel], open_page: Any) -> None:
    compile_messages()
    page = open_page()
    page.goto("/")
    page.get_by_role("button", name="English").click()
    ready(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("[data-ref=legend]")).to_contain_text("Registered")
    expect(page.get_by_role("button", name="Zoom in")).to_be_visible()
    expect(page.locator("[data-ref=panel]")).to_contain_text("Forest area")
    expect(page.locator("#q")).to_have_attribute("placeholder", re.compile("township"))
    ready(page, "/#11/44.0/81.3")
    expect(page.locator(".map-label", has_text="Yining County")).to_be_visible()
    names = page.locator(".map-label").all_inner_texts()
    assert re.findall("[\u3400-\u9fff]", "".join(names)) == []
    picture(page, "map_english")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


# What is painted of the parcels, tile by tile.
PAINTED = """() => [...new Set([...document.querySelectorAll('.leaflet-parcels-pane canvas')]
  .filter(canvas => canvas.width > 0).map(canvas => canvas.toDataURL()))].sort().join()"""


def test_an_address_holds_view_layers_and_selection(land: list[Parcel], open_page: Any) -> None:
    page = open_page()
    ready(page, VIEW.replace("15", "13", 1))
    place = middle(page)
    unselected = page.evaluate(PAINTED)
    page.mouse.click(*place)
    expect(page.locator("[data-ref=facts]")).to_be_visible()
    selected = page.evaluate(PAINTED)
    assert selected != unselected
    same = open_page()
    ready(same, page.evaluate("location.pathname + location.hash"))
    expect(same.locator("[data-ref=facts]")).to_be_visible()
    middle(same)
    assert same.evaluate(PAINTED) == selected, "painted again in part as if painted whole"
    same.keyboard.press("Escape")
    expect(same.locator("[data-ref=facts]")).to_be_hidden()
    assert same.evaluate(PAINTED) == unselected
    page.locator(".leaflet-control-layers-toggle").press("Enter")
    page.get_by_label("林地宗地").hover()
    page.get_by_label("林地宗地").uncheck()
    expect(page).to_have_url(re.compile("parcels=off"))
    address = page.evaluate("location.pathname + location.hash")
    assert f"parcel={land[0].key}" in address
    other = open_page()
    ready(other, address)
    expect(other.locator("[data-ref=facts]")).to_be_visible()
    other.locator(".leaflet-control-layers-toggle").press("Enter")
    expect(other.get_by_label("林地宗地")).not_to_be_checked()
    assert view_of(other) == view_of(page)


@pytest.mark.parametrize(
    "address", ["/#99/abc/def", "/#11/900/81.3", "/#&parcel=no-such-parcel", "/#15//"]
)
def test_a_broken_address_shows_the_city(land: list[Parcel], open_page: Any, address: str) -> None:
    page = open_page()
    ready(page, address)
    page.keyboard.press("Escape")
    box = page.evaluate("document.querySelector('#map canvas') !== null")
    assert box
    expect(page.locator("[data-ref=intro]")).to_be_visible()


def test_a_visitor_gets_facts_without_number_and_holder(land: list[Parcel], open_page: Any) -> None:
    exclusion_at(square(-2000, -2000, 6000), kind="ccer", status="planned")
    page = open_page()
    ready(page)
    page.locator(".leaflet-control-layers-toggle").press("Enter")
    page.get_by_label("其他机制项目").press("Space")
    expect(page.locator("#map")).to_have_attribute("data-exclusions", "drawn")
    page.mouse.click(*middle(page))
    expect(page.locator("[data-ref=facts]")).to_be_visible()
    expect(page.locator(".leaflet-popup")).to_contain_text("CCER 项目")
    expect(page.locator(".leaflet-popup")).to_contain_text("拟申报")
    picture(page, "map_exclusions")
    told = page.locator("[data-ref=panel]").inner_text()
    assert not any(unit in told for unit in UNITS)
    page.fill("#q", UNITS[0])
    expect(page.locator("#found")).to_contain_text("没有找到")


def test_a_phone_shows_map_and_panel_one_above_the_other(
    land: list[Parcel], open_page: Any
) -> None:
    page = open_page(PHONE)
    ready(page)
    stage, panel = page.locator(".map-stage").bounding_box(), page.locator(".panel").bounding_box()
    assert stage is not None
    assert panel is not None
    assert stage["width"] == panel["width"] == PHONE[0]
    assert stage["height"] > PHONE[1] * 0.45
    assert panel["y"] >= stage["y"] + stage["height"] - 1
    for part in page.locator("[data-ref=legend] ul").all():
        expect(part).to_be_hidden()
    page.mouse.click(*middle(page))
    expect(page.locator("[data-ref=facts-link]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, "map_phone_selected")


def test_without_network_the_map_says_so(land: list[Parcel], open_page: Any) -> None:
    page = open_page()
    page.route("**/tiles/*.json", lambda route: route.abort())
    page.goto(VIEW)
    expect(page.locator("[data-ref=note]")).to_contain_text("网络不通")


def test_coordinates_in_degrees_and_gauss_kruger_lead_to_one_place(
    land: list[Parcel], open_page: Any
) -> None:
    page = open_page()
    ready(page, "/#11/44.0/81.1")
    seen = []
    readout = page.locator("[data-ref=readout]")
    for asked in (f"{ORIGIN_LON},{ORIGIN_LAT}", None):
        if asked is None:
            x, y = re.search(r"X ([\d.]+) Y ([\d.]+)", readout.inner_text()).groups()  # type: ignore[union-attr]
            ready(page, "/#11/44.0/81.1")
            asked = f"{x} {y}"
        page.fill("#q", asked)
        expect(page.locator("#found [role=option]").first).to_be_visible()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"#14/43\.9(49|50)"))
        seen.append(view_of(page)[1:])
    assert seen[0] == pytest.approx(seen[1], abs=2e-5)


def middle(page: Page) -> tuple[float, float]:
    """The middle of the map, once its tiles are drawn."""
    page.wait_for_timeout(800)
    box = page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_with_a_key_tianditu_is_offered_and_asked_with_it(
    land: list[Parcel], open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TIANDITU_KEY", "k-26")
    monkeypatch.setattr(settings, "CONTENT_SECURITY_POLICY", content_security_policy("k-26"))
    page = open_page()
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, content_type="image/png", body=PIXEL)

    page.route(re.compile(r"https://t\d\.tianditu\.gov\.cn/"), answer)
    ready(page, f"{VIEW}&base=imagery")
    page.locator(".leaflet-control-layers-toggle").press("Enter")
    expect(page.get_by_label("天地图影像")).to_be_checked()
    expect(page.get_by_label("天地图电子地图")).to_be_visible()
    expect(page.locator("#map img.leaflet-tile-loaded").first).to_be_attached()
    assert asked
    assert all("tk=k-26" in url for url in asked)
    assert {"img_w", "cia_w"} == {url.split("/")[3] for url in asked}
    page.get_by_label("示意底图").hover()
    page.get_by_label("示意底图").check()
    expect(page).not_to_have_url(re.compile("base="))

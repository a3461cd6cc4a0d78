"""A visitor on the map of tickets: numbers, filters, days, files, frames; without network; by keyboard and phone."""

from __future__ import annotations

import io
import math
import re
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.backends.postgresql.psycopg_any import DateRange
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import PHONE, picture, settled
from tests.layers.ticket_map.conftest import Story, tell_story
from tests.tickets.projects.story import another_period
from tickets.registry.operations import prepare_pledge
from tickets.registry.queries import end_of_day, register_totals


@pytest.fixture
def visitors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs in here, and the story's officers bear the names of the demonstration's."""
    monkeypatch.setattr("tests.browser.conftest.ensure_demo_accounts", lambda: {})


@pytest.fixture
def story(visitors_alone: None, served: str, settings: Any, tmp_path: Path) -> Story:
    settings.SECRETS, settings.MEDIA_ROOT = tmp_path / "secrets", tmp_path / "files"
    return tell_story()


def ready(page: Page, address: str = "/") -> None:
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    expect(page.locator("main")).to_have_attribute("data-tickets-ready", re.compile(r"\d+"))


def sums(page: Page) -> dict[str, int]:
    """Kilograms by state as the panel says them."""
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-ref=ticket-sums] [data-kg]')]"
        ".map(item => [item.dataset.state, Number(item.dataset.kg)]))"
    )
    return found


def rows(page: Page) -> list[str]:
    found: list[str] = page.locator("[data-ref=table-body] tr").evaluate_all(
        "rows => rows.map(row => row.dataset.number)"
    )
    return found


def clean(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def pledge_all(story: Story) -> None:
    """The second ticket's free kilograms become a pledge."""
    bureau = story.bureau
    registration = prepare_pledge(
        ticket=story.second, quantity_kg=20_000, pledgee=bureau.bank, amount_fen=1_000_00,
        begins_on=date(2026, 1, 1), ends_on=date(2030, 1, 1), external_number=uuid.uuid4().hex,
        asked_by=bureau.owner_user, actor=bureau.finance,
    )  # fmt: skip
    bureau.approve(registration)


def totals_of(day: str) -> dict[str, int]:
    """What the database says of the end of a day, without what is zero."""
    totals = register_totals(end_of_day(date.fromisoformat(day)) if day else None)
    return {state: kilograms for state, kilograms in totals.items() if kilograms}


def test_a_visitor_finds_filters_shares_takes_away_and_embeds(
    story: Story, open_page: Any, served: str, tmp_path: Path
) -> None:
    page = open_page()
    ready(page)
    assert sums(page) == totals_of("") == {"held": 28_500, "listed": 3, "offset": 1500}
    rings = page.locator(".ticket-ring").evaluate_all("all => all.map(one => +one.dataset.kg)")
    assert sum(rings) == 30_003, "rings lose no kilogram"
    picture(page, "public_map_opening")
    the_legend_counts_the_view(page, whole=True)
    pledge_all(story)
    ready(page)
    assert sums(page)["pledged"] == 20_000, "there when the page is opened again"

    page.locator("[data-ref=ticket-table] summary").click()
    find_by_number(page, story)
    zoom_in(page)  # The other area leaves the view.
    the_legend_counts_the_view(page, whole=False)
    table_and_map_point_at_each_other(page, story)
    page.locator("[data-ref=filters] summary").click()
    page.locator("[data-ref=facets] input[name=state][value=pledged]").check()
    page.locator("[data-ref=facets] input[name=township][value='654002100']").check()
    assert rows(page) == [story.second.number]
    page.locator("[data-ref=share] summary").click()
    expect(page.locator("[data-ref=share-address]")).to_have_value(re.compile("state=pledged"))
    # The open box follows what is chosen, its code for phones too.
    page.locator("[data-ref=facets] input[name=year]").first.check()
    expect(page.locator("[data-ref=share-address]")).to_have_value(re.compile("year="))
    expect(page.locator("[data-ref=share-qr]")).to_have_attribute("src", re.compile("year%3D"))
    address = page.locator("[data-ref=share-address]").input_value()
    other = open_page()
    ready(other, address)
    other.locator("[data-ref=ticket-table] summary").click()
    expect(other.locator("[data-ref=table-body] tr")).to_have_count(1)
    assert rows(other) == rows(page)
    assert sums(other) == sums(page) == {"pledged": 20_000, "listed": 3}

    take_away(other, tmp_path, story)
    embed_elsewhere(open_page(), page.locator("[data-ref=share-embed]").input_value(), story)
    nothing_found_and_back(other)
    hidden_by_the_filter(page, story)


def hidden_by_the_filter(page: Page, story: Story) -> None:
    """A ticket that is searched for while the filter hides it: said, and one click away."""
    page.fill("#q", story.child.number)
    expect(page.locator("#found")).to_be_visible()
    expect(page.locator("#found [role=option]").first).to_contain_text(story.child.number)
    page.locator("#q").press("Enter")
    expect(page.locator("[data-ref=note]")).to_contain_text("被筛选条件挡住了")
    expect(page.locator("[data-ref=ticket-facts]")).to_be_hidden()
    page.locator("[data-ref=note-retry]").click()
    expect(page.locator("[data-ref=ticket-facts]")).to_contain_text("伊宁旅游公司")
    expect(page).to_have_url(re.compile(f"ticket={story.child.number}"))
    expect(page.locator("[data-ref=note]")).to_be_hidden()


def find_by_number(page: Page, story: Story) -> None:
    """The search box leads to the area, whose panel tells its story; its shares are painted."""
    page.fill("#q", story.child.number)
    expect(page.locator("#found [role=option]").first).to_contain_text(story.child.number)
    page.keyboard.press("Enter")
    facts = page.locator("[data-ref=ticket-facts]")
    expect(facts).to_contain_text("伊宁旅游公司")
    expect(facts.locator(".acts li")).to_have_count(3)
    expect(facts.locator(".kin li.child")).to_contain_text(story.child.number)
    expect(facts.locator(".documents a").first).to_have_attribute("href", re.compile("^/v/"))
    page.wait_for_function(f"() => ({HELD_SHARE})() > 0")
    # 8,500 of 10,000 kg are held; the chosen area's line and half-covered pixels are not counted.
    expect_share = page.evaluate(HELD_SHARE)
    assert expect_share == pytest.approx(0.85, abs=0.07)
    picture(page, "public_map_found")
    page.keyboard.press("Escape")


ANY_AREA_PAINTED = """() => [...document.querySelectorAll('.leaflet-tickets-pane canvas')]
  .some(canvas => canvas.width > 0 && canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))"""
# Of the fully painted pixels of the ticket layer, the share in the colour of what is held.
HELD_SHARE = """() => {
  let held = 0, all = 0
  for (const canvas of document.querySelectorAll('.leaflet-tickets-pane canvas')) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 200 || data[at + 3] > 240) continue
      all++
      if (Math.abs(data[at] - 18) < 6 && Math.abs(data[at + 1] - 135) < 6) held++
    }
  }
  return all < 500 ? 0 : held / all
}"""


def zoom_in(page: Page) -> None:
    zoom = int(page.evaluate("location.hash")[1:].split("/")[0])
    page.get_by_role("button", name="放大", exact=True).click()
    expect(page).to_have_url(re.compile(f"#{zoom + 1}/"))
    settled(page)


CITY = "#11/44.055/81.27"  # Where the map opens; the address says so from the first move on.


def the_legend_counts_the_view(page: Page, *, whole: bool) -> None:
    """As the interface says it of the tickets whose area meets the view: number and kilograms."""
    view = page.evaluate("location.hash") or CITY
    zoom, lat, lon = map(float, view.split("&")[0][1:].split("/"))
    world = 256 * 2**zoom
    box = page.locator("#map").bounding_box()
    assert box is not None
    half_x, half_y = box["width"] / 2, box["height"] / 2

    def on_map(lon: float, lat: float) -> tuple[float, float]:
        north = math.asinh(math.tan(math.radians(lat)))
        return (lon / 360 + 0.5) * world, (0.5 - north / math.tau) * world

    middle_x, middle_y = on_map(lon, lat)
    facts = page.request.get("/api/map/facts/").json()["tickets"]
    states = page.request.get("/api/map/tickets/").json()["tickets"]
    seen = set()
    for ticket in facts:
        west, south, east, north = ticket["bbox"]
        (left, bottom), (right, top) = on_map(west, south), on_map(east, north)
        beside = right < middle_x - half_x or left > middle_x + half_x
        if not (beside or bottom < middle_y - half_y or top > middle_y + half_y):
            seen.add(ticket["number"])
    assert (len(seen) == len(facts)) is whole
    legend = page.locator("[data-ref=ticket-legend]")
    expect(legend).to_contain_text(f"视野内 {len(seen)} 张")
    said = legend.locator("[data-kg]").evaluate_all(
        "all => Object.fromEntries(all.map(one => [one.dataset.state, Number(one.dataset.kg)]))"
    )
    assert said == {
        state: sum(one[f"{state}_kg"] for one in states if one["number"] in seen) for state in said
    }


# Pixels of the ticket layer in the colour of what is pointed at.
POINTED = """() => {
  let found = 0
  for (const canvas of document.querySelectorAll('.leaflet-tickets-pane canvas')) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255 && Math.abs(data[at] - 138) + Math.abs(data[at + 1] - 75) < 6) found++
    }
  }
  return found
}"""


def table_and_map_point_at_each_other(page: Page, story: Story) -> None:
    """A row marks its area on the map; an area under the pointer marks its rows."""
    page.locator("[data-ref=ticket-facts]").get_by_role("button", name="关闭").click()
    page.wait_for_function(f"() => ({POINTED})() === 0")
    row = page.locator(f"[data-ref=table-body] tr[data-number='{story.child.number}']")
    row.hover()
    page.wait_for_function(f"() => ({POINTED})() > 100")
    page.locator("h2", has_text="林业碳票").first.hover()
    page.wait_for_function(f"() => ({POINTED})() === 0")
    page.locator("#map").hover()  # In the middle, where the search has brought the area.
    expect(page.locator("tr.pointed")).to_have_count(2)
    page.locator("h2", has_text="林业碳票").first.hover()
    expect(page.locator("tr.pointed")).to_have_count(0)


def take_away(page: Page, folder: Path, story: Story) -> None:
    """What is filtered, as a file that geopandas reads and as a sheet to print."""
    page.locator("[data-ref=take] summary").click()
    with page.expect_download() as waited:
        page.get_by_role("link", name="GeoPackage 4536").click()
    file = folder / "tickets.gpkg"
    waited.value.save_as(file)
    frame = geopandas.read_file(file)
    assert frame["number"].tolist() == [story.second.number]
    assert frame["pledged_kg"].tolist() == [20_000]
    assert frame.crs.to_epsg() == 4536
    # A print is of the view: here the filtered ticket is brought into it.
    away = page.get_by_role("link", name="打印 A4").get_attribute("href")
    assert page.request.get(str(away)).json()["code"] == "nothing_in_view"
    page.get_by_role("button", name=story.second.number).click()
    expect(page.locator("[data-ref=ticket-facts]")).to_be_visible()
    expect(page.get_by_role("link", name="打印 A4")).not_to_have_attribute("href", str(away))
    for name, width_mm in (("打印 A4", 297), ("打印 A3", 420)):
        link = page.get_by_role("link", name=name).get_attribute("href")
        [sheet] = pypdf.PdfReader(io.BytesIO(page.request.get(str(link)).body())).pages
        assert float(sheet.mediabox.width) == pytest.approx(width_mm / 25.4 * 72, abs=1)
        words = sheet.extract_text()
        assert story.second.number in words
        assert story.first.number not in words


def embed_elsewhere(page: Page, code: str, story: Story) -> None:
    """The code of the share box works in a page that is not ours, and shows what was filtered.

    At our own address, for Chromium lets no other site's page reach a loopback one.
    """
    page.route(
        "**/elsewhere/",
        lambda route: route.fulfill(content_type="text/html", body=f"<h1>x</h1>{code}"),
    )
    page.goto("/elsewhere/")
    frame = page.frame_locator("iframe")
    expect(frame.locator("main")).to_have_attribute("data-tickets-ready", re.compile(r"\d+"))
    frame.locator("[data-ref=ticket-table] summary").click()
    expect(frame.locator("[data-ref=table-body] tr")).to_have_count(1)
    picture(page, "public_map_embedded")
    expect(frame.locator("[data-ref=table-body]")).to_contain_text(story.second.number)


def nothing_found_and_back(page: Page) -> None:
    page.locator("[data-ref=filters] summary").click()
    page.locator("[data-ref=min_p]").fill("9999")
    page.locator("[data-ref=min_p]").dispatch_event("change")
    expect(page.locator("[data-ref=empty]")).to_contain_text("没有符合条件的碳票")
    expect(page).to_have_url(re.compile("min_p=9999"))
    clean(page)
    page.locator("[data-ref=empty-reset]").click()
    expect(page.locator("[data-ref=empty]")).to_be_hidden()
    assert len(rows(page)) == 3


def test_a_visitor_goes_back_in_time_and_loses_the_network(story: Story, open_page: Any) -> None:
    pledge_all(story)
    page = open_page()
    waits_in_words(page)
    ready(page)
    tiles: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(".mvt"):
            tiles.append(request.url)

    page.wait_for_load_state("networkidle")
    page.on("request", note)
    day = page.locator("[data-ref=ticket-day]")
    day.fill(story.issued_on.isoformat())
    day.dispatch_event("change")
    expect(page.locator("main")).to_have_attribute("data-tickets-day", story.issued_on.isoformat())
    assert sums(page) == totals_of(story.issued_on.isoformat()) == {"held": 30_003}
    expect(page).to_have_url(re.compile(f"at={story.issued_on}"))
    page.locator("[data-ref=compare] summary").click()
    compare = page.locator("[data-ref=compare-day]")
    compare.fill(story.transferred_on.isoformat())
    compare.dispatch_event("change")
    expect(page.locator("[data-ref=compare-rows] tr")).to_have_count(1)

    # Played to today: each day that was shown had the register's own sums.
    page.evaluate(WATCH_DAYS)
    page.get_by_role("button", name="播放").click()
    expect(page.locator("main")).to_have_attribute("data-tickets-day", "")
    expect(page.locator("[data-ref=play]")).to_have_text("播放")
    played = page.evaluate("window.playedDays")
    days = [day for day, _sums in played if day]
    assert days == sorted(set(days))
    assert days[0] == story.issued_on.isoformat()
    assert len(days) >= 9
    for shown, said in played:
        assert said == totals_of(shown), shown
    assert tiles == [], "no tile is asked for again"
    picture(page, "public_map_then")
    clean(page)
    lose_the_network(page, story)
    turn_to_the_right(page)


def waits_in_words(page: Page) -> None:
    """While the states are on their way the panel says that it reads; nothing moves by itself."""
    page.emulate_media(reduced_motion="reduce")
    held: list[Route] = []
    states = re.compile("/api/tickets/states/")
    page.route(states, lambda route: held.append(route))
    page.goto("/")
    expect(page.locator("#map .leaflet-pane").first).to_be_attached()
    panel = page.locator("[data-ref=ticket-panel]")
    expect(panel).to_have_attribute("aria-busy", "true")
    expect(page.locator("[data-ref=ticket-count]")).to_have_text("正在读取…")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(panel).to_have_attribute("aria-busy", "false")
    # Read out by itself is this line alone.
    expect(page.get_by_role("status").filter(has_text="3 张碳票")).to_be_visible()
    page.unroute(states)
    # Leaflet moves this element while it animates a zoom; without motion it makes none.
    expect(page.locator(".leaflet-proxy")).to_have_count(0)
    page.emulate_media(reduced_motion="no-preference")


WATCH_DAYS = """() => {
  window.playedDays = []
  new MutationObserver(() => {
    const main = document.querySelector('main')
    const said = [...document.querySelectorAll('[data-ref=ticket-sums] [data-kg]')]
      .map(item => [item.dataset.state, Number(item.dataset.kg)])
    window.playedDays.push([main.dataset.ticketsDay, Object.fromEntries(said)])
  }).observe(document.querySelector('main'), { attributeFilter: ['data-tickets-day'] })
}"""


def lose_the_network(page: Page, story: Story) -> None:
    """The map says that it shows what it had, offers to try again, and comes back by itself."""
    ready(page)
    day = story.transferred_on.isoformat()
    page.context.set_offline(True)
    expect(page.locator("[data-ref=offline]")).to_be_visible()
    page.locator("[data-ref=ticket-day]").fill(day)
    expect(page.locator("[data-ref=note]")).to_contain_text("网络不通")
    expect(page.locator("[data-ref=time]")).to_have_attribute("aria-valuetext", "今天")
    expect(page.locator("[data-ref=note-retry]")).to_be_visible()
    picture(page, "public_map_offline")
    clean(page)
    page.context.set_offline(False)
    expect(page.locator("[data-ref=offline]")).to_be_hidden()
    expect(page.locator("main")).to_have_attribute("data-tickets-day", day)
    expect(page.locator("[data-ref=note]")).to_be_hidden()

    # A server that refuses says why, and another try is one click.
    broken = re.compile("/api/tickets/states/")
    page.route(
        broken,
        lambda route: route.fulfill(
            status=503, content_type="application/json", body='{"code":"x","message":"正在维护"}'
        ),
    )
    page.locator("[data-ref=time]").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-ref=note]")).to_contain_text("正在维护")
    page.unroute(broken)
    page.locator("[data-ref=note-retry]").click()
    expect(page.locator("main")).to_have_attribute("data-tickets-day", "")
    drag_the_slider(page, story)
    wait_for_late_tiles(page)


def wait_for_late_tiles(page: Page) -> None:
    """Tiles that a busy server keeps back are said to be late, and come without anybody's doing."""
    refusing = True

    def while_busy(route: Route) -> None:
        if refusing:
            route.fulfill(status=429, headers={"Retry-After": "1"})
        else:
            route.fallback()

    tiles = re.compile(r"/tiles/.*\.mvt$")
    page.route(tiles, while_busy)
    page.get_by_role("button", name="放大", exact=True).click()
    late = page.locator("[data-ref=tiles-late]")
    expect(late).to_be_visible()
    expect(late).to_contain_text("服务繁忙")
    clean(page)
    refusing = False
    expect(late).to_be_hidden(timeout=20_000)
    expect(page.locator(".leaflet-parcels-pane canvas:not(.leaflet-tile-loaded)")).to_have_count(0)
    page.unroute(tiles)


def drag_the_slider(page: Page, story: Story) -> None:
    """Of the days that are passed over few are asked for; one that is refused is asked for again."""
    asked: list[str] = []

    def refuse_the_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.fallback()
            return
        route.fulfill(
            status=429, content_type="application/json", headers={"Retry-After": "1"},
            body='{"code":"too_many_requests","message":"请求过于频繁"}',
        )  # fmt: skip

    page.route(re.compile("/api/tickets/states/"), refuse_the_first)
    page.evaluate(
        """() => {
          const slider = document.querySelector('[data-ref=time]')
          for (let day = Number(slider.max) - 1; day >= 0; day--) {
            slider.value = String(day)
            slider.dispatchEvent(new Event('input', { bubbles: true }))
          }
        }"""
    )
    expect(page.locator("main")).to_have_attribute("data-tickets-day", story.issued_on.isoformat())
    expect(page.locator("[data-ref=note]")).to_be_hidden()
    assert 2 <= len(asked) <= 3, asked
    page.unroute(re.compile("/api/tickets/states/"))


def turn_to_the_right(page: Page) -> None:
    """Texts of the other direction turn the page over: nothing is left behind or sticks out."""
    services = ("/ogc/?f=html", "/ogc/collections/tickets/items?f=html")
    for address in ("/", "/statistics/", "/open-data/", "/developers/", *services):
        page.goto(address)
        clean(page)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        if address == "/":
            panel, stage = page.locator(".panel"), page.locator(".map-stage")
            assert panel.evaluate("it => it.getBoundingClientRect().x") == 0
            assert stage.evaluate("it => it.getBoundingClientRect().x") > 0
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        page.set_viewport_size({"width": 1440, "height": 900})


def test_keyboard_and_phone_reach_a_ticket_by_its_table(story: Story, open_page: Any) -> None:
    for size in ((1440, 900), PHONE):
        page = open_page(size)
        ready(page)
        page.locator("[data-ref=ticket-table] summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=story.child.number).focus()
        page.keyboard.press("Enter")
        facts = page.locator("[data-ref=ticket-facts]")
        expect(facts).to_contain_text("伊宁旅游公司")
        expect(facts).to_contain_text("截至此刻")
        expect(page).to_have_url(re.compile(f"ticket={story.child.number}"))
        expect(page.locator("tr.marked")).to_have_count(2)
        # The slider answers to the keyboard.
        page.locator("[data-ref=time]").focus()
        page.keyboard.press("Home")
        expect(page.locator("main")).to_have_attribute(
            "data-tickets-day", story.issued_on.isoformat()
        )
        assert sums(page) == {"held": 30_003}
        # The table is sorted by its heads; Escape closes what was chosen.
        page.locator("[data-ref=time]").focus()
        page.keyboard.press("End")
        expect(page.locator("[data-ref=table-body] tr")).to_have_count(3)
        page.locator("[data-ref=table-head]").get_by_role("button", name="吨").press("Enter")
        assert rows(page) == [story.second.number, story.first.number, story.child.number]
        expect(page.locator("th[aria-sort=descending]")).to_have_text("吨")
        legend = page.locator("[data-ref=ticket-legend]")
        expect(legend).to_contain_text(re.compile("视野内 [123] 张"))
        page.wait_for_function(ANY_AREA_PAINTED)
        settled(page)
        picture(page, f"public_map_{size[0]}")
        clean(page)
        facts.get_by_role("button", name="分享").focus()
        page.keyboard.press("Escape")
        expect(facts).to_be_hidden()
        expect(page).not_to_have_url(re.compile("ticket="))
        expect(page.locator("#map")).to_be_focused()
        # What lies in the middle opens again by Enter, without the table.
        page.keyboard.press("Enter")
        expect(facts).to_contain_text("伊宁旅游公司")
        # A view that is typed into the address is gone to.
        page.evaluate("location.hash = '#12/44.01/81.32'")
        expect(page.locator("[data-ref=readout]")).to_contain_text("81.320000°E 44.010000°N")
    two_periods_of_one_area(story, open_page)


def two_periods_of_one_area(story: Story, open_page: Any) -> None:
    """Land with two issues tells of both filings, each with its own period and tickets."""
    former = story.first.issuance.filing
    earlier = DateRange(date(2016, 1, 1), date(2021, 1, 1), "[)")
    filing = another_period(story.town, former, earlier)
    later = story.bureau.issue(7000)
    for size in ((1440, 900), PHONE):
        page = open_page(size)
        ready(page)
        page.fill("#q", later.number)
        expect(page.locator("#found [role=option]").first).to_contain_text(later.number)
        page.keyboard.press("Enter")
        facts = page.locator("[data-ref=ticket-facts]")
        expect(facts.locator("dl.facts")).to_have_count(2)
        for one in (former, filing):
            expect(facts).to_contain_text(one.number)
        for ticket in (story.first, story.child, later):
            expect(facts.get_by_role("link", name=ticket.number).first).to_be_visible()
        expect(facts.locator(".acts li")).to_have_count(4)
        facts.scroll_into_view_if_needed()
        picture(page, f"public_map_two_periods_{size[0]}")
        clean(page)

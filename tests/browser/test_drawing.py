"""Drawing a project area in a real browser: parcels picked, land drawn, a CCER conflict subtracted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import shapely
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from playwright.sync_api import Page, expect

from parcels.claims.exclusions import take_in_exclusions
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from parcels.models import Parcel, ProjectArea
from portal.accounts.models import Party, User
from portal.accounts.queries import parties_acted_for
from tests.browser.conftest import DESKTOP, picture, sign_in
from tests.parcels.drawing.owners import land_of

SAMPLES = Path(settings.FIXTURES) / "samples"
NEAR_DEG = 0.004


def as_multipolygon(shape: shapely.Geometry) -> MultiPolygon:
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


def ccer_shape() -> shapely.Geometry:
    return shapely.from_geojson((SAMPLES / "其他机制项目.geojson").read_bytes()).geoms[0]


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
    for number, parcel in enumerate(parcels, start=1):
        Parcel.objects.filter(pk=parcel.pk).update(unit_number=f"宗地{number:02d}")
    return parcels[:5]


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
    """Four corners clicked with the drawing tool, closed on the first."""
    west, south, east, north = box
    page.locator("[data-tool-name=draw]").click()
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    for lon, lat in corners:
        page.mouse.move(*at(page, lon, lat), steps=3)
        page.mouse.click(*at(page, lon, lat))


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
    found = page.locator(".finding[data-rule=overlap_exclusion]")
    expect(found).to_contain_text("CCER-14-001-2024-0137")
    expect(found.locator(".cost")).to_contain_text("吨")
    picture(page, "draw_3_conflict")
    page.locator("[data-ref=trim]").click()
    expect(page.locator("[data-ref=note]")).to_have_text("已完成")
    page.locator("[data-ref=subtract-all]").click()
    expect(page.locator(".finding[data-rule=overlap_exclusion]")).to_have_count(0)
    expect(page.locator("#main")).not_to_have_attribute("data-verdict", "conflict")
    picture(page, "draw_4_subtracted")
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    page.locator("form[data-ref=form] button[type=submit]").click()
    page.wait_for_url("**/areas/*-*/draw/")
    expect(page.locator("[data-ref=version-note]")).to_contain_text("1")
    version = ProjectArea.objects.get().versions.get()
    assert version.picked.count() == 5
    assert version.area.party == owners_party()

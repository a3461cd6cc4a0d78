"""The main job in a real browser: a bureau's file dropped, looked at, committed, seen on the map."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from layers.cells import prepare_cells
from parcels.models import ImportRecord, Parcel, ParcelVersion
from parcels.tasks import run_import_job
from tests.browser.conftest import DESKTOP, PHONE, picture, settled, shown_clean, sign_in

SAMPLE = Path(settings.FIXTURES) / "samples" / "林地小班_2025.zip"
REGISTERED = (0xAF, 0xD5, 0xB6)  # The fill of a registered parcel over the sketch map.


def share_of(image: bytes, colour: tuple[int, int, int], *, within: int = 24) -> float:
    """The share of pixels near ``colour``."""
    pixels = list(Image.open(io.BytesIO(image)).convert("RGB").resize((360, 225)).getdata())
    near = sum(
        all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True)) for pixel in pixels
    )
    return near / len(pixels)


def drop_sample(page: Page) -> ImportRecord:
    page.goto(reverse("parcels:imports"))
    page.set_input_files("input[type=file]", SAMPLE)
    page.wait_for_url("**/imports/*-*-*/")
    expect(page.locator("#main")).to_have_attribute("data-previewed", "900")
    return ImportRecord.objects.get()


def test_an_officer_drops_the_bureaus_zip_and_sees_its_900_stands_on_the_map(
    open_page: Any,
) -> None:
    page = open_page()
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    page.wait_for_timeout(800)
    before = share_of(page.locator("#map").screenshot(), REGISTERED)

    sign_in(page, "natural_resources")
    record = drop_sample(page)
    expect(page.locator("[data-ref=crs]")).to_contain_text("CGCS2000")
    expect(page.locator("[data-ref=encoding]")).to_have_value("gb18030")
    assert page.locator("select[name=map_holder_name]").input_value() == "LQ_QLR"
    expect(page.locator("[data-ref=columns]")).to_contain_text("雪岭云杉")
    picture(page, "import_draft")
    another_reading_keeps_the_columns_chosen_by_hand(page)

    page.locator("form[data-ref=choices] button[type=submit]").click()
    expect(page.locator("[data-ref=running]")).to_be_visible()
    run_import_job(record_id=record.pk)  # What the worker runs, in this process.
    expect(page.locator(".counts")).to_contain_text("900")
    assert Parcel.objects.count() == 900
    a_problem_zooms_to_its_place(page)
    prepare_cells()

    page.goto("/#11/44.0/81.3")
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    page.wait_for_timeout(2000)
    after = share_of(page.locator("#map").screenshot(), REGISTERED)
    picture(page, "map_after_import")
    assert after > before + 0.02


def another_reading_keeps_the_columns_chosen_by_hand(page: Page) -> None:
    holder = page.locator("select[name=map_holder_name]")
    township = page.locator("select[name=map_township_code]")
    proposed = township.input_value()
    holder.select_option("")
    township.select_option("CUN")
    page.locator("[data-ref=encoding]").select_option("gb18030")
    expect(page.locator("[data-ref=encoding-how]")).to_have_text("人工选定")
    assert (holder.input_value(), township.input_value()) == ("", "CUN")
    holder.select_option("LQ_QLR")
    township.select_option(proposed)


def a_problem_zooms_to_its_place(page: Page) -> None:
    """The mark of the place stands in the middle of the map, near enough to see a parcel."""
    shown_clean(page, "import_done")
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    page.locator("button[data-lon]").first.click()
    expect(page.locator(".leaflet-control-scale-line").first).to_have_text("100 m")
    mark = page.locator("[data-ref=map] path[stroke='#b3261e']")
    expect(mark).to_be_visible()

    def middle(found: Any) -> tuple[float, float]:
        box = found.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    settled(page)
    assert middle(mark) == pytest.approx(middle(page.locator("[data-ref=map]")), abs=3)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_clicking_a_shape_opens_its_facts_and_the_address_restores_them(
    open_page: Any, size: tuple[int, int]
) -> None:
    page = open_page(size)
    sign_in(page, "natural_resources")
    record = drop_sample(page)
    page.locator("form[data-ref=choices] button[type=submit]").click()
    expect(page.locator("[data-ref=running]")).to_be_visible()
    run_import_job(record_id=record.pk)
    # The page reloads itself when the job has ended; leaving before that would race with it.
    expect(page.locator(".counts")).to_contain_text("900")
    version = ParcelVersion.objects.select_related("parcel").order_by("-area_m2").first()
    assert version is not None
    lon, lat = version.geom.point_on_surface.coords
    page.goto(f"/#16/{lat}/{lon}")
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    page.wait_for_timeout(2000)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("[data-ref=facts-title]")).to_have_text(version.parcel.unit_number)
    picture(page, f"map_selected_{size[0]}")
    page.reload()
    expect(page.locator("[data-ref=facts-title]")).to_have_text(version.parcel.unit_number)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_has_an_accessibility_fault_or_scrolls_sideways(
    open_page: Any, size: tuple[int, int]
) -> None:
    page = open_page(size)
    faults: dict[str, list[str]] = {}

    def look(address: str) -> None:
        page.goto(address)
        page.wait_for_timeout(300)
        found = [violation["id"] for violation in Axe().run(page).response["violations"]]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append("scrolls sideways")
        if found:
            faults[address] = found
        picture(page, f"page_{address.strip('/').replace('/', '_') or 'home'}_{size[0]}")

    for address in ("/", "/help/", "/sign-in/", "/sign-up/", "/sign-up/?kind=body", "/password/"):
        look(address)
    sign_in(page, "natural_resources")
    for address in ("/my/", "/my/sessions/", "/second-factor/", "/my/password/", "/imports/"):
        look(address)
    sign_out(page)
    sign_in(page, "forestry")
    for address in ("/identity-checks/", "/party-links/"):
        look(address)
    assert faults == {}


def sign_out(page: Page) -> None:
    page.locator("form[action='/sign-out/'] button").click()
    page.wait_for_load_state()


def test_what_is_no_file_of_ours_is_refused_on_the_page_and_nothing_is_kept(
    open_page: Any, tmp_path: Path
) -> None:
    page = open_page()
    sign_in(page, "natural_resources")
    page.goto(reverse("parcels:imports"))
    fake = tmp_path / "林地.zip"
    fake.write_bytes(b"this is no archive")
    page.set_input_files("input[type=file]", fake)
    expect(page.locator("[data-ref=upload-error]")).to_contain_text("不是 zip 压缩包")
    assert not ImportRecord.objects.exists()
    page.goto("/healthz")
    assert '"status": "ok"' in page.content()

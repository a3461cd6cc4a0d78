"""Bulk screening and exclusion areas in a real browser, looked at with axe, desktop and phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page, expect

from parcels.claims.exclusions import take_in_exclusions
from parcels.models import BulkScreening
from parcels.tasks import run_screening_job
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in

SAMPLES = Path(settings.FIXTURES) / "samples"


def no_faults(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_stands_are_screened_as_projects_and_seen_on_the_map(open_page: Any) -> None:
    for name in ("其他机制项目.geojson", "采伐规划.gpkg"):
        take_in_exclusions(path=SAMPLES / name, actor=None)
    page = open_page(DESKTOP)
    sign_in(page, "natural_resources")
    page.goto("/screenings/")
    no_faults(page)
    page.set_input_files("#file", SAMPLES / "stands.gpkg")
    page.select_option("#subject", "project")
    page.fill("#period", "2021-01-01/2025-12-31")
    page.fill("#id_field", "BDCDYH")
    picture(page, "screening_start")
    start = page.locator("form button[type=submit]", has_text="开始筛查")
    start.click()
    expect(page.locator("#column_species")).to_be_visible()
    expect(page.locator("#id_field")).to_have_value("BDCDYH")
    picture(page, "screening_columns")
    no_faults(page)
    start.click()
    page.wait_for_url("**/screenings/*-*-*/")
    expect(page.locator("[data-ref=running]")).to_be_visible()
    screening = BulkScreening.objects.get()
    run_screening_job(screening.pk)  # What the worker runs, in this process.
    expect(page.locator(".counts")).to_contain_text("1546")
    expect(page.locator("#main")).to_have_attribute("data-drawn", "1546")
    page.locator("nav.tabs a", has_text="冲突").first.click()
    expect(page.locator("tbody tr").first).to_contain_text("没有已审核的林木所有权证明")
    page.locator("[data-lon]").first.click()
    picture(page, "screening_done")
    no_faults(page)
    with page.expect_download() as download:
        page.locator("a", has_text="XLSX").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    picture(page, "screening_phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_file_of_exclusions_is_looked_at_and_registered(open_page: Any) -> None:
    page = open_page(DESKTOP)
    sign_in(page, "forestry")
    page.goto("/exclusions/")
    page.set_input_files("#file", SAMPLES / "其他机制项目.geojson")
    page.locator("form button[type=submit]", has_text="核对").click()
    expect(page.locator("table")).to_contain_text("VCS")
    expect(page.locator(".small-map path.leaflet-interactive")).to_have_count(2)
    picture(page, "exclusions_look")
    no_faults(page)
    page.locator("button", has_text="确认登记").click()
    expect(page.locator("body")).to_contain_text("已登记 2 个")
    picture(page, "exclusions")
    no_faults(page)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    picture(page, "exclusions_phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

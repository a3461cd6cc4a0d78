"""An owner makes a report from stands, a third party signs it; a stratum is drawn, and refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader

from parcels.models import ProjectArea
from portal.accounts.models import Mandate, Party, User
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.factories.land import square
from tests.tickets.accounting.reports import (
    PDF,
    PERIOD,
    area_over,
    stand,
    worked_shapes,
)
from tickets.accounting.models import AccountingReport, Stratum
from tickets.accounting.operations import open_report

KINDS = {"1": "新疆杨", "2": "云杉", "3": "白榆"}
STOCKS = {"1": ("60", "95"), "2": ("180", "195"), "3": ("30", "38.4")}


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.UPLOAD_SCRATCH = tmp_path / "uploads"
    yield


def party_of(name: str) -> Party:
    mandate = Mandate.objects.filter(user__username=name).select_related("party").first()
    assert mandate is not None
    return mandate.party


def owned_area(*shapes: Any) -> ProjectArea:
    version = area_over(*shapes, owner=None)
    area = version.area
    area.party = party_of("owner1")
    area.save()
    return area


def worked_land() -> ProjectArea:
    """The worked example's land, with its stands in two survey years."""
    shapes = worked_shapes()
    for code, shape in shapes.items():
        for year, stock in zip((2020, 2025), STOCKS[code], strict=True):
            stand(shape, year=year, kind=KINDS[code], stock=stock, number=code)
    return owned_area(*shapes.values())


def sign_out(page: Page) -> None:
    page.locator("form[action='/sign-out/'] button").click()
    page.wait_for_load_state()


def save(page: Page, button: Locator) -> None:
    """Press it and wait until the page has come back with the next revision."""
    main = page.locator("#main")
    expect(main).to_have_attribute("data-ready", "true")
    before = main.get_attribute("data-seen")
    assert before is not None
    button.click()
    expect(main).to_have_attribute("data-seen", re.compile(rf"^(?!{before}$)\d+$"))
    expect(page.locator("[data-ref=page-done]")).to_be_visible()


def set_uncertainty(page: Page, percent: str) -> None:
    page.fill("[name=baseline_t]", "50")
    page.fill("[name=uncertainty_stated_percent]", percent)
    save(page, page.locator("form[data-ref=terms] button[type=submit]"))


def test_the_worked_example_through_the_interface_to_the_last_digit(
    open_page: Any, tmp_path: Path
) -> None:
    page = open_page()
    area = worked_land()
    sign_in(page, "owner1")
    page.goto(reverse("accounting:reports"))
    page.get_by_role("link", name=area.name).click()
    page.fill("[name=start]", "2021-01-01")
    page.fill("[name=end]", "2025-12-31")
    page.locator("main form button[type=submit]").click()
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    page.locator("[data-act=stands]").click()
    expect(page.locator("#main")).to_have_attribute("data-stands", "3")
    page.locator("[data-act=all-stands]").click()
    picture(page, "accounting_stands")
    save(page, page.locator("[data-act=pick]"))
    table = page.locator("[data-ref=strata-table]")
    for shown in ("40.0000", "25.5000", "12.2667", "95.00", "38.40"):
        expect(table).to_contain_text(shown)

    set_uncertainty(page, "12")
    expect(page.locator(".head .button")).to_contain_text("2108 t")
    set_uncertainty(page, "31")
    expect(page.locator(".head .button")).not_to_contain_text(" t")
    set_uncertainty(page, "8")
    page.select_option("[name=verifier]", label="核算机构1")
    save(page, page.locator("form[data-ref=verifier] button"))
    report_file = tmp_path / "核算报告.pdf"
    report_file.write_bytes(PDF)
    page.set_input_files("#file-report", report_file)
    page.fill("[name=quantity_t]", "2300")
    save(page, page.locator("form[action$='files/report/add/'] button"))
    picture(page, "accounting_draft")
    page.locator(".head .button").click()
    expect(page.locator("main")).to_contain_text("不能备案")  # 2,300 is not 2,242.
    page.go_back()
    page.set_input_files("#file-report", report_file)
    page.fill("[name=quantity_t]", "2242")
    save(page, page.locator("form[action$='files/report/add/'] button"))

    sign_out(page)
    sign_in(page, "verifier1")
    page.goto(reverse("accounting:reports"))
    page.get_by_role("link", name=area.name).click()
    page.locator(".head .button").click()
    main = page.locator("main")
    for shown in ("1,707.5986", "530.3923", "304.1554", "2,542.1463", "2,492.1463", "2,242.9317",
                  "398.0672", "-24.9 %", "与核算一致"):  # fmt: skip
        expect(main).to_contain_text(shown)
    expect(page.locator("[data-ref=tonnes]")).to_have_text("2242")
    assert page.locator(".chart svg rect").count() == 3
    picture(page, "accounting_result")
    page.fill("#code", page.locator("[data-ref=demo-code]").inner_text())
    page.get_by_role("button", name="签署报告").click()
    expect(main).to_contain_text("签署内容与数据库中的数据一致")
    page.screenshot(path=f"{_pictures()}/accounting_signed.png", full_page=True)
    report = AccountingReport.objects.get()
    assert (report.state, report.quantity_kg_calculated) == ("signed", 2_242_000)
    answer = page.request.get(reverse("accounting:pdf", args=[report.key]))
    assert answer.status == 200
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(answer.body())).pages)
    for shown in ("2,242", "1,707.5986", "2,492.1463"):
        assert shown in text
    assert page.request.get(reverse("accounting:pdf", args=[report.key])).body() == answer.body()
    (_pictures() / "accounting_report.pdf").write_bytes(answer.body())


def _pictures() -> Path:
    from tests.browser.conftest import PICTURES

    return PICTURES


def draft(*shapes: Any) -> AccountingReport:
    area = owned_area(*shapes)
    owner = User.objects.get(username="owner1")
    return open_report(area_version=area.versions.get(), period=PERIOD, actor=owner)


def corners(*points: tuple[float, float]) -> str:
    return "\n".join(f"{lon:.8f},{lat:.8f}" for lon, lat in points)


def test_a_stratum_is_drawn_and_typed_and_refused_where_it_leaves_the_area(open_page: Any) -> None:
    page = open_page()
    shape = square(0, 0, 400)
    report = draft(shape)
    sign_in(page, "owner1")
    page.goto(reverse("accounting:draft", args=[report.key]))
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    page.wait_for_timeout(500)

    page.locator("[data-act=draw]").click()
    box = page.locator("[data-ref=map]").bounding_box()
    assert box is not None
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for east, south in ((-60, -60), (60, -60), (60, 60), (-60, 60), (-60, -60)):
        page.mouse.move(middle_x + east, middle_y + south)
        page.mouse.click(middle_x + east, middle_y + south)
        page.wait_for_timeout(120)
    expect(page.locator("[data-ref=vertices]")).to_have_value(re.compile(r"81\.\d+,43\.\d+"))
    page.select_option("[name=set]", label="杨 Populus")
    page.fill("[name=begin]", "4")
    page.fill("[name=end]", "6")
    expect(page.locator(".species-row .help")).to_contain_text("如按亩填写")
    page.select_option("[name=unit]", "mu")
    expect(page.locator(".species-row .help")).to_contain_text("60.0 → 90.0")
    picture(page, "accounting_drawing")
    save(page, page.get_by_role("button", name="保存碳层"))
    row = Stratum.objects.get().species.get()
    assert (row.volume_unit, str(row.volume_end_m3_per_ha)) == ("mu", "90.0000")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#main")).to_have_attribute("data-ready", "true")

    # The second by its corners alone: first over the edge and the first stratum, then aside.
    page.locator("[data-act=draw]").click()
    page.locator("details.vertices summary").click()
    west, south, east, north = shape.extent
    over: list[tuple[float, float]] = [
        (west, south),
        (east + 0.002, south),
        (east + 0.002, north),
        (west, north),
    ]
    page.fill("[data-ref=vertices]", corners(*over))
    page.select_option("[name=set]", label="榆 Ulmus")
    page.fill("[name=begin]", "30")
    page.fill("[name=end]", "-5")
    page.get_by_role("button", name="保存碳层").click()
    error = page.locator("[data-ref=stratum-error]")
    expect(error).to_contain_text("超出项目范围")
    picture(page, "accounting_refused")
    strip = [(west, south), (east, south), (east, south + 0.0002), (west, south + 0.0002)]
    page.fill("[data-ref=vertices]", corners(*strip))
    page.get_by_role("button", name="保存碳层").click()
    expect(error).to_contain_text("不能小于零")
    page.fill("[name=end]", "38")
    save(page, page.get_by_role("button", name="保存碳层"))
    assert Stratum.objects.count() == 2

    # The window that was opened before is shown what differs, and keeps what is typed in it.
    other.fill("[name=baseline_t]", "7")
    other.locator("form[data-ref=terms] button[type=submit]").click()
    expect(other.locator("[data-ref=overtaken-list]")).to_contain_text("新增碳层 2")
    picture(other, "accounting_two_windows")
    save(other, other.locator("[data-ref=use-mine]"))
    assert AccountingReport.objects.get().baseline_t == 7


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_of_a_report_have_no_accessibility_fault_and_do_not_scroll_sideways(
    open_page: Any, size: tuple[int, int]
) -> None:
    page = open_page(size)
    report = draft(square(0, 0, 400))
    sign_in(page, "owner1")
    faults: dict[str, list[str]] = {}
    area = report.area_version.area
    for address in (
        reverse("accounting:reports"),
        reverse("accounting:new", args=[area.key]),
        reverse("accounting:draft", args=[report.key]),
        reverse("accounting:result", args=[report.key]),
    ):
        page.goto(address)
        page.wait_for_timeout(500)
        found = [violation["id"] for violation in Axe().run(page).response["violations"]]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append("scrolls sideways")
        if found:
            faults[address] = found
        picture(page, f"accounting_{address.strip('/').split('/')[-1][:8]}_{size[0]}")
    assert faults == {}

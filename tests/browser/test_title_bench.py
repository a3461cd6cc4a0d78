"""The whole bench in a real browser: a title that overlaps, is returned, snapped, verified, frozen."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from parcels.models import ParcelVersion, RightKind, TitleCertificate, TitleReview
from parcels.reviews.models import Outcome, Side
from parcels.reviews.operations import (
    change_by_office,
    propose_outcome,
    sign_review,
    submit_title,
    take_review,
    tick_side,
)
from parcels.reviews.shapes import current_shapes, seen_mark
from parcels.titles.land import Land
from parcels.titles.operations import CertificateFacts, attach_scan, correct_shape, register_title
from portal.accounts.models import User
from portal.accounts.queries import parties_acted_for
from portal.casework.documents import SCANS, read_upload
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.conftest import app_connection
from tests.factories.land import (
    METRE_LAT,
    METRE_LON,
    ORIGIN_LAT,
    ORIGIN_LON,
    square,
    title_on,
    verify,
)
from tests.parcels.claims.areas import exclusion_at

NUMBER = "伊市林证字（2026）第0007001号"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\r\xefF\xb8\x00\x00\x00\x00IEND\xaeB`\x82"
    + b" "
    * 100
)


def verified_neighbour(shape: Any, number: str) -> TitleReview:
    """A title of owner2, all the way by the operations."""
    owner = User.objects.get(username="owner2")
    clerk = User.objects.get(username="natural_resources")
    signer = User.objects.get(username="natural_resources_approver")
    review = register_title(
        party=parties_acted_for(owner).get(),
        facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number=number),
        kinds=[RightKind.TREE_OWNERSHIP],
        land=[Land(wkb=bytes(shape.wkb))],
        actor=owner,
    )
    review = submit_title(review=review, actor=owner)
    review = take_review(review=review, actor=clerk)
    for side in Side:
        tick_side(review=review, side=side, on_map="", agrees=True, actor=clerk)
    review = propose_outcome(
        review=review, outcome=Outcome.VERIFIED, seen=seen_mark(review), actor=clerk
    )
    return sign_review(review=review, seen=seen_mark(review), actor=signer)


def outline(path: Path) -> Path:
    """A plot of 100 m that reaches 3 m into the eastern neighbour and 2 cm into the southern one."""
    west, south = ORIGIN_LON, ORIGIN_LAT - 0.02 * METRE_LAT
    east, north = ORIGIN_LON + 103 * METRE_LON, ORIGIN_LAT + 100 * METRE_LAT
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {},
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                    }
                ],
            }
        )
    )
    return path


def changed_together(review: TitleReview) -> TitleReview:
    """A case by office that reshapes land which a title of another kind of right holds too."""
    [held] = current_shapes(review)
    verify(title_on(held.parcel, number="林地使用权", kind="land_use"))
    clerk = User.objects.get(username="natural_resources")
    change = change_by_office(
        certificate=review.certificate, reason="巡查发现界线有误", actor=clerk
    )
    correct_shape(
        review=change, parcel=held.parcel, geom=square(0, 0, 95), as_officer=True, actor=clerk
    )
    return change


def assert_strip_fills_the_map(page: Page) -> None:
    """The map went to the strip of 3 m by 100 m: it is its middle, whole, and takes most of its height."""
    west, south, east, north = square(100, -0.02, 3, 100.02).extent
    page.wait_for_function(
        "([middle, near]) => { const [west, , east] ="
        " document.querySelector('#main').dataset.view.split(',').map(Number);"
        " return Math.abs((west + east) / 2 - middle) < near }",
        arg=[(west + east) / 2, 5 * METRE_LON],
    )
    view = page.locator("#main").get_attribute("data-view") or ""
    left, bottom, right, top = map(float, view.split(","))
    assert left < west < east < right
    assert bottom < south < north < top
    assert top - bottom < 5 * (north - south)


def loaded(page: Page) -> None:
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")


def register_by_upload(page: Page, folder: Path) -> None:
    page.goto(reverse("parcels:title-register-page"))
    loaded(page)
    page.set_input_files("[data-ref=shape-file]", outline(folder / "外业.geojson"))
    expect(page.locator("#main")).to_have_attribute("data-previewed", "1")
    page.fill("#number", NUMBER)
    page.fill("#area", "1.02")
    page.fill("#side_east", "努尔兰林地")
    scan = folder / "scan.png"
    scan.write_bytes(PNG)
    page.set_input_files("#scan", scan)
    picture(page, "bench_01_register")
    page.locator("form[data-ref=register] button[type=submit]").click()
    page.wait_for_url("**/titles/mine/*-*/")
    loaded(page)


def test_an_officer_returns_an_overlap_the_owner_snaps_it_and_two_officers_freeze_it(
    open_page: Any, tmp_path: Path
) -> None:
    verified_neighbour(square(100, -20, 100, 140), "东邻")
    verified_neighbour(square(0, -100, 100, 100), "南邻")
    owner, clerk, signer = open_page(), open_page(), open_page()

    sign_in(owner, "owner1")
    register_by_upload(owner, tmp_path)
    owner.get_by_role("button", name="提交审核").click()
    expect(owner.locator(".badge.preparing")).to_be_visible()
    loaded(owner)
    picture(owner, "bench_02_submitted")

    sign_in(clerk, "natural_resources")
    clerk.goto(reverse("parcels:bench"))
    picture(clerk, "bench_03_work_list")
    clerk.get_by_role("link", name=NUMBER).click()
    loaded(clerk)
    expect(clerk.locator(".issue.conflict")).to_have_count(1)
    slivers = clerk.locator(".issue.warning", has_text="细缝")
    expect(slivers).to_have_count(1)
    picture(clerk, "bench_04_case")
    strip = clerk.locator(".issue.conflict")
    strip.locator(".issue-show").click()
    expect(clerk.locator(".leaflet-tooltip.measure")).to_contain_text("平方米")
    expect(clerk.locator("#main")).to_have_attribute(
        "data-shown", strip.get_attribute("data-finding") or ""
    )
    assert_strip_fills_the_map(clerk)
    picture(clerk, "bench_05_strip")
    for button in ("right", "in"):
        clerk.locator(f"[data-scan={button}]").click()
    expect(clerk.locator("[data-ref=scan]")).to_have_attribute("data-turned", "1")
    clerk.fill("#comment", "东侧界址点越过邻界")
    clerk.locator("[data-ref=pick-place]").press("Enter")
    expect(clerk.locator("[data-ref=map]")).to_be_focused()
    clerk.keyboard.press("Enter")
    expect(clerk.locator("[data-ref=picked]")).to_contain_text("已选位置")
    clerk.locator("input[name=internal]").uncheck()
    clerk.locator("form[data-act=comment] button[type=submit]").click()
    expect(clerk.locator(".remark")).to_contain_text("东侧界址点越过邻界")
    loaded(clerk)
    clerk.fill("#asked", "请将东侧与已审核宗地对齐。")
    clerk.locator("form[data-act=return] button[type=submit]").click()
    expect(clerk.locator(".badge.returned")).to_be_visible()
    loaded(clerk)
    picture(clerk, "bench_06_returned")

    owner.reload()
    loaded(owner)
    expect(owner.locator(".alert.warning").first).to_contain_text("请将东侧与已审核宗地对齐")
    expect(owner.locator(".remark")).to_contain_text("东侧界址点越过邻界")
    owner.locator("details[data-ref=repair] summary").click()
    owner.fill("#repair-metres", "4")
    owner.get_by_role("button", name="预览").click()
    expect(owner.locator("[data-ref=repair-answer]")).to_contain_text("修复后")
    owner.wait_for_timeout(400)
    picture(owner, "bench_07_snap_preview")
    owner.locator("[data-ref=repair-accept]").click()
    expect(owner.locator("[data-ref=versions] li")).to_have_count(2)
    expect(owner.locator("[data-ref=versions]")).to_contain_text("对齐邻界，容差 4 米")
    loaded(owner)
    owner.get_by_role("button", name="补正完成，重新提交").click()
    expect(owner.locator(".badge.preparing")).to_be_visible()
    loaded(owner)
    picture(owner, "bench_08_resubmitted")

    clerk.reload()
    loaded(clerk)
    expect(clerk.locator(".issue.conflict")).to_have_count(0)
    compare = clerk.locator("[data-ref=versions] button").first
    compare.click()
    clerk.wait_for_timeout(400)
    picture(clerk, "bench_09_versions_compared")
    compare.click()
    expect(compare).to_have_attribute("aria-pressed", "false")
    for side in Side:
        tick = clerk.locator(f"[data-side={side.value}][data-agrees='1']")
        tick.click()
        expect(tick).to_have_attribute("aria-pressed", "true")
    clerk.locator("input[name=outcome][value=verified]").check()
    clerk.locator("form[data-act=verdict] button[type=submit]").click()
    expect(clerk.locator(".badge.approving")).to_be_visible()
    loaded(clerk)
    expect(clerk.locator("form[data-act=sign]")).to_have_count(0)

    sign_in(signer, "natural_resources_approver")
    signer.goto(reverse("parcels:bench") + "?view=approving")
    signer.get_by_role("link", name=NUMBER).click()
    loaded(signer)
    picture(signer, "bench_10_to_sign")
    signer.locator("form[data-act=sign] button").click()
    expect(signer.locator(".badge.frozen")).to_be_visible()
    loaded(signer)
    picture(signer, "bench_11_frozen")

    certificate = TitleCertificate.objects.get(number=NUMBER)
    assert certificate.state == "verified"
    version = ParcelVersion.objects.standing().get(parcel__rights__certificate=certificate)
    assert (version.number, version.area_m2) == (2, pytest.approx(10_000, rel=0.002))
    for statement in (
        "UPDATE parcels_titlecertificate SET number = 'x' WHERE id = %s",
        "DELETE FROM parcels_right WHERE certificate_id = %s",
        "UPDATE parcels_parcel SET ended_at = portal_now() WHERE id IN "
        "(SELECT parcel_id FROM parcels_verifiedtitle WHERE certificate_id = %s)",
    ):
        with app_connection() as session, pytest.raises(psycopg.Error):
            session.execute(statement, [certificate.pk])


def test_an_owner_types_points_and_taps_parcels(open_page: Any) -> None:
    neighbour = verified_neighbour(square(300, 0, 200), "已登记宗地")
    page = open_page()
    sign_in(page, "owner1")
    page.goto(reverse("parcels:title-register-page"))
    loaded(page)
    page.get_by_role("tab", name="输入界址点").click()
    points = [
        ("81.3000", "43.95"), ("81°18'04.5\"", "43.95"),
        ("81度18分4.5秒", "43°57'3\""), ("81.3000", "43.9508333"),
    ]  # fmt: skip
    for at, (first, second) in enumerate(points):
        row = page.locator("[data-ref=points] tr").nth(at)
        row.locator("input").nth(2).fill(first)
        row.locator("input").nth(3).fill(second)
        expect(page.locator("#main")).to_have_attribute("data-points", str(at + 1))
    picture(page, "bench_20_typed_points")
    page.fill("#number", "手输第1号")
    page.locator("form[data-ref=register] button[type=submit]").click()
    page.wait_for_url("**/titles/mine/*-*/")
    loaded(page)
    assert TitleReview.objects.filter(certificate__number="手输第1号").exists()

    page.goto(reverse("parcels:title-register-page"))
    loaded(page)
    page.get_by_role("tab", name="输入界址点").click()
    row = page.locator("[data-ref=points] tr").first
    row.locator("input").nth(2).fill("81.3O")
    row.locator("input").nth(3).fill("43.95")
    expect(row.locator("input").nth(2)).to_have_attribute("aria-invalid", "")
    page.fill("#number", "手输第2号")
    page.locator("form[data-ref=register] button[type=submit]").click()
    expect(page.locator("[data-ref=refusal]")).to_be_visible()
    expect(row.locator("input").nth(2)).to_have_value("81.3O")

    lon, lat = current_shapes(neighbour)[0].geom.centroid.coords
    for at, off in enumerate((-0.001, 0.001)):
        row = page.locator("[data-ref=points] tr").nth(at)
        row.locator("input").nth(2).fill(str(lon + off))
        row.locator("input").nth(3).fill(str(lat + off))
    page.get_by_role("tab", name="地图上点选").click()
    expect(page.locator("#main")).to_have_attribute("data-near", re.compile("[1-9]"))
    page.locator("[data-ref=map]").press("Enter")
    expect(page.locator("[data-ref=land-note]")).to_contain_text("已选 1 宗")
    picture(page, "bench_21_tap")
    page.fill("#number", "点选第1号")
    page.locator("form[data-ref=register] button[type=submit]").click()
    page.wait_for_url("**/titles/mine/*-*/")
    tapped = TitleReview.objects.get(certificate__number="点选第1号")
    assert current_shapes(tapped) == current_shapes(neighbour)
    loaded(page)
    expect(page.locator(".issue.conflict", has_text="同一宗地上的其他证书")).to_have_count(1)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_of_the_bench_have_no_accessibility_fault_and_do_not_scroll_sideways(
    open_page: Any, size: tuple[int, int]
) -> None:
    review = verified_neighbour(square(0, 0), "一")
    exclusion_at(square(30, 30, 200), kind="harvest", method="clear_cut", status="planned")
    page_of_paper = io.BytesIO()
    Image.new("RGB", (620, 877), "#f6f1e2").save(page_of_paper, "PDF")
    attach_scan(
        certificate=review.certificate,
        scan=read_upload(SimpleUploadedFile("林权证.pdf", page_of_paper.getvalue()), kinds=SCANS),
        actor=review.made_by,
    )
    together = changed_together(review)
    faults: dict[str, list[str]] = {}

    def look(page: Page, address: str) -> None:
        page.goto(address)
        page.wait_for_timeout(500)
        found = [violation["id"] for violation in Axe().run(page).response["violations"]]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append("scrolls sideways")
        if found:
            faults[address] = found
        picture(page, f"bench_page_{address.strip('/').split('/')[-1][:12]}_{size[0]}")

    page = open_page(size)
    sign_in(page, "owner2")
    for name in ("my-titles", "title-register-page", "rules"):
        look(page, reverse(f"parcels:{name}"))
    look(page, reverse("parcels:my-title", args=[review.key]))
    page = open_page(size)
    sign_in(page, "natural_resources")
    look(page, reverse("parcels:bench"))
    look(page, reverse("parcels:bench-case", args=[together.key]))
    expect(page.get_by_text("同一宗地上的下列证书一并更正")).to_be_visible()
    expect(page.get_by_label("注销原证书")).to_be_visible()
    with page.expect_response("**/titles/documents/*/") as scanned:
        look(page, reverse("parcels:bench-case", args=[review.key]))
    assert faults == {}
    expect(page.locator("[data-ref=exclusion-key]")).to_be_visible()
    assert scanned.value.headers["content-type"] == "application/pdf"
    for button in ("right", "in", "in", "out"):
        page.locator(f"[data-scan={button}]").click()
    sheet = page.locator("iframe[data-ref=scan-sheet]")
    expect(sheet).to_have_css("transform", re.compile(r"matrix\(.*, 1\.25, -1\.25, "))
    picture(page, f"bench_scan_pdf_{size[0]}")
    page.locator("[data-scan=reset]").click()
    expect(sheet).to_have_css("transform", "matrix(1, 0, 0, 1, 0, 0)")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_owner_registers_a_title_held_with_others(
    open_page: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    page = open_page(size)
    sign_in(page, "owner1")
    page.goto(reverse("parcels:title-register-page"))
    loaded(page)
    page.set_input_files("[data-ref=shape-file]", outline(tmp_path / "外业.geojson"))
    expect(page.locator("#main")).to_have_attribute("data-previewed", "1")
    page.fill("#number", NUMBER)
    add, told = page.locator("[data-ref=add-co-owner]"), page.locator("[data-ref=share-sum]")
    add.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("阿依古丽")
    expect(told).to_contain_text("2 / 2")
    add.click()
    page.get_by_label("共有人 2 姓名或名称").fill("木拉提")
    expect(told).to_have_class("error")
    page.locator("form[data-ref=register] button[type=submit]").click()
    expect(page.locator("[data-ref=refusal]")).to_contain_text("应等于总份数 2")
    page.fill("#share-of", "6")
    page.get_by_label("共有人 2 份额").fill("4")
    expect(told).not_to_have_class("error")
    told.scroll_into_view_if_needed()
    picture(page, f"bench_co_owners_{size[0]}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    page.locator("form[data-ref=register] button[type=submit]").click()
    page.wait_for_url("**/titles/mine/*-*/")
    expect(page.locator("#main")).to_contain_text("阿依古丽 1/6")
    expect(page.locator("#main")).to_contain_text("木拉提 4/6")
    loaded(page)
    box = page.locator("details[data-ref=owners]")
    box.locator("summary").click()
    expect(page.get_by_label("共有人 1 姓名或名称")).to_have_value("阿依古丽")
    expect(page.get_by_label("共有人 1 姓名或名称")).not_to_be_editable()
    page.get_by_label("共有人 2 份额").fill("3")
    expect(told).to_have_class("error")
    page.fill("#share", "2")
    expect(told).not_to_have_class("error")
    told.scroll_into_view_if_needed()
    picture(page, f"bench_co_owners_corrected_{size[0]}")
    box.locator("button[type=submit]").click()
    expect(page.locator("#main")).to_contain_text("木拉提 3/6")
    expect(page.locator("#main")).to_contain_text("2/6")

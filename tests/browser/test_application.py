"""The main job in a real browser: from own parcels to a signed filing whose QR code says valid."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
import typst
import zxingcpp
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from parcels.models import Parcel, Stand
from portal.accounts.demo import DEMO_MEMBERS, party_of
from portal.accounts.models import Mandate, User
from portal.base.clock import advance_clock, today
from portal.casework.models import Expert
from tests.browser.conftest import DESKTOP, PHONE, picture, settled, shown_clean, sign_in
from tests.browser.test_accounting import save
from tests.browser.test_drawing import at, ccer_shape, checked, draw_box, land  # noqa: F401
from tests.factories.land import square
from tests.parcels.drawing.owners import land_of
from tests.tickets.projects.story import PDF
from tickets.projects import papers
from tickets.projects.models import Application, Filing

DESIGN, AGREEMENT, REPORT = "项目设计.pdf", "收益分配协议.pdf", "核算报告.pdf"


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.UPLOAD_SCRATCH = tmp_path / "uploads"


def appoint_experts() -> None:
    for n in (1, 2, 3):
        Expert.objects.create(
            user=User.objects.get(username=f"expert{n}"),
            speciality="森林经理",
            qualification="高级工程师",
            valid_from=today() - timedelta(days=9),
            valid_to=today() + timedelta(days=999),
        )


def survey(parcels: list[Parcel]) -> None:
    """Poplar that grew between two inventories."""
    for number, parcel in enumerate(parcels, start=1):
        for year, stock in ((2020, "60"), (2025, "95")):
            Stand.objects.create(
                survey_year=year,
                stand_number=str(number),
                geom=parcel.versions.get().geom,
                species="杨树",
                origin="20",
                forest_purpose="111",
                growing_stock_m3_per_ha=stock,
            )


def turn_of(page: Page, who: str, address: str) -> Locator:
    """Somebody else signs in on this page and sees that it is his turn."""
    page.context.clear_cookies()
    sign_in(page, who)
    page.goto(address)
    return page.locator(".turn").first


def say(page: Page, turn: Locator, verdict: str, reason: str = "") -> None:
    if reason:
        turn.locator("textarea[name=reason]").last.fill(reason)
    turn.locator(f"button[value={verdict}]").click()
    expect(page.locator(".flashes .success")).to_contain_text("结论已登记")


def upload(page: Page, name: str) -> None:
    form = page.locator(".material form").first
    form.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/pdf", "buffer": PDF}
    )
    form.locator("button[type=submit]").click()
    expect(page.locator(".material .badge.done").first).to_be_visible()


def draw(page: Page, parcels: list[Parcel]) -> None:
    """Five parcels tapped, the rest drawn, the CCER project and what is not one's own cut off."""
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    for ref, typed in (("name", "下潘津造林一期"), ("start", "2021-01-01"), ("end", "2025-12-31")):
        page.fill(f"[data-ref={ref}]", typed)
    page.locator("[data-tool-name=pick]").click()
    settled(page)
    for count, parcel in enumerate(parcels, start=1):
        middle = parcel.versions.get().geom.point_on_surface
        page.mouse.click(*at(page, middle.x, middle.y))
        expect(page.locator("[data-ref=note]")).to_contain_text(str(count))
    checked(page, "clear")
    west, south, east, north = ccer_shape().bounds
    draw_box(page, (west, south, east, (south + north) / 2))
    checked(page, "conflict")
    clash = page.locator(".draw-finding.conflict[data-rule=overlap_exclusion]")
    expect(clash).to_contain_text("CCER-14-001-2024-0137")
    picture(page, "application_1_conflict")
    page.locator("[data-ref=trim]").click()
    expect(page.locator("[data-ref=note]")).to_have_text("已完成")
    page.locator("[data-ref=subtract-all]").click()
    expect(clash).to_have_count(0)
    expect(page.locator("#main")).not_to_have_attribute("data-verdict", "conflict")
    page.locator("form[data-ref=form] button[type=submit]").click()


def enter_strata(page: Page, parcels: list[Parcel]) -> None:
    """Strata of the stands of two surveys, deductions, the third party, and what its report says."""
    page.get_by_role("button", name="开始核算").click()
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    page.locator("[data-act=stands]").click()
    expect(page.locator("#main")).to_have_attribute("data-stands", str(len(parcels)))
    page.locator("[data-act=all-stands]").click()
    save(page, page.locator("[data-act=pick]"))
    picture(page, "application_2_strata")
    for name, typed in (
        ("baseline_t", "12"),
        ("basis_note", "按无项目情景下的自然生长估计。"),
        ("uncertainty_stated_percent", "8"),
        ("explanation", "蓄积由样地复测得出。"),
    ):
        page.fill(f"[name={name}]", typed)
    save(page, page.locator("form[data-ref=terms] button[type=submit]"))
    page.select_option("[name=verifier]", label="核算机构1")
    save(page, page.locator("form[data-ref=verifier] button"))
    [tonnes] = re.findall(r"(\d+) t", page.locator(".head .button").inner_text())
    page.set_input_files(
        "#file-report", {"name": REPORT, "mimeType": "application/pdf", "buffer": PDF}
    )
    page.fill("[name=quantity_t]", tonnes)
    save(page, page.locator("form[action$='files/report/add/'] button"))


def sign_the_report(page: Page, application: Application) -> None:
    """The third party signs; the owner takes the signed report as the material."""
    page.context.clear_cookies()
    sign_in(page, "verifier1")
    page.goto(reverse("accounting:reports"))
    page.get_by_role("link", name="下潘津造林一期").first.click()
    page.locator(".head .button").click()
    page.fill("#code", page.locator("[data-ref=demo-code]").inner_text())
    page.get_by_role("button", name="签署报告").click()
    expect(page.locator("main")).to_contain_text("签署内容与数据库中的数据一致")
    page.context.clear_cookies()
    sign_in(page, "owner1")
    page.goto(reverse("projects:fill", args=[application.key, "report"]))
    shown_clean(page, "application_2_report")
    page.get_by_role("button", name="用签署的报告作为本项材料").click()
    expect(page.locator(".flashes .success")).to_contain_text("已作为材料")
    expect(page.locator(".material .badge.done")).to_be_visible()


def fill_in(page: Page, parcels: list[Parcel]) -> Application:
    """The wizard, from a new project to the signature under the commitment."""
    sign_in(page, "owner1")
    page.goto(reverse("projects:projects"))
    page.fill("#id_name", "下潘津造林一期")
    page.get_by_role("button", name="建立并填报").click()
    page.get_by_role("link", name="在地图上画新范围").click()
    draw(page, parcels)
    page.wait_for_url("**/fill/area/**")
    expect(page.locator("#id_area option:checked")).to_contain_text("下潘津造林一期")
    page.fill("#id_first", "2021-01-01")
    page.fill("#id_last", "2025-12-31")
    shown_clean(page, "application_2_area")
    page.get_by_role("button", name="保存并继续").click()
    page.locator("input[name=titles]").first.check()
    shown_clean(page, "application_2_titles")
    page.get_by_role("button", name="保存并继续").click()
    upload(page, AGREEMENT)
    shown_clean(page, "application_2_shares")
    page.get_by_role("link", name="下一步").click()
    page.fill("input[name=measure] >> nth=0", "补植杨树")
    page.fill("input[name=done_from] >> nth=0", "2021-04-01")
    page.fill("input[name=done_to] >> nth=0", "2021-05-10")
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    page.locator("[data-ref=map]").click()  # The first empty place is filled by a click on the map.
    expect(page.locator("input[name=place] >> nth=0")).to_have_value(re.compile(r"81\.\d+,43\.\d+"))
    page.get_by_role("button", name="保存措施").click()
    application = Application.objects.get()
    the_place_lies_on_the_land(page, application)
    upload(page, DESIGN)
    shown_clean(page, "application_2_design")
    page.get_by_role("link", name="下一步").click()
    page.get_by_role("link", name="打开核算").click()
    enter_strata(page, parcels)
    sign_the_report(page, application)
    page.get_by_role("link", name="下一步").click()
    page.locator("#id_read").check()
    shown_clean(page, "application_2_sign")
    page.get_by_role("button", name="签署").click()
    page.goto(reverse("projects:submit", args=[application.key]))
    expect(page.locator(".alert.success").last).to_contain_text("七项材料齐备")
    shown_clean(page, "application_3_ready")
    return application


def the_place_lies_on_the_land(page: Page, application: Application) -> None:
    """The page says of a measure that it lies astray; a place on the land puts it right."""
    astray = page.locator(".alert").filter(has_text="还没有项目范围内的地点")
    page.fill("input[name=place] >> nth=0", "81.0,43.0")
    page.get_by_role("button", name="保存措施").click()
    expect(astray).to_contain_text("补植杨树")
    assert application.area_version is not None
    on_land = application.area_version.geom.point_on_surface
    page.fill("input[name=place] >> nth=0", f"{on_land.x:.6f},{on_land.y:.6f}")
    page.get_by_role("button", name="保存措施").click()
    expect(page.locator("input[name=place] >> nth=0")).to_have_value(re.compile(f"{on_land.x:.4f}"))
    expect(astray).to_have_count(0)


def review(page: Page, address: str) -> None:
    """Every department does its step."""
    turn = turn_of(page, "forestry", address)
    while page.locator(".checklist").count():
        form = page.locator(".checklist").first
        for box in form.locator("input[type=checkbox]").all():
            box.check()
        form.locator("button").click()
        expect(page.locator(".flashes .success")).to_contain_text("已核对")
    shown_clean(page, "application_4_completeness")
    say(page, turn, "endorse")
    for office, opinion in (("natural_resources", "权属清晰"), ("forestry", "方法适用")):
        say(page, turn_of(page, office, address), "prepare", opinion)
        turn = turn_of(page, f"{office}_approver", address)
        picture(page, f"application_5_{office}")
        say(page, turn, "endorse")
    turn_of(page, "forestry", address)
    for _n in range(3):
        page.get_by_role("button", name="征求意见").click()
        expect(page.locator(".flashes .success")).to_be_visible()
    for n in (1, 2, 3):
        turn = turn_of(page, f"expert{n}", address)
        turn.locator("input[value=pass]").check()
        turn.locator("textarea").fill("碳层划分合理，同意。")
        turn.get_by_role("button", name="提交意见").click()
        expect(page.locator(".flashes .success")).to_contain_text("意见已提交")
    turn = turn_of(page, "forestry", address)
    picture(page, "application_6_experts")
    say(page, turn, "endorse", "三位专家均同意。")
    say(page, page.locator(".turn").first, "prepare", "同意审定。")
    advance_clock(timedelta(days=9))
    turn = turn_of(page, "forestry_approver", address)
    say(page, turn, "endorse")
    shown_clean(page, "application_7_determined")


def sign(page: Page, address: str) -> Filing:
    turn = turn_of(page, "ecology", address)
    turn.get_by_role("button", name="拟稿并送签").click()
    expect(page.locator(".flashes .success")).to_contain_text("已拟稿")
    turn = turn_of(page, "ecology_approver", address)
    picture(page, "application_8_signing")
    turn.locator("input[name=code]").fill("000000")
    turn.get_by_role("button", name="签发").click()
    expect(page.locator(".alert.error")).to_contain_text("验证码")
    turn = page.locator(".turn").first
    page.wait_for_timeout(1500)  # After a wrong code the next one has to wait a second.
    turn.locator("input[name=code]").fill(turn.locator("code").inner_text())
    turn.get_by_role("button", name="签发").click()
    expect(page.locator(".flashes .success")).to_contain_text("已签发")
    return Filing.objects.get()


def code_on_paper(filing: Filing, base: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a phone reads from the certificate's QR code: the same page as a picture."""

    def as_picture(template: Path, *, facts: Any, pictures: dict[str, str], dated: Any) -> bytes:
        inputs = {"facts": json.dumps(facts), "year": "2026", "month": "1", "day": "1", **pictures}
        made = typst.compile(template, format="png", sys_inputs=inputs, ppi=120)
        assert isinstance(made, bytes)
        return made

    monkeypatch.setattr(papers, "compile_pdf", as_picture)
    address = f"{base}{reverse('site:verify', args=[filing.code])}"
    shown = papers.filing_pdf(filing, address=address, public=False)
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(shown)))
    return str(found.text)


def test_an_owners_land_becomes_a_signed_filing_whose_code_says_valid(
    open_page: Any,
    served: str,
    land: list[Parcel],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    appoint_experts()
    survey(land)
    page = open_page(DESKTOP)
    application = fill_in(page, land)
    page.locator("main").get_by_role("button", name="提交", exact=True).click()
    expect(page.locator(".flashes .success")).to_contain_text("已提交")
    address = reverse("projects:application", args=[application.key])
    review(page, address)
    filing = sign(page, address)

    page.context.clear_cookies()
    sign_in(page, "owner1")
    page.goto(address)
    paper = page.request.get(reverse("projects:filing-pdf", args=[filing.number]))
    [sheet] = pypdf.PdfReader(io.BytesIO(paper.body())).pages
    assert filing.number in sheet.extract_text()
    read = code_on_paper(filing, served, monkeypatch)
    public = open_page(PHONE)
    public.goto(read)
    expect(public.locator(".verdict-banner.valid")).to_contain_text("有效")
    shown_clean(public, "application_9_valid")


def tap_together(page: Page, applicant: User, holders: list[User]) -> None:
    """From a new project of the applicant to the shares, on a parcel of each holder."""
    middles = []
    for at_m, holder in enumerate(holders):
        [parcel] = land_of(party_of(holder), square(at_m * 100, 0))
        middles.append(parcel.versions.get().geom.centroid)
    sign_in(page, applicant.username)
    page.goto(reverse("projects:projects"))
    page.select_option("#id_applicant", str(party_of(applicant).pk))
    page.fill("#id_name", "联户造林")
    page.get_by_role("button", name="建立并填报").click()
    page.get_by_role("link", name="在地图上画新范围").click()
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    expect(page.locator("[data-ref=party]")).to_have_value(str(party_of(applicant).key))
    for ref, typed in (("name", "联户林"), ("start", "2021-01-01"), ("end", "2025-12-31")):
        page.fill(f"[data-ref={ref}]", typed)
    expect(page.locator("[data-ref=titles] li")).to_have_count(2)
    page.locator("[data-tool-name=pick]").click()
    for count, middle in enumerate(middles, start=1):
        page.mouse.click(*at(page, middle.x, middle.y))
        expect(page.locator("[data-ref=note]")).to_contain_text(str(count))
    checked(page, "clear")
    page.locator("form[data-ref=form] button[type=submit]").click()
    page.wait_for_url("**/fill/area/**")
    page.fill("#id_first", "2021-01-01")
    page.fill("#id_last", "2025-12-31")
    page.get_by_role("button", name="保存并继续").click()
    expect(page.locator("input[name=titles]:checked")).to_have_count(2)
    page.get_by_role("button", name="保存并继续").click()
    page.get_by_role("button", name="按面积计算").click()


def consent_as(page: Page, member: User, name: str) -> None:
    page.context.clear_cookies()
    sign_in(page, member.username)
    page.goto(reverse("projects:projects"))
    page.get_by_role("link", name="查看并同意").click()
    shown_clean(page, name)
    page.get_by_role("button", name="同意参加申报和上述份额").click()
    expect(page.locator(".flashes .success")).to_contain_text("已同意")


def test_a_village_taps_its_members_land_together_and_each_consents(
    open_page: Any, served: str
) -> None:
    members = [User.objects.get(username=name) for name in DEMO_MEMBERS]
    page = open_page(DESKTOP)
    tap_together(page, User.objects.get(username="collective"), members)
    expect(page.locator(".shares .badge.waiting")).to_have_count(2)
    upload(page, AGREEMENT)
    shown_clean(page, "joint_1_shares")
    shares = page.url
    for member in members:
        consent_as(page, member, "joint_2_consent")
    page.context.clear_cookies()
    sign_in(page, "collective")
    page.goto(shares)
    expect(page.locator(".shares .badge.done")).to_have_count(2)


def test_a_representative_draws_on_his_partners_land_and_the_partner_consents_himself(
    open_page: Any, served: str
) -> None:
    owner, partner = (User.objects.get(username=name) for name in DEMO_MEMBERS)
    Mandate.objects.create(
        user=owner,
        party=party_of(partner),
        scope=Mandate.Scope.APPLY,
        given_by=partner,
        valid_from=today(),
    )
    page = open_page(DESKTOP)
    tap_together(page, owner, [owner, partner])
    upload(page, AGREEMENT)
    # His land and papers are brought in by the mandate; what he gets for them is his own to accept.
    waiting = page.locator(".shares tr", has=page.locator(".badge.waiting"))
    expect(waiting).to_contain_text(partner.get_full_name())
    shown_clean(page, "partners_1_shares")
    shares = page.url
    consent_as(page, partner, "partners_2_consent")
    page.context.clear_cookies()
    sign_in(page, owner.username)
    page.goto(shares)
    expect(page.locator(".shares .badge.done")).to_have_count(2)
    expect(page.locator(".shares")).to_contain_text(partner.get_full_name())

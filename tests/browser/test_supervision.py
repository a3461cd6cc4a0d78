"""A complaint to its answer; an inspection on a phone that freezes; a case to its certificate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.base.clock import now, today
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.browser.test_ticket import filed
from tests.tickets.projects.story import PDF
from tests.tickets.registry.register import Bureau
from tests.tickets.supervision.pictures import jpeg
from tickets.market.operations import (
    LotTerms,
    approve_listing,
    ask_listing,
    prepare_listing,
)
from tickets.offsets.operations import prepare_offset, review_name, sign_offset
from tickets.registry.models import CarbonTicket
from tickets.supervision.models import Inspection, JusticeCase


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.SECRETS = tmp_path / "secrets"
    yield


def accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def within_a_phone(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def owned_ticket(quantity_kg: int) -> tuple[Bureau, CarbonTicket]:
    """A ticket that owner1 applied for."""
    filed()
    bureau = Bureau()
    return bureau, bureau.issue(quantity_kg)


def user(name: str) -> User:
    return User.objects.get(username=name)


# How many workers and how many pages of visits this browser has.
KEPT = """async () => [
  (await navigator.serviceWorker.getRegistrations()).length, (await caches.keys()).length]"""


def test_an_anonymous_complaint_to_its_answer(open_page: Any) -> None:
    page = open_page(PHONE)
    page.goto("/supervision/")
    within_a_phone(page)
    accessible(page)
    picture(page, "supervision_phone")
    page.get_by_role("link", name="填写举报").click()
    expect(page.locator("#main")).to_have_attribute("data-ready", "true")
    within_a_phone(page)
    page.select_option("[name=topic]", "offset")
    page.fill("[name=text]", "同一张抵消凭证在两次会议上都用了，见附件。")
    page.locator("[data-ref=map]").click()
    expect(page.locator("[name=place]")).to_have_value(re.compile(r"^8\d\.\d{6},4\d\.\d{6}$"))
    evidence, proof = (
        page.locator("[name=evidence]"),
        {"mimeType": "application/pdf", "buffer": PDF},
    )
    evidence.set_input_files([{"name": f"{n}.pdf", **proof} for n in range(6)])
    page.get_by_role("button", name="提交举报").click()  # Too many: nothing is sent, nothing lost.
    assert evidence.evaluate("field => field.validationMessage") == "最多 5 个文件。"
    expect(page.locator("[name=text]")).to_have_value(re.compile("两次会议"))
    evidence.set_input_files([{"name": "凭证.pdf", **proof}])
    picture(page, "complaint_new_phone")
    page.get_by_role("button", name="提交举报").click()
    code = page.locator("[data-ref=code]").inner_text()
    expect(page.locator("dl")).to_contain_text("在两次会议上都用了")
    picture(page, "complaint_phone")

    clerk = open_page(DESKTOP)
    sign_in(clerk, "ecology")
    clerk.goto("/complaints/desk/")
    accessible(clerk)
    picture(clerk, "complaint_desk")
    clerk.locator("main table a").click()
    clerk.get_by_role("button", name="受理").click()
    clerk.get_by_label("属实", exact=True).check()
    clerk.fill("[name=draft-answer]", "已核实，责令改正。")
    picture(clerk, "complaint_case")
    accessible(clerk)
    clerk.fill("[name=draft-answer]", "已核实，责令改正。<img src=x onerror=alert(1)>")
    clerk.get_by_role("button", name="送审批").click()
    approver = open_page(DESKTOP)
    sign_in(approver, "ecology_approver")
    approver.goto(clerk.url)
    approver.get_by_role("button", name="同意并答复").click()

    page.goto("/supervision/")
    page.fill("#find-code", code.lower())
    page.get_by_role("button", name="查询").click()
    expect(page.locator("[data-ref=answer]")).to_contain_text("已核实，责令改正。<img src=x")
    accessible(page)


def test_an_inspection_on_a_phone_freezes_part_of_a_ticket(open_page: Any) -> None:
    _bureau, ticket = owned_ticket(100_000)
    clerk = open_page(DESKTOP)
    sign_in(clerk, "forestry")
    clerk.goto(f"/inspections/new/?ticket={ticket.number}")
    clerk.fill("[name=reason]", "疑似过火")
    clerk.get_by_role("button", name="提出").click()
    address = clerk.url
    approver = open_page(DESKTOP)
    sign_in(approver, "forestry_approver")
    approver.goto(address)
    approver.select_option("[name=order-inspector]", str(user("forestry").pk))
    approver.fill("[name=order-due_on]", (today() + timedelta(days=5)).isoformat())
    approver.fill("[name=order-number]", "伊林检〔2026〕9号")
    picture(approver, "inspection_order")
    approver.get_by_role("button", name="下达", exact=True).click()
    approver.goto("/inspections/")
    accessible(approver)
    picture(approver, "inspections")
    # Whoever signs out leaves no page of a visit behind.
    clerk.goto(address)
    expect(clerk.locator("#main")).to_have_attribute("data-kept", "true")
    assert clerk.evaluate(KEPT) == [1, 1]
    clerk.get_by_role("button", name="退出").click()
    expect(clerk.get_by_role("link", name="登录").first).to_be_visible()
    assert clerk.evaluate(KEPT) == [0, 0]

    phone = open_page(PHONE)
    sign_in(phone, "forestry")
    phone.goto(address)
    expect(phone.locator("#main")).to_have_attribute("data-kept", "true")
    within_a_phone(phone)
    west, south, east, north = ticket.area_version.geom.extent
    middle = (west + east) / 2
    photo = jpeg(((west + middle) / 2, (south + north) / 2))

    # Without a network nothing is lost, and nothing is sent.
    phone.context.set_offline(True)
    phone.set_input_files(
        "[name=photo-pictures]", [{"name": "过火.jpg", "mimeType": "image/jpeg", "buffer": photo}]
    )
    expect(phone.locator("[data-ref=waiting] li")).to_contain_text("待上传")
    phone.get_by_role("button", name="上传照片").click()
    expect(phone.locator("[data-ref=position]")).to_contain_text("没有网络")
    phone.get_by_label("林木受损，减排量受影响").check()
    phone.fill("[name=sign-findings]", "西半部过火，树冠全部烧毁。")
    corners = [(west, south), (middle, south), (middle, north), (west, north)]
    phone.fill("[name=sign-affected]", "\n".join(f"{x:.9f},{y:.9f}" for x, y in corners))
    phone.get_by_role("button", name="签字").click()
    expect(phone.locator("[data-ref=draft]")).to_contain_text("没有网络")
    # The page is closed and opened again, still without a network: text and picture are there.
    context = phone.context
    phone.close()
    phone = context.new_page()
    phone.goto(address)
    expect(phone.locator("[name=sign-findings]")).to_have_value(re.compile("树冠全部烧毁"))
    expect(phone.locator("[data-ref=waiting] li")).to_contain_text("待上传")
    picture(phone, "inspection_offline_phone")
    # With the network the picture is sent, and the page comes from the server again.
    context.set_offline(False)
    expect(phone.locator("[data-ref=sent] li")).to_contain_text("照片自带")
    phone.goto(address)
    expect(phone.locator("[data-ref=sent] li")).to_contain_text("照片自带")
    expect(phone.locator("[data-ref=waiting] li")).to_have_count(0)
    expect(phone.locator("[name=sign-findings]")).to_have_value(re.compile("树冠全部烧毁"))
    expect(phone.get_by_label("林木受损，减排量受影响")).to_be_checked()
    accessible(phone)
    picture(phone, "inspection_phone")
    phone.get_by_role("button", name="签字").click()
    expect(phone.locator("[data-ref=affected]")).to_be_visible()
    expect(phone.locator("#main")).to_have_attribute("data-ready", "true")
    picture(phone, "inspection_signed_phone")
    assert phone.evaluate(KEPT) == [0, 0]

    signed = Inspection.objects.get()
    assert signed.affected_kg == pytest.approx(50_000, abs=2)
    approver.goto(address)
    approver.locator("main a[href^='/registrations/']").click()
    picture(approver, "inspection_freeze")
    approver.locator("button[name=action][value=approve]").click()
    expect(approver.locator(".flashes .alert").first).to_be_visible()
    frozen = [block for block in ticket.blocks.standing() if block.freezes]
    assert sum(block.quantity_kg for block in frozen) == signed.affected_kg


def fill_in_case(clerk: Page, number: str, **where: str) -> None:
    """The form of a new case; ``where`` its tonnes come from."""
    clerk.goto("/eco-justice/cases/new/")
    clerk.select_option("[name=organ]", "court")
    for name, value in {
        "authority": "伊宁市人民法院", "document_number": number,
        "decided_on": (today() - timedelta(days=9)).isoformat(), "obligation": "补植复绿 12 亩",
        "obligor": "某某某", "consented_on": today().isoformat(), "valuation": "按生长量折算",
        "valuation_author": "司法鉴定所", "quantity_kg": "12.345",
    }.items():  # fmt: skip
        clerk.fill(f"[name={name}]", value)
    if "ticket" in where:
        clerk.fill("[name=ticket]", where["ticket"])
    else:
        clerk.select_option("[name=source]", where["source"])
    for name in ("decision", "consent", "valuation_paper"):
        clerk.set_input_files(
            f"[name={name}]",
            [{"name": f"{name}.pdf", "mimeType": "application/pdf", "buffer": PDF}],
        )


def test_eco_justice_cases_from_decision_to_certificate(open_page: Any) -> None:
    """One from a holder's ticket, one from the market; the map shows the forest that served."""
    bureau, ticket = owned_ticket(100_000)
    clerk = open_page(DESKTOP)
    sign_in(clerk, "justice")
    fill_in_case(clerk, "（2026）新4002刑初12号", ticket=ticket.number)
    accessible(clerk)
    clerk.get_by_role("button", name="受理").click()
    address = clerk.url
    picture(clerk, "justice_case")
    approver = open_page(DESKTOP)
    sign_in(approver, "justice_approver")
    approver.goto(address)
    approver.get_by_role("button", name="同意认购").click()
    owner = open_page(PHONE)
    sign_in(owner, "owner1")
    owner.goto(address)
    within_a_phone(owner)
    expect(owner.locator("main")).not_to_contain_text("某某某")
    owner.get_by_role("button", name="同意").click()
    expect(owner.locator("[data-ref=certificate]")).to_contain_text("待受理")

    # Ecology's own pages are walked in the tests of offsets.
    request = JusticeCase.objects.get().request
    assert request is not None
    review_name(beneficiary=request.beneficiary, accepted=True, actor=user("ecology"))
    prepare_offset(request=request, opinion="", actor=user("ecology"))
    sign_offset(request=request, actor=bureau.signer)
    clerk.goto(address)
    expect(clerk.locator("[data-ref=certificate]")).to_contain_text("YN-D-")
    clerk.locator("[data-ref=certificate] a").click()
    expect(clerk.locator("main")).to_contain_text("伊宁市人民法院")
    clerk.goto("/eco-justice/")
    expect(clerk.locator("main table")).to_contain_text("12.345")
    expect(clerk.locator("#main")).to_have_attribute("data-ready", "true")
    accessible(clerk)
    picture(clerk, "justice_public")

    # From an open listing: ecology agrees, the cashier has the money, and the tonnes are retired.
    listing = ask_listing(
        ticket=ticket, quantity_kg=20_000, price_fen_per_tonne=2000, terms=LotTerms(500),
        closes_at=now() + timedelta(days=9), actor=user("owner1"),
    )  # fmt: skip
    prepare_listing(listing=listing, actor=user("trading"))
    approve_listing(listing=listing, actor=user("trading_approver"))
    fill_in_case(clerk, "（2026）新4002刑初13号", source=listing.number)
    clerk.get_by_role("button", name="受理").click()
    address = clerk.url
    approver.goto(address)
    approver.get_by_role("button", name="同意认购").click()
    ecology, cashier = open_page(DESKTOP), open_page(DESKTOP)
    sign_in(ecology, "ecology_approver")
    ecology.goto(address)
    ecology.get_by_role("button", name="同意", exact=True).click()
    clerk.goto(address)
    expect(clerk.locator("main")).to_contain_text("246.90")
    order = JusticeCase.objects.latest("pk").order
    assert order is not None
    sign_in(cashier, "trading_approver")
    cashier.goto(f"/market/orders/{order.code}/")
    cashier.fill("[name=payment_number]", "J-1")
    cashier.get_by_role("button", name="确认到账并生成凭证").click()
    expect(cashier.locator("[data-ref=certificate]")).to_contain_text("YN-D-")
    clerk.goto(address)
    expect(clerk.locator("[data-ref=certificate]")).to_contain_text("YN-D-")
    visitor = open_page(DESKTOP)
    visitor.goto("/")
    visitor.locator(".leaflet-control-layers-toggle").press("Enter")
    visitor.get_by_label("生态司法林地").press("Space")
    expect(visitor.locator("path[stroke='#6b3fa0']")).to_have_count(1)

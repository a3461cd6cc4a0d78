"""The public objects with a patch marked on the map, and the clerk answers; the desk and its rules."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from playwright.sync_api import expect

from portal.accounts.models import User
from portal.casework.models import NoticeObjection
from tests.browser.conftest import DESKTOP, PHONE, picture, shown_clean, sign_in
from tests.tickets.projects.story import Town, pass_completeness, submitted
from tickets.projects.notes import notice_of


def test_anyone_marks_a_disputed_patch_and_reads_the_answer_by_a_code(
    open_page: Any, served: str
) -> None:
    users = User.objects.in_bulk(field_name="username")
    town = Town({"forestry_clerk": users["forestry"], "verifier": users["verifier1"]})
    application, _owner = submitted(town)
    pass_completeness(town, application)
    notice = notice_of(application)
    assert notice is not None
    neighbour = open_page(PHONE)
    neighbour.goto(reverse("casework:notices"))
    shown_clean(neighbour, "notices")
    picture(neighbour, "notices")
    neighbour.get_by_role("link", name=notice.title).click()
    neighbour.locator(".leaflet-container path").first.wait_for()
    box = neighbour.locator("[data-ref=map]").bounding_box()
    for x, y in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6)):
        neighbour.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    assert len(neighbour.locator("[data-ref=patch]").input_value().splitlines()) == 3
    shown_clean(neighbour, "notice_patch")
    neighbour.get_by_role("button", name="提交异议").click()  # The browser asks for the rest.
    neighbour.fill("#id_name", "阿布都")
    neighbour.fill("#id_contact", "13900000000")
    neighbour.fill("#id_text", "这块地是我家承包的。")
    neighbour.get_by_role("button", name="提交异议").click()
    expect(neighbour.locator(".flashes .success")).to_contain_text("查询码")
    expect(neighbour.locator(".alert").last).to_contain_text("正在核查")
    objection = NoticeObjection.objects.get()
    assert objection.shape is not None

    clerk = open_page(DESKTOP)
    sign_in(clerk, "forestry")
    clerk.goto(reverse("casework:desk"))
    shown_clean(clerk, "desk")
    clerk.goto(reverse("projects:application", args=[application.key]))
    against = clerk.locator("#objections")
    expect(against).to_contain_text("13900000000")
    against.locator("input[value=yes]").check()
    against.locator("textarea").fill("经核查属实。")
    shown_clean(clerk, "objection_answering")
    against.get_by_role("button", name="答复").click()
    neighbour.reload()
    expect(neighbour.locator(".alert.warning")).to_contain_text("属实")
    against.locator("textarea").fill("双方已签订协议。")
    shown_clean(clerk, "objection_curing")
    against.get_by_role("button", name="登记已消除").click()
    expect(against.locator(".alert.success")).to_contain_text("双方已签订协议")
    neighbour.reload()
    expect(neighbour.locator(".alert").last).to_contain_text("双方已签订协议")
    shown_clean(neighbour, "objection_answered")
    clerk.goto(reverse("casework:moves"))
    shown_clean(clerk, "moves")

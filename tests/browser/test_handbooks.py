"""From a page's question mark to the section that explains it; the handbooks on screen and on paper."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_each_page_leads_to_what_explains_it(open_page: Any, size: tuple[int, int]) -> None:
    page: Page = open_page(size)
    sign_in(page, "natural_resources")
    page.goto("/bench/titles/")
    page.get_by_role("link", name="本页帮助").click()
    page.wait_for_url("**/help/natural-resources/#bench")
    expect(page.locator("#bench")).to_be_in_viewport()
    for address in ("/help/", "/help/natural-resources/", "/help/operator/"):
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    picture(page, f"handbook_{size[0]}")
    page.get_by_role("button", name="English").click()
    expect(page.locator("article")).to_have_attribute("lang", "en")
    page.emulate_media(media="print")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator(".handbook-contents")).to_be_hidden()
    expect(page.locator("article h1")).to_be_visible()

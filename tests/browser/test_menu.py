"""The main menu fits for everybody in both languages, and its sheet is reached by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in

FITS = """() => {
  const bar = document.querySelector('.menu-bar')
  return bar.scrollWidth <= bar.clientWidth && document.documentElement.scrollWidth <= innerWidth
}"""


def open_by_keyboard(page: Page) -> None:
    """Enter opens the sheet, Tab goes into it, Escape closes it and comes back to the button."""
    button, sheet = page.locator(".menu-open"), page.locator("#menu-sheet")
    button.focus()
    page.keyboard.press("Enter")
    expect(sheet).to_be_visible()
    page.keyboard.press("Tab")
    expect(sheet.locator("a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(sheet).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, (900, 700), PHONE], ids=["desktop", "window", "phone"])
def test_the_menu_fits_and_works_by_keyboard(open_page: Any, size: tuple[int, int]) -> None:
    page: Page = open_page(size)
    for username in ("natural_resources", "owner1") if size == DESKTOP else ("natural_resources",):
        page.context.clear_cookies()
        sign_in(page, username)
        for language in ("zh", "en"):
            if language == "en":
                page.get_by_role("button", name="English").click()
                expect(page.locator("html")).to_have_attribute("lang", "en")
            assert page.evaluate(FITS), (username, language, size)
            open_by_keyboard(page)
            picture(page, f"menu_{username}_{language}_{size[0]}")
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
            page.mouse.click(size[0] / 2, size[1] - 20)
            expect(page.locator("#menu-sheet")).to_be_hidden()
    page.locator(".menu-open").click()
    page.locator("#menu-sheet").get_by_role("link", name="Help").click()
    page.wait_for_url("**/help/")

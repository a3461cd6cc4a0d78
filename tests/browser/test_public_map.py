"""A visitor on the map of tickets: filters, days, table, sharing; by mouse, keyboard and phone."""

from __future__ import annotations

import re
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import PHONE, picture
from tests.layers.ticket_map.conftest import Story, tell_story
from tickets.registry.operations import prepare_pledge


@pytest.fixture
def visitors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs in here, and the story's officers bear the names of the demonstration's."""
    monkeypatch.setattr("tests.browser.conftest.ensure_demo_accounts", lambda: {})


@pytest.fixture
def story(visitors_alone: None, served: str, settings: Any, tmp_path: Path) -> Story:
    settings.SECRETS, settings.MEDIA_ROOT = tmp_path / "secrets", tmp_path / "files"
    return tell_story()


def ready(page: Page, address: str = "/") -> None:
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    expect(page.locator("main")).to_have_attribute("data-tickets-ready", re.compile(r"\d+"))


def sums(page: Page) -> dict[str, int]:
    """Kilograms by state as the panel says them."""
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-ref=ticket-sums] [data-kg]')]"
        ".map(item => [item.dataset.state, Number(item.dataset.kg)]))"
    )
    return found


def rows(page: Page) -> list[str]:
    found: list[str] = page.locator("[data-ref=table-body] tr").evaluate_all(
        "rows => rows.map(row => row.dataset.number)"
    )
    return found


def clean(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_visitor_filters_shares_and_goes_back_in_time(story: Story, open_page: Any) -> None:
    page = open_page()
    ready(page)
    assert sums(page) == {"held": 28_500, "listed": 3, "offset": 1500}
    expect(page.locator(".ticket-ring").first).to_be_visible()
    rings = page.locator(".ticket-ring").evaluate_all("all => all.map(one => +one.dataset.kg)")
    assert sum(rings) == 30_003, "rings lose no kilogram"

    # Filter, share, open elsewhere.
    page.locator("[data-ref=filters] summary").click()
    page.locator("[data-ref=facets] label", has_text="挂牌").click()
    expect(page).to_have_url(re.compile("state=listed"))
    page.locator("[data-ref=facets] input[name=township][value='654002100']").check()
    page.locator("[data-ref=ticket-table] summary").click()
    assert rows(page) == [story.second.number]
    page.locator("[data-ref=share] summary").click()
    other = open_page()
    ready(other, page.locator("[data-ref=share-address]").input_value())
    assert rows(other) == [story.second.number]
    assert sums(other) == sums(page) == {"held": 20_000, "listed": 3}
    other.locator("[data-ref=filters] summary").click()
    other.locator("[data-ref=facets-reset]").click()
    assert len(rows(other)) == 3

    # A pledge is there when the page is opened again.
    bureau = story.bureau
    registration = prepare_pledge(
        ticket=story.second, quantity_kg=20_000, pledgee=bureau.bank, amount_fen=1_000_00,
        begins_on=date(2026, 1, 1), ends_on=date(2030, 1, 1), external_number=uuid.uuid4().hex,
        asked_by=bureau.owner_user, actor=bureau.finance,
    )  # fmt: skip
    bureau.approve(registration)
    ready(other, "/")
    assert sums(other)["pledged"] == 20_000

    # A past day: no tile is asked for again.
    tiles: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(".mvt"):
            tiles.append(request.url)

    other.on("request", note)
    day = other.locator("[data-ref=ticket-day]")
    day.fill(story.issued_on.isoformat())
    day.dispatch_event("change")
    expect(other.locator("main")).to_have_attribute("data-tickets-day", story.issued_on.isoformat())
    assert sums(other) == {"held": 30_003}
    expect(other).to_have_url(re.compile(f"at={story.issued_on}"))
    assert tiles == []
    other.locator("[data-ref=compare] summary").click()
    compare = other.locator("[data-ref=compare-day]")
    compare.fill(story.transferred_on.isoformat())
    compare.dispatch_event("change")
    expect(other.locator("[data-ref=compare-rows] tr")).to_have_count(1)
    picture(other, "public_map_then")
    clean(other)


def test_keyboard_and_phone_reach_a_ticket_by_its_table(story: Story, open_page: Any) -> None:
    for size in ((1440, 900), PHONE):
        page = open_page(size)
        ready(page)
        page.locator("[data-ref=ticket-table] summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=story.child.number).focus()
        page.keyboard.press("Enter")
        facts = page.locator("[data-ref=ticket-facts]")
        expect(facts).to_contain_text("伊宁旅游公司")
        expect(facts).to_contain_text("截至此刻")
        expect(page).to_have_url(re.compile(f"ticket={story.first.number}"))
        expect(page.locator("tr.marked")).to_have_count(2)
        # The slider answers to the keyboard.
        page.locator("[data-ref=time]").focus()
        page.keyboard.press("Home")
        expect(page.locator("main")).to_have_attribute(
            "data-tickets-day", story.issued_on.isoformat()
        )
        assert sums(page) == {"held": 30_003}
        picture(page, f"public_map_{size[0]}")
        clean(page)

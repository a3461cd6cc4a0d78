"""One Chromium for all tests of a worker, a real server on a database of the test's own."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, Page, expect, sync_playwright

from portal.accounts.operations import ensure_demo_accounts
from tests.browser.handbook_pictures import keep_for_handbooks

PICTURES = Path(settings.ROOT) / "var" / "screenshots"
DESKTOP, PHONE = (1440, 900), (390, 844)
# Playwright's own loop in this thread must not make Django refuse to be synchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Two cores may be busy with other workers; a wait ends as soon as it is fulfilled.
expect.set_options(timeout=30_000)


class QuietHandler(WSGIRequestHandler):
    """No line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def served(committed_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The portal's address on loopback, with demo sign-ins, on a database that is dropped."""
    # Kept tiles are of one database: another's versions count alike.
    monkeypatch.setattr(settings, "TILE_STORE", tmp_path / "tiles")
    ensure_demo_accounts()
    with portal_server() as address:
        yield address


@contextmanager
def portal_server() -> Iterator[str]:
    """The portal on a free port of loopback, over the present database; its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_page(browser: Browser, served: str) -> Iterator[Any]:
    """``open_page(size)``: a fresh page whose script errors fail the test."""
    contexts = []
    errors: list[str] = []

    def make(size: tuple[int, int] = DESKTOP) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", base_url=served
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def sign_in(page: Page, username: str) -> None:
    page.goto("/sign-in/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", "demo-yining-2026")
    page.locator("main form").first.locator("button").first.click()
    page.wait_for_url(re.compile("/my/"))


def picture(page: Page, name: str) -> bytes:
    """A screenshot, kept as an artefact, and for the handbook that shows one of this name."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shot = page.screenshot(path=PICTURES / f"{name}.png")
    keep_for_handbooks(shot, name)
    return shot


# Nothing is being zoomed or moved, no tile is awaited or fading in, none of another zoom lies beneath.
SETTLED = """() => !document.querySelector('.leaflet-zoom-anim, .leaflet-pan-anim')
  && [...document.querySelectorAll('.leaflet-tile-container')]
    .every(level => level.children.length === 0 || level.style.transform.includes('scale(1)'))
  && [...document.querySelectorAll('.leaflet-tile')].every(
    tile => tile.classList.contains('leaflet-tile-loaded') && ['', '1'].includes(tile.style.opacity))"""


def settled(page: Page) -> None:
    """Wait until the map shows what it will go on showing."""
    page.wait_for_function(SETTLED)


def shown_clean(page: Page, name: str) -> None:
    """A picture in each size, nothing that axe finds, and nothing that runs out of the window."""
    size = page.viewport_size
    assert size is not None
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    for width, height in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=PICTURES / f"{name}_{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    page.set_viewport_size(size)

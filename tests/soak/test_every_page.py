"""Every page of the portal, as somebody whom it concerns: no accessibility fault, nothing sideways.

The people of the demonstration follow the links from where they start; pages to which only a script
or a secret code leads are asked for by the demonstration's rows. A name of the URL table that is
reached neither way must take only what is sent, or be in ``NO_PAGES``: no new page is forgotten.
"""

from __future__ import annotations

import io
import re
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.management import call_command
from django.test import Client
from django.urls import (
    NoReverseMatch,
    Resolver404,
    URLPattern,
    URLResolver,
    get_resolver,
    resolve,
    reverse,
)
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import Page

from parcels.models import BulkScreening, Parcel, ProjectArea, TitleCertificate
from parcels.tasks import run_screening_job
from portal.accounts.models import IdentityCheck, User
from portal.casework.models import NoticeObjection
from tests.browser.conftest import DESKTOP, PHONE, picture, portal_server
from tickets.market.models import Listing, RetailOrder
from tickets.projects.fill import PARTS
from tickets.projects.models import Application
from tickets.registry.models import CarbonTicket
from tickets.supervision.models import Complaint

VISITORS = (
    "", "owner1", "owner2", "buyer1", "natural_resources", "natural_resources_approver", "forestry",
    "forestry_approver", "ecology", "ecology_approver", "development_reform", "finance", "justice",
    "trading", "trading_approver", "expert1", "verifier1", "bank1", "insurer", "auditor",
)  # fmt: skip
# A handbook tells of other people's pages too; a message outlives what its reader may open.
MAY_LEAD_NOWHERE = {"site:handbook", "casework:messages"}
# Answers with data, for programs, maps and scripts of pages.
DATA = r"""
    site:(health|base-map) | \w+:api-.* | registry:keys | supervision:feed
  | layers:(tile|tilejson|versioned-tile|ogc-tile.*)
  | parcels:(my-title|bench)-(picture|repair) | parcels:(import|screening)-(progress|map|inspection)
  | accounting:(state|shapes|stands) | market:live
"""
# Files to keep, each behind its page's gate.
FILES = r"""
    accounts:identity-document | parcels:(title-document|import-problems|screening-result)
  | projects:filing-pdf | registry:(face|print) | offsets:certificate
  | market:(protocol|order-certificate) | layers:map-qr | finance:report | supervision:dashboard-file
"""
# They only lead on to pages that are visited, or take what a form sends.
LEADS_ON = r"""
    site:(page-help|set_language) | accounts:admin-sign-in | finance:finance
  | (casework:objection|supervision:complaint)-find | supervision:dashboards | offsets:of-entry
  | accounting:file-add
"""
NO_PAGES = re.compile(f"(?:{DATA}|{FILES}|{LEADS_ON})", re.VERBOSE)
STAND_INS = {"UUIDConverter": uuid.UUID(int=0), "IntConverter": 1}
LINK = re.compile(r'<a\b[^>]*?\bhref="(/[^"#]*)')


class Wanderer:
    """Follows links, and remembers who first came to which page and which links led nowhere."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {}  # View → who, address.
        self.others: set[str] = set()  # Views that answer with a file or with data.
        self.dead: list[str] = []

    def follow(self, username: str) -> None:
        """One page of each view that ``username`` comes to."""
        client = client_of(username)
        waiting = deque([("/", ""), ("/my/", "")])
        seen, tried = set[str](), set[str]()
        while waiting:
            address, source = waiting.popleft()
            name = view_of(address)
            if name in seen or address in tried or name in self.others or name.startswith("admin:"):
                continue
            tried.add(address)
            answer = client.get(address)
            if answer.status_code == 302:
                waiting.append((answer["Location"].partition("#")[0], source))
                continue
            if answer.status_code != 200:
                if view_of(source) not in MAY_LEAD_NOWHERE:
                    self.dead.append(f"{source} leads {username} to {address}, which is none")
                continue
            if not answer["Content-Type"].startswith("text/html"):
                self.others.add(name)
                continue
            seen.add(name)
            self.pages.setdefault(name, (username, address))
            links = LINK.findall(answer.content.decode())
            waiting.extend((link.replace("&amp;", "&"), address) for link in links)


def view_of(address: str) -> str:
    """The name of the view at an address; empty for a file of the portal's own."""
    try:
        return resolve(address.partition("?")[0]).view_name
    except Resolver404:
        return ""


def client_of(username: str) -> Client:
    """A browser of ``username``, at an address of its own: looking up codes is limited for each."""
    client = Client(headers={"accept": "text/html,*/*;q=0.8"})
    if username:
        user = User.objects.get(username=username)
        client.defaults["REMOTE_ADDR"] = f"2001:db8::{user.pk:x}"
        client.force_login(user)
    return client


def by_rows() -> Iterator[tuple[str, str]]:
    """(who, address) of the pages to which no link leads."""
    yield "", reverse("site:embed")
    yield "", reverse("accounts:password-reset-done")
    owner = User.objects.get(username="owner1")
    number = urlsafe_base64_encode(force_bytes(owner.pk))
    token = default_token_generator.make_token(owner)
    yield "", reverse("accounts:password-reset-confirm", args=[number, token])
    yield "", reverse("accounts:password-reset-complete")
    yield "", reverse("casework:objection", args=[_first(NoticeObjection).code])
    yield "", reverse("supervision:complaint", args=[_first(Complaint).code])
    yield "", reverse("market:order", args=[_first(RetailOrder).code])
    yield "", reverse("parcels:parcel", args=[_first(Parcel, ended_at=None).key])
    yield "forestry", reverse("parcels:parcel", args=[_first(Parcel, ended_at=None).key])
    yield "forestry", reverse("parcels:title", args=[_first(TitleCertificate).key])
    yield "forestry", reverse("accounts:identity-check", args=[_first(IdentityCheck).key])
    yield "forestry", reverse("parcels:screening", args=[screened("forestry").key])
    yield "ecology", reverse("market:new-pool", args=[_first(Listing, method="retail").number])
    yield from of_owners()


def of_owners() -> Iterator[tuple[str, str]]:
    """The drawing, the wizard with each of its parts, the start of a report, the form of an offset."""
    area = _first(ProjectArea, party__mandates__user__username="owner1")
    yield "owner1", reverse("parcels:area-new")
    yield "owner1", reverse("parcels:area-draw", args=[area.key])
    yield "owner1", reverse("accounting:new", args=[area.key])
    draft = _first(Application, state=Application.State.DRAFT)
    applicant = draft.project.applicant.mandates.earliest("pk").user.username
    yield applicant, reverse("accounting:report", args=[draft.key])
    for part in PARTS:
        yield applicant, reverse("projects:fill", args=[draft.key, part.slug])
    yield applicant, reverse("projects:submit", args=[draft.key])
    shared = _first(Application, shares__party__mandates__user__username="owner2")
    yield "owner2", reverse("projects:consent", args=[shared.key])
    held = _first(
        CarbonTicket,
        closed_by=None,
        shares__party__mandates__user__username="owner1",
        shares__closed_by=None,
    )
    yield "owner1", reverse("offsets:ask", args=[held.number])


def _first(model: Any, **wanted: Any) -> Any:
    return model.objects.filter(**wanted).earliest("pk")


def screened(username: str) -> BulkScreening:
    """A screening that has run: the demonstration has none."""
    with (settings.FIXTURES / "samples" / "其他机制项目.geojson").open("rb") as sent:
        client_of(username).post(
            reverse("parcels:screening-start"),
            {"file": sent, "subject": "title", "request_key": "k"},
        )
    screening = BulkScreening.objects.get()
    run_screening_job(screening.pk)
    return screening


def addresses(patterns: list[Any], space: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, stand-ins for what its address names) of every address of the URL table."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            if inner != "admin:":
                yield from addresses(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            named = {
                key: STAND_INS.get(type(kind).__name__, "x")
                for key, kind in pattern.pattern.converters.items()
            }
            yield f"{space}{pattern.name}", named


def only_takes(client: Client, name: str, named: dict[str, Any]) -> bool:
    """Whether the address takes what is sent and shows nothing."""
    try:
        address = reverse(name, kwargs=named)
    except NoReverseMatch:
        return False  # A pattern that wants more than a stand-in.
    return client.get(address).status_code == 405


def forgotten(reached: set[str]) -> list[str]:
    """Names of addresses that nobody came to and that are no exceptions."""
    officer = client_of("natural_resources")
    return [
        name
        for name, named in addresses(get_resolver().url_patterns)
        if name not in reached
        and not NO_PAGES.fullmatch(name)
        and not only_takes(officer, name, named)
    ]


def faults_of(page: Page, address: str) -> list[str]:
    """What axe finds in both sizes, and whether a phone would scroll the page sideways."""
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        return [f"{address} is no page for its reader"]
    found = []
    for width, height in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        found += [
            f"{address} at {width}: {one['id']} {one['nodes'][0]['html'][:120]}"
            for one in Axe().run(page).response["violations"]
        ]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{address} at {width}: scrolls sideways")
    if found:
        picture(page, f"fault_{view_of(address).replace(':', '_')}")
    return found


@pytest.fixture
def served(empty_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The portal with the demonstration's whole story."""
    monkeypatch.setattr(settings, "TILE_STORE", tmp_path / "tiles")
    call_command("migrate", story=True, verbosity=0, interactive=False)
    call_command("seed_demo", stdout=io.StringIO(), stderr=io.StringIO())
    with portal_server() as address:
        yield address


@pytest.mark.soak
def test_every_page_is_reached_and_has_no_accessibility_fault(open_page: Any, served: str) -> None:
    wanderer = Wanderer()
    for username in VISITORS:
        wanderer.follow(username)
    visits = [*wanderer.pages.values(), *by_rows()]
    reached = wanderer.others | {view_of(address) for _who, address in visits}
    told = [f"nobody came to {name}" for name in forgotten(reached)] + wanderer.dead
    page = open_page(DESKTOP)
    for username in dict.fromkeys(who for who, _address in visits):
        page.context.clear_cookies()
        if username:
            session = client_of(username).cookies[settings.SESSION_COOKIE_NAME].value
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": served}]
            )
        for who, address in visits:
            if who == username:
                told += faults_of(page, address)
    assert not told, "\n".join(told)

"""A ticket's life in the browser: after each act map, page and papers agree to the kilogram."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from portal.accounts.models import Mandate, Party, User
from portal.casework.models import Expert
from tests.browser.conftest import PHONE, picture, sign_in
from tests.factories.land import square
from tests.tickets.projects.story import (
    PDF,
    Town,
    determine,
    draft_of,
    file_it,
    pass_completeness,
    pass_reviews,
)
from tests.tickets.registry_pages.test_whole_way import seen
from tickets.offsets.models import Offset
from tickets.projects.models import Filing
from tickets.projects.operations import submit_application
from tickets.registry.face import paper
from tickets.registry.models import CarbonTicket, FreezeOrder, Pledge, TicketRequest
from tickets.registry.quantities import tonnes
from tickets.registry.queries import acts_on, register_totals, state_of
from tickets.registry.showing import face_kg


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.SECRETS = tmp_path / "secrets"
    settings.MEDIA_ROOT = tmp_path / "files"
    yield


def party_of(name: str) -> Party:
    mandate = Mandate.objects.filter(user__username=name).select_related("party").first()
    assert mandate is not None
    return mandate.party


def town_of_the_demo() -> Town:
    """The demo's officers, under the names that the story calls them by."""
    users = {user.username: user for user in User.objects.all()}
    names = {"verifier": "verifier1", "other_verifier": "verifier2"}
    for office in ("forestry", "natural_resources", "ecology"):
        names |= {f"{office}_clerk": office, f"{office}_approver": f"{office}_approver"}
    for number in (1, 2, 3, 4):
        names[f"expert{number}"] = f"expert{number}"
        Expert.objects.get_or_create(
            user=users[f"expert{number}"],
            defaults={"speciality": "森林经理", "qualification": "高级工程师",
                      "valid_from": date(2026, 1, 1), "valid_to": date(2029, 12, 31)},
        )  # fmt: skip
    return Town({name: users[username] for name, username in names.items()})


def filed() -> Filing:
    """The way to a signature is another test's: here it is walked by the operations."""
    town = town_of_the_demo()
    owner = User.objects.get(username="owner1")
    draft = draft_of(town, owner, party_of("owner1"), square(0, 0, 400), tonnes=100)
    application = submit_application(application=draft, actor=owner, seen=draft.revision)
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    return Filing.objects.get(pk=file_it(town, application, 100).pk)


def text_of(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return "".join("".join(page.extract_text() for page in pages).split())


class Office:
    """Everyone at a browser of their own."""

    def __init__(self, open_page: Any, served: str) -> None:
        self.open_page = open_page
        self.pages: dict[str, Page] = {}
        self.public = open_page()
        self.served = served

    def page(self, name: str) -> Page:
        if name not in self.pages:
            self.pages[name] = self.open_page()
            sign_in(self.pages[name], name)
        return self.pages[name]

    def ask(self, name: str, kind: str, subject: str, **fields: str) -> Page:
        """Fill in one form; ``document`` is uploaded where it is asked for."""
        page = self.page(name)
        page.goto(reverse("registry:ask", args=[kind, subject]))
        for field, value in fields.items():
            element = page.locator(f"[name={field}]")
            if element.evaluate("e => e.tagName") == "SELECT":
                element.select_option(value)
            else:
                element.fill(value)
        code = page.locator("main form.card p.alert code")
        if code.count():
            page.fill("[name=code]", code.inner_text())
        upload = page.locator("input[name=file_document]")
        if upload.count():
            upload.set_input_files(
                {"name": "依据.pdf", "mimeType": "application/pdf", "buffer": PDF}
            )
        page.locator("main form.card button[type=submit]").click()
        return page

    def through(self, clerk: str, approver: str) -> None:
        """The newest request is taken up and approved on its pages."""
        asked = TicketRequest.objects.order_by("-pk").first()
        assert asked is not None
        if asked.registration is None:
            self.press(clerk, reverse("registry:request", args=[asked.key]), "take")
            asked.refresh_from_db()
        assert asked.registration is not None
        self.press(
            approver, reverse("registry:registration", args=[asked.registration.key]), "approve"
        )

    def press(self, name: str, address: str, action: str) -> Page:
        page = self.page(name)
        page.goto(address)
        paper = page.locator("[name=paper_seen]")
        if paper.count():
            paper.check()
        page.locator(f"button[name=action][value={action}]").click()
        expect(page.locator(".flashes .alert, .alert.error").first).to_be_visible()
        return page

    def agree(self, ticket: CarbonTicket, *, holder: str = "owner1", **kilograms: int) -> None:
        """Table of states, ticket's page, its paper and the map's sums say the same kilograms."""
        state = state_of(ticket)
        assert state is not None
        for name in ("held", "listed", "pledged", "offset", "cancelled"):
            assert getattr(state, f"{name}_kg") == kilograms.get(name, 0), name
        table = self.public.request.get(reverse("registry:api-states")).json()["tickets"]
        at = table["number"].index(ticket.number)
        assert {name: table[f"{name}_kg"][at] for name in kilograms} == kilograms
        self.public.goto(reverse("registry:ticket", args=[ticket.number]))
        for name, wanted in kilograms.items():
            mark = self.public.locator(f".kg-bars li:has(.kg-mark.{name}) strong").first
            expect(mark).to_have_text(tonnes(wanted))
        self.paper_agrees(ticket, holder)
        self.map_agrees()

    def paper_agrees(self, ticket: CarbonTicket, holder: str) -> None:
        """The ticket's face: what it was opened with, and a mark for each act since."""
        address = reverse("registry:face", args=[ticket.number])
        text = text_of(self.page(holder).request.get(address).body())
        assert ticket.number in text
        assert f"{face_kg(ticket):,}千克" in text
        state = state_of(ticket)
        assert state is not None
        assert f"尚可处分的减排量{tonnes(state.live_kg)}吨" in text
        for entry in acts_on(ticket).exclude(pk=ticket.opened_by_id):
            assert f"#{entry.pk}" in text

    def map_agrees(self) -> None:
        """The map's sums are the whole register's."""
        self.public.goto("/")
        self.public.wait_for_selector("[data-tickets-ready]")
        for name, wanted in register_totals().items():
            shown = self.public.locator(f"[data-ref=ticket-sums] li[data-state={name}] strong")
            if wanted or shown.count():
                said = tonnes(wanted)
                zeros = "0*" if "." in said else r"(\.0+)?"
                expect(shown).to_have_text(re.compile(rf"^{re.escape(said)}{zeros}(?![\d.])"))


FORESTRY = ("forestry", "forestry_approver")
FINANCE = ("finance", "finance_approver")


def scanned(monkeypatch: pytest.MonkeyPatch, ticket: CarbonTicket, address: str) -> str:
    """What a phone reads from the first printing."""
    entry = acts_on(ticket).last()
    assert entry is not None
    sheet = seen(
        monkeypatch, paper,
        lambda: paper.face_pdf(ticket, as_of=entry, address=address, print_number=1),
    )  # fmt: skip
    [code] = zxingcpp.read_barcodes(sheet)
    return str(code.text)


def test_a_ticket_from_issue_to_its_end(
    open_page: Any, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(open_page, served)
    filing = filed()

    office.ask("owner1", "issue", filing.number)
    office.through(*FORESTRY)
    ticket = CarbonTicket.objects.get()
    office.agree(ticket, held=100_000)
    picture(office.public, "ticket-map")

    # Print, and scan what is printed.
    owner = office.page("owner1")
    owner.goto(reverse("registry:ticket", args=[ticket.number]))
    owner.get_by_role("button", name="登记一次印制").click()
    expect(owner.locator(".flashes")).to_contain_text("第 1 次")
    answer = owner.request.get(reverse("registry:print", args=[ticket.number, 1]))
    assert ticket.number in text_of(answer.body())
    address = scanned(monkeypatch, ticket, f"{served}/v/{ticket.code}/")
    office.public.goto(address)
    expect(office.public.locator("[data-ref=signature]")).to_have_attribute("data-holds", "true")
    expect(office.public.locator("[data-ref=state]")).to_have_attribute("data-standing", "valid")
    assert Axe().run(office.public).violations_count == 0
    picture(office.public, "ticket-verify")
    without = open_page()  # An older browser, or a page without https.
    without.add_init_script(
        "Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })"
    )
    forged = address.replace("kg=100000", "kg=900000")
    for page, wanted, holds in (
        (without, address, "true"), (office.public, forged, "false"), (without, forged, "false"),
    ):  # fmt: skip
        page.goto("about:blank")
        page.goto(wanted)
        expect(page.locator("[data-ref=signature]")).to_have_attribute("data-holds", holds)

    # The page that stands open checks the next paper of the code with the network cut.
    office.public.goto("about:blank")
    office.public.goto(address)
    office.public.context.set_offline(True)
    for said, holds in ((forged, "false"), (address, "true")):
        office.public.evaluate("said => { location.hash = said }", said.split("#")[1])
        expect(office.public.locator("[data-ref=signature]")).to_have_attribute("data-holds", holds)
    office.public.context.set_offline(False)

    # A part is sold; what is left is divided among nobody else, so it is agreed in two parts.
    buyer, owner_party = party_of("buyer1"), party_of("owner1")
    office.ask(
        "owner1", "sale", ticket.number, to=f"{buyer.name},{buyer.identity_last4}", quantity="40",
        number="伊公资〔2026〕1号",
    )  # fmt: skip
    office.through(*FORESTRY)
    sold = ticket.children.get()
    office.agree(ticket, held=60_000)
    office.agree(sold, holder="buyer1", held=40_000)
    line = f"{owner_party.name},{owner_party.identity_last4}"
    office.ask(
        "owner1", "divide", ticket.number, parts=f"{line},45\n{line},15", paper="surrendered",
    )  # fmt: skip
    office.through(*FORESTRY)
    big, small = sorted(
        CarbonTicket.objects.filter(parent=ticket, closed_by=None).exclude(pk=sold.pk),
        key=lambda one: -one.blocks.standing().quantity_kg(),
    )
    office.agree(big, held=45_000)
    office.agree(small, held=15_000)

    # Pledged by holder and bank; the pledged part cannot be sold.
    bank = party_of("bank1")
    office.ask(
        "owner1", "pledge", big.number, quantity="30", pledgee=str(bank.key), amount="4000",
        begins_on="2026-12-01", ends_on="2030-12-01", external_number="中登0001",
    )  # fmt: skip
    asked = TicketRequest.objects.order_by("-pk").first()
    assert asked is not None
    office.press("bank1", reverse("registry:request", args=[asked.key]), "agree")
    office.through(*FINANCE)
    office.agree(big, held=15_000, pledged=30_000)
    office.ask(
        "owner1", "sale", big.number, to=f"{buyer.name},{buyer.identity_last4}", quantity="20",
        number="伊公资〔2026〕2号",
    )  # fmt: skip
    asked = TicketRequest.objects.order_by("-pk").first()
    assert asked is not None
    refused = office.press("forestry", reverse("registry:request", args=[asked.key]), "take")
    expect(refused.locator("[data-code=block_not_free]")).to_be_visible()

    # Frozen over the pledge, and lifted: what lay under it comes back.
    office.ask(
        "forestry", "freeze", big.number, freeze_kind="court", authority="伊宁市人民法院",
        number="（2026）新4002执1号", reason="财产保全",
    )  # fmt: skip
    office.through(*FORESTRY)
    office.agree(big, held=15_000, pledged=30_000)
    expect_standing(office, big, "frozen")
    order = FreezeOrder.objects.get()
    office.ask(
        "forestry", "lift", str(order.pk), authority="伊宁市人民法院",
        number="（2026）新4002执1号之一", reason="已执结",
    )  # fmt: skip
    office.through(*FORESTRY)
    office.agree(big, held=15_000, pledged=30_000)
    expect_standing(office, big, "pledged")
    office.ask("bank1", "release", str(Pledge.objects.get().pk))
    office.through(*FINANCE)
    office.agree(big, held=45_000)

    # Offset for an event, then the rest; used up and cancelled.
    first = offset(office, big, "3.2")
    office.agree(big, held=41_800, offset=3_200)
    office.public.goto(reverse("registry:ticket", args=[big.number]))
    office.public.get_by_role("link", name="抵消凭证").click()
    office.public.wait_for_url(f"**{reverse('offsets:offset', args=[first.number])}")
    office.public.goto(f"/v/{first.code}/")
    expect(office.public.locator("[data-ref=state] h1")).to_contain_text("3.2")
    offset(office, big, "41.8")
    office.agree(big, offset=45_000)
    office.page("forestry").goto(reverse("registry:work"))
    expect(office.page("forestry").locator("main")).to_contain_text(big.number)
    office.ask("forestry", "close", big.number)
    office.through(*FORESTRY)
    office.agree(big, offset=45_000)
    expect_standing(office, big, "used_up")
    office.public.goto("/notices/")
    expect(office.public.locator("main")).to_contain_text(big.number)
    picture(office.public, "ticket-notices")
    office.public.goto(reverse("registry:ticket", args=[big.number]))
    assert Axe().run(office.public).violations_count == 0
    picture(office.public, "ticket-page")
    phone = open_page(PHONE)
    phone.goto(reverse("registry:ticket", args=[big.number]))
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(phone, "ticket-page-phone")


def expect_standing(office: Office, ticket: CarbonTicket, standing: str) -> None:
    office.public.goto(reverse("registry:ticket", args=[ticket.number]))
    expect(office.public.locator("[data-ref=standing]")).to_have_attribute(
        "data-standing", standing
    )


def offset(office: Office, ticket: CarbonTicket, quantity: str) -> Offset:
    """Asked, reviewed, signed; the certificate says the same kilograms."""
    owner = office.page("owner1")
    owner.goto(reverse("offsets:ask", args=[ticket.number]))
    for field, value in {
        "quantity": quantity, "beneficiary": "杏花节组委会", "event_name": "伊宁杏花节",
        "place": "伊宁市", "begins_on": "2026-04-10", "ends_on": "2026-04-12",
    }.items():  # fmt: skip
        owner.fill(f"[name={field}]", value)
    owner.select_option("[name=purpose]", "event")
    owner.locator("main form.card button[type=submit]").click()
    owner.wait_for_url(re.compile("/offset-requests/"))
    address = owner.url
    clerk = office.page("ecology")
    clerk.goto(address)
    if clerk.locator("button[value=accept-name]").count():
        office.press("ecology", address, "accept-name")
    office.press("ecology", address, "prepare")
    signer = office.page("ecology_approver")
    signer.goto(address)
    for _try in range(40):  # A code counts once: the next comes within half a minute.
        signer.fill("[name=code]", signer.locator("code").first.inner_text())
        signer.locator("button[value=sign]").click()
        if "/offsets/" in signer.url:
            break
        signer.wait_for_timeout(1500)
        signer.goto(address)
    signer.wait_for_url(re.compile("/offsets/YN-D-"))
    made = Offset.objects.order_by("-signed_at").first()
    assert made is not None
    assert sum(high - low for low, high in ranges(made)) == made.quantity_kg
    answer = signer.request.get(reverse("offsets:certificate", args=[made.number]))
    assert f"{made.quantity_kg:,}" in text_of(answer.body())
    return made


def ranges(made: Offset) -> list[tuple[int, int]]:
    return [(block.kg.lower, block.kg.upper) for block in made.cause.blocks.standing()]

"""From a filing to an offset through the pages, and what they refuse on the way."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import typst
import zxingcpp
from django.conf import settings
from django.contrib.gis.geos import Point
from django.test import Client
from django.urls import reverse
from PIL import Image
from pypdf import PdfReader

from portal.accounts.second_factor import present_code
from portal.base.base_map import read_base_map
from portal.base.clock import advance_clock
from portal.base.models import Policy
from tests.accounts.people import with_authenticator
from tests.tickets.registry.register import Bureau
from tests.tickets.registry_pages.hands import Hands, bank_of, ecology_clerk, line, scan
from tickets.offsets.models import Offset, OffsetRequest
from tickets.registry.face import paper
from tickets.registry.models import CarbonTicket
from tickets.registry.queries import acts_on, state_of

pytestmark = pytest.mark.django_db
PICTURES = settings.ROOT / "var" / "screenshots"


def child_of(ticket: CarbonTicket) -> CarbonTicket:
    child = ticket.children.order_by("-opened_at").first()
    assert child is not None
    return child


def test_filing_ticket_transfer_pledge_offset_and_what_the_code_shows(
    bureau: Bureau, hands: Hands
) -> None:
    ticket = hands.issue("100")
    owner = bureau.owner_user
    child = child_of_sale(hands, ticket, "40")
    assert state_of(ticket).held_kg == 60_000  # type: ignore[union-attr]

    bank = bank_of(bureau)
    asked = hands.asked(
        owner, "pledge", ticket.number, quantity="20", pledgee=str(bureau.bank.key), amount="3000",
        begins_on="2026-01-01", ends_on="2030-01-01", external_number="中登2026001",
        file_document=scan(),
    )  # fmt: skip
    refused = hands.request(bureau.finance, asked, action="take")
    assert (refused.status_code, b"bank_not_agreed" in refused.content) == (409, True)
    assert hands.request(bank, asked, action="agree").status_code == 302
    hands.through(asked)
    assert state_of(ticket).pledged_kg == 20_000  # type: ignore[union-attr]

    # The pledged part cannot be sold: 60 t are on the ticket, 40 are free.
    sale = hands.asked(
        owner, "sale", ticket.number, to=line(bureau.buyer), quantity="50", number="成2号",
        file_document=scan(),
    )  # fmt: skip
    answer = hands.request(bureau.clerk, sale, action="take")
    assert (answer.status_code, b"block_not_free" in answer.content) == (409, True)

    offset = offset_of(hands, bureau, child, bureau.buyer_user, "0.5")
    assert state_of(child).offset_kg == 500  # type: ignore[union-attr]
    public = Client()
    for code, words in ((ticket.code, "质押"), (child.code, "0.5 / 40"), (offset.code, "已抵消")):
        answer = public.get(f"/v/{code.lower()}/", follow=True)
        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert bureau.owner.name not in answer.content.decode()
    page = public.get(reverse("registry:ticket", args=[child.number])).content.decode()
    assert 'data-standing="partly_used"' in page
    assert "<svg" in page


def child_of_sale(hands: Hands, ticket: CarbonTicket, tonnes: str) -> CarbonTicket:
    asked = hands.asked(
        hands.bureau.owner_user, "sale", ticket.number, to=line(hands.bureau.buyer),
        quantity=tonnes, number="成1号", file_document=scan(),
    )  # fmt: skip
    hands.through(asked)
    return child_of(ticket)


def offset_of(hands: Hands, bureau: Bureau, ticket: CarbonTicket, user: Any, tonnes: str) -> Offset:
    answer = hands.of(user).post(
        reverse("offsets:ask", args=[ticket.number]),
        {"request_key": uuid4().hex, "quantity": tonnes, "purpose": "event", "beneficiary": "伊宁杏花节组委会",
         "event_name": "杏花节", "place": "伊宁市", "begins_on": "2026-04-10",
         "ends_on": "2026-04-12"},
    )  # fmt: skip
    assert answer.status_code == 302, answer.content.decode()
    wanted = OffsetRequest.objects.order_by("-pk").first()
    assert wanted is not None
    address = reverse("offsets:request", args=[wanted.key])
    clerk = hands.of(ecology_clerk())
    assert clerk.post(address, {"action": "prepare"}).status_code == 422  # The name first.
    assert clerk.post(address, {"action": "accept-name"}).status_code == 302
    assert clerk.post(address, {"action": "prepare", "opinion": "符合"}).status_code == 302
    device = with_authenticator(bureau.signer)
    advance_clock(timedelta(seconds=31))  # Its first code has been used.
    answer = hands.of(bureau.signer).post(
        address, {"action": "sign", "code": present_code(device)[0]}
    )
    assert answer.status_code == 302, answer.content.decode()
    return Offset.objects.get(request=wanted)


def test_the_face_reads_back_and_is_the_same_each_time(
    bureau: Bureau, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = hands.issue("100")
    client = hands.of(bureau.owner_user)
    printing = reverse("registry:make-print", args=[ticket.number])
    for _double_click in range(2):
        assert client.post(printing, {"request_key": "print-1"}).status_code == 302
    assert ticket.prints.count() == 1
    address = reverse("registry:print", args=[ticket.number, 1])
    first = client.get(address).content
    child_of_sale(hands, ticket, "40")
    Policy.objects.create(code="notice.not_ccer", text="另一说明", label="声明")
    assert client.get(address, headers={"host": "localhost"}).content == first
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(first)).pages)
    text = re.sub(r"\s", "", text)
    for words in (
        "伊宁市林业碳票", ticket.number, bureau.owner.name, "100", "第1次印制", "不代表具备国家",
        "登记标记", "附件",
    ):  # fmt: skip
        assert words in text
    reads_the_land_back(ticket, first)
    later = client.get(reverse("registry:face", args=[ticket.number])).content
    assert later != first
    entry = acts_on(ticket).last()
    assert entry is not None
    picture = seen(
        monkeypatch, paper,
        lambda: paper.face_pdf(ticket, as_of=entry, address=f"http://localhost/v/{ticket.code}/"),
    )  # fmt: skip
    [qr] = [code.text for code in zxingcpp.read_barcodes(picture)]
    assert f"/v/{ticket.code}/#n={ticket.number}&kg=100000&d=" in qr
    assert Client().get(reverse("registry:face", args=[ticket.number])).status_code == 302
    assert hands.of(bureau.buyer_user).get(
        reverse("registry:face", args=[ticket.number])
    ).status_code == 404  # fmt: skip


def reads_the_land_back(ticket: CarbonTicket, pdf: bytes) -> None:
    """Scale, north, the nearest place and the box on the front; every vertex in the annex."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    front, annex = re.sub(r"\s", "", pages[0]), "".join(pages[2:])
    shape = ticket.area_version.geom
    west, south, east, north = shape.extent
    nearest = min(
        read_base_map().places,
        key=lambda place: shape.distance(Point(place.lon, place.lat, srid=4490)),
    )
    for words in (
        "北", nearest.name, f"东经{west:.6f}°—{east:.6f}°", f"北纬{south:.6f}°—{north:.6f}°",
    ):  # fmt: skip
        assert words in front
    assert re.search(r"1:\d+", front)
    vertices = [point for part in shape.coords for ring in part for point in ring[:-1]]
    assert len(re.findall(r"(?m)^\d+-\d+-\d+\b", annex)) == len(vertices)
    assert f"共{len(vertices)}点" in re.sub(r"\s", "", annex)
    for lon, lat in vertices:
        assert f"{lon:.8f}" in annex
        assert f"{lat:.8f}" in annex


def seen(monkeypatch: pytest.MonkeyPatch, module: Any, make: Any) -> Image.Image:
    """The first page of what a document's module compiles, as pixels."""
    pages: list[bytes] = []

    def compile_png(template: Any, *, facts: Any, pictures: Any, dated: Any) -> bytes:
        inputs = {"facts": json.dumps(facts, ensure_ascii=False), "year": str(dated.year),
                  "month": str(dated.month), "day": str(dated.day), **pictures}  # fmt: skip
        found = typst.compile(template, format="png", ppi=150, sys_inputs=inputs)
        pages.extend(found if isinstance(found, list) else [found])
        return b""

    with monkeypatch.context() as patch:
        patch.setattr(module, "compile_pdf", compile_png)
        make()
    for number, page in enumerate(pages):
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{module.__name__.split('.')[1]}-{number + 1}.png").write_bytes(page)
    return Image.open(io.BytesIO(pages[0]))

"""What the pages of the register refuse: a code, a status, and nothing written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Attempt
from portal.accounts.operations import ATTEMPT_LIMITS, revoke_role
from portal.base.clock import advance_clock, today
from portal.base.secrets import SIGNING_KEYS, add_key
from portal.casework.models import Message
from portal.casework.signatures import Signature, is_valid, sign
from portal.journal.models import Event
from tests.accounts.people import administrator
from tests.tickets.registry.register import Bureau
from tests.tickets.registry_pages.hands import Hands, bank_of, line, scan
from tickets.registry.face.signature import public_keys, signature_of, signed_text
from tickets.registry.models import CarbonTicket, LedgerEntry, TicketRequest
from tickets.registry.pages.tickets import ACT_ROWS
from tickets.registry.queries import state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(hands: Hands) -> CarbonTicket:
    return hands.issue("100")


@pytest.mark.parametrize(
    "text", ["0", "-1", "0.0001", "1e308", "1,000", "１０", "NaN", "0x10", "+1", "00001", " "]
)
def test_a_quantity_that_is_none_is_refused(hands: Hands, ticket: CarbonTicket, text: str) -> None:
    before = TicketRequest.objects.count(), LedgerEntry.objects.count()
    answer = hands.ask(
        hands.bureau.owner_user, "pledge", ticket.number, quantity=text,
        pledgee=str(hands.bureau.bank.key), amount="10", begins_on="2026-01-01",
        ends_on="2030-01-01", external_number="x", file_document=scan(),
    )  # fmt: skip
    wanted = b"required" if text == " " else b"invalid_quantity"
    assert (answer.status_code, b'data-code="%s"' % wanted in answer.content) == (422, True)
    assert (TicketRequest.objects.count(), LedgerEntry.objects.count()) == before


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("owner", b"transfer_to_self"),
        ("查无此人,0000", b"party_unknown"),
        ("buyer-3 other-3", b"invalid_shares"),
    ],
)
def test_a_transferee_that_cannot_be_is_refused(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket, to: str, code: bytes
) -> None:
    lines = {
        "owner": line(bureau.owner),
        "buyer-3 other-3": f"{line(bureau.buyer, '3')}\n{line(bureau.other, '-3')}",
    }
    before = TicketRequest.objects.count()
    answer = hands.ask(
        bureau.owner_user, "sale", ticket.number, to=lines.get(to, to), number="n",
        file_document=scan(),
    )  # fmt: skip
    assert answer.status_code == 422
    assert code in answer.content
    assert TicketRequest.objects.count() == before
    assert state_of(ticket).held_kg == 100_000  # type: ignore[union-attr]


def test_who_has_no_right_finds_nothing(bureau: Bureau, hands: Hands, ticket: CarbonTicket) -> None:
    for user, kind in (
        (bureau.buyer_user, "sale"), (bureau.owner_user, "freeze"), (bureau.owner_user, "court"),
        (bureau.finance, "sale"),
    ):  # fmt: skip
        assert hands.ask(user, kind, ticket.number).status_code == 404
    assert hands.ask(bureau.owner_user, "nonsense", ticket.number).status_code == 404
    asked = hands.asked(bureau.owner_user, "loss", ticket.number, loss_reason="lost")
    assert hands.request(bureau.buyer_user, asked, action="take").status_code == 404
    [office] = bureau.clerk.role_grants.all()
    revoke_role(grant=office, actor=administrator())
    hands.clients.clear()  # It ended the sessions too.
    assert hands.request(bureau.clerk, asked, action="take").status_code == 404
    asked.refresh_from_db()
    assert asked.state == TicketRequest.State.WAITING


def test_a_lost_ticket_waits_for_its_notice_and_is_void_when_reissued(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    hands.through(hands.asked(bureau.owner_user, "loss", ticket.number, loss_reason="lost"))
    notice = ticket.loss_notices.get()
    page = reverse("registry:loss-notice", args=[notice.key])
    public = Client()
    assert "天后期满" in public.get(page).content.decode()
    early = hands.asked(bureau.owner_user, "reissue", str(notice.key))
    refused = hands.request(bureau.clerk, early, action="take")
    assert (refused.status_code, b"notice_running" in refused.content) == (409, True)
    said = {"objector": "李四", "contact": "1", "text": "票在我处", "request_key": "once"}
    for _double_click in range(2):
        assert public.post(page, said).status_code == 302
    assert notice.objections.count() == 1
    advance_clock(timedelta(days=(notice.ends_on - today()).days + 1))
    refused = hands.request(bureau.clerk, early, action="take")
    assert (refused.status_code, b"notice_objected" in refused.content) == (409, True)
    assert "李四" not in public.get(page).content.decode()
    # Clerk and approver settle it, for a reason and on a document.
    objection = notice.objections.get()
    work = reverse("registry:work")
    assert page in hands.of(bureau.clerk).get(work).content.decode()
    settling = hands.asked(
        bureau.clerk, "settle", str(objection.key), outcome="dismissed", number="伊林〔2026〕9号",
        reason="所持为复印件", file_document=scan(),
    )  # fmt: skip
    assert page not in hands.of(bureau.clerk).get(work).content.decode()
    hands.through(settling)
    objection.refresh_from_db()
    assert (objection.outcome, objection.settled_by) == ("dismissed", bureau.approver)
    hands.request(bureau.clerk, early, action="take", request_key="taken")
    early.refresh_from_db()
    # A second click on either button is answered as the first.
    assert hands.request(bureau.clerk, early, action="take", request_key="taken").status_code == 302
    assert early.registration is not None
    for _double_click in range(2):
        done = hands.decide(
            bureau.approver, early.registration, action="approve", request_key="approved"
        )
        assert done.status_code == 302
    other = hands.decide(
        bureau.approver, early.registration, action="reject", request_key="approved"
    )
    assert (other.status_code, b"request_key_reused" in other.content) == (422, True)
    child = ticket.children.get()
    assert 'data-standing="void"' in public.get(f"/v/{ticket.code}/").content.decode()
    assert 'data-standing="valid"' in public.get(f"/v/{child.code}/").content.decode()


def test_scans_are_journalled_and_counted(ticket: CarbonTicket) -> None:
    public = Client()
    assert public.get(f"/v/{ticket.code.lower()}/").status_code == 302  # Counted where it leads.
    assert public.get(f"/v/{ticket.code}/").status_code == 200
    event = Event.objects.filter(subject_key=str(ticket.pk), verb="scanned").get()
    assert (event.actor_key, event.facts) == (None, {})
    limit, _span = ATTEMPT_LIMITS[Attempt.Kind.SCAN]
    for _try in range(limit - 1):
        assert public.get("/v/00000000000000000000000000/").status_code == 404
    assert public.get(f"/v/{ticket.code}/").status_code == 429


def test_the_table_of_states_is_the_same_until_the_next_entry(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    public = Client()
    address = reverse("registry:api-states")
    first = public.get(address)
    told = first.json()["tickets"]
    assert [told[name] for name in ("number", "held_kg", "state")] == [
        [ticket.number], [100_000], ["valid"],
    ]  # fmt: skip
    again = public.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    bureau.offset(ticket, 1000)
    assert public.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "at", ["gestern", "2026-02-30", "2999-01-01", "1999-01-01", "0001-01-01T00:00:00+14:00", "９"]
)
def test_the_register_is_read_between_its_first_issue_and_now(
    hands: Hands, ticket: CarbonTicket, at: str
) -> None:
    pages = (
        reverse("registry:api-states"), reverse("registry:register"),
        reverse("registry:ticket", args=[ticket.number]),
    )  # fmt: skip
    assert Client().get(pages[0], {"at": today().isoformat()}).json()["totals"]["held"] == 100_000
    for address in pages:
        answer = Client().get(address, {"at": at})
        assert (answer.status_code, b"invalid_moment" in answer.content) == (400, True)
    tomorrow = (today() + timedelta(days=1)).isoformat()
    assert Client().get(pages[0], {"at": tomorrow}).json()["code"] == "invalid_moment"


def test_a_face_signature_is_never_rewritten(ticket: CarbonTicket) -> None:
    signature_of(ticket)
    for statement in (
        "UPDATE registry_facesignature SET quantity_kg = quantity_kg + 1",
        "DELETE FROM registry_facesignature",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_face_is_signed_by_the_key_of_its_ticket_s_day(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    """Whenever it is looked at first; what is opened later has the new key, and both are published."""
    before = sign(b"earlier").key_id
    old = bureau.transfer(ticket, 40_000)
    add_key(SIGNING_KEYS)
    after = sign(b"later").key_id
    new = bureau.transfer(ticket, 30_000)
    for one, key_id in ((old, before), (new, after)):
        signed = signature_of(one)
        assert signed.key_id == key_id
        text = signed_text(one.number, one.code, signed.quantity_kg, signed.issued_on.isoformat())
        assert is_valid(text, Signature(bytes(signed.signature), signed.algorithm, signed.key_id))
    assert before != after
    assert {before, after} <= {key["id"] for key in public_keys()}


def test_a_ticket_shows_only_links_that_its_reader_may_open(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    child = bureau.transfer(ticket, 40_000)
    shown: dict[str, list[str]] = {}
    for user in (bureau.clerk, bureau.approver, bureau.owner_user, bureau.buyer_user):
        for one in (ticket, child):
            page = hands.of(user).get(reverse("registry:ticket", args=[one.number]))
            links = re.findall(r'href="(/registrations/[^"]+)"', page.content.decode())
            assert {hands.of(user).get(link).status_code for link in links} <= {200}, links
            shown.setdefault(user.username, []).extend(links)
    freeze = reverse("registry:ask", args=["freeze", ticket.number])
    assert freeze in shown[bureau.clerk.username]
    assert freeze not in shown[bureau.approver.username]


def test_a_ticket_of_many_acts_is_read_by_pages_and_few_queries(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket, django_assert_max_num_queries: Any
) -> None:
    """A retail pool has an act for each order of ten kilograms."""
    for _order in range(ACT_ROWS + 3):
        bureau.offset(ticket, 10)
    client = hands.of(bureau.owner_user)
    address = reverse("registry:ticket", args=[ticket.number])
    with django_assert_max_num_queries(70):
        page = client.get(address).content.decode()
    assert page.count('class="act-name"') == 2  # Issued; offset again and again.
    assert "2 / 2" in page
    first = client.get(address, {"page": 1}).content.decode()
    assert first.count('<td class="nowrap">') == ACT_ROWS
    with django_assert_max_num_queries(35):
        assert client.get(reverse("registry:register")).status_code == 200


def test_a_form_sent_twice_asks_once_and_its_key_stands_for_one_content(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    form = hands.of(bureau.owner_user).get(reverse("registry:ask", args=["sale", ticket.number]))
    key = str(form.context["request_key"])
    assert f'name="request_key" value="{key}"' in form.content.decode()
    code = hands.code(bureau.owner_user)  # It counts once, and the second click sends it again.
    sent = {"to": line(bureau.buyer), "quantity": "5", "number": "成3号", "request_key": key,
            "code": code}  # fmt: skip
    first, second = (
        hands.ask(bureau.owner_user, "sale", ticket.number, file_document=scan(), **sent)
        for _click in range(2)
    )
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    other = hands.ask(
        bureau.owner_user, "sale", ticket.number, file_document=scan(), **{**sent, "quantity": "6"}
    )
    assert (other.status_code, b"request_key_reused" in other.content) == (422, True)
    without = hands.ask(
        bureau.owner_user, "loss", ticket.number, loss_reason="lost", request_key=""
    )
    assert (without.status_code, b"invalid_input" in without.content) == (422, True)
    assert TicketRequest.objects.filter(ticket=ticket).count() == 1


def test_a_merged_party_receives_nothing(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    child = bureau.transfer(ticket, 40_000)
    merged = hands.asked(
        bureau.buyer_user, "merger", child.number, to=line(bureau.other), number="并1号",
        file_document=scan(),
    )  # fmt: skip
    hands.through(merged)
    assert Message.objects.filter(user=bureau.buyer_user, body=child.number).exists()
    answer = hands.ask(
        bureau.owner_user, "sale", ticket.number, to=line(bureau.buyer), quantity="10", number="n",
        file_document=scan(),
    )  # fmt: skip
    assert (answer.status_code, b"party_merged" in answer.content) == (422, True)
    assert bureau.other.name in answer.content.decode()
    assert state_of(ticket).held_kg == 60_000  # type: ignore[union-attr]


def test_another_bank_finds_no_pledge_to_release(
    bureau: Bureau, hands: Hands, ticket: CarbonTicket
) -> None:
    bank_of(bureau)
    asked = hands.asked(
        bureau.owner_user, "pledge", ticket.number, quantity="20", pledgee=str(bureau.bank.key),
        amount="3000", begins_on="2026-01-01", ends_on="2030-01-01", external_number="中登7",
        file_document=scan(),
    )  # fmt: skip
    assert hands.request(bureau.bank2_user, asked, action="agree").status_code == 404
    hands.request(bureau.bank_user, asked, action="agree")
    hands.through(asked)
    pledge = str(ticket.pledges.get().pk)
    for user in (bureau.bank2_user, bureau.owner_user):
        for kind in ("release", "enforce"):
            assert hands.ask(user, kind, pledge, quantity="20").status_code == 404
    assert state_of(ticket).pledged_kg == 20_000  # type: ignore[union-attr]

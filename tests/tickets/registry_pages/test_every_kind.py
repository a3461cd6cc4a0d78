"""Each kind of registration through its pages: asked, taken up, decided, and read on the ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Party, User
from portal.base.clock import today
from portal.journal.models import Event
from tests.base.sessions import refused_by
from tests.tickets.registry.register import Bureau, covered, states
from tests.tickets.registry_pages.hands import Hands, bank_of, line, scan
from tickets.registry.models import CarbonTicket, LedgerEntry, Pledge, TicketShare
from tickets.registry.operations.registrations import ASKING_OWNERS
from tickets.registry.queries import tickets_of

pytestmark = pytest.mark.django_db

# Who asks for it, about what, with which fields.
Asking = tuple[User, str, dict[str, Any]]
Case = Callable[[Hands, CarbonTicket], Asking]
PAPER = {"number": "伊文〔2026〕7号", "reason": "按文件办理", "authority": "伊宁市人民法院"}


def by_owner(hands: Hands, ticket: CarbonTicket, **fields: Any) -> Asking:
    return hands.bureau.owner_user, ticket.number, fields


def by_clerk(hands: Hands, ticket: CarbonTicket, **fields: Any) -> Asking:
    return hands.bureau.clerk, ticket.number, fields


def to_buyer(hands: Hands, ticket: CarbonTicket) -> Asking:
    return by_owner(hands, ticket, to=line(hands.bureau.buyer), effective_on="2026-01-05")


def part_to_buyer(hands: Hands, ticket: CarbonTicket) -> Asking:
    return by_owner(hands, ticket, to=line(hands.bureau.buyer), quantity="30")


def to_two(hands: Hands, ticket: CarbonTicket) -> Asking:
    bureau = hands.bureau
    parties = f"{line(bureau.buyer, '1')}\n{line(bureau.other, '2')}"
    return by_owner(hands, ticket, to=parties, paper="surrendered")


def by_court(hands: Hands, ticket: CarbonTicket) -> Asking:
    return by_clerk(hands, ticket, to=line(hands.bureau.other), effective_on="2026-01-05")


def into_parts(hands: Hands, ticket: CarbonTicket) -> Asking:
    owner = hands.bureau.owner
    parts = f"{line(owner, '75')}\n{line(owner, '25')}"
    return by_owner(hands, ticket, parts=parts)


def order(hands: Hands, ticket: CarbonTicket) -> Asking:
    return by_clerk(hands, ticket, freeze_kind="court", quantity="30")


def correction(hands: Hands, ticket: CarbonTicket) -> Asking:
    return by_owner(hands, ticket)


def revocation(hands: Hands, ticket: CarbonTicket) -> Asking:
    filing = ticket.issuance.filing
    return hands.bureau.clerk, filing.number, {"cancel_reason": "revocation", "quantity": "30"}


@pytest.mark.parametrize(
    ("kind", "case", "left", "opened"),
    [
        ("gift", part_to_buyer, {"held": 70_000}, [{"held": 30_000}]),
        ("inheritance", to_buyer, {}, [{"held": 100_000}]),
        ("merger", to_buyer, {}, [{"held": 100_000}]),
        ("company_division", part_to_buyer, {"held": 70_000}, [{"held": 30_000}]),
        ("company_division", to_two, {}, [{"held": 100_000}]),
        ("court", by_court, {}, [{"held": 100_000}]),
        ("divide", into_parts, {}, [{"held": 75_000}, {"held": 25_000}]),
        ("freeze", order, {"held": 100_000}, []),
        ("correct", correction, {}, [{"held": 100_000}]),
        ("cancel", revocation, {"held": 70_000, "cancelled": 30_000}, []),
    ],
)
def test_asked_taken_up_decided_and_read_on_the_ticket(
    hands: Hands, kind: str, case: Case, left: dict[str, int], opened: list[dict[str, int]]
) -> None:
    ticket = hands.issue("100")
    user, subject, fields = case(hands, ticket)
    form = hands.of(user).get(reverse("registry:ask", args=[kind, subject]))
    assert form.status_code == 200
    # Where no owner is asked, as at an heir's and a court's, no consent on paper is either.
    assert (b"paper_consents" in form.content) is (kind in ASKING_OWNERS)
    fields = {**PAPER, "file_document": scan(), **fields}
    registered(hands, user, kind, subject, **fields)
    assert states(ticket) == left
    assert [states(child) for child in ticket.children.order_by("serial")] == opened
    assert covered(ticket.issuance)


def registered(hands: Hands, user: User, kind: str, subject: str, **fields: Any) -> LedgerEntry:
    """The whole way; each page on it can be read, and the tickets' pages say what was done."""
    asked = hands.asked(user, kind, subject, **fields)
    page = hands.of(user).get(reverse("registry:request", args=[asked.key])).content.decode()
    assert asked.get_kind_display() in page
    done = hands.through(asked)
    entry = LedgerEntry.objects.get(registration=done.key)
    page = hands.of(user).get(reverse("registry:registration", args=[done.key])).content.decode()
    assert done.get_state_display() in page
    touched = CarbonTicket.objects.filter(blocks__opened_by=entry) | CarbonTicket.objects.filter(
        blocks__closed_by=entry
    )
    for ticket in touched.distinct():
        for client in (hands.of(hands.bureau.owner_user), Client()):
            shown = client.get(reverse("registry:ticket", args=[ticket.number]))
            assert shown.status_code == 200
            assert entry.get_kind_display() in shown.content.decode()
    return entry


def pledged(hands: Hands, ticket: CarbonTicket, tonnes: str) -> Pledge:
    bureau = hands.bureau
    bank_of(bureau)
    asked = hands.asked(
        bureau.owner_user, "pledge", ticket.number, quantity=tonnes, pledgee=str(bureau.bank.key),
        amount="3000", begins_on="2026-01-01", ends_on="2030-01-01", external_number="中登1",
        file_document=scan(),
    )  # fmt: skip
    hands.request(bureau.bank_user, asked, action="agree")
    hands.through(asked)
    return ticket.pledges.get()


def test_a_pledge_is_released_in_part_and_enforced_for_the_rest(
    bureau: Bureau, hands: Hands
) -> None:
    ticket = hands.issue("100")
    pledge = pledged(hands, ticket, "50")
    registered(hands, bureau.bank_user, "release", str(pledge.pk), quantity="20")
    assert states(ticket) == {"held": 70_000, "pledged": 30_000}
    registered(
        hands, bureau.bank_user, "enforce", str(pledge.pk), to=line(bureau.bank),
        file_document=scan(), **PAPER,
    )  # fmt: skip
    assert states(ticket) == {"held": 70_000}
    assert states(ticket.children.get()) == {"held": 30_000}


def test_a_freeze_is_lifted(bureau: Bureau, hands: Hands) -> None:
    ticket = hands.issue("100")
    registered(
        hands, bureau.clerk, "freeze", ticket.number, freeze_kind="forestry", file_document=scan(),
        **PAPER,
    )  # fmt: skip
    public = reverse("registry:ticket", args=[ticket.number])
    assert 'data-standing="frozen"' in Client().get(public).content.decode()
    [order] = ticket.freeze_orders.all()
    # As of a day nothing is offered to be done.
    office = hands.of(bureau.clerk)
    for query, offered in ({}, True), ({"at": today().isoformat()}, False):
        assert ("<h2>办理</h2>" in office.get(public, query).content.decode()) is offered
    registered(hands, bureau.clerk, "lift", str(order.pk), reason="已查清")
    assert 'data-standing="valid"' in Client().get(public).content.decode()


def test_shares_change_when_every_co_owner_agrees(bureau: Bureau, hands: Hands) -> None:
    whole = hands.issue("100")
    parties = f"{line(bureau.buyer, '1')}\n{line(bureau.other, '2')}"
    registered(
        hands, bureau.owner_user, "gift", whole.number, to=parties, file_document=scan(), **PAPER
    )
    ticket = whole.children.get()
    shares = f"{line(bureau.buyer, '2')}\n{line(bureau.other, '1')}"
    asked = hands.asked(
        bureau.buyer_user, "change", ticket.number, shares=shares, file_document=scan(), **PAPER
    )
    assert hands.request(bureau.clerk, asked, action="take").status_code == 302
    asked.refresh_from_db()
    assert asked.registration is not None
    refused = hands.decide(bureau.approver, asked.registration, action="approve")
    assert (refused.status_code, b"consent_missing" in refused.content) == (422, True)
    agreed = hands.decide(bureau.other_user, asked.registration, action="consent")
    assert agreed.status_code == 302
    hands.through(asked)
    standing = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
    assert dict(standing.values_list("party", "numerator")) == {
        bureau.buyer.pk: 2, bureau.other.pk: 1,
    }  # fmt: skip
    assert states(ticket) == {"held": 100_000}
    # One of them has a new name; the shares stay without being typed again.
    asked = hands.asked(
        bureau.buyer_user, "change", ticket.number, renamed=line(bureau.buyer),
        new_name="伊宁新旅游公司", file_document=scan(), **PAPER,
    )  # fmt: skip
    hands.request(bureau.clerk, asked, action="take")
    asked.refresh_from_db()
    assert asked.registration is not None
    assert hands.decide(bureau.other_user, asked.registration, action="consent").status_code == 404
    page = hands.decide(bureau.approver, asked.registration, action="approve")
    assert page.status_code == 302
    shown = hands.of(bureau.other_user).get(reverse("registry:ticket", args=[ticket.number]))
    assert "伊宁新旅游公司" in shown.content.decode()


def test_what_became_of_the_paper_is_seen_by_the_clerk(bureau: Bureau, hands: Hands) -> None:
    user, number, fields = to_two(hands, hands.issue("100"))
    asked = hands.asked(user, "gift", number, **fields, file_document=scan(), **PAPER)
    refused = hands.request(bureau.clerk, asked, action="take")
    assert (refused.status_code, b"paper_not_seen" in refused.content) == (422, True)
    assert hands.request(bureau.clerk, asked, action="take", paper_seen="on").status_code == 302


def test_an_owner_has_a_new_number_and_stays_the_same_party(bureau: Bureau, hands: Hands) -> None:
    """Article 10: its number is sealed at once, compared with the document, and the former one kept."""
    number, mistyped = "65400219900127001X", "654002199001270011"
    ticket = hands.issue("100")
    owner, tickets = bureau.owner, set(tickets_of(bureau.owner))
    former, wanted = owner.identity_masked, {**PAPER, "renumbered": line(owner)}
    refused = hands.ask(
        bureau.owner_user, "renumber", ticket.number, identity_number=mistyped,
        file_document=scan(), **wanted,
    )  # fmt: skip
    assert (refused.status_code, b"identity_number_wrong" in refused.content) == (422, True)
    asked = hands.asked(
        bureau.owner_user, "renumber", ticket.number, identity_number=number,
        file_document=scan(), **wanted,
    )  # fmt: skip
    assert number not in str(asked.typed)
    # What is not registered may be another's number: it is erased, and never the party's after that.
    dropped = [
        hands.asked(
            bureau.owner_user, "renumber", ticket.number, identity_number=number,
            file_document=scan(), **wanted,
        )
        for _way in range(3)
    ]  # fmt: skip
    for one, user, words in (
        (dropped[0], bureau.clerk, {"action": "return", "reason": "另行申请"}),
        (dropped[1], bureau.owner_user, {"action": "withdraw"}),
        (dropped[2], bureau.clerk, {"action": "take"}),
    ):
        assert hands.request(user, one, **words).status_code == 302
    dropped[2].refresh_from_db()
    assert dropped[2].registration is not None
    page = hands.decide(
        bureau.approver, dropped[2].registration, action="reject", reason="另行申请"
    )
    assert page.status_code == 302
    gone = owner.numbers.filter(identity_sealed__isnull=True, identity_digest__isnull=True)
    assert {one.pk for one in gone} == {one.new_number_id for one in dropped}
    assert {one.masked for one in gone} == {""}
    erased = gone[0]
    with refused_by("number_is_whole_or_erased"):
        owner.numbers.filter(pk=erased.pk).update(valid_from=erased.made_at)
    with refused_by("number_is_whole_or_erased"):
        owner.numbers.filter(pk=erased.pk).update(identity_digest=b"x" * 32)
    assert hands.request(bureau.clerk, asked, action="take").status_code == 302
    asked.refresh_from_db()
    assert asked.registration is not None
    page = hands.decide(bureau.clerk, asked.registration, action="unmask").content.decode()
    assert number not in page
    seen = hands.decide(
        bureau.clerk, asked.registration, action="unmask", **{"unmask-reason": "核对新证件"}
    )
    assert number in seen.content.decode()
    hands.through(asked)
    owner.refresh_from_db()
    assert (owner.identity_masked, owner.identity_last4) == ("654002********001X", "001X")
    assert set(tickets_of(owner)) == tickets
    kept = owner.numbers.filter(valid_from__isnull=False).order_by("ended_at")
    assert [(one.masked, one.ended_at is None) for one in kept] == [
        (former, False), (owner.identity_masked, True),
    ]  # fmt: skip
    mine = hands.of(bureau.owner_user).get(reverse("accounts:my-page")).content.decode()
    assert former in mine
    assert owner.identity_masked in mine
    event = Event.objects.get(subject_key=str(owner.key), verb="change_number")
    assert number[-4:] not in str({**event.facts, "number": "", "because": ""})
    # By plain SQL no number is changed without its former one on record, and none is rewritten.
    with refused_by("former_number_is_kept"):
        Party.objects.filter(pk=owner.pk).update(identity_digest=b"x" * 32)
    with refused_by("nothing_is_rewritten"):
        kept.update(identity_last4="0000")


def test_a_ticket_used_up_is_closed_with_public_notice(bureau: Bureau, hands: Hands) -> None:
    ticket = hands.issue("100")
    early = hands.ask(bureau.clerk, "close", ticket.number)
    assert (early.status_code, b"not_used_up" in early.content) == (409, True)
    bureau.offset(ticket, 100_000)
    registered(hands, bureau.clerk, "close", ticket.number)
    assert f"{ticket.number} 注销公告" in Client().get("/notices/").content.decode()


def test_the_desk_counts_what_waits_at_the_register(bureau: Bureau, hands: Hands) -> None:
    ticket = hands.issue("100")

    work, offsets = ("碳票登记", reverse("registry:work")), ("抵消", reverse("offsets:offsets"))

    def waiting(user: User) -> list[tuple[str, str, int]]:
        page = hands.of(user).get(reverse("casework:desk"))
        found: list[tuple[str, str, int]] = page.context["elsewhere"]
        assert all(address in page.content.decode() for _label, address, _count in found)
        return [row for row in found if row[1] in (work[1], offsets[1])]

    assert waiting(bureau.clerk) == [(*work, 0)]
    asked = hands.asked(bureau.owner_user, "loss", ticket.number, loss_reason="lost")
    assert [waiting(user) for user in (bureau.clerk, bureau.approver, bureau.finance)] == [
        [(*work, 1)], [(*work, 0)], [(*work, 0)],
    ]  # fmt: skip
    assert hands.request(bureau.clerk, asked, action="take").status_code == 302
    assert [waiting(user) for user in (bureau.clerk, bureau.approver)] == [
        [(*work, 0)], [(*work, 1)],
    ]  # fmt: skip
    assert waiting(bureau.signer) == [(*offsets, 0)]


def test_a_succession_without_a_ticket_is_registered_and_shown(
    bureau: Bureau, hands: Hands
) -> None:
    """The successor asks; afterwards its people find there what it has to see to, and nobody else."""
    ticket = hands.issue("100")
    pledge = pledged(hands, ticket, "20")
    kept = bureau.transfer(ticket, 30_000)
    list_page = reverse("registry:successions")
    for merged, party, user in (
        (bureau.bank, bureau.bank2, bureau.bank2_user),
        (bureau.buyer, bureau.other, bureau.other_user),
    ):
        form = reverse("registry:ask", args=["succession", party.key])
        assert form in hands.of(user).get(list_page).content.decode()
        assert hands.of(bureau.owner_user).get(form).status_code == 404
        by_name = hands.of(bureau.clerk)
        assert by_name.post(list_page, {"successor": line(party)})["Location"] == form
        assert b"errorlist" in by_name.post(list_page, {"successor": "无此主体,0000"}).content
        assert b"errorlist" not in by_name.get(list_page, {"page": "2"}).content
        asked = hands.asked(
            user, "succession", str(party.key), former=line(merged), effective_on="2026-01-05",
            authority="伊宁市市场监督管理局", number="并1号", file_document=scan(),
        )  # fmt: skip
        page = hands.of(bureau.clerk).get(reverse("registry:request", args=[asked.key]))
        assert party.name in page.content.decode()
        done = hands.through(asked)
        record = reverse("registry:succession", args=[merged.key])
        shown = hands.of(user).get(reverse("registry:registration", args=[done.key]))
        assert record in shown.content.decode()
        assert record in hands.of(user).get(list_page).content.decode()
        assert hands.of(bureau.owner_user).get(record).status_code == 404
        for wrong, code in (
            ({"former": line(merged)}, b"party_merged"),
            ({"former": line(party)}, b"succession_to_self"),
            ({"effective_on": "2999-01-01"}, b"succession_in_future"),
        ):
            fields = {"former": line(bureau.owner), "effective_on": "2026-01-05", "number": "并1号",
                      "file_document": scan(), **wrong}  # fmt: skip
            refused = hands.ask(user, "succession", str(party.key), **fields)
            assert (refused.status_code, code in refused.content) == (422, True)

    of_bank = hands.of(bureau.bank2_user).get(
        reverse("registry:succession", args=[bureau.bank.key])
    )
    assert pledge.external_number in of_bank.content.decode()
    assert hands.ask(bureau.bank_user, "release", str(pledge.pk)).status_code == 404
    hands.through(hands.asked(bureau.bank2_user, "release", str(pledge.pk)))
    assert "pledged" not in states(ticket)

    of_buyer = hands.of(bureau.other_user).get(
        reverse("registry:succession", args=[bureau.buyer.key])
    )
    passing = reverse("registry:ask", args=["merger", kept.number])
    assert passing in of_buyer.content.decode()
    assert hands.of(bureau.buyer_user).get(passing).status_code == 404
    hands.through(
        hands.asked(
            bureau.other_user, "merger", kept.number, to=line(bureau.other), number="并1号",
            file_document=scan(),
        )
    )  # fmt: skip
    assert list(tickets_of(bureau.other)) == list(kept.children.all())

"""Several sessions at one ticket: nothing is lost, doubled or stuck."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command

from portal.base.clock import today
from portal.base.errors import PortalError
from portal.base.idempotency import RequestKeyReused, RequestStillRunning, act_once
from portal.base.models import IdempotencyKey
from tests.base.sessions import at_once
from tests.tickets.registry.register import Bureau, cause_of, covered, digest, paper, states
from tests.tickets.registry.test_acts import frozen, pledged
from tickets.registry.errors import BlockNotFree, ConfirmationUsed, TicketClosed
from tickets.registry.ledger import opened_tickets
from tickets.registry.models import CarbonTicket, LedgerEntry
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    Part,
    prepare_division,
    prepare_lift,
    prepare_pledge,
    prepare_release,
    transfer,
)

TONNE = 1000


@pytest.fixture
def shared(committed_register: str) -> Bureau:
    return Bureau()


def outcome(act: Callable[[], Any]) -> Callable[[], str]:
    """``done``, or the code of the refusal."""

    def attempt() -> str:
        try:
            act()
        except PortalError as refusal:
            return refusal.code
        return "done"

    return attempt


def assert_whole() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_register", "--replay", stdout=out, stderr=io.StringIO())
    assert json.loads(out.getvalue())["faults"] == []
    assert ended.value.code == 0


def test_sixty_and_sixty_tonnes_are_not_offset_from_a_hundred(shared: Bureau) -> None:
    ticket = shared.issue(100 * TONNE)
    acts = [outcome(lambda: shared.offset(ticket, 60 * TONNE)) for _ in range(2)]
    assert sorted(at_once(acts)) == [BlockNotFree.code, "done"]
    assert states(ticket) == {"held": 40 * TONNE, "offset": 60 * TONNE}
    assert_whole()


def test_a_kilogram_is_transferred_or_pledged_but_not_both(shared: Bureau) -> None:
    ticket = shared.issue(TONNE)
    sale = shared.request_transfer(ticket, TONNE)
    pledge = prepare_pledge(
        ticket=ticket, quantity_kg=1, pledgee=shared.bank, amount_fen=1, begins_on=today(),
        ends_on=today(), external_number="x", asked_by=shared.owner_user,
        actor=shared.finance,
    )  # fmt: skip
    found = at_once(
        [
            outcome(lambda: transfer(registration=sale, actor=shared.approver)),
            outcome(lambda: shared.approve(pledge)),
        ]
    )
    assert found in (["done", TicketClosed.code], [BlockNotFree.code, "done"])
    gone = CarbonTicket.objects.filter(parent=ticket).exists()
    assert states(ticket) == ({} if gone else {"held": TONNE - 1, "pledged": 1})
    assert gone == (found[0] == "done")
    assert covered(ticket.issuance)
    assert_whole()


def test_of_two_buyers_of_one_listing_one_gets_it(shared: Bureau) -> None:
    ticket = shared.issue(TONNE)
    cause = cause_of(shared.list(ticket, TONNE))

    def buy(party: Any) -> Callable[[], Any]:
        return lambda: shared.trade(cause, TONNE, to=party)

    found = at_once([outcome(buy(shared.buyer)), outcome(buy(shared.other))])
    assert sorted(found) == [BlockNotFree.code, "done"]
    assert CarbonTicket.objects.filter(parent=ticket).count() == 1


def test_of_two_deals_on_one_confirmation_one_is_registered(shared: Bureau) -> None:
    tickets = shared.issue(TONNE), shared.issue(TONNE, Owners.sole(shared.owner))
    confirmation = paper()
    acts = [
        outcome(partial(shared.request_transfer, ticket, to=Owners.sole(to), document=confirmation))
        for ticket, to in zip(tickets, (shared.buyer, shared.other), strict=True)
    ]
    assert sorted(at_once(acts)) == [ConfirmationUsed.code, "done"]


def test_a_retry_of_the_last_kilogram_acts_once(shared: Bureau) -> None:
    ticket = shared.issue(TONNE)
    shared.offset(ticket, TONNE - 1)

    def ask(quantity_kg: int = 1) -> Any:
        return act_once(
            actor_key=shared.signer.key, operation="offset", key="k", content={"kg": quantity_kg},
            act=lambda: {"entry": shared.offset(ticket, quantity_kg).pk},
        )  # fmt: skip

    found = at_once([outcome(ask) for _ in range(4)])
    assert set(found) <= {"done", RequestStillRunning.code}
    assert "done" in found
    first = ask()
    assert first.repeated
    assert states(ticket) == {"offset": TONNE}
    with pytest.raises(RequestKeyReused):
        ask(2)


def clients(
    bureau: Bureau,
    tickets: list[CarbonTicket],
    seconds: float,
    count: int,
    first_seed: int = 0,
) -> list[int]:
    """``count`` sessions act at random for so long; how many acts of each were not refused."""
    ends = time.monotonic() + seconds

    def client(seed: int) -> Callable[[], int]:
        def run() -> int:
            dice, done, mine = random.Random(seed), 0, list(tickets)
            while time.monotonic() < ends:
                try:
                    mine.extend(dice.choice(ACTS)(bureau, dice.choice(mine), dice))
                except PortalError as refusal:
                    assert refusal.code in EXPECTED, refusal
                else:
                    done += 1
            return done

        return run

    return at_once([client(first_seed + nth) for nth in range(count)])


# Somebody else was before, or a court took what was pledged.
EXPECTED = {
    "block_not_free", "ticket_closed", "transfer_to_self", "seller_cannot_buy", "pledge_ended",
}  # fmt: skip
Act = Callable[[Bureau, CarbonTicket, random.Random], list[CarbonTicket]]


def sold(
    bureau: Bureau, ticket: CarbonTicket, quantity_kg: int, kind: Kind = Kind.SALE
) -> CarbonTicket:
    return bureau.transfer(ticket, quantity_kg, to=Owners.sole(bureau.other), kind=kind)


def offsets_twice(bureau: Bureau, ticket: CarbonTicket, dice: random.Random) -> list[CarbonTicket]:
    """A retry of the same request is answered and does nothing."""
    key, quantity_kg = dice.randbytes(16).hex(), dice.randrange(1, 50)
    for _retry in range(2):
        act_once(
            actor_key=bureau.signer.key, operation="offset", key=key, content=quantity_kg,
            act=lambda: bureau.offset(ticket, quantity_kg).pk,
        )  # fmt: skip
    answer: Any = IdempotencyKey.objects.get(key=key).answer
    assert LedgerEntry.objects.filter(pk=answer).count() == 1
    return []


def lists_and_trades(
    bureau: Bureau, ticket: CarbonTicket, dice: random.Random
) -> list[CarbonTicket]:
    listed = bureau.list(ticket, dice.randrange(1, 500))
    return [bureau.trade(cause_of(listed), to=bureau.bank2)]


def pledges(bureau: Bureau, ticket: CarbonTicket, dice: random.Random) -> list[CarbonTicket]:
    """And gets half of them back."""
    owners = [share.party for share in ticket.shares.select_related("party")]
    consents = [PaperConsent(owner, digest("x")) for owner in owners]
    quantity_kg = 2 * dice.randrange(1, 25)
    pledge = pledged(bureau, ticket, quantity_kg, consents=consents)
    bureau.approve(
        prepare_release(
            pledge=pledge, quantity_kg=quantity_kg // 2, asked_by=bureau.bank_user,
            actor=bureau.finance,
        )
    )  # fmt: skip
    return []


def freezes_and_lifts(
    bureau: Bureau, ticket: CarbonTicket, dice: random.Random
) -> list[CarbonTicket]:
    order = frozen(bureau, ticket, dice.randrange(1, 50))
    document = paper("伊宁市人民法院")
    bureau.approve(prepare_lift(order=order, reason="", document=document, actor=bureau.clerk))
    return []


def sells_and_divides(
    bureau: Bureau, ticket: CarbonTicket, dice: random.Random
) -> list[CarbonTicket]:
    """What the buyer has, into two."""
    child = sold(bureau, ticket, dice.randrange(2, 5000))
    total_kg, owner = sum(states(child).values()), Owners.sole(bureau.other)
    wanted = prepare_division(
        ticket=child, parts=[Part(owner, 1), Part(owner, total_kg - 1)], actor=bureau.clerk,
        consents=[PaperConsent(bureau.other, digest("x"))],
    )  # fmt: skip
    bureau.approve(wanted)
    return opened_tickets(LedgerEntry.objects.get(registration=wanted.key))


ACTS: tuple[Act, ...] = (
    offsets_twice,
    lambda bureau, ticket, dice: [sold(bureau, ticket, dice.randrange(1, 5000))],
    lambda bureau, ticket, dice: [sold(bureau, ticket, dice.randrange(1, 50), Kind.COURT)],
    lists_and_trades,
    pledges,
    freezes_and_lifts,
    sells_and_divides,
)


def test_sixteen_clients_lose_and_double_nothing(shared: Bureau) -> None:
    tickets = [shared.issue(2_242_000) for _ in range(2)]
    done = clients(shared, tickets, seconds=5, count=16)
    assert sum(done) > 16
    assert all(covered(ticket.issuance) for ticket in tickets)
    assert_whole()

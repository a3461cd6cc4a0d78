"""Owners who divided their ticket answer each for their own when an order reduces its issuance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from portal.accounts.models import Party
from portal.base.clock import advance_clock
from tests.databases import own_database
from tests.tickets.registry.holding import broken_guarantees
from tests.tickets.registry.register import Bureau, covered, digest, paper, states
from tests.tickets.registry.several import joint_filing
from tickets.registry import errors
from tickets.registry.ledger import opened_tickets, standing_pieces
from tickets.registry.models import Cancellation, CarbonTicket, LedgerEntry, LossNotice
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    Part,
    issue_tickets,
    prepare_cancellation,
    prepare_correction,
    prepare_division,
    prepare_issue,
    prepare_loss,
    prepare_reissue,
)

TONNE = 1000
WHOLE_KG = 100 * TONNE


@dataclass
class Joint:
    """A hundred tonnes that ``bureau.other`` and ``bureau.buyer`` own together by halves."""

    bureau: Bureau
    ticket: CarbonTicket

    def divided(self, ticket: CarbonTicket, *parts: tuple[Owners, int]) -> list[CarbonTicket]:
        shares = ticket.shares.filter(closed_by__isnull=True).select_related("party")
        registration = prepare_division(
            ticket=ticket,
            parts=[Part(owners, quantity_kg) for owners, quantity_kg in parts],
            consents=[PaperConsent(share.party, digest("同意")) for share in shares],
            actor=self.bureau.clerk,
        )
        self.bureau.approve(registration)
        return opened_tickets(LedgerEntry.objects.get(registration=registration.key))

    def order(
        self,
        quantity_kg: int | None = None,
        reason: Cancellation.Reason = Cancellation.Reason.REVOCATION,
    ) -> Cancellation:
        registration = prepare_cancellation(
            issuance=self.ticket.issuance, reason=reason,
            document=paper("林草局"), text="", quantity_kg=quantity_kg, actor=self.bureau.clerk,
        )  # fmt: skip
        self.bureau.approve(registration)
        return Cancellation.objects.get(document_number=registration.document_number)


def debts(cancellation: Cancellation) -> dict[Party, int]:
    return {debt.party: debt.quantity_kg for debt in cancellation.debts.select_related("party")}


def cancelled_for(cancellation: Cancellation) -> list[tuple[int, int]]:
    """Its ranges in tonnes."""
    return [
        (piece.low // TONNE, piece.high // TONNE)
        for piece in standing_pieces(because=cancellation.pk)
    ]


@pytest.fixture(scope="module")
def issued(filed_template: str, filed_db: str, django_db_blocker: Any) -> Iterator[Joint]:
    with django_db_blocker.unblock(), own_database(filed_template):
        bureau = Bureau()
        filing = joint_filing(
            [(bureau.other, bureau.other_user, 1), (bureau.buyer, bureau.buyer_user, 1)],
            tonnes=WHOLE_KG // TONNE,
        )
        registration = prepare_issue(filing=filing, asked_by=bureau.other_user, actor=bureau.clerk)
        [ticket] = opened_tickets(issue_tickets(registration=registration, actor=bureau.approver))
        yield Joint(bureau, ticket)


@pytest.fixture
def joint(issued: Joint) -> Iterator[Joint]:
    """Each test has it as it was issued."""
    with transaction.atomic():
        issued.ticket.refresh_from_db()
        yield issued
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert covered(issued.ticket.issuance)
        assert broken_guarantees() == []
        transaction.set_rollback(True)


def test_an_order_falls_on_each_part_of_a_divided_ticket(joint: Joint) -> None:
    sole = Owners.sole
    first, second = joint.divided(
        joint.ticket,
        (sole(joint.bureau.other), 50 * TONNE), (sole(joint.bureau.buyer), 50 * TONNE),
    )  # fmt: skip
    done = joint.order(20 * TONNE)
    assert cancelled_for(done) == [(40, 50), (90, 100)]  # The highest of each.
    assert debts(done) == {}
    # Whoever sold owes his own part alone.
    joint.bureau.transfer(second, to=sole(joint.bureau.bank))
    done = joint.order(20 * TONNE)
    assert cancelled_for(done) == [(30, 40)]
    assert debts(done) == {joint.bureau.buyer: 10 * TONNE}
    # A revocation orders what neither was cancelled nor is owed.
    done = joint.order()
    assert done.ordered_kg == 60 * TONNE
    assert cancelled_for(done) == [(0, 30)]
    assert debts(done) == {joint.bureau.buyer: 30 * TONNE}
    assert (states(first), states(second)) == ({"cancelled": 50_000}, {"cancelled": 10_000})
    with pytest.raises(errors.NothingToCancel):
        joint.order()
    with pytest.raises(errors.OrderedTooMuch):
        joint.order(1)


@pytest.mark.parametrize("reason", [Cancellation.Reason.REVOCATION, Cancellation.Reason.FIRE])
def test_what_one_owner_bought_of_another_is_revoked_but_bought_in_good_faith_otherwise(
    joint: Joint, reason: Cancellation.Reason
) -> None:
    """Article 7: who applied with false materials is in good faith of nothing."""
    sole = Owners.sole
    _first, second = joint.divided(
        joint.ticket,
        (sole(joint.bureau.other), 50 * TONNE), (sole(joint.bureau.buyer), 50 * TONNE),
    )  # fmt: skip
    bought = joint.bureau.transfer(second, 20 * TONNE, to=sole(joint.bureau.other))
    joint.bureau.transfer(second, 20 * TONNE, to=sole(joint.bureau.bank))
    part = joint.order(24 * TONNE, reason)  # The seller's own goes first.
    assert (debts(part), states(bought)) == (
        ({}, {"held": 18 * TONNE, "cancelled": 2 * TONNE}) if reason == "revocation"
        else ({joint.bureau.buyer: 2 * TONNE}, {"held": 20 * TONNE})
    )  # fmt: skip
    done = joint.order(reason=reason)
    revoked = reason == Cancellation.Reason.REVOCATION
    assert debts(done) == {joint.bureau.buyer: (20 if revoked else 38) * TONNE}
    assert states(bought) == {"cancelled" if revoked else "held": 20 * TONNE}


def test_heirs_who_divide_what_they_inherited_answer_each_for_their_own(joint: Joint) -> None:
    bureau, sole = joint.bureau, Owners.sole
    first, _second = joint.divided(
        joint.ticket, (sole(bureau.other), 50 * TONNE), (sole(bureau.buyer), 50 * TONNE)
    )
    heirs = Owners(((bureau.bank, 2), (bureau.bank2, 3)), 5)
    inherited = bureau.transfer(first, to=heirs, kind=Kind.INHERITANCE)
    mine, theirs = joint.divided(
        inherited, (sole(bureau.bank), 20 * TONNE), (sole(bureau.bank2), 30 * TONNE)
    )
    bureau.transfer(mine, to=sole(bureau.owner))  # One of them sells his.
    done = joint.order(50 * TONNE)
    assert debts(done) == {bureau.bank: 10 * TONNE}
    assert states(theirs) == {"held": 15 * TONNE, "cancelled": 15 * TONNE}
    done = joint.order()
    assert debts(done) == {bureau.bank: 10 * TONNE}
    assert states(theirs) == {"cancelled": 30 * TONNE}


def test_a_body_that_passes_its_ticket_to_a_part_of_itself_still_answers(joint: Joint) -> None:
    bureau, sole = joint.bureau, Owners.sole
    first, _second = joint.divided(
        joint.ticket, (sole(bureau.other), 50 * TONNE), (sole(bureau.buyer), 50 * TONNE)
    )
    shell = bureau.transfer(first, to=sole(bureau.bank), kind=Kind.COMPANY_DIVISION)
    bureau.transfer(shell, 40 * TONNE, to=sole(bureau.bank2))  # In good faith.
    done = joint.order(40 * TONNE)
    assert states(shell) == {"cancelled": 10 * TONNE}  # It bought nothing.
    assert debts(done) == {bureau.other: 10 * TONNE}


def test_parts_are_divided_again_corrected_reissued_and_owned_together(joint: Joint) -> None:
    bureau, sole = joint.bureau, Owners.sole
    together = Owners(((bureau.other, 1), (bureau.buyer, 2)), 3)
    bureau.transfer(joint.ticket, 20 * TONNE, to=sole(bureau.bank))  # Sold by both.
    correction = prepare_correction(
        ticket=joint.ticket, reason="地名", document=paper(), actor=bureau.clerk
    )
    bureau.approve(correction)
    corrected = joint.ticket.children.get(opened_by__kind="correct")
    shared, own = joint.divided(corrected, (together, 60 * TONNE), (sole(bureau.other), 20 * TONNE))
    bureau.approve(
        prepare_loss(
            ticket=shared, reason=LossNotice.Reason.LOST, asked_by=bureau.other_user,
            actor=bureau.clerk,
        )
    )  # fmt: skip
    advance_clock(timedelta(days=31))
    notice = LossNotice.objects.get(ticket=shared)
    bureau.approve(prepare_reissue(notice=notice, asked_by=bureau.other_user, actor=bureau.clerk))
    again = shared.children.get()
    left, kept = joint.divided(again, (sole(bureau.buyer), 30 * TONNE), (together, 30 * TONNE))
    # Of a hundred the three parts answer for 37.5, 37.5 and 25: the sold twenty fall on all alike.
    done = joint.order(40 * TONNE)
    assert cancelled_for(done) == [(35, 50), (65, 80), (90, 100)]
    assert debts(done) == {}
    assert [states(one)["held"] for one in (left, kept, own)] == [15_000, 15_000, 10_000]
    # A co-owned part owes by its own shares.
    bureau.transfer(kept, to=sole(bureau.bank2), kind=Kind.SALE)
    done = joint.order()
    assert cancelled_for(done) == [(20, 35), (80, 90)]
    assert debts(done) == {
        bureau.other: 5000 + 7500,
        bureau.buyer: 7500 + 15_000,
    }


def test_a_gift_before_the_division_answers_when_the_own_is_gone(joint: Joint) -> None:
    bureau, sole = joint.bureau, Owners.sole
    gift = bureau.transfer(joint.ticket, 20 * TONNE, to=sole(bureau.bank), kind=Kind.GIFT)
    first, second = joint.divided(
        joint.ticket, (sole(bureau.other), 40 * TONNE), (sole(bureau.buyer), 40 * TONNE)
    )
    done = joint.order(60 * TONNE)
    assert debts(done) == {}
    assert [states(one) for one in (gift, first, second)] == [
        {"held": 20_000}, {"held": 10_000, "cancelled": 30_000}, {"held": 10_000, "cancelled": 30_000},
    ]  # fmt: skip
    assert debts(joint.order()) == {}
    assert states(gift) == {"cancelled": 20_000}

"""A filing of several owners, issued to each of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import MandateMissing
from tests.tickets.registry.register import Bureau, covered, paper, states
from tests.tickets.registry.several import joint_filing
from tickets.registry.access import owners_of
from tickets.registry.ledger import opened_tickets
from tickets.registry.models import Cancellation
from tickets.registry.operations import (
    Kind,
    Owners,
    issue_tickets,
    prepare_cancellation,
    prepare_issue,
)


@pytest.mark.django_db
def test_owners_may_have_a_ticket_each_of_their_filing(bureau: Bureau) -> None:
    """By largest remainder in the order of the list; each has the next kilograms of the issuance."""
    filing = joint_filing(
        [(bureau.other, bureau.other_user, 2), (bureau.buyer, bureau.buyer_user, 1)], tonnes=100
    )
    # One of them merges meanwhile: who took its place gets what is not issued yet (article 10).
    bought = bureau.transfer(bureau.issue(1000), 300)
    bureau.transfer(bought, kind=Kind.MERGER, to=Owners.sole(bureau.bank))
    wanted: dict[str, Any] = {"filing": filing, "actor": bureau.clerk, "separately": True}
    with pytest.raises(MandateMissing):
        prepare_issue(asked_by=bureau.buyer_user, **wanted)
    form = reverse("registry:ask", args=["issue", filing.number])
    for user, offered in ((bureau.bank_user, True), (bureau.buyer_user, False)):
        client = Client()
        client.force_login(user)
        assert (form in client.get(reverse("registry:work")).content.decode()) is offered
        assert client.get(form).status_code == (200 if offered else 404)
    registration = prepare_issue(asked_by=bureau.bank_user, **wanted)
    entry = issue_tickets(registration=registration, actor=bureau.approver)
    first, second = opened_tickets(entry)
    assert [states(ticket) for ticket in (first, second)] == [{"held": 66_667}, {"held": 33_333}]
    assert owners_of(first) == [bureau.other]
    assert owners_of(second) == [bureau.bank]
    assert covered(first.issuance)

    # Each answers for his own in a reversal, and owes what he sold (domain.md).
    def ordered(quantity_kg: int | None) -> Cancellation:
        registration = prepare_cancellation(
            issuance=first.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="",
            quantity_kg=quantity_kg, actor=bureau.clerk,
        )  # fmt: skip
        bureau.approve(registration)
        return Cancellation.objects.get(document_number=registration.document_number)

    bureau.transfer(second, 30_000, to=Owners.sole(bureau.bank2))
    done = ordered(30_000)
    assert [states(ticket) for ticket in (first, second)] == [
        {"held": 46_667, "cancelled": 20_000}, {"cancelled": 3333},
    ]  # fmt: skip
    assert [(debt.party, debt.quantity_kg) for debt in done.debts.all()] == [(bureau.bank, 6667)]
    # What is owed is not ordered a second time.
    whole = ordered(None)
    assert states(first) == {"cancelled": 66_667}
    assert [(debt.party, debt.quantity_kg) for debt in whole.debts.all()] == [(bureau.bank, 23_333)]

"""A filing of several owners, issued to each of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import MandateMissing
from portal.accounts.models import User
from tests.factories.land import square
from tests.tickets.projects.story import (
    Town,
    consent,
    determine,
    draft_of,
    file_it,
    hand_in,
    pass_completeness,
    pass_reviews,
)
from tests.tickets.registry.register import Bureau, covered, paper, states
from tickets.projects.models import Filing
from tickets.projects.operations import (
    Share,
    set_shares,
    submit_application,
)
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
    town = Town({user.username: user for user in User.objects.all()})  # Of the template.
    geom = square(9000, 0)
    draft = draft_of(town, bureau.other_user, bureau.other, geom, tonnes=100)
    set_shares(
        application=draft, denominator=3, shares=[Share(bureau.other, 2), Share(bureau.buyer, 1)],
        seen=draft.revision, actor=bureau.other_user,
    )  # fmt: skip
    hand_in(draft, bureau.other_user)  # Its papers name the owners.
    consent(draft, bureau.buyer_user, bureau.buyer)
    draft.refresh_from_db()
    draft = submit_application(application=draft, actor=bureau.other_user, seen=draft.revision)
    pass_completeness(town, draft)
    pass_reviews(town, draft)
    determine(town, draft)
    filing = Filing.objects.get(pk=file_it(town, draft, 100).pk)  # With its claim as it is now.
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
    bureau.transfer(second, 30_000, to=Owners.sole(bureau.bank2))
    order = prepare_cancellation(
        issuance=first.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="",
        quantity_kg=30_000, actor=bureau.clerk,
    )  # fmt: skip
    bureau.approve(order)
    assert [states(ticket) for ticket in (first, second)] == [
        {"held": 46_667, "cancelled": 20_000}, {"cancelled": 3333},
    ]  # fmt: skip
    done = Cancellation.objects.get(document_number=order.document_number)
    assert [(debt.party, debt.quantity_kg) for debt in done.debts.all()] == [(bureau.bank, 6667)]

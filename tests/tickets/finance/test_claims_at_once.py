"""Claims that meet: payments of one insurance, and a claim with its ticket's cancellation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from portal.base.clock import today
from portal.base.errors import PortalError
from tests.tickets.finance.test_finance import insurance
from tests.tickets.registry.register import Bureau, paper
from tickets.finance.errors import TicketCancelled
from tickets.finance.operations import claim, decide_claim
from tickets.registry.models import Cancellation
from tickets.registry.operations import prepare_cancellation


def at_once(act: Callable[[int], object], count: int) -> list[str]:
    """Each call in a session of its own, begun together: ``done`` or the code of the refusal."""
    together = Barrier(count)

    def one(number: int) -> str:
        try:
            together.wait(30)
            act(number)
        except PortalError as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_payments_at_once_stay_within_the_sum(committed_register: str) -> None:
    bureau = Bureau()
    policy = insurance(bureau, bureau.issue(100_000))
    claims = [
        claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=60_000_00,
              actor=bureau.other_user)
        for _n in range(4)
    ]  # fmt: skip
    answers = at_once(
        lambda n: decide_claim(claim=claims[n], paid_fen=60_000_00, actor=bureau.other_user), 4
    )
    assert sorted(answers) == ["done", *["more_than_insured"] * 3]
    assert sum(policy.claims.values_list("paid_fen", flat=True)) == 60_000_00


def test_a_claim_does_not_cross_the_cancellation_of_its_ticket(committed_register: str) -> None:
    bureau = Bureau()
    ticket = bureau.issue(100_000)
    policy = insurance(bureau, ticket)
    asked = prepare_cancellation(
        issuance=ticket.issuance,
        reason=Cancellation.Reason.FIRE,
        document=paper(),
        text="过火",
        actor=bureau.clerk,
    )

    def act(number: int) -> None:
        if number == 2:
            bureau.approve(asked)
        else:
            claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
                  actor=bureau.other_user)  # fmt: skip

    answers = at_once(act, 5)
    assert answers[2] == "done"
    assert set(answers) <= {"done", "ticket_cancelled"}
    cancelled = ticket.issuance.entries.get(kind="cancel").recorded_at
    assert all(made.made_at < cancelled for made in policy.claims.all())
    with pytest.raises(TicketCancelled):
        claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
              actor=bureau.other_user)  # fmt: skip

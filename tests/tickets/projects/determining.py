"""Applications for overlapping land in a row, and two approvers who determine both at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction

from parcels.claims.errors import LandHasAnotherClaim
from parcels.models import Claim
from portal.accounts.models import Department, Role, User
from portal.base.clock import advance_clock
from portal.casework.moves import VerdictKind
from tests.accounts.people import officer
from tests.base.sessions import (
    PATIENCE_SECONDS,
    as_owner,
    at_once,
    constraint_of,
    in_own_session,
)
from tests.factories.land import square
from tests.parcels.claims.areas import claim_at
from tests.tickets.projects.story import (
    Town,
    draft_of,
    own_land,
    pass_completeness,
    pass_reviews,
    say,
)
from tickets.projects.models import Application
from tickets.projects.operations import submit_application, withdraw_application
from tickets.projects.plan import Step
from tickets.projects.review import judge_step, step_of

HALF_M = 50
WAITING = """
SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
Pair = tuple[Application, Application]


@dataclass(frozen=True, slots=True)
class Row:
    """Applications in the order of their submission, their owner, and two approvers."""

    applications: list[Application]
    owner: User
    approvers: list[User]

    def race(self, at: int, *, swapped: bool = False) -> None:
        """Both of a pair at once; then the winner is withdrawn, so that the next pair is free."""
        pair = self.applications[at], self.applications[at + 1]
        approvers = self.approvers[::-1] if swapped else self.approvers
        won = assert_one_stands(pair, determine_at_once(pair, approvers))
        assert won == pair[0]  # The earlier one (guarantee 1).
        withdraw_application(application=won, actor=self.owner)


def make_row(pairs: int) -> Row:
    """Each application shares half its land with the next; all wait for the approver after their
    publicity. A row of n + 1 gives n pairs once each winner has made way.
    """
    town = Town.staffed()
    approvers = [
        town["forestry_approver"],
        officer("second_approver", Role.APPROVER, Department.FORESTRY),
    ]
    owner, party = town.owner()
    title = own_land(party, square(0, 0, (pairs + 2) * HALF_M, 2 * HALF_M))
    row = []
    for n in range(pairs + 1):
        land = square(n * HALF_M, 0, 2 * HALF_M)
        draft = draft_of(town, owner, party, land, titles=[title])
        draft = submit_application(application=draft, actor=owner, seen=draft.revision)
        pass_completeness(town, draft)
        pass_reviews(town, draft)
        row.append(draft)
    advance_clock(timedelta(days=9))
    for application in row:
        say(
            application,
            Step.DETERMINATION,
            VerdictKind.PREPARE,
            town["forestry_clerk"],
            "同意",
        )
    return Row(row, owner, approvers)


def determination(application: Application, approver: User) -> Callable[[], str]:
    """An act: to determine, and to say which project is in the way."""

    def go() -> str:
        step = step_of(application, Step.DETERMINATION)
        try:
            judge_step(
                application=application,
                step=step,
                verdict=VerdictKind.ENDORSE,
                actor=approver,
                seen=step.revision,
            )
        except LandHasAnotherClaim as refusal:
            return str(refusal.facts["other_number"])
        return "determined"

    return go


def determine_at_once(pair: Pair, approvers: list[User]) -> list[str]:
    """Both begun together; what each approver was told."""
    return at_once([determination(one, who) for one, who in zip(pair, approvers, strict=True)])


def assert_the_lock_decides(at: int) -> None:
    """Two claims that go live at once, neither of them put forward before the other: no query of the
    second sees the first, whose transaction has not ended. The lock alone makes it wait, and be refused.
    """
    north_m = 1000 * at

    def go_live() -> str:
        try:
            claim_at(square(HALF_M, north_m), state=Claim.State.LIVE)
        except IntegrityError as refusal:
            return str(constraint_of(refusal))
        return "live"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            claim_at(square(0, north_m), state=Claim.State.LIVE)
            told = pool.submit(in_own_session, go_live)
            wait_until_a_lock_is_waited_for(told)
        assert told.result(PATIENCE_SECONDS) == "land_has_one_claim_at_a_time"


def wait_until_a_lock_is_waited_for(told: Future[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with as_owner() as session:
        while not session.execute(WAITING).fetchone():
            assert not told.done(), "it did not wait"
            assert time.monotonic() < deadline
            time.sleep(0.01)


def assert_one_stands(pair: Pair, told: list[str]) -> Application:
    """Exactly one is determined; the other approver was told which project is in the way."""
    assert sorted(word == "determined" for word in told) == [False, True], told
    won, lost = pair if told[0] == "determined" else pair[::-1]
    other = next(word for word in told if word != "determined")
    for application in pair:
        application.refresh_from_db()
    assert other == won.project.number
    assert won.state == Application.State.DETERMINED
    assert lost.state == Application.State.SUBMITTED
    states = dict(
        Claim.objects.filter(pk__in=[won.claim_id, lost.claim_id]).values_list("pk", "state")
    )  # type: ignore[misc]
    assert states == {won.claim_id: Claim.State.LIVE, lost.claim_id: Claim.State.PENDING}
    step = step_of(lost, Step.DETERMINATION)
    assert step.status == "prepared"  # The refused verdict left nothing behind.
    return won

"""Applications for overlapping land in a row, and two approvers who determine both at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from parcels.claims.errors import LandHasAnotherClaim
from parcels.models import Claim
from portal.accounts.models import Department, Role, User
from portal.base.clock import advance_clock
from portal.casework.moves import VerdictKind
from tests.accounts.people import officer
from tests.base.sessions import at_once
from tests.factories.land import square
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


def determine_at_once(pair: Pair, approvers: list[User]) -> list[str]:
    """Both begun together; what each approver was told."""

    def act(application: Application, approver: User) -> Callable[[], str]:
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

    return at_once([act(one, who) for one, who in zip(pair, approvers, strict=True)])


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

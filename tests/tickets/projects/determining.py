"""Pairs of applications for overlapping land, and two approvers who determine both at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from parcels.claims.errors import LandHasAnotherClaim
from parcels.models import Claim
from portal.accounts.models import Department, Party, Role, User
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
from tickets.projects.operations import submit_application
from tickets.projects.plan import Step
from tickets.projects.review import judge_step, step_of

Pair = tuple[Application, Application]


def make_pairs(count: int) -> tuple[list[Pair], list[User]]:
    """Each pair shares half its land; all wait for the approver after their publicity."""
    town = Town.staffed()
    approvers = [
        town["forestry_approver"],
        officer("second_approver", Role.APPROVER, Department.FORESTRY),
    ]
    owner, party = town.owner()
    pairs = [pair_of(town, owner, party, n) for n in range(count)]
    advance_clock(timedelta(days=9))
    for pair in pairs:
        for application in pair:
            say(
                application,
                Step.DETERMINATION,
                VerdictKind.PREPARE,
                town["forestry_clerk"],
                "同意",
            )
    return pairs, approvers


def pair_of(town: Town, owner: User, party: Party, n: int) -> Pair:
    title = own_land(party, square(n * 600, 0, 300))
    made = []
    for east in (0, 50):
        draft = draft_of(town, owner, party, square(n * 600 + east, 0, 100), titles=[title])
        draft = submit_application(application=draft, actor=owner, seen=draft.revision)
        pass_completeness(town, draft)
        pass_reviews(town, draft)
        made.append(draft)
    return made[0], made[1]


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


def assert_one_stands(pair: Pair, told: list[str]) -> None:
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

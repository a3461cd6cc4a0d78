"""Random people saying random things: only what the table allows ever happens."""

from __future__ import annotations

from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.accounts.models import Role, User
from portal.accounts.queries import has_role
from portal.base.errors import PortalError
from portal.casework.models import ReviewCase, ReviewStep, Verdict
from portal.casework.moves import MOVES, By, StepStatus, VerdictKind, rows
from portal.casework.operations import record_verdict
from tests.casework.offices import FORESTRY, Offices

NAMES = ("clerk", "approver", "land_clerk", "land_approver", "both", "owner")
KINDS = ("intake", "title", "technical", "decision")


def test_the_database_keeps_the_table_that_the_code_has(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT before, verdict, after, said_by, pair FROM casework_move")
        assert sorted(cursor.fetchall()) == rows()


def may_say(step: ReviewStep, verdict: VerdictKind, actor: User) -> bool:
    """What ought to be allowed, worked out apart from the database."""
    move = MOVES.get((StepStatus(step.status), verdict))
    if step.case.closed_at is not None or move is None or move.by is By.COURSE:
        return False
    if move.pair is not None and move.pair != step.pair:
        return False
    if verdict in (VerdictKind.RECALL, VerdictKind.END):
        return False  # This case is an applicant's, and its kind lets no office end it.
    owner = actor.username == "owner"
    if move.by is By.APPLICANT:
        return owner
    if owner:
        return False
    if move.by is By.AUTHORITY:
        return has_role(actor, Role.APPROVER, FORESTRY)
    role = Role.APPROVER if move.by is By.APPROVER else Role.CLERK
    if move.by is By.APPROVER and actor == step.prepared_by:
        return False
    return any(
        held.role == role and held.department == step.department for held in actor.role_grants.all()
    )


def assert_course_is_sound(case: ReviewCase) -> None:
    """No step is skipped, nobody decides what he prepared, and the verdicts alone explain it."""
    steps = list(case.steps.order_by("order", "pk"))
    for step in steps:
        earlier = [one for one in steps if one.order < step.order]
        if step.status not in (StepStatus.WAITING, StepStatus.CLOSED):
            assert all(one.status == StepStatus.ENDORSED for one in earlier)
        if step.pair and step.status in (StepStatus.ENDORSED, StepStatus.REJECTED):
            assert step.prepared_by_id is not None
            assert step.prepared_by_id != step.decided_by_id
    for verdict in Verdict.objects.filter(step__case=case):
        move = MOVES[StepStatus(verdict.before), VerdictKind(verdict.verdict)]
        assert verdict.after == move.after
        assert move.by is not By.COURSE
    case.refresh_from_db()
    ended = {step.status for step in steps}
    if case.state == ReviewCase.State.APPROVED:
        assert ended == {StepStatus.ENDORSED}
    if case.closed_at is None:
        assert ended & {StepStatus.OPEN, StepStatus.PREPARED, StepStatus.RETURNED}
    assert (case.state == ReviewCase.State.STOPPED) == (
        case.closed_at is None and StepStatus.RETURNED in ended
    )
    assert case.stops.filter(resumed_at__isnull=True).exists() == (
        case.state == ReviewCase.State.STOPPED
    )


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_random_moves_by_random_people_never_leave_the_table(
    offices: Offices, data: st.DataObject
) -> None:
    case = offices.case()
    for _turn in range(data.draw(st.integers(8, 18))):
        steps = {step.kind: step for step in case.steps.select_related("case", "prepared_by")}
        likely = [kind for kind, step in steps.items() if step.status in ("open", "prepared")]
        step = steps[data.draw(st.sampled_from([*KINDS, *likely * 4]))]
        verdict = VerdictKind(
            data.draw(
                st.sampled_from(
                    [*VerdictKind.values, *["prepare", "endorse"] * 12, "resubmit", "return"]
                )
            )
        )
        actor = offices[data.draw(st.sampled_from(NAMES))]
        step.case.refresh_from_db()
        allowed = may_say(step, verdict, actor)
        try:
            record_verdict(
                step=step, verdict=verdict, actor=actor, seen=step.revision, reason="理由"
            )
        except PortalError:
            assert not allowed, (step.kind, step.status, verdict, actor.username)
        else:
            assert allowed, (step.kind, verdict, actor.username)
        assert_course_is_sound(case)

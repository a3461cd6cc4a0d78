"""What the database refuses by itself, from plain SQL and from sessions at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from portal.accounts.models import Role, RoleGrant, User
from portal.accounts.operations import revoke_role
from portal.base.errors import PortalError, StateMovedOn
from portal.base.guarantees import refusal_of
from portal.base.transactions import write_transaction
from portal.casework.errors import (
    CaseClosed,
    MoveNotAllowed,
    NotYourOffice,
    OwnMatter,
    Recused,
    SamePersonDecides,
    StepOutOfOrder,
    VerdictNeedsReason,
)
from portal.casework.models import Recusal, ReviewCase, ReviewStep, Verdict
from portal.casework.moves import StepStatus, VerdictKind
from portal.casework.operations import StepPlan, entrust_step, open_case, record_verdict, recuse
from tests.accounts.people import administrator, officer
from tests.base.sessions import as_owner, at_once, constraint_of, in_own_session, refused_by
from tests.casework.offices import LAND, Offices
from tests.conftest import app_connection


def step_of(case: ReviewCase, kind: str) -> ReviewStep:
    return case.steps.get(kind=kind)


def say(case: ReviewCase, kind: str, verdict: VerdictKind, actor: User, reason: str = "") -> None:
    step = step_of(case, kind)
    record_verdict(step=step, verdict=verdict, actor=actor, seen=step.revision, reason=reason)


def to_reviews(offices: Offices) -> ReviewCase:
    """A case whose two parallel reviews are open."""
    case = offices.case()
    say(case, "intake", VerdictKind.ENDORSE, offices["clerk"])
    return case


def test_parallel_reviews_begin_together_and_the_decision_waits_for_both(offices: Offices) -> None:
    case = to_reviews(offices)
    assert step_of(case, "title").status == step_of(case, "technical").status == "open"
    say(case, "title", VerdictKind.PREPARE, offices["land_clerk"], "权属清晰")
    say(case, "title", VerdictKind.ENDORSE, offices["land_approver"])
    assert step_of(case, "decision").status == StepStatus.WAITING
    say(case, "technical", VerdictKind.PREPARE, offices["clerk"], "可行")
    say(case, "technical", VerdictKind.ENDORSE, offices["approver"])
    assert step_of(case, "decision").status == StepStatus.OPEN


def test_each_wrong_step_has_its_own_refusal(offices: Offices) -> None:
    case = to_reviews(offices)
    with pytest.raises(MoveNotAllowed):
        say(case, "decision", VerdictKind.PREPARE, offices["clerk"])
    with pytest.raises(NotYourOffice):
        say(case, "title", VerdictKind.PREPARE, offices["clerk"])
    with pytest.raises(VerdictNeedsReason):
        say(case, "title", VerdictKind.RETURN, offices["land_clerk"])
    with pytest.raises((OwnMatter, Recused)):
        say(case, "title", VerdictKind.PREPARE, offices["owner"])
    say(case, "technical", VerdictKind.PREPARE, offices["both"], "可行")
    with pytest.raises(SamePersonDecides):
        say(case, "technical", VerdictKind.ENDORSE, offices["both"])
    stale = step_of(case, "technical")
    say(case, "technical", VerdictKind.ENDORSE, offices["approver"])
    with pytest.raises(StateMovedOn):
        record_verdict(
            step=stale, verdict=VerdictKind.ENDORSE, actor=offices["approver"], seen=stale.revision
        )
    say(case, "title", VerdictKind.WITHDRAW, offices["owner"])
    case.refresh_from_db()
    assert case.state == ReviewCase.State.WITHDRAWN
    with pytest.raises(CaseClosed):
        say(case, "title", VerdictKind.PREPARE, offices["land_clerk"])


def test_an_office_taken_away_meanwhile_decides_nothing(offices: Offices) -> None:
    case = to_reviews(offices)
    say(case, "technical", VerdictKind.PREPARE, offices["clerk"], "可行")
    grant = RoleGrant.objects.get(user=offices["approver"], role="approver")
    revoke_role(grant=grant, actor=administrator())
    with pytest.raises(NotYourOffice):
        say(case, "technical", VerdictKind.ENDORSE, offices["approver"])


def test_an_entrusted_third_party_prepares_unless_it_wrote_the_report(offices: Offices) -> None:
    case = to_reviews(offices)
    verifier = officer("verifier", Role.VERIFIER)
    technical = entrust_step(
        step=step_of(case, "technical"), to=verifier, actor=offices["approver"]
    )
    with pytest.raises(NotYourOffice):
        say(case, "technical", VerdictKind.PREPARE, offices["clerk"])
    recuse(
        case=case,
        step=technical,
        user=verifier,
        because=Recusal.Because.WROTE_REPORT,
        actor=offices["approver"],
    )
    with pytest.raises(Recused):
        say(case, "technical", VerdictKind.PREPARE, verifier)


def test_a_changed_matter_is_reviewed_again_from_the_order_that_it_touches(
    offices: Offices,
) -> None:
    case = to_reviews(offices)
    say(case, "technical", VerdictKind.PREPARE, offices["clerk"], "可行")
    say(case, "technical", VerdictKind.ENDORSE, offices["approver"])
    say(case, "title", VerdictKind.RETURN, offices["land_clerk"], "界线不符")
    case.refresh_from_db()
    assert case.state == ReviewCase.State.STOPPED
    assert case.due_on is None
    step = step_of(case, "title")
    record_verdict(
        step=step,
        verdict=VerdictKind.RESUBMIT,
        actor=offices["owner"],
        seen=step.revision,
        rewind_to=step.order,
    )
    assert step_of(case, "technical").status == StepStatus.OPEN
    assert step_of(case, "technical").decided_by is None
    assert step_of(case, "technical").round == 2
    case.refresh_from_db()
    assert case.state == ReviewCase.State.OPEN
    assert case.due_on is not None


def test_an_office_takes_back_what_it_opened_itself_and_no_applicants_case(
    offices: Offices,
) -> None:
    theirs = to_reviews(offices)
    say(theirs, "title", VerdictKind.RETURN, offices["land_clerk"], "界线不符")
    with pytest.raises(MoveNotAllowed):
        say(theirs, "title", VerdictKind.RECALL, offices["land_clerk"])
    own = open_case(
        kind="test", title="一件事", subject_kind="test", subject_key=uuid.uuid4(),
        steps=[StepPlan(kind="title", title="权属", order=1, department=LAND)],
        applicants=[offices.party], actor=offices["land_clerk"],
    )  # fmt: skip
    say(own, "title", VerdictKind.RETURN, offices["land_clerk"], "请补正")
    with pytest.raises(NotYourOffice):
        say(own, "title", VerdictKind.RECALL, offices["clerk"])
    say(own, "title", VerdictKind.RECALL, offices["land_clerk"])
    own.refresh_from_db()
    assert (own.state, step_of(own, "title").status) == ("open", StepStatus.OPEN)
    assert not own.stops.filter(resumed_at__isnull=True).exists()
    assert own.due_on is not None


def test_an_office_ends_what_is_not_answered_where_the_kind_of_case_lets_it(
    offices: Offices,
) -> None:
    other = to_reviews(offices)
    say(other, "title", VerdictKind.RETURN, offices["land_clerk"], "界线不符")
    with pytest.raises(MoveNotAllowed):
        say(other, "title", VerdictKind.END, offices["land_clerk"], "久不答复")
    case = open_case(
        kind="title_review", title="一件事", subject_kind="test", subject_key=uuid.uuid4(),
        steps=[StepPlan(kind="title", title="权属", order=1, department=LAND)],
        applicants=[offices.party], actor=offices["owner"],
    )  # fmt: skip
    with pytest.raises(MoveNotAllowed):
        say(case, "title", VerdictKind.END, offices["land_clerk"], "尚未退回")
    say(case, "title", VerdictKind.RETURN, offices["land_clerk"], "请补正")
    for somebody, refusal in (("clerk", NotYourOffice), ("owner", OwnMatter)):
        with pytest.raises(refusal):
            say(case, "title", VerdictKind.END, offices[somebody], "久不答复")
    with pytest.raises(VerdictNeedsReason):
        say(case, "title", VerdictKind.END, offices["land_clerk"], " ")
    step = step_of(case, "title")
    with (
        pytest.raises(IntegrityError) as unsaid,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO casework_verdict (key, step_id, verdict, actor_id, reason, article, facts,"
            " seen) VALUES (gen_random_uuid(), %s, 'end', %s, ' ', '', '{}', %s)",
            [step.pk, offices["land_clerk"].pk, step.revision],
        )
    assert isinstance(refusal_of(unsaid.value), VerdictNeedsReason)
    say(case, "title", VerdictKind.END, offices["land_clerk"], "久不答复")
    case.refresh_from_db()
    assert (case.state, step_of(case, "title").status) == ("ended", StepStatus.CLOSED)
    assert not case.stops.filter(resumed_at__isnull=True).exists()


def test_plain_sql_moves_no_step_and_rewrites_no_verdict(offices: Offices) -> None:
    case = to_reviews(offices)
    for attack in (
        "UPDATE casework_reviewstep SET status = 'endorsed'",
        "UPDATE casework_reviewstep SET prepared_by_id = NULL",
        "UPDATE casework_reviewcase SET state = 'approved'",
        "UPDATE casework_verdict SET reason = 'x'",
        "DELETE FROM casework_verdict",
        "UPDATE casework_clockstop SET resumed_at = now()",
        "DELETE FROM casework_move",
        "DELETE FROM casework_recusal",
        "TRUNCATE casework_reviewstep CASCADE",
    ):
        with pytest.raises((ProgrammingError, IntegrityError)), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(attack)
    assert step_of(case, "title").status == StepStatus.OPEN


INSERT = (
    "INSERT INTO casework_verdict (key, step_id, verdict, actor_id, reason, article, facts, seen, "
    "before, after) VALUES (gen_random_uuid(), %s, %s, %s, 'x', '', '{}', %s, %s, %s)"
)


@pytest.mark.parametrize(
    ("kind", "verdict", "who", "constraint"),
    [
        ("decision", "prepare", "clerk", "step_moves_by_the_table"),
        ("title", "endorse", "land_approver", "step_moves_by_the_table"),
        ("title", "begin", "land_clerk", "step_moves_by_the_table"),
        ("title", "prepare", "approver", "verdict_is_given_by_the_office"),
        ("title", "prepare", "owner", "recused_person_takes_no_part"),
        ("title", "withdraw", "land_clerk", "applicant_alone_answers"),
        ("title", "disqualify", "clerk", "verdict_is_given_by_the_office"),
    ],
)
def test_a_verdict_by_plain_sql_is_judged_like_any_other(
    offices: Offices, kind: str, verdict: str, who: str, constraint: str
) -> None:
    case = to_reviews(offices)
    step = step_of(case, kind)
    with refused_by(constraint), connection.cursor() as cursor:
        # What it says of the outcome is not believed.
        cursor.execute(
            INSERT, [step.pk, verdict, offices[who].pk, step.revision, "prepared", "endorsed"]
        )


def test_even_the_owner_of_the_tables_skips_no_step(committed_db: str) -> None:
    offices = Offices.open()
    case = to_reviews(offices)
    with as_owner() as session, pytest.raises(psycopg.errors.CheckViolation) as caught:
        session.execute(
            "UPDATE casework_reviewstep SET status = 'open' WHERE case_id = %s AND kind = 'decision'",
            [case.pk],
        )
    assert constraint_of(caught.value) == "no_step_is_skipped"


def at_once_say(case: ReviewCase, kind: str, wishes: list[tuple[VerdictKind, User]]) -> list[str]:
    step = step_of(case, kind)

    def act(verdict: VerdictKind, actor: User) -> Callable[[], str]:
        def go() -> str:
            try:
                record_verdict(
                    step=ReviewStep.objects.get(pk=step.pk),
                    verdict=verdict,
                    actor=actor,
                    seen=step.revision,
                    reason="理由",
                )
            except PortalError as refusal:
                return refusal.code
            return "given"

        return go

    return at_once([act(*wish) for wish in wishes])


def test_of_two_who_decide_at_once_one_is_told_that_the_state_moved_on(committed_db: str) -> None:
    offices = Offices.open()
    case = to_reviews(offices)
    say(case, "technical", VerdictKind.PREPARE, offices["clerk"], "可行")
    outcome = at_once_say(
        case,
        "technical",
        [(VerdictKind.ENDORSE, offices["approver"]), (VerdictKind.REJECT, offices["both"])],
    )
    assert outcome.count("given") == 1
    assert set(outcome) <= {"given", "state_moved_on", "case_closed"}
    assert Verdict.objects.filter(step__case=case).count() == 3


def test_a_verdict_waits_for_a_revocation_under_way(committed_db: str) -> None:
    offices = Offices.open()
    case = to_reviews(offices)
    step = step_of(case, "title")
    with app_connection() as session:
        session.execute(
            "UPDATE accounts_rolegrant SET valid_to = portal_now() WHERE user_id = %s",
            [offices["land_clerk"].pk],
        )

        def go() -> str:
            try:
                record_verdict(
                    step=step,
                    verdict=VerdictKind.PREPARE,
                    actor=offices["land_clerk"],
                    seen=step.revision,
                )
            except PortalError as refusal:
                return refusal.code
            return "given"

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(in_own_session, go)
            session.commit()
            assert waiting.result(20) == "not_your_office"


def test_a_step_is_not_laid_out_afterwards(offices: Offices) -> None:
    case = to_reviews(offices)
    with pytest.raises(StepOutOfOrder):
        write_transaction(
            lambda: ReviewStep.objects.create(
                case=case, kind="late", title="补", order=9, days=5, department="forestry"
            )
        )()

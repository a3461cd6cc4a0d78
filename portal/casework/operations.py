"""Opening cases and giving verdicts. What a verdict moves, the database does (see migration 0002)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import translation
from django.utils.functional import Promise

from portal.accounts.models import Department, Party, Role, User
from portal.accounts.queries import has_role
from portal.base.clock import CITY_TIME, today
from portal.base.errors import NotFound
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from portal.casework.deadlines import Calendar, Deadline, due_on, latest_regulation, stops_of
from portal.casework.errors import (
    MoveNotAllowed,
    NotAVerifier,
    OwnMatter,
    Recused,
    ThirdPartyRecused,
    VerdictNeedsReason,
)
from portal.casework.models import (
    CaseParty,
    Comment,
    Document,
    Expert,
    Opinion,
    Recusal,
    Regulation,
    ReviewCase,
    ReviewStep,
    Verdict,
)
from portal.casework.moves import StepStatus, VerdictKind
from portal.journal.operations import record_event

REASONED = frozenset(
    {
        VerdictKind.RETURN,
        VerdictKind.REJECT,
        VerdictKind.SEND_BACK,
        VerdictKind.DISQUALIFY,
        VerdictKind.END,
    }
)
IN_HAND = (StepStatus.OPEN, StepStatus.PREPARED)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step of a case that is to be opened. Plans of one ``order`` run side by side.

    ``days`` are working days from the receipt of complete materials, or from the step's own
    beginning. ``pair``: a clerk prepares, the department's approver decides. ``intake``: here the
    completeness is judged, so a return restarts the clock.
    """

    kind: str
    title: str | Promise
    order: int
    department: Department | str = ""
    role: Role = Role.CLERK
    days: int = 15
    days_from_receipt: bool = True
    article: str = ""
    pair: bool = True
    intake: bool = False
    second_factor: bool = False
    opinions_needed: int = 0


@write_transaction
def open_case(
    *,
    kind: str,
    title: str,
    subject_kind: str,
    subject_key: uuid.UUID,
    steps: Sequence[StepPlan],
    actor: User,
    applicants: Iterable[Party] = (),
    others: Iterable[Party] = (),
    recused: Iterable[User] = (),
    regulation: Regulation | None = None,
    received_on: date | None = None,
) -> ReviewCase:
    """A case with its steps; those of the lowest order begin at once.

    ``applicants`` may answer and withdraw; nobody who acts for them or for ``others`` takes part in
    the review. ``recused`` take no part whatever they act for (who applied, say).
    """
    case = ReviewCase.objects.create(
        number=draw_number(NumberKind.CASE),
        kind=kind,
        title=title.strip()[:200],
        subject_kind=subject_kind,
        subject_key=subject_key,
        regulation=regulation or latest_regulation(),
        received_on=received_on or today(),
        opened_by=actor,
    )
    places = {party.pk: CaseParty(case=case, party=party, applies=False) for party in others}
    places |= {party.pk: CaseParty(case=case, party=party) for party in applicants}
    CaseParty.objects.bulk_create(places.values())
    for person in {user.pk: user for user in recused}.values():
        Recusal.objects.create(case=case, user=person, because=Recusal.Because.APPLICANT)
    for plan in sorted(steps, key=lambda plan: plan.order):
        ReviewStep.objects.create(
            case=case,
            kind=plan.kind,
            title=_in_chinese(plan.title),
            order=plan.order,
            department=str(plan.department),
            role=plan.role,
            days=plan.days,
            days_from_receipt=plan.days_from_receipt,
            article=plan.article,
            pair=plan.pair,
            intake=plan.intake,
            second_factor=plan.second_factor,
            opinions_needed=plan.opinions_needed,
        )
    refresh_deadlines(case=case)
    case.refresh_from_db()
    _record(case, "opened", actor, kind=kind, subject=f"{subject_kind}:{subject_key}")
    return case


@write_transaction
def add_parties(*, case: ReviewCase, others: Iterable[Party], actor: User) -> list[Party]:
    """Those whose matter it has become since (co-owners after a return): from now on nobody who acts
    for one of them takes part in the review. Who was there already is left out.
    """
    present = set(case.parties.values_list("party", flat=True))
    added = [party for party in others if party.pk not in present]
    for party in added:
        CaseParty.objects.create(case=case, party=party, applies=False)
        _record(case, "party_added", actor, party=str(party.key))
    return added


@write_transaction
def record_verdict(
    *,
    step: ReviewStep,
    verdict: VerdictKind,
    actor: User,
    seen: int,
    reason: str = "",
    article: str = "",
    facts: Mapping[str, Any] | None = None,
    rewind_to: int | None = None,
) -> Verdict:
    """Say something in a step; the database judges it and moves step and case.

    ``seen`` is the step's revision that the actor looked at (StateMovedOn if it moved on).
    ``rewind_to`` goes with a resubmission that changed what was judged: every step from that order
    on is done again. Refusals: MoveNotAllowed, StepOutOfOrder, CaseClosed, NotYourOffice,
    NotTheApplicant, SamePersonDecides, OwnMatter, Recused, OpinionsMissing, OpinionsAgainst,
    VerdictNeedsReason.

    Call it from the subject's operation, which does the effect in the same transaction.
    """
    reason = reason.strip()
    if verdict in REASONED and not reason:
        raise VerdictNeedsReason()
    # The case first, as the database does: verdicts of one case wait for one another.
    case = ReviewCase.objects.select_for_update().get(pk=step.case_id)
    given = Verdict.objects.create(
        step=step,
        verdict=verdict,
        actor=actor,
        reason=reason,
        article=article or step.article,
        facts=dict(facts or {}),
        seen=seen,
        rewind_to=rewind_to,
    )
    given.refresh_from_db()
    case.refresh_from_db()
    refresh_deadlines(case=case)
    step.refresh_from_db()
    _record(
        case,
        verdict.value,
        actor,
        step=step.kind,
        verdict=str(given.key),
        reason_sha256=_digest(reason),
        state=case.state,
    )
    return given


def refresh_deadlines(*, case: ReviewCase, calendar: Calendar | None = None) -> None:
    """Compute the due days of the steps in hand anew, and the case's as the nearest of them."""
    if case.closed_at is not None:
        return
    stops = stops_of(case.stops.all())
    calendar = calendar or Calendar()
    nearest: Deadline | None = None
    for step in case.steps.filter(status__in=[*IN_HAND, StepStatus.RETURNED]):
        assert step.opened_at is not None  # The database wrote it with the status.
        begun = step.opened_at.astimezone(CITY_TIME).date()
        start = case.received_on if step.days_from_receipt else begun
        deadline = due_on(start, step.days, stops=stops, calendar=calendar)
        ReviewStep.objects.filter(pk=step.pk).update(
            due_on=deadline.day, due_provisional=deadline.provisional
        )
        if step.status in IN_HAND and (nearest is None or deadline.day < nearest.day):
            nearest = deadline
    ReviewCase.objects.filter(pk=case.pk).update(
        due_on=nearest.day if nearest else None,
        due_provisional=nearest.provisional if nearest else False,
    )
    case.refresh_from_db(fields=["due_on", "due_provisional"])


def refresh_all_deadlines() -> int:
    """After a calendar was loaded or changed: every case under way; the number of them."""
    calendar = Calendar()
    cases = list(ReviewCase.objects.filter(closed_at__isnull=True))
    for case in cases:
        refresh_deadlines(case=case, calendar=calendar)
    return len(cases)


@write_transaction
def assign_step(*, step: ReviewStep, to: User | None, actor: User) -> ReviewStep:
    """Take a step in hand, give it to a colleague, or lay it back (None)."""
    _require_office(step, actor)
    if step.entrusted:
        raise MoveNotAllowed()
    if to is not None and not _works_on(step, to):
        raise NotAVerifier() if step.role == Role.VERIFIER else MoveNotAllowed()
    ReviewStep.objects.filter(pk=step.pk).update(assigned_to=to)
    step.refresh_from_db()
    _record(step.case, "assigned", actor, step=step.kind, to=str(to.key) if to else "")
    return step


@write_transaction
def entrust_step(*, step: ReviewStep, to: User | None, actor: User) -> ReviewStep:
    """Give a review to a qualified third party (article 8), or take it back (None).

    The department's approver entrusts; the third party prepares, the approver decides.
    """
    if not has_role(actor, Role.APPROVER, Department(step.department)):
        raise NotFound()
    refuse_own_matter(step.case, actor)
    current = ReviewStep.objects.select_for_update().get(pk=step.pk)
    if current.status not in (StepStatus.WAITING, StepStatus.OPEN):
        raise MoveNotAllowed()
    if to is not None and not has_role(to, Role.VERIFIER):
        raise NotAVerifier()
    taking_no_part = Q(step__isnull=True) | Q(step=step)
    if to is not None and step.case.recusals.filter(taking_no_part, user=to).exists():
        raise ThirdPartyRecused()
    ReviewStep.objects.filter(pk=step.pk).update(entrusted=to is not None, assigned_to=to)
    step.refresh_from_db()
    _record(step.case, "entrusted", actor, step=step.kind, to=str(to.key) if to else "")
    return step


@write_transaction
def recuse(
    *,
    case: ReviewCase,
    user: User,
    because: Recusal.Because,
    actor: User,
    step: ReviewStep | None = None,
) -> Recusal:
    """Note that somebody takes no part, in the case or in one step; never undone."""
    noted, _made = Recusal.objects.get_or_create(case=case, step=step, user=user, because=because)
    _record(case, "recused", actor, user=str(user.key), because=str(because))
    return noted


def refuse_own_matter(case: ReviewCase, actor: User) -> None:
    """Recused or OwnMatter for acts beside the verdicts, by the rule that verdicts are held to."""
    if case.recusals.filter(user=actor, step__isnull=True).exists():
        raise Recused()
    with connection.cursor() as cursor:
        cursor.execute("SELECT casework_acts_in(%s, %s, false)", [actor.pk, case.pk])
        if cursor.fetchone()[0]:
            raise OwnMatter()


@write_transaction
def ask_expert(*, step: ReviewStep, expert: Expert, actor: User) -> Opinion:
    """Ask an expert of the register; refused out of term or with a declared conflict."""
    _require_office(step, actor)
    opinion = Opinion.objects.create(step=step, expert=expert, asked_by=actor)
    opinion.refresh_from_db()
    _record(step.case, "expert_asked", actor, step=step.kind, expert=str(expert.user.key))
    return opinion


@write_transaction
def give_opinion(*, opinion: Opinion, advice: Opinion.Advice, text: str, actor: User) -> Opinion:
    """The expert's own word, once."""
    if opinion.expert.user_id != actor.pk:
        raise NotFound()
    Opinion.objects.filter(pk=opinion.pk).update(
        advice=advice, text=text.strip(), given_at=opinion.asked_at
    )  # The database writes the time.
    opinion.refresh_from_db()
    _record(
        opinion.step.case,
        "expert_opinion",
        actor,
        step=opinion.step.kind,
        advice=str(advice),
        text_sha256=_digest(text.strip()),
    )
    return opinion


@write_transaction
def add_comment(
    *,
    case: ReviewCase,
    text: str,
    actor: User,
    place: Any = None,
    internal: bool = True,
    attachments: Iterable[Document] = (),
) -> Comment:
    """A remark, pinned to a place where it concerns one. Who may is the subject's gate."""
    comment = Comment.objects.create(
        case=case, author=actor, text=text.strip(), place=place, internal=internal
    )
    comment.attachments.set(attachments)
    _record(case, "commented", actor, comment=str(comment.key), text_sha256=_digest(text.strip()))
    return comment


def _in_chinese(text: str | Promise) -> str:
    """What is stored is the source text; pages translate it."""
    with translation.override("zh-hans"):
        return str(text)


def _works_on(step: ReviewStep, user: User) -> bool:
    department = Department(step.department) if step.department else None
    return has_role(user, Role(step.role), department) or (
        department is not None and has_role(user, Role.APPROVER, department)
    )


def _require_office(step: ReviewStep, actor: User) -> None:
    if not _works_on(step, actor):
        raise NotFound()
    refuse_own_matter(step.case, actor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _record(case: ReviewCase, verb: str, actor: User, **facts: Any) -> None:
    record_event(
        subject_kind="case",
        subject_key=case.key,
        verb=verb,
        actor_key=actor.key,
        facts={"number": case.number, **facts},
    )

"""Reads of cases: whose turn it is, what is overdue, how many there are."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import AnyUser, open_grants
from portal.base.clock import today
from portal.casework.models import (
    Expert,
    Message,
    Opinion,
    Regulation,
    ReviewCase,
    ReviewStep,
    Verdict,
)
from portal.casework.moves import StepStatus, VerdictKind


def steps_my_turn(user: AnyUser) -> QuerySet[ReviewStep]:
    """Open steps that the user's office handles, and prepared ones that he may decide.

    Soonest due first. What he is recused from or was heard on as an expert, prepared himself, or
    what a colleague has in hand is left out.
    """
    turn = Q(pk__in=[])
    for role, department in open_grants(user):
        if role is Role.VERIFIER:
            turn |= Q(status=StepStatus.OPEN, entrusted=True, assigned_to=user)
        turn |= Q(
            Q(assigned_to__isnull=True) | Q(assigned_to=user),
            status=StepStatus.OPEN,
            entrusted=False,
            role=role,
            department=department,
        )
        if role is Role.APPROVER:
            turn |= Q(status=StepStatus.PREPARED, department=department) & ~Q(prepared_by=user)
    if not isinstance(user, User):
        return ReviewStep.objects.none()
    recused = ReviewCase.objects.filter(recusals__user=user, recusals__step__isnull=True)
    heard = ReviewCase.objects.filter(
        steps__opinions__expert__user=user, steps__opinions__given_at__isnull=False
    )
    return (
        ReviewStep.objects.filter(turn, case__closed_at__isnull=True)
        .exclude(case__in=recused.values("pk"))
        .exclude(case__in=heard.values("pk"))
        .select_related("case", "assigned_to", "prepared_by")
        .order_by("due_on", "pk")
    )


def steps_of_department(department: Department) -> QuerySet[ReviewStep]:
    """What the department has in hand, its returned steps too; soonest due first."""
    return (
        ReviewStep.objects.filter(
            department=department,
            case__closed_at__isnull=True,
            status__in=[StepStatus.OPEN, StepStatus.PREPARED, StepStatus.RETURNED],
        )
        .select_related("case", "assigned_to", "prepared_by")
        .order_by("due_on", "pk")
    )


def overdue(steps: QuerySet[ReviewStep]) -> QuerySet[ReviewStep]:
    """In hand past their due day. A provisional deadline is never used to act."""
    return steps.filter(
        status__in=[StepStatus.OPEN, StepStatus.PREPARED],
        due_on__lt=today(),
        due_provisional=False,
    )


def opinions_wanted_of(user: AnyUser) -> QuerySet[Opinion]:
    """What an expert was asked in the present round of a step and has not answered."""
    if not isinstance(user, User):
        return Opinion.objects.none()
    return (
        Opinion.objects.filter(
            expert__user=user,
            given_at__isnull=True,
            step__status=StepStatus.OPEN,
            round=F("step__round"),
        )
        .select_related("step__case", "expert")
        .order_by("asked_at")
    )


def askable_experts(step: ReviewStep) -> QuerySet[Expert]:
    """Experts in term who were not asked in this round, have declared no conflict with a party, and
    neither take no part in the case nor said something in it by office.
    """
    day = today()
    case = step.case
    by_office = Verdict.objects.filter(step__case=case).exclude(
        verdict__in=[VerdictKind.RESUBMIT, VerdictKind.WITHDRAW]
    )
    return (
        Expert.objects.filter(valid_from__lte=day, valid_to__gte=day)
        .exclude(conflicts__party__in=case.parties.values("party"))
        .exclude(opinions__in=step.opinions.filter(round=step.round).values("pk"))
        .exclude(user__in=case.recusals.values("user"))
        .exclude(user__in=by_office.values("actor"))
        .select_related("user")
    )


def unread_count(user: AnyUser) -> int:
    """Messages that the user has not seen."""
    if not isinstance(user, User):
        return 0
    return Message.objects.filter(user=user, read_at__isnull=True).count()


def unconfirmed_regulations() -> QuerySet[Regulation]:
    """Versions whose days are placeholders until the administrator has set them (article 25)."""
    return Regulation.objects.filter(days_confirmed=False)

"""Overdue steps are told to the department's approvers. A machine never decides (domain.md)."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Role, RoleGrant, User
from portal.base.clock import PortalNow
from portal.base.transactions import write_transaction
from portal.casework.models import ReviewStep
from portal.casework.notices import tell
from portal.casework.queries import overdue
from portal.casework.subjects import subject_page


@write_transaction
def tell_of_overdue() -> int:
    """Tell once of each deadline that has passed with its step still in hand; the number of steps.

    What an earlier night missed is told with it.
    """
    untold = Q(overdue_told_of__isnull=True) | ~Q(overdue_told_of=F("due_on"))
    fell_due = overdue(ReviewStep.objects.filter(untold, case__closed_at__isnull=True))
    steps = list(
        fell_due.select_related("case", "assigned_to").select_for_update(of=("self",), no_key=True)
    )
    for step in steps:
        with override("zh-hans"):
            tell(
                users=answerable_for(step),
                subject=_("逾期：{title} {step}").format(title=step.case.title, step=step.title),
                body=_("案件 {case} 的“{step}”环节期限为 {due}，尚未办结。").format(
                    case=step.case.number, step=step.title, due=step.due_on
                ),
                link=subject_page(step.case.subject_kind, step.case.subject_key),
            )
        ReviewStep.objects.filter(pk=step.pk).update(overdue_told_of=step.due_on)
    return len(steps)


def answerable_for(step: ReviewStep) -> list[User]:
    """The department's approvers, and who has the step in hand."""
    held = RoleGrant.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=PortalNow()),
        role=Role.APPROVER,
        department=step.department,
        valid_from__lte=PortalNow(),
        user__is_active=True,
    )
    people = [grant.user for grant in held.select_related("user")]
    return [*people, step.assigned_to] if step.assigned_to else people

"""Reads of offsets."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role, works_in
from tickets.offsets.models import OF_BODIES, Beneficiary, Offset, OffsetRequest


def my_turn_count(user: User) -> int | None:
    """Requests that wait for this officer of ecology; None for everybody else."""
    if not works_in(user, Department.ECOLOGY):
        return None
    turn = Q(pk__in=[])
    if has_role(user, Role.CLERK, Department.ECOLOGY):
        turn |= Q(state=OffsetRequest.State.ASKED)
    if has_role(user, Role.APPROVER, Department.ECOLOGY):
        turn |= Q(state=OffsetRequest.State.PREPARED) & ~Q(prepared_by=user) & ~Q(asked_by=user)
    return OffsetRequest.objects.filter(turn).count()


def names_offered(user: User) -> QuerySet[Beneficiary]:
    """Reviewed names that a form suggests: the user's own, and those of bodies and events that
    certificates carry for everybody to see."""
    public = Offset.objects.filter(purpose__in=OF_BODIES).values("beneficiary")
    return Beneficiary.objects.filter(
        Q(proposed_by=user) | Q(pk__in=public), state=Beneficiary.State.ACCEPTED
    ).order_by("name")

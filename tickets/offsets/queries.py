"""Reads of offsets."""

from __future__ import annotations

from django.db.models import Q

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role, works_in
from tickets.offsets.models import OffsetRequest


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

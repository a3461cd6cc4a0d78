"""Reads of offsets."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from portal.accounts.models import Department, Mandate, Role, User
from portal.accounts.queries import AnyUser, has_role, parties_acted_for, works_in
from tickets.offsets.access import lacking_of, reads_requests_on
from tickets.offsets.models import OF_BODIES, Beneficiary, Offset, OffsetRequest
from tickets.registry.models import CarbonTicket, TicketShare


def my_turn_count(user: User) -> int | None:
    """Requests that wait for this officer of ecology or for this owner's consent; None when the user
    has to do with neither."""
    consents = len(to_consent(user))
    if not works_in(user, Department.ECOLOGY):
        return consents or None
    turn = Q(pk__in=[])
    if has_role(user, Role.CLERK, Department.ECOLOGY):
        turn |= Q(state=OffsetRequest.State.ASKED)
    if has_role(user, Role.APPROVER, Department.ECOLOGY):
        turn |= Q(state=OffsetRequest.State.PREPARED) & ~Q(prepared_by=user) & ~Q(asked_by=user)
    return OffsetRequest.objects.filter(turn).count() + consents


def to_consent(user: User) -> list[OffsetRequest]:
    """Open requests that an owner for whom the user disposes has not agreed to, the oldest first."""
    mine = set(parties_acted_for(user, Mandate.Scope.DISPOSE).values_list("pk", flat=True))
    owned = TicketShare.objects.filter(party__in=mine, closed_by__isnull=True).values("ticket")
    found = list(
        OffsetRequest.objects.filter(state__in=OffsetRequest.OPEN, ticket__in=owned)
        .select_related("ticket", "beneficiary", "asked_by")
        .order_by("asked_at")
    )
    lacking = lacking_of(found)
    return [one for one in found if any(owner.pk in mine for owner in lacking[one.pk])]


def open_requests_on(ticket: CarbonTicket, user: AnyUser) -> list[OffsetRequest]:
    """What is asked for on a ticket and not decided, as far as the user may open it."""
    found = OffsetRequest.objects.filter(ticket=ticket, state__in=OffsetRequest.OPEN)
    if not reads_requests_on(ticket, user):
        found = found.filter(asked_by=user.pk)
    return list(found.select_related("ticket", "beneficiary").order_by("asked_at"))


def names_offered(user: User) -> QuerySet[Beneficiary]:
    """Reviewed names that a form suggests: the user's own, and those of bodies and events that
    certificates carry for everybody to see."""
    public = Offset.objects.filter(purpose__in=OF_BODIES).values("beneficiary")
    return Beneficiary.objects.filter(
        Q(proposed_by=user) | Q(pk__in=public), state=Beneficiary.State.ACCEPTED
    ).order_by("name")

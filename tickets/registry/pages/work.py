"""What waits at the register: for the office, for who agrees, and for who asked."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Mandate, Role, User
from portal.accounts.queries import has_role, parties_acted_for, works_in
from tickets.registry.access import (
    may_dispose_any,
)
from tickets.registry.models import (
    Pledge,
    Registration,
    TicketRequest,
    TicketShare,
)
from tickets.registry.operations import Kind
from tickets.registry.operations.registrations import ASKING_OWNERS
from tickets.registry.queries import (
    bodies_acted_for,
    debts,
    issuable_to,
    losses_to_lift,
    unsettled_objections,
    used_up_tickets,
)
from tickets.registry.showing import debt_rows

ROWS = 100


@login_required
@never_cache
def work_list(request: HttpRequest) -> HttpResponse:
    """What waits: for clerk and approver of my departments, and what I asked for myself."""
    user = signed_in(request)
    offices = [
        office for office in (Department.FORESTRY, Department.FINANCE) if works_in(user, office)
    ]
    mine = parties_acted_for(user)
    my_requests = TicketRequest.objects.filter(Q(asked_by=user) | Q(pledgee__in=mine))
    context = {
        "offices": offices,
        "requests": TicketRequest.objects.filter(
            department__in=offices, state=TicketRequest.State.WAITING
        )
        .select_related("ticket", "filing", "issuance__filing", "successor", "asked_by")
        .order_by("asked_at")[:ROWS],
        "registrations": Registration.objects.filter(
            department__in=offices, state=Registration.State.PREPARED
        )
        .select_related("ticket", "filing", "issuance__filing", "successor", "prepared_by")
        .order_by("prepared_at")[:ROWS],
        **(_clerks_lists() if has_role(user, Role.CLERK, Department.FORESTRY) else {}),
        "my_requests": my_requests.select_related(
            "ticket", "filing", "issuance__filing", "successor"
        ).order_by("-asked_at")[:ROWS],
        "to_consent": to_consent(user)[:ROWS],
        "issuable": issuable_to(user),
        "my_debts": debt_rows(debts(party__in=bodies_acted_for(user))[:ROWS]),
        "debts": debt_rows(debts()[:ROWS]) if Department.FORESTRY in offices else [],
    }
    return render(request, "registry/work.html", context)


def _clerks_lists() -> dict[str, Any]:
    """What forestry's clerk begins without being asked."""
    return {
        "used_up": used_up_tickets()[:ROWS],
        "objections": unsettled_objections()[:ROWS],
        "losses_to_lift": losses_to_lift()[:ROWS],
    }


def to_consent(user: User) -> list[Registration]:
    """Prepared registrations that wait for the word of an owner or a bank for whom the user disposes,
    the oldest first."""
    mine = parties_acted_for(user, Mandate.Scope.DISPOSE)
    own = TicketShare.objects.filter(party__in=mine, closed_by__isnull=True)
    banks = bodies_acted_for(user, Mandate.Scope.DISPOSE)
    securing = Pledge.objects.filter(pledgee__in=banks)  # Of this ticket, or of the one before it.
    wanted = Registration.objects.filter(
        Q(kind__in=ASKING_OWNERS, ticket__in=own.values("ticket"))
        | Q(kind=Kind.CHANGE, ticket__issuance__in=securing.values("ticket__issuance")),
        state=Registration.State.PREPARED,
    )
    found = wanted.select_related("ticket").order_by("prepared_at")
    return [one for one in found if may_dispose_any(one, user)]


def my_turn_count(user: User) -> int | None:
    """Requests and objections to take up, registrations to decide, and what waits for this user's
    consent; None for who has to do with none of them."""
    consents = len(to_consent(user))
    offices = [
        office for office in (Department.FORESTRY, Department.FINANCE) if works_in(user, office)
    ]
    if not offices:
        return consents or None
    taking = [office for office in offices if has_role(user, Role.CLERK, office)]
    deciding = [office for office in offices if has_role(user, Role.APPROVER, office)]
    asked = TicketRequest.objects.filter(
        department__in=taking, state=TicketRequest.State.WAITING
    ).count()
    if Department.FORESTRY in taking:
        asked += unsettled_objections().count()
    prepared = Registration.objects.filter(
        ~Q(prepared_by=user),
        Q(asked_by=None) | ~Q(asked_by=user),
        department__in=deciding,
        state=Registration.State.PREPARED,
    ).count()
    return asked + prepared + consents

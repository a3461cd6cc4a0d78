"""What waits at the register: for the office, for who agrees, and for who asked."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role
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
from tickets.registry.queries import (
    issuable_to,
    losses_to_lift,
    unsettled_objections,
    used_up_tickets,
)

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
    own = TicketShare.objects.filter(party__in=mine, closed_by__isnull=True)
    securing = Pledge.objects.filter(pledgee__in=mine)  # Of this ticket, or of the one before it.
    wanted = Registration.objects.filter(
        Q(ticket__in=own.values("ticket"))
        | Q(kind=Kind.CHANGE, ticket__issuance__in=securing.values("ticket__issuance"))
    )
    context = {
        "offices": offices,
        "requests": TicketRequest.objects.filter(
            department__in=offices, state=TicketRequest.State.WAITING
        )
        .select_related("ticket", "filing", "asked_by")
        .order_by("asked_at")[:ROWS],
        "registrations": Registration.objects.filter(
            department__in=offices, state=Registration.State.PREPARED
        )
        .select_related("ticket", "filing", "prepared_by")
        .order_by("prepared_at")[:ROWS],
        **(_clerks_lists() if has_role(user, Role.CLERK, Department.FORESTRY) else {}),
        "my_requests": my_requests.select_related("ticket", "filing").order_by("-asked_at")[:ROWS],
        "to_consent": [
            one
            for one in wanted.filter(state=Registration.State.PREPARED)
            .select_related("ticket")
            .order_by("prepared_at")[:ROWS]
            if may_dispose_any(one, user)
        ],
        "issuable": issuable_to(user),
    }
    return render(request, "registry/work.html", context)


def _clerks_lists() -> dict[str, Any]:
    """What forestry's clerk begins without being asked."""
    return {
        "used_up": used_up_tickets()[:ROWS],
        "objections": unsettled_objections()[:ROWS],
        "losses_to_lift": losses_to_lift()[:ROWS],
    }

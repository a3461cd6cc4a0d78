"""Pages of successions: who is in whose place, and what is still in the former one's name."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Mandate, Party, Role
from portal.accounts.queries import acts_for, has_role, parties_acted_for
from tickets.registry.access import access_succession, successions_visible_to
from tickets.registry.forms import SuccessorForm
from tickets.registry.operations import Kind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import debts, pledged_kg, succeeding, tickets_of, unissued_filings_of
from tickets.registry.showing import debt_rows

ROWS = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def succession_list(request: HttpRequest) -> HttpResponse:
    """Whom the reader may know of, and the way to the form: for the clerk by a party's name and last
    four digits, for others by the parties that they act for."""
    user = signed_in(request)
    clerk = has_role(user, Role.CLERK, Department.FORESTRY)
    # Sent in the body: a name with four digits of its number stands in no address and no log.
    form = SuccessorForm(request.POST or None) if clerk else None
    if form is not None and form.is_valid():
        return redirect("registry:ask", Kind.SUCCESSION, form.party.key)
    page = Paginator(successions_visible_to(user), ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "form": form,
        "mine": []
        if clerk
        else parties_acted_for(user, Mandate.Scope.APPLY)
        .filter(checked_at__isnull=False, succession__isnull=True)
        .order_by("name"),
    }
    return render(request, "registry/successions.html", context)


@login_required
@require_safe
@never_cache
def succession_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One succession, with what its successor has to see to."""
    user = signed_in(request)
    found = access_succession(key, user)
    former, successor = found.former, succeeding(found.former)
    passes_on = acts_for(user, successor, Mandate.Scope.APPLY)
    pledges = list(former.pledges_held.select_related("ticket").order_by("made_at"))
    held = pledged_kg(pledges)
    context = {
        "succession": found,
        "last": successor if successor != found.successor else None,
        "tickets": tickets_of(former),
        "passing": Kind.INHERITANCE if former.kind == Party.Kind.PERSON else Kind.MERGER,
        "may_pass": passes_on or has_role(user, Role.CLERK, Department.FORESTRY),
        "pledges": [(one, tonnes(held[one.pk])) for one in pledges if held[one.pk]],
        "filings": unissued_filings_of([former.pk]),
        "debts": debt_rows(debts(party=former)),
    }
    return render(request, "registry/succession.html", context)

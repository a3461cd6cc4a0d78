"""Pages of eco-justice: figures and forests for everyone, cases for those who carry them out."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role
from portal.accounts.queries import has_role
from portal.base.answers import answer_refused
from portal.base.errors import NotFound, PortalError
from portal.base.parameters import only
from portal.casework.models import Document
from portal.casework.stage import sketch_config
from portal.casework.uploads import body_limited
from tickets.registry.quantities import tonnes
from tickets.supervision.access import access_justice_case, may_give, may_read_justice
from tickets.supervision.forms import JusticeForm, ReasonForm
from tickets.supervision.models import JusticeCase
from tickets.supervision.operations import justice as acts
from tickets.supervision.queries import forests_that_served, justice_figures

ROWS = 25
REFUSED = 422
State = JusticeCase.State


@require_safe
def public(request: HttpRequest) -> HttpResponse:
    """How much was done by year, and on the map the forests that gave their tonnes."""
    found = forests_that_served()
    context = {
        "figures": [(row, tonnes(row.quantity_kg)) for row in justice_figures()],
        "forests": len(found),
        "sketch_config": sketch_config([one["geometry"] for one in found]),
        "may_read": may_read_justice(request.user),
    }
    return render(request, "supervision/justice.html", context)


@require_safe
def forests(request: HttpRequest) -> HttpResponse:
    """The same forests as GeoJSON: generalised outlines, tonnes, no names."""
    only(request.GET, ())
    body = {"type": "FeatureCollection", "features": forests_that_served()}
    return JsonResponse(body, content_type="application/geo+json")


@login_required
@require_safe
@never_cache
def cases(request: HttpRequest) -> HttpResponse:
    """All cases, the newest first."""
    user = signed_in(request)
    if not may_read_justice(user):
        raise NotFound()
    page = Paginator(
        JusticeCase.objects.select_related("ticket", "request", "order"), ROWS
    ).get_page(request.GET.get("page"))  # fmt: skip
    context = {
        "page": page,
        "rows": [(one, tonnes(one.quantity_kg)) for one in page],
        "may_open": has_role(user, Role.CLERK, Department.JUSTICE),
    }
    return render(request, "supervision/justice_cases.html", context)


@never_cache
@login_required
@body_limited(3)
def new(request: HttpRequest) -> HttpResponse:
    """Justice's clerk takes a case in."""
    user = signed_in(request)
    if not has_role(user, Role.CLERK, Department.JUSTICE):
        raise NotFound()
    posted = request.method == "POST"
    form = JusticeForm(request.POST, request.FILES) if posted else JusticeForm()
    refused: PortalError | None = None
    if posted and form.is_valid():
        given = dict(form.cleaned_data)
        papers = {
            "decision": given.pop("decision"),
            "consent": given.pop("consent"),
            "valuation": given.pop("valuation_paper"),
        }
        given["organ"] = JusticeCase.Organ(given["organ"])
        try:
            made = acts.open_justice_case(**given, papers=papers, actor=user)
        except PortalError as refusal:
            form.add_refusal(refusal)
            refused = refusal
        else:
            return redirect("supervision:justice-case", key=made.key)
    status = REFUSED if posted else 200
    page = render(request, "supervision/justice_new.html", {"form": form}, status=status)
    return answer_refused(page, refused)


@never_cache
@login_required
def case(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One case: confirmed by the approver, agreed to by the holder, certified by ecology."""
    user = signed_in(request)
    found = access_justice_case(key, user)
    form, status = ReasonForm(prefix="refuse"), 200
    act = request.POST.get("act", "") if request.method == "POST" else ""
    if act == "refuse":
        form = ReasonForm(request.POST, prefix="refuse")
        if form.is_valid():
            acts.refuse_justice_case(case=found, reason=form.cleaned_data["reason"], actor=user)
            return redirect("supervision:justice-case", key=found.key)
        status = REFUSED
    elif act == "confirm":
        acts.confirm_justice_case(case=found, actor=user)
        return redirect("supervision:justice-case", key=found.key)
    elif act == "give":
        acts.give_tonnes(case=found, actor=user)
        return redirect("supervision:justice-case", key=found.key)
    elif act == "agree":
        acts.agree_to_listing(case=found, actor=user)
        return redirect("supervision:justice-case", key=found.key)
    inside = may_read_justice(user)
    context = {
        "case": found,
        "quantity": tonnes(found.quantity_kg),
        "inside": inside,
        "papers": Document.objects.filter(subject_kind="justice_case", subject_key=found.key)
        if inside
        else (),
        "offset": found.offset,
        "may_decide": found.state != State.REFUSED
        and acts.may_end(found)
        and found.opened_by_id != user.pk
        and has_role(user, Role.APPROVER, Department.JUSTICE),
        "may_give": found.state == State.CONFIRMED and may_give(user, found),
        "may_agree": found.state == State.CONFIRMED
        and found.listing is not None
        and has_role(user, Role.APPROVER, Department.ECOLOGY),
        "form": form,
    }
    return render(request, "supervision/justice_case.html", context, status=status)

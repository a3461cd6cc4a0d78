"""Pages of inspections: the plan with its map, and the visit, made for a phone."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.casework.stage import sketch_config
from portal.casework.views import signed_in
from tickets.registry.quantities import tonnes
from tickets.supervision.access import access_inspection, access_inspections
from tickets.supervision.errors import InspectionMovedOn
from tickets.supervision.forms import (
    FILES_MAX,
    OrderForm,
    PhotoForm,
    ProposalForm,
    ReasonForm,
    VisitForm,
)
from tickets.supervision.models import Inspection
from tickets.supervision.operations import inspections as acts
from tickets.supervision.uploads import body_limited

ROWS = 25
REFUSED = 422
State = Inspection.State
TABS = {"due": [State.ORDERED], "proposed": [State.PROPOSED], "done": [State.SIGNED, State.DROPPED]}


@login_required
@require_safe
@never_cache
def inspections(request: HttpRequest) -> HttpResponse:
    """What is due, with the map; what is proposed; what was done."""
    access_inspections(signed_in(request))
    tab = request.GET.get("tab", "due")
    tab = tab if tab in TABS else "due"
    found = Inspection.objects.filter(state__in=TABS[tab]).select_related(
        "ticket__area_version__area", "inspector"
    )
    page = Paginator(found.order_by("due_on", "-pk"), ROWS).get_page(request.GET.get("page"))
    rows = list(page)
    context = {
        "tab": tab,
        "counts": {
            name: Inspection.objects.filter(state__in=states).count()
            for name, states in TABS.items()
        },
        "page": page,
        "rows": [(one, one.state == State.ORDERED and one.due_on < today()) for one in rows],  # type: ignore[operator]
        "may_propose": has_role(request.user, Role.CLERK, Department.FORESTRY),
        "sketch_config": sketch_config(
            [json.loads(one.ticket.area_version.geom.json) for one in rows],
            places=[_pin(one) for one in rows],
        ),
    }
    return render(request, "supervision/inspections.html", context)


@login_required
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """A clerk of forestry proposes a visit."""
    user = signed_in(request)
    access_inspections(user)
    first = {"ticket": request.GET.get("ticket", "")[:30]}
    form = ProposalForm(request.POST) if request.method == "POST" else ProposalForm(initial=first)
    if form.is_bound and form.is_valid():
        try:
            made = acts.propose_inspection(actor=user, **form.cleaned_data)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            return redirect("supervision:inspection", key=made.key)
    status = REFUSED if form.is_bound else 200
    return render(request, "supervision/inspection_new.html", {"form": form}, status=status)


@never_cache
@login_required
@body_limited(FILES_MAX)
def inspection(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One inspection: ordered by the approver, filled in on the spot, signed, read for ever."""
    user = signed_in(request)
    found = access_inspection(key, user)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    forms: dict[str, Any] = {
        "order": OrderForm(prefix="order"),
        "drop": ReasonForm(prefix="drop"),
        "photo": PhotoForm(prefix="photo"),
        "sign": VisitForm(prefix="sign", initial={"visited_on": today()}),
        "follow": ReasonForm(prefix="follow"),
    }
    status = 200
    if act in forms:
        forms[act] = type(forms[act])(request.POST, request.FILES, prefix=act)
        try:
            if forms[act].is_valid():
                return _act(request, act, found, forms[act], user)
            status = REFUSED
        except InspectionMovedOn:
            raise
        except PortalError as refusal:
            if found.state == State.SIGNED:
                raise
            forms[act].add_refusal(refusal)
            status = REFUSED
    forestry = Department.FORESTRY
    shape = json.loads(found.ticket.area_version.geom.json)
    marked = [one for one in (found.suspect, found.affected) if one]
    context = {
        "inspection": found,
        "forms": forms,
        "may_order": found.state == State.PROPOSED and has_role(user, Role.APPROVER, forestry),
        "may_visit": found.state == State.ORDERED and found.inspector == user,
        "may_follow": found.state == State.SIGNED and has_role(user, Role.CLERK, forestry),
        "affected_t": tonnes(found.affected_kg),
        "frozen_t": tonnes(found.freeze.quantity_kg or 0) if found.freeze else "",
        "photos": found.photos.select_related("document"),
        "sketch_config": sketch_config(
            [shape],
            drawing=found.state == State.ORDERED and found.inspector == user,
            disputed=[json.loads(one.json) for one in marked],
            places=[
                {"lon": one.place.x, "lat": one.place.y, "text": one.document.file_name}
                for one in found.photos.select_related("document")
                if one.place
            ],
        ),
    }
    return render(request, "supervision/inspection.html", context, status=status)


def _act(
    request: HttpRequest, act: str, found: Inspection, form: Any, user: User
) -> HttpResponse:  # fmt: skip
    given = form.cleaned_data
    if act == "order":
        acts.order_inspection(inspection=found, actor=user, **given)
    elif act == "drop":
        acts.drop_proposal(inspection=found, reason=given["reason"], actor=user)
    elif act == "photo":
        for upload in given["pictures"]:
            acts.add_photo(
                inspection=found, upload=upload, device_place=given["device"], actor=user
            )
    elif act == "sign":
        acts.sign_inspection(
            inspection=found,
            visited_on=given["visited_on"],
            outcome=Inspection.Outcome(given["outcome"]),
            findings=given["findings"],
            measures=given["measures"],
            measures_due_on=given["measures_due_on"],
            affected=form.affected_shape(),
            actor=user,
        )
        messages.success(request, _("检查记录已签字。"))
    elif act == "follow":
        made = acts.propose_inspection(
            ticket=found.ticket,
            cause=Inspection.Cause.FOLLOW_UP,
            reason=given["reason"],
            follows=found,
            actor=user,
        )
        return redirect("supervision:inspection", key=made.key)
    return redirect("supervision:inspection", key=found.key)


def _pin(found: Inspection) -> dict[str, Any]:
    centre = found.ticket.area_version.geom.point_on_surface
    return {
        "lon": centre.x,
        "lat": centre.y,
        "text": f"{found.ticket.area_version.area.name} {found.due_on or ''}",
        "href": reverse("supervision:inspection", args=[found.key]),
    }

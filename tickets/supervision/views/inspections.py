"""Pages of inspections: the plan with its map, and the visit, made for a phone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.answers import answer_refused, pressed_once
from portal.base.clock import today
from portal.base.errors import InvalidInput, NotFound, PortalError
from portal.casework.stage import sketch_config
from portal.casework.uploads import body_limited
from tickets.registry.quantities import tonnes
from tickets.supervision.access import access_inspection, access_inspections, inspections_for
from tickets.supervision.errors import InspectionMovedOn
from tickets.supervision.forms import (
    FILES_MAX,
    HandOnForm,
    OrderForm,
    PhotoForm,
    ProposalForm,
    ReasonForm,
    VisitForm,
)
from tickets.supervision.models import Inspection, InspectionQuerySet
from tickets.supervision.operations import inspections as acts
from tickets.supervision.queries import freeze_order_of

ROWS = 25
REFUSED = 422
State = Inspection.State
TABS: dict[str, Callable[[InspectionQuerySet], QuerySet[Inspection]]] = {
    "due": lambda found: found.filter(state=State.ORDERED),
    "proposed": lambda found: found.filter(state=State.PROPOSED),
    "measures": InspectionQuerySet.to_be_mended,
    "done": lambda found: found.filter(state__in=[State.SIGNED, State.DROPPED]),
}


@login_required
@require_safe
@never_cache
def inspections(request: HttpRequest) -> HttpResponse:
    """What is due, with the map; what is proposed; what was done."""
    readable = inspections_for(signed_in(request))
    tab = request.GET.get("tab", "due")
    tab = tab if tab in TABS else "due"
    found = TABS[tab](readable).select_related("ticket__area_version__area", "inspector")
    order = "measures_due_on" if tab == "measures" else "due_on"
    page = Paginator(found.order_by(order, "-pk"), ROWS).get_page(request.GET.get("page"))
    rows = list(page)
    context = {
        "tab": tab,
        "counts": {name: rows_of(readable).count() for name, rows_of in TABS.items()},
        "page": page,
        "rows": [(one, _is_late(one, tab)) for one in rows],
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
    refused: PortalError | None = None
    if form.is_bound and form.is_valid():
        try:
            key = pressed_once(
                request,
                "supervision.propose",
                lambda: str(acts.propose_inspection(actor=user, **form.cleaned_data).key),
                actor_key=user.key,
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
            refused = refusal
        else:
            return redirect("supervision:inspection", key=key)
    status = REFUSED if form.is_bound else 200
    context = {"form": form, "request_key": uuid.uuid4()}
    page = render(request, "supervision/inspection_new.html", context, status=status)
    return answer_refused(page, refused)


@never_cache
@login_required
def inspection(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One inspection: ordered by the approver, filled in on the spot, signed, read for ever."""
    user = signed_in(request)
    found = access_inspection(key, user)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    forms = _forms(found, act, request.POST)
    status, refused = 200, None
    if act in forms:
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
            refused = refusal
    context = _inspection_context(found, forms, user)
    response = render(request, "supervision/inspection.html", context, status=status)
    if context["may_visit"]:
        response.headers["X-Visit"] = "open"  # The browser may keep the page for its inspector.
    return answer_refused(response, refused)


def _forms(found: Inspection, act: str, typed: QueryDict) -> dict[str, Any]:
    """The form of each act, the one that was sent as it was filled in."""
    follows_measures = found.follows is not None and found.follows.outcome == "measures"
    forms: dict[str, Any] = {
        "order": OrderForm(prefix="order"),
        "hand_on": HandOnForm(
            prefix="hand_on", initial={"inspector": found.inspector, "due_on": found.due_on}
        ),
        "drop": ReasonForm(prefix="drop"),
        "sign": VisitForm(
            prefix="sign", initial={"visited_on": today()}, follows_measures=follows_measures
        ),
        "follow": ReasonForm(prefix="follow"),
    }
    if act in forms:
        more = {"follows_measures": follows_measures} if act == "sign" else {}
        forms[act] = type(forms[act])(typed, prefix=act, **more)
    return forms


def _inspection_context(
    found: Inspection, forms: dict[str, Any], user: User
) -> dict[str, Any]:  # fmt: skip
    """The visit, its map, and what its reader may do about it."""
    forestry = Department.FORESTRY
    approves = has_role(user, Role.APPROVER, forestry)
    shape = json.loads(found.ticket.area_version.geom.json)
    marked = [one for one in (found.suspect, found.affected) if one]
    return {
        "inspection": found,
        "forms": forms,
        "request_key": uuid.uuid4(),
        "may_order": found.state == State.PROPOSED and approves,
        "may_hand_on": found.state == State.ORDERED and approves,
        "may_visit": found.state == State.ORDERED and found.inspector == user,
        "may_follow": found.state == State.SIGNED and has_role(user, Role.CLERK, forestry),
        "affected_t": tonnes(found.affected_kg),
        **_freeze_facts(found),
        "photo_form": PhotoForm(prefix="photo"),
        "photos": photo_facts(found),
        "signed_by_me": found.state == State.SIGNED and found.inspector == user,
        "unmended": found in Inspection.objects.to_be_mended(),
        "visits": found.visits.order_by("pk"),
        "visited": found.visits.filter(state=State.SIGNED).order_by("-pk").first(),
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


@require_safe
@never_cache
def worker(request: HttpRequest) -> FileResponse:
    """The script that opens a visit's page where there is no network. Its address bounds its scope:
    from the static folder it could serve no page."""
    path = finders.find("visit-worker.js")
    if path is None:
        raise NotFound()
    return FileResponse(Path(path).open("rb"), content_type="text/javascript; charset=utf-8")


@never_cache
@login_required
@require_POST
@body_limited(FILES_MAX)
def photos(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Pictures of the visit, one request each from the page's script: what the server has then."""
    user = signed_in(request)
    found = access_inspection(key, user)
    form = PhotoForm(request.POST, request.FILES, prefix="photo")
    if not form.is_valid():
        reason = " ".join(str(said) for errors in form.errors.values() for said in errors)
        raise InvalidInput(field=_("照片"), reason=reason)
    for upload in form.cleaned_data["pictures"]:
        acts.add_photo(
            inspection=found,
            upload=upload,
            device_place=form.cleaned_data["device"],
            actor=user,
        )
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"photos": photo_facts(found)})
    return redirect("supervision:inspection", key=found.key)


def photo_facts(found: Inspection) -> list[dict[str, str]]:
    """Each picture as page and script show it: address, name, where it was taken."""
    return [
        {
            "address": reverse("casework:document", args=[one.document.key]),
            "name": one.document.file_name,
            "said": f"{one.place.x:.5f}, {one.place.y:.5f} · {one.get_tag_display()}"
            if one.place
            else _("无位置"),
        }
        for one in found.photos.select_related("document")
    ]


def _act(
    request: HttpRequest, act: str, found: Inspection, form: Any, user: User
) -> HttpResponse:  # fmt: skip
    given = form.cleaned_data
    if act == "order":
        acts.order_inspection(inspection=found, actor=user, **given)
    elif act == "hand_on":
        acts.hand_on_inspection(inspection=found, actor=user, **given)
    elif act == "drop":
        acts.drop_inspection(inspection=found, reason=given["reason"], actor=user)
    elif act == "sign":
        acts.sign_inspection(
            inspection=found,
            visited_on=given["visited_on"],
            outcome=Inspection.Outcome(given["outcome"]),
            findings=given["findings"],
            measures=given["measures"],
            measures_due_on=given["measures_due_on"],
            affected=form.affected_shape(),
            mended=given.get("mended"),
            actor=user,
        )
        messages.success(request, _("检查记录已签字。"))
    elif act == "follow":
        return redirect("supervision:inspection", key=_follow(request, found, given, user))
    return redirect("supervision:inspection", key=found.key)


def _follow(request: HttpRequest, found: Inspection, given: dict[str, Any], user: User) -> str:
    """The key of the visit that looks again."""
    key = pressed_once(
        request,
        "supervision.follow",
        lambda: str(
            acts.propose_inspection(
                ticket=found.ticket,
                cause=Inspection.Cause.FOLLOW_UP,
                reason=given["reason"],
                follows=found,
                actor=user,
            ).key
        ),
        actor_key=user.key,
    )
    return str(key)


def _freeze_facts(found: Inspection) -> dict[str, Any]:
    """What stands still for the visit's sake, and whether some of the affected was sold before."""
    order = freeze_order_of(found)
    frozen_kg = order.quantity_kg if order else 0
    return {
        "frozen_t": tonnes(frozen_kg) if order else "",
        "sold_before_t": tonnes(found.affected_kg - frozen_kg)
        if order and frozen_kg < found.affected_kg
        else "",
    }


def _is_late(found: Inspection, tab: str) -> bool:
    """The visit, or what was to be mended, is past its day."""
    due = found.measures_due_on if tab == "measures" else found.due_on
    waits = tab == "measures" or found.state == State.ORDERED
    return waits and due is not None and due < today()


def _pin(found: Inspection) -> dict[str, Any]:
    centre = found.ticket.area_version.geom.point_on_surface
    return {
        "lon": centre.x,
        "lat": centre.y,
        "text": f"{found.ticket.area_version.area.name} {found.due_on or ''}",
        "href": reverse("supervision:inspection", args=[found.key]),
    }

"""Pages of casework: the desk, messages, public notices, files, and the table of moves."""

from __future__ import annotations

import json
import uuid
from typing import Any

from axes.helpers import get_client_ip_address
from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Attempt, Department, User
from portal.accounts.operations import note_attempt
from portal.accounts.queries import open_grants
from portal.base.answers import REQUEST_KEY, VISITOR, sent_once, typed_into
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.base.models import OutboxMessage, Webhook
from portal.base.webhooks import end_webhook, name_webhook
from portal.casework.access import (
    access_desk,
    access_document,
    access_notice,
    access_objection,
)
from portal.casework.deadlines import term_of
from portal.casework.diagram import BOX_HEIGHT, BOX_WIDTH, arrows, boxes, rows
from portal.casework.documents import JPEG, PDF, PNG, content_of
from portal.casework.forms import CodeForm, ObjectionForm, WebhookForm
from portal.casework.models import Message, Notice, Regulation, ReviewStep
from portal.casework.notices import mark_read, object_to_notice
from portal.casework.queries import (
    opinions_wanted_of,
    overdue,
    steps_my_turn,
    steps_of_department,
    unread_count,
)
from portal.casework.stage import sketch_config
from portal.casework.subjects import subject_page
from portal.casework.waiting import waiting_elsewhere

ROWS = 25
MESSAGE_ROWS = 30
REFUSED = 422
SHOWN_INLINE = {PDF, JPEG, PNG}


# --- the desk -----------------------------------------------------------------------------------
@login_required
@require_safe
@never_cache
def desk(request: HttpRequest) -> HttpResponse:
    """What waits for me, and what my departments have in hand."""
    user = signed_in(request)
    access_desk(user)
    departments = [
        Department(where) for where in dict.fromkeys(w for _role, w in open_grants(user) if w)
    ]
    chosen = request.GET.get("department", "")
    department = next((one for one in departments if one.value == chosen), None)
    turn = steps_my_turn(user)
    shown = steps_of_department(department) if department else turn
    page = Paginator(shown, ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [desk_row(step) for step in page],
        "department": department,
        "departments": [
            (one, steps_of_department(one).count(), overdue(steps_of_department(one)).count())
            for one in departments
        ],
        "turn_count": turn.count(),
        "overdue_count": overdue(turn).count(),
        "opinions": [
            (opinion, subject_page(opinion.step.case.subject_kind, opinion.step.case.subject_key))
            for opinion in opinions_wanted_of(user)
        ],
        "elsewhere": waiting_elsewhere(user),
        "unread": unread_count(user),
    }
    return render(request, "casework/desk.html", context)


def desk_row(step: ReviewStep) -> dict[str, Any]:
    """One step as the desk shows it."""
    return {
        "step": step,
        "case": step.case,
        "page": subject_page(step.case.subject_kind, step.case.subject_key),
        "term": term_of(step),
    }


@login_required
@require_safe
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """My messages, the newest first; what is shown counts as read."""
    user = signed_in(request)
    page = Paginator(Message.objects.filter(user=user), MESSAGE_ROWS).get_page(
        request.GET.get("page")
    )
    shown = list(page)
    mark_read(user=user, messages=Message.objects.filter(pk__in=[one.pk for one in shown]))
    return render(request, "casework/messages.html", {"page": page, "rows": shown})


@login_required
@never_cache
def webhook(request: HttpRequest) -> HttpResponse:
    """Where a program of the user's takes the messages; the secret is shown once, when it is made."""
    user = signed_in(request)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    if act == "end":
        end_webhook(owner_key=user.key)
        return redirect("casework:webhook")
    form, secret, status = WebhookForm(request.POST if act == "name" else None), "", 200
    if act == "name":
        status = 422
        if form.is_valid():
            try:
                _named, secret = name_webhook(
                    owner_key=user.key, address=form.cleaned_data["address"]
                )
            except PortalError as refusal:
                form.add_refusal(refusal)
            else:
                form, status = WebhookForm(), 200
    named = Webhook.objects.in_use().filter(owner_key=user.key).first()
    waiting = OutboxMessage.objects.filter(webhook=named, delivered_at=None) if named else ()
    context = {"form": form, "named": named, "secret": secret, "waiting": waiting[:20]}
    return render(request, "casework/webhook.html", context, status=status)


# --- notices ------------------------------------------------------------------------------------
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """What is open to objections, and what was."""
    day = today()
    found = (
        Notice.objects.filter(withdrawn_at__isnull=True, opens_on__lte=day)
        .annotate(objection_count=Count("objections"))
        .order_by("-opens_on", "-pk")
    )
    past = "past" in request.GET
    found = found.filter(closes_on__lt=day) if past else found.filter(closes_on__gte=day)
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "past": past, "code_form": CodeForm()}
    return render(request, "casework/notices.html", context)


def notice(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One notice with its map; while it is open anyone may object and mark the disputed patch."""
    found = access_notice(key)
    is_open = found.closes_on >= today()
    form = ObjectionForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        actor = request.user if isinstance(request.user, User) else None
        note_attempt(
            kind=Attempt.Kind.OBJECTION,
            source=str(actor.key) if actor else str(get_client_ip_address(request)),
        )
        try:
            code = _object(request, found, form.cleaned_data, actor)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("异议已收到。请记下查询码，凭它查看答复。"))
            return redirect("casework:objection", code=code)
    shapes = [json.loads(found.shape.json)] if found.shape else []
    context = {
        "notice": found,
        "is_open": is_open,
        "form": form,
        "request_key": request.POST.get(REQUEST_KEY) or uuid.uuid4(),
        "objection_count": found.objections.filter(~Q(text="")).count(),
        "sketch_config": sketch_config(shapes, drawing=is_open),
    }
    refused = form.is_bound and bool(form.errors)
    return render(request, "casework/notice.html", context, status=REFUSED if refused else 200)


def _object(request: HttpRequest, found: Notice, given: dict[str, Any], actor: User | None) -> str:
    """The objection's code; the form may come twice, with an account or without."""
    answer = sent_once(
        request,
        "object_to_notice",
        typed_into(request),
        lambda: (
            object_to_notice(
                notice=found,
                name=given["name"],
                contact=given["contact"],
                text=given["text"],
                shape=given["patch"],
                actor=actor,
            ).code
        ),
        actor_key=actor.key if actor else VISITOR,
    )
    return str(answer.body)


@require_safe
@never_cache
def objection(request: HttpRequest, code: str) -> HttpResponse:
    """What became of an objection, for who holds its code."""
    found = access_objection(code)
    shapes = [json.loads(found.shape.json)] if found.shape else []
    context = {"objection": found, "sketch_config": sketch_config(shapes)}
    return render(request, "casework/objection.html", context)


def find_objection(request: HttpRequest) -> HttpResponse:
    """From a typed code to its page."""
    form = CodeForm(request.GET)
    if not form.is_valid():
        return redirect("casework:notices")
    return redirect("casework:objection", code=access_objection(form.cleaned_data["code"]).code)


# --- files --------------------------------------------------------------------------------------
@login_required
@require_safe
@never_cache
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": ["'self'"]})  # type: ignore[arg-type]
def document(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A file, through its subject's gate; shown in the page where a browser can."""
    found = access_document(key, request.user)
    response = HttpResponse(content_of(found), content_type=found.media_type)
    header = content_disposition_header(found.media_type not in SHOWN_INLINE, found.file_name)
    if header:
        response.headers["Content-Disposition"] = header
    return response


# --- the table of moves -------------------------------------------------------------------------
@require_safe
def moves(request: HttpRequest) -> HttpResponse:
    """The one table of moves, as a diagram and in words, with articles."""
    context = {
        "boxes": boxes(),
        "arrows": arrows(),
        "rows": rows(),
        "width": BOX_WIDTH,
        "height": BOX_HEIGHT,
        "regulations": Regulation.objects.all(),
    }
    return render(request, "casework/moves.html", context)

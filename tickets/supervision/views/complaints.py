"""Pages of complaints: for everyone, for who holds a code, for the department."""

from __future__ import annotations

import uuid
from typing import Any

from axes.helpers import get_client_ip_address
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.answers import VISITOR, answer_refused, pressed_once
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.base.numbers import grouped_code
from portal.base.policy import policy_text
from portal.casework.errors import DocumentTooLarge
from portal.casework.forms import CodeForm
from portal.casework.models import Document
from portal.casework.stage import sketch_config
from portal.casework.uploads import body_limited
from tickets.supervision.access import (
    access_complaint,
    access_complaint_desk,
    access_own_complaint,
    departments_of,
    handled_by,
    may_handle,
    may_inspect,
)
from tickets.supervision.errors import TooManyComplaints
from tickets.supervision.forms import (
    FILES_MAX,
    AnswerForm,
    ComplaintForm,
    PassOnForm,
    ReasonForm,
)
from tickets.supervision.models import Complaint
from tickets.supervision.operations import complaints as acts
from tickets.supervision.queries import complaint_figures

ROWS = 25
REFUSED, TOO_LARGE = 422, 413


@require_safe
def supervision(request: HttpRequest) -> HttpResponse:
    """How to complain, how to ask, and what became of complaints."""
    context = {
        "figures": complaint_figures(),
        "code_form": CodeForm(),
        "contact": policy_text("supervision.complaint_contact"),
        "served": departments_of(request.user),
        "inspects": may_inspect(request.user),
    }
    return render(request, "supervision/supervision.html", context)


def _too_large(request: HttpRequest, refusal: DocumentTooLarge) -> HttpResponse:
    """The form with what was typed before the files, of which nothing was read."""
    return _refused_form(request, ComplaintForm(request.POST), refusal)


@never_cache
@body_limited(FILES_MAX, refused=_too_large)
def new(request: HttpRequest) -> HttpResponse:
    """The form for everyone. What was typed stays when it is refused."""
    posted = request.method == "POST"
    first = {"ticket": request.GET.get("ticket", "")[:30], "place": request.GET.get("at", "")[:60]}
    form = ComplaintForm(initial=first)
    status = 200
    actor = request.user if isinstance(request.user, User) else None
    if posted:
        form = ComplaintForm(request.POST, request.FILES)
        try:
            # Before the files of somebody unknown are looked into: looking costs time.
            acts.note_complaint(str(actor.key) if actor else str(get_client_ip_address(request)))
        except TooManyComplaints as refusal:
            return _refused_form(request, ComplaintForm(request.POST), refusal)
    if posted and form.is_valid():
        try:
            code = pressed_once(
                request,
                "supervision.complain",
                lambda: _complain(form, actor).code,
                actor_key=VISITOR,  # Who complains is written nowhere but with the name given.
            )
        except PortalError as refusal:
            return _refused_form(request, form, refusal)
        else:
            messages.success(request, _("举报已收到。请记下查询码，凭它查看办理情况和答复。"))
            return redirect("supervision:complaint", code=code)
    elif posted:
        status = TOO_LARGE if form.has_error("evidence", DocumentTooLarge.code) else REFUSED
    return _complaint_form(request, form, status)


def _complain(form: ComplaintForm, actor: User | None) -> Complaint:
    given = form.cleaned_data
    return acts.make_complaint(
        topic=Complaint.Topic(given["topic"]),
        text=given["text"],
        accused=given["accused"],
        ticket=form.ticket_wanted(),
        place=given["place"],
        name=given["name"],
        contact=given["contact"],
        files=given["evidence"] or [],
        actor=actor,
    )


def _refused_form(
    request: HttpRequest, form: ComplaintForm, refusal: PortalError
) -> HttpResponse:  # fmt: skip
    form.add_refusal(refusal)
    return answer_refused(_complaint_form(request, form, REFUSED), refusal)


def _complaint_form(request: HttpRequest, form: ComplaintForm, status: int) -> HttpResponse:
    context = {
        "form": form,
        "request_key": uuid.uuid4(),
        "sketch_config": sketch_config([], drawing=True),
        "contact": policy_text("supervision.complaint_contact"),
    }
    return render(request, "supervision/complaint_new.html", context, status=status)


@require_safe
@never_cache
def complaint(request: HttpRequest, code: str) -> HttpResponse:
    """Where a complaint is and what was answered, for who holds its code."""
    found = access_own_complaint(code)
    context = {
        "complaint": found,
        "grouped": grouped_code(found.code),
        "late": _is_late(found),
        "sketch_config": sketch_config([], places=_pins(found)),
        "file_count": _files(found).count(),
    }
    return render(request, "supervision/complaint.html", context)


@never_cache
def find(request: HttpRequest) -> HttpResponse:
    """From a typed code to its page."""
    form = CodeForm(request.GET)
    if not form.is_valid():
        return redirect("supervision:supervision")
    found = access_own_complaint(form.cleaned_data["code"])
    return redirect("supervision:complaint", code=found.code)


@login_required
@require_safe
@never_cache
def desk(request: HttpRequest) -> HttpResponse:
    """The department's complaints, the next due first; answered ones on demand."""
    user = signed_in(request)
    served = access_complaint_desk(user)
    rows = handled_by(user)
    closed = "answered" in request.GET
    answered = Complaint.State.ANSWERED
    shown = rows.filter(state=answered).order_by("-answered_at") if closed else rows.exclude(
        state=answered
    )  # fmt: skip
    page = Paginator(shown, ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(one, _is_late(one)) for one in page],
        "closed": closed,
        "served": served,
        "pins": sketch_config([], places=[pin for one in page for pin in _pins(one)]),
    }
    return render(request, "supervision/complaint_desk.html", context)


@login_required
@never_cache
def case(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One complaint with what may be done to it now."""
    user = signed_in(request)
    found = access_complaint(key, user)
    forms: dict[str, Any] = {
        "pass_on": PassOnForm(prefix="pass_on"),
        "draft": AnswerForm(
            prefix="draft",
            initial={"answer": found.answer, "upheld": "yes" if found.upheld else "no"}
            if found.answer
            else None,
        ),
        "return": ReasonForm(prefix="return"),
        "reveal": ReasonForm(prefix="reveal"),
    }
    named, status, refused = None, 200, None
    act = request.POST.get("act", "") if request.method == "POST" else ""
    if act in forms:
        forms[act] = type(forms[act])(request.POST, prefix=act)
    if act:
        form = forms.get(act)
        try:
            if form is not None and not form.is_valid():
                status = REFUSED
            elif act == "reveal":
                named = acts.reveal_complainant(
                    complaint=found, reason=forms["reveal"].cleaned_data["reason"], actor=user
                )
            else:
                _act(act, found, form.cleaned_data if form else {}, user)
                return redirect("supervision:complaint-case", key=found.key)
        except PortalError as refusal:
            if form is None:
                raise
            form.add_refusal(refusal)
            refused = refusal
    context = {
        "complaint": found,
        "late": _is_late(found),
        "handles": may_handle(user, found),
        "may_clerk": has_role(user, Role.CLERK, Department(found.department)),
        "may_approve": has_role(user, Role.APPROVER, Department(found.department))
        and found.drafted_by_id != user.pk,
        "forms": forms,
        "named": named,
        "has_name": hasattr(found, "complainant"),
        "files": _files(found),
        "sketch_config": sketch_config([], places=_pins(found)),
    }
    page = render(request, "supervision/complaint_case.html", context, status=status)
    return answer_refused(page, refused)


def _act(act: str, found: Complaint, given: dict[str, Any], user: User) -> None:
    if act == "accept":
        acts.accept_complaint(complaint=found, actor=user)
    elif act == "pass_on":
        acts.pass_on_complaint(
            complaint=found, to=Department(given["to"]), reason=given["reason"], actor=user
        )
    elif act == "draft":
        acts.draft_answer(
            complaint=found, upheld=given["upheld"], answer=given["answer"], actor=user
        )
    elif act == "return":
        acts.return_draft(complaint=found, reason=given["reason"], actor=user)
    elif act == "answer":
        acts.answer_complaint(complaint=found, actor=user)


def _files(found: Complaint) -> Any:
    return Document.objects.filter(subject_kind="complaint", subject_key=found.key).order_by("kind")


def _pins(found: Complaint) -> list[dict[str, Any]]:
    if found.place is None:
        return []
    return [{"lon": found.place.x, "lat": found.place.y, "text": found.get_topic_display()}]


def _is_late(found: Complaint) -> bool:
    if found.state == Complaint.State.ANSWERED or found.due_provisional:
        return False
    return found.due_on < today()

"""Pages of requests and registrations: ask, take up, agree, decide; and the list of work."""

from __future__ import annotations

import uuid
from typing import Any

from axes.helpers import get_client_ip_address
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.errors import TooManyAttempts
from portal.accounts.models import Attempt, Department, Mandate, Role, User
from portal.accounts.operations import note_attempt, require_second_factor
from portal.accounts.queries import acts_for, has_role, parties_acted_for, works_in
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.clock import CITY_TIME, now
from portal.base.errors import NotFound, PortalError
from portal.base.transactions import write_transaction
from portal.casework.models import Document
from tickets.projects.models import Filing
from tickets.registry.access import (
    access_registration,
    access_request,
    may_dispose_any,
    owners_of,
)
from tickets.registry.acts import ACTS, Act, Asked
from tickets.registry.errors import RequestUnreadable
from tickets.registry.forms import LossObjectionForm, RegistrationForm
from tickets.registry.models import (
    CarbonTicket,
    LossNotice,
    LossObjection,
    Registration,
    TicketRequest,
)
from tickets.registry.operations import (
    Kind,
    approve_registration,
    give_consent,
    raise_objection,
    reject_registration,
    settle_objection,
)
from tickets.registry.operations.asking import (
    SUBJECT,
    agree_to_pledge,
    ask_registration,
    publish_end,
    return_request,
    take_up,
    tell_decision,
    withdraw_request,
)
from tickets.registry.operations.registrations import OFFICES
from tickets.registry.pages.answers import signed_in, status_of_refusal
from tickets.registry.pages.subjects import (
    find_subject,
    is_clerk,
    require_may_ask,
    subject_name,
    subject_of,
    ticket_of,
)
from tickets.registry.queries import (
    days_left,
    has_dealt_with,
    orders_in_force,
    used_up_tickets,
)

REFUSED = 422
ROWS = 100


# --- asking -------------------------------------------------------------------------------------
@login_required
@never_cache
def ask(request: HttpRequest, kind: str, subject: str) -> HttpResponse:
    """The form of one kind with its material list; a clerk's own is prepared at once."""
    user = signed_in(request)
    act = _act(kind)
    about = find_subject(act, subject)
    require_may_ask(act, about, user)
    form = RegistrationForm(act.fields, act.slots, *_posted(request))
    if form.is_bound and form.is_valid():
        try:
            _require_factor_for_a_stranger(act, about, form, user)
            asked, registration = _ask(act, about, form, user)
        except NotFound:
            raise
        except PortalError as refusal:
            form.add_refusal(refusal)
            return _ask_page(request, act, about, form, status=status_of_refusal(refusal),
                             code=refusal.code)  # fmt: skip
        if registration is not None:
            messages.success(request, _("已受理，等待审批。"))
            return redirect("registry:registration", key=registration.key)
        messages.success(request, _("申请已提交。"))
        return redirect("registry:request", key=asked.key)
    return _ask_page(request, act, about, form, status=REFUSED if form.is_bound else 200)


def _require_factor_for_a_stranger(
    act: Act, about: Any, form: RegistrationForm, user: User
) -> None:
    """The first transfer to a counterparty that is new to the holder (domain.md)."""
    if "code" not in form.fields or is_clerk(act, user):
        return
    owners = owners_of(about)
    if all(has_dealt_with(owners, party) for party, _share in form.cleaned_data["to"]):
        return
    require_second_factor(user=user, code=form.cleaned_data["code"])


@write_transaction
def _ask(
    act: Act, about: Any, form: RegistrationForm, user: User
) -> tuple[TicketRequest, Registration | None]:
    asked = ask_registration(
        kind=act.kind,
        typed=form.typed(),
        uploads=form.uploads(),
        actor=user,
        pledgee=form.cleaned_data.get("pledgee"),
        **_subject_columns(act, about),
    )
    if not is_clerk(act, user) or act.kind is Kind.PLEDGE:
        return asked, None
    return asked, _take_up(asked, act, form.cleaned_data, user, asked_by=None)


def _subject_columns(act: Act, about: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {act.subject: about}
    ticket = ticket_of(act, about)
    if ticket is not None:
        columns["ticket"] = ticket
    return columns


def _ask_page(
    request: HttpRequest, act: Act, about: Any, form: Any, *, status: int, code: str = ""
) -> HttpResponse:
    context = {
        "act": act,
        "form": form,
        "subject": subject_name(act, about),
        "ticket": ticket_of(act, about),
        "filing": about if isinstance(about, Filing) else None,
        "office": Department(OFFICES[act.kind]).label,
        "code": code,
        "demo_code": _demo_code(request) if "code" in form.fields else "",
    }
    return render(request, "registry/ask.html", context, status=status)


def _demo_code(request: HttpRequest) -> str:
    device = confirmed_device(signed_in(request)) if settings.DEMO_ACCOUNTS else None
    return present_code(device)[0] if device else ""


def _posted(request: HttpRequest) -> tuple[Any, ...]:
    return (request.POST, request.FILES) if request.method == "POST" else ()


def _act(kind: str) -> Act:
    if kind not in Kind.values:
        raise NotFound()
    return ACTS[Kind(kind)]


# --- a request ----------------------------------------------------------------------------------
@login_required
@never_cache
def request_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What was asked, with its files; the clerk takes it up or returns it."""
    user = signed_in(request)
    asked = access_request(key, user)
    act = ACTS[Kind(asked.kind)]
    if request.method != "POST":
        return _request_page(request, asked, act, user)
    try:
        to = _answer_request(request, asked, act, user)
    except NotFound:
        raise
    except PortalError as refusal:
        asked = access_request(key, user)
        return _request_page(
            request, asked, act, user, refusal=refusal, status=status_of_refusal(refusal)
        )
    return redirect(to)


def _answer_request(request: HttpRequest, asked: TicketRequest, act: Act, user: User) -> str:
    action = request.POST.get("action", "")
    if action == "take":
        form = RegistrationForm(act.fields, act.slots, asked.typed, with_files=False)
        if not form.is_valid():
            first = next(iter(form.errors.as_data().values()))[0]
            raise RequestUnreadable(reason=str(first.message))
        registration = _take_up(asked, act, form.cleaned_data, user, asked_by=asked.asked_by)
        messages.success(request, _("已受理，等待审批。"))
        return reverse("registry:registration", args=[registration.key])
    if action == "return":
        return_request(request=asked, reason=request.POST.get("reason", "")[:2000], actor=user)
        messages.success(request, _("已退回申请人。"))
    elif action == "agree":
        agree_to_pledge(request=asked, actor=user)
        messages.success(request, _("已确认质押申请。"))
    elif action == "withdraw":
        withdraw_request(request=asked, actor=user)
        messages.success(request, _("已撤回。"))
    else:
        raise NotFound()
    return reverse("registry:request", args=[asked.key])


def _take_up(
    asked: TicketRequest, act: Act, given: dict[str, Any], user: User, *, asked_by: User | None
) -> Registration:
    files = {
        row.kind: bytes.fromhex(row.sha256)
        for row in Document.objects.filter(subject_kind=SUBJECT, subject_key=asked.key)
    }
    labels = {slot: str(label) for slot, label, _needed in act.slots}
    case = Asked(act.kind, subject_of(act, asked), given, user, asked_by, files, labels)
    return take_up(request=asked, prepare=lambda: act.prepare(case), actor=user)


def _request_page(
    request: HttpRequest,
    asked: TicketRequest,
    act: Act,
    user: User,
    *,
    refusal: PortalError | None = None,
    status: int = 200,
) -> HttpResponse:
    form = RegistrationForm(act.fields, act.slots, with_files=False)
    waiting = asked.state == TicketRequest.State.WAITING
    context = {
        "asked": asked,
        "act": act,
        "rows": typed_rows(form, asked.typed),
        "documents": _documents(act, asked),
        "ticket": asked.ticket,
        "filing": asked.filing or (asked.issuance.filing if asked.issuance else None),
        "may_take": waiting and has_role(user, Role.CLERK, Department(asked.department)),
        "may_agree": waiting
        and asked.pledgee is not None
        and asked.agreed_at is None
        and acts_for(user, asked.pledgee, Mandate.Scope.APPLY),
        "may_withdraw": waiting and asked.asked_by_id == user.pk,
        "refusal": refusal,
    }
    return render(request, "registry/request.html", context, status=status)


def typed_rows(form: RegistrationForm, typed: dict[str, Any]) -> list[tuple[str, str]]:
    """The form as it was filled in, for reading."""
    rows = []
    for name, field in form.fields.items():
        value = str(typed.get(name) or "")
        if not value:
            continue
        choices = {str(one): str(label) for one, label in getattr(field, "choices", ())}
        if value == "on":
            value = _("是")
        rows.append((str(field.label), choices.get(value, value)))
    return rows


def _documents(act: Act, asked: TicketRequest) -> list[tuple[str, Document]]:
    labels = {slot: str(label) for slot, label, _needed in act.slots}
    return [
        (labels.get(row.kind, row.kind), row)
        for row in Document.objects.filter(subject_kind=SUBJECT, subject_key=asked.key).order_by(
            "pk"
        )
    ]


# --- a registration -----------------------------------------------------------------------------
@login_required
@never_cache
def registration_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What a clerk prepared; owners agree, the approver decides."""
    user = signed_in(request)
    found = access_registration(key, user)
    if request.method != "POST":
        return _registration_page(request, found, user)
    try:
        said = _decide(request, found, user)
    except NotFound:
        raise
    except PortalError as refusal:
        found = access_registration(key, user)
        return _registration_page(
            request, found, user, refusal=refusal, status=status_of_refusal(refusal)
        )
    messages.success(request, said)
    return redirect("registry:registration", key=key)


def _decide(request: HttpRequest, found: Registration, user: User) -> str:
    action = request.POST.get("action", "")
    if action == "approve":
        decide(found, user)
        return _("已登记。")
    if action == "reject":
        reject_registration(
            registration=found, reason=request.POST.get("reason", "")[:2000], actor=user
        )
        found.refresh_from_db()
        tell_decision(
            found, f"{found.get_kind_display()}：{found.get_state_display()}", _link(found)
        )
        return _("已决定不予登记。")
    if action == "consent":
        given = 0
        for owner in may_dispose_any(found, user):
            give_consent(registration=found, party=owner, actor=user)
            given += 1
        if not given:
            raise NotFound()
        return _("已同意。")
    raise NotFound()


@write_transaction
def decide(registration: Registration, user: User) -> Registration:
    """Approve, publish what must be public, and tell whom it concerns."""
    done = approve_registration(registration=registration, actor=user)
    subject = f"{done.get_kind_display()}：{done.get_state_display()}"
    tell_decision(done, subject, _link(done))
    for ticket in _ended_by(done):
        publish_end(
            ticket=ticket,
            title=_("碳票 {number} 注销公告").format(number=ticket.number),
            text=_(
                "依据《伊宁市林业碳票管理办法（试行）》，碳票 {number} 已注销（{why}），不再参与市场流通。"
            ).format(number=ticket.number, why=ticket.get_closed_because_display()),
            actor=user,
        )
    return done


def _ended_by(registration: Registration) -> QuerySet[CarbonTicket]:
    """Tickets that this registration took out of circulation for good."""
    if registration.kind not in (Kind.CLOSE, Kind.CANCEL):
        return CarbonTicket.objects.none()
    return CarbonTicket.objects.filter(closed_by__registration=registration.key)


def _link(registration: Registration) -> str:
    return reverse("registry:registration", args=[registration.key])


def _registration_page(
    request: HttpRequest,
    found: Registration,
    user: User,
    *,
    refusal: PortalError | None = None,
    status: int = 200,
) -> HttpResponse:
    waiting = found.state == Registration.State.PREPARED
    asked = TicketRequest.objects.filter(registration=found).first()
    act = ACTS[Kind(found.kind)]
    owners = owners_of(found.ticket) if found.ticket else []
    agreed = {one.party_id: one for one in found.consents.select_related("party", "given_by")}
    context = {
        "registration": found,
        "act": act,
        "asked": asked,
        "rows": typed_rows(RegistrationForm(act.fields, (), with_files=False), asked.typed)
        if asked
        else [],
        "documents": _documents(act, asked) if asked else [],
        "allotments": found.allotments.prefetch_related("shares__party"),
        "owners": [(owner, agreed.get(owner.pk)) for owner in owners],
        "opened": CarbonTicket.objects.filter(opened_by__registration=found.key),
        "filing": found.filing or (found.issuance.filing if found.issuance else None),
        "may_decide": waiting
        and has_role(user, Role.APPROVER, Department(found.department))
        and user.pk not in (found.prepared_by_id, found.asked_by_id),
        "may_consent": waiting and bool(may_dispose_any(found, user)),
        "refusal": refusal,
    }
    return render(request, "registry/registration.html", context, status=status)


# --- work ---------------------------------------------------------------------------------------
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
    wanted = Registration.objects.filter(
        ticket__shares__party__in=mine, ticket__shares__closed_by__isnull=True
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
        "used_up": used_up_tickets()[:ROWS] if Department.FORESTRY in offices else [],
        "my_requests": my_requests.select_related("ticket", "filing").order_by("-asked_at")[:ROWS],
        "to_consent": [
            one
            for one in wanted.filter(state=Registration.State.PREPARED)
            .select_related("ticket")
            .distinct()[:ROWS]
            if may_dispose_any(one, user)
        ],
        "issuable": Filing.objects.filter(
            issuance__isnull=True, application__shares__party__in=mine
        ).distinct(),
    }
    return render(request, "registry/work.html", context)


# --- a loss notice ------------------------------------------------------------------------------
@never_cache
def loss_notice(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The public notice with its countdown; anyone may object, forestry's approver settles."""
    notice = LossNotice.objects.select_related("ticket", "order").filter(key=key).first()
    if notice is None:
        raise NotFound()
    user = request.user
    settles = has_role(user, Role.APPROVER, Department.FORESTRY)
    form = LossObjectionForm(request.POST if request.method == "POST" else None)
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            if "outcome" in request.POST:
                _settle(request, notice)
                return redirect("registry:loss-notice", key=key)
            if form.is_valid():
                actor = user if isinstance(user, User) else None
                note_attempt(
                    kind=Attempt.Kind.OBJECTION,
                    source=str(actor.key) if actor else str(get_client_ip_address(request)),
                )
                raise_objection(notice=notice, actor=actor, **form.cleaned_data)
                messages.success(request, _("异议已收到，市林业主管部门处理前不补发。"))
                return redirect("registry:loss-notice", key=key)
        except (NotFound, TooManyAttempts):
            raise
        except PortalError as error:
            refusal = error
    runs = notice.order in orders_in_force(notice.ticket)
    day = now().astimezone(CITY_TIME).date()
    exact = works_in(user, Department.FORESTRY)
    owns = any(acts_for(user, owner, Mandate.Scope.APPLY) for owner in owners_of(notice.ticket))
    context = {
        "notice": notice,
        "ticket": notice.ticket,
        "runs": runs,
        "days_left": days_left(notice.ends_on, day),
        "is_open": runs and day <= notice.ends_on,
        "may_reissue": runs and day > notice.ends_on and (owns or exact),
        "objections": notice.objections.order_by("pk") if exact or owns else [],
        "objection_count": notice.objections.count(),
        "settles": settles,
        "form": form,
        "refusal": refusal,
    }
    status = 200
    if refusal is not None:
        status = status_of_refusal(refusal)
    elif form.is_bound:
        status = REFUSED
    return render(request, "registry/loss_notice.html", context, status=status)


def _settle(request: HttpRequest, notice: LossNotice) -> None:
    user = signed_in(request)
    pk = request.POST.get("objection", "")
    objection = notice.objections.filter(pk=int(pk) if pk.isdecimal() else 0).first()
    outcome = request.POST.get("outcome", "")
    if objection is None or outcome not in LossObjection.Outcome.values:
        raise NotFound()
    settle_objection(objection=objection, outcome=LossObjection.Outcome(outcome), actor=user)

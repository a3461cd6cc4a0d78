"""Pages of requests and registrations: ask, take up, agree, decide."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.forms import UnmaskForm
from portal.accounts.models import Department, Mandate, Party, PartyNumber, Role, User
from portal.accounts.operations import propose_number, require_second_factor, unmask_identity
from portal.accounts.queries import acts_for, has_role, may_unmask
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.answers import REQUEST_KEY, answer_refused, pressed_once, sent_once
from portal.base.errors import NotFound, PortalError
from portal.base.transactions import write_transaction
from portal.casework.models import Document
from tickets.projects.models import Filing
from tickets.registry.access import (
    access_registration,
    access_request,
    may_dispose_any,
    owners_of,
    parties_asked,
)
from tickets.registry.acts import ACTS, Act, Asked
from tickets.registry.errors import RequestUnreadable
from tickets.registry.forms import RegistrationForm, owners_from
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    LedgerEntry,
    Registration,
    TicketRequest,
)
from tickets.registry.operations import (
    Kind,
    approve_registration,
    give_consent,
    reject_registration,
)
from tickets.registry.operations.asking import (
    SUBJECT,
    agree_to_pledge,
    ask_registration,
    paper_of,
    publish_end,
    return_request,
    take_up,
    tell_decision,
    withdraw_request,
)
from tickets.registry.operations.registrations import (
    ASKING_OWNERS,
    OFFICES,
    SEEN_BY_THE_CLERK,
    is_own_matter,
    parts_of,
)
from tickets.registry.operations.successions import require_succession
from tickets.registry.operations.transfers import (
    SUCCESSIONS,
    TRANSFERS,
    ceding_owners,
    require_another,
)
from tickets.registry.pages.subjects import (
    find_subject,
    require_may_ask,
    serves,
    subject_name,
    subject_of,
    ticket_of,
)
from tickets.registry.quantities import tonnes
from tickets.registry.queries import (
    collateral_reached,
    has_dealt_with,
)
from tickets.registry.showing import order_line

REFUSED = 422


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
            answer = sent_once(
                request,
                "ask_registration",
                [act.kind, subject, *form.content()],
                lambda: _ask(act, about, form, user),
                actor_key=user.key,
                before=lambda: _require_factor_for_a_stranger(act, about, form, user),
            )
        except NotFound:
            raise
        except PortalError as refusal:
            form.add_refusal(refusal)
            return answer_refused(
                _ask_page(request, act, about, form, status=REFUSED, code=refusal.code), refusal
            )
        taken = answer.body["page"] == "registration"
        messages.success(request, _("已受理，等待审批。") if taken else _("申请已提交。"))
        return redirect(f"registry:{answer.body['page']}", key=answer.body["key"])
    status, code = (REFUSED, form.first_code()) if form.is_bound else (200, "")
    return _ask_page(request, act, about, form, status=status, code=code)


def _require_factor_for_a_stranger(
    act: Act, about: Any, form: RegistrationForm, user: User
) -> None:
    """The first transfer to a counterparty that is new to the holder (domain.md)."""
    if "code" not in form.fields or serves(act, about, user):
        return
    owners = owners_of(about)
    if all(has_dealt_with(owners, party) for party, _share in form.cleaned_data["to"]):
        return
    require_second_factor(user=user, code=form.cleaned_data["code"])


@write_transaction
def _ask(act: Act, about: Any, form: RegistrationForm, user: User) -> dict[str, str]:
    """Keep the request, prepare it too when it is a clerk's own; the page that comes next."""
    _require_takers(act, about, form.cleaned_data)
    asked = ask_registration(
        kind=act.kind,
        typed=form.typed(),
        uploads=form.uploads(),
        actor=user,
        pledgee=form.cleaned_data.get("pledgee"),
        new_number=_new_number(form, user),
        **_subject_columns(act, about),
    )
    if not serves(act, about, user) or act.kind is Kind.PLEDGE:
        return {"page": "request", "key": str(asked.key)}
    registration = _take_up(asked, act, form.cleaned_data, user, asked_by=None)
    return {"page": "registration", "key": str(registration.key)}


def _require_takers(act: Act, about: Any, given: dict[str, Any]) -> None:
    """Who takes over and in which shares: what no waiting mends is refused before it is kept."""
    if act.kind is Kind.SUCCESSION:
        [(former, _text)] = given["former"]
        require_succession(former, about, given["effective_on"])
    rows = given.get("to") or given.get("shares")
    if not rows:
        return
    takers = owners_from(rows).require_right()
    if act.kind in TRANSFERS:
        require_another(owners_of(about), takers)


def _new_number(form: RegistrationForm, user: User) -> PartyNumber | None:
    """The number that an owner is to have, sealed at once."""
    number = form.cleaned_data.get("identity_number")
    if not number:
        return None
    [(party, _text), *_others] = form.cleaned_data["renumbered"]
    return propose_number(party=party, number=number, actor=user)


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
        "successor": about if isinstance(about, Party) else None,
        "office": Department(OFFICES[act.kind]).label,
        "code": code,
        "request_key": request.POST.get(REQUEST_KEY) or uuid.uuid4(),
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
        to = pressed_once(
            request,
            "answer_request",
            lambda: _answer_request(request, asked, act, user),
            actor_key=user.key,
        )
    except NotFound:
        raise
    except PortalError as refusal:
        asked = access_request(key, user)
        return _request_page(request, asked, act, user, refusal=refusal)
    return redirect(to)


def _answer_request(request: HttpRequest, asked: TicketRequest, act: Act, user: User) -> str:
    action = request.POST.get("action", "")
    if action == "take":
        form = RegistrationForm(act.fields, act.slots, asked.typed, with_files=False)
        if not form.is_valid():
            first = next(iter(form.errors.as_data().values()))[0]
            raise RequestUnreadable(reason=str(first.message))
        registration = _take_up(
            asked, act, form.cleaned_data, user,
            asked_by=asked.asked_by, paper_seen="paper_seen" in request.POST,
        )  # fmt: skip
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
    asked: TicketRequest,
    act: Act,
    given: dict[str, Any],
    user: User,
    *,
    asked_by: User | None,
    paper_seen: bool = False,
) -> Registration:
    files = {
        row.kind: bytes.fromhex(row.sha256)
        for row in Document.objects.filter(subject_kind=SUBJECT, subject_key=asked.key)
    }
    labels = {slot: str(label) for slot, label, _needed in act.slots}
    about, number = subject_of(act, asked), asked.new_number
    case = Asked(act.kind, about, given, user, asked_by, files, labels, number)
    return take_up(
        request=asked, prepare=lambda: act.prepare(case), actor=user, paper_seen=paper_seen
    )


def _request_page(
    request: HttpRequest,
    asked: TicketRequest,
    act: Act,
    user: User,
    *,
    refusal: PortalError | None = None,
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
        "paper": paper_of(asked).label if paper_of(asked) in SEEN_BY_THE_CLERK else "",
        "may_take": waiting and has_role(user, Role.CLERK, Department(asked.department)),
        "may_agree": waiting
        and asked.pledgee is not None
        and asked.agreed_at is None
        and acts_for(user, asked.pledgee, Mandate.Scope.APPLY),
        "may_withdraw": waiting and asked.asked_by_id == user.pk,
        "request_key": uuid.uuid4(),
        "refusal": refusal,
    }
    return answer_refused(render(request, "registry/request.html", context), refusal)


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
    if request.POST.get("action") == "unmask" and found.new_number is not None:
        return _unmasked(request, found, found.new_number, user)
    try:
        said = pressed_once(
            request,
            "decide_registration",
            lambda: _decide(request, found, user),
            actor_key=user.key,
        )
    except NotFound:
        raise
    except PortalError as refusal:
        found = access_registration(key, user)
        return _registration_page(request, found, user, refusal=refusal)
    messages.success(request, said)
    return redirect("registry:registration", key=key)


def _unmasked(
    request: HttpRequest, found: Registration, number: PartyNumber, user: User
) -> HttpResponse:
    """The page with the full new number, to be compared with the document."""
    form = UnmaskForm(request.POST)
    shown = ""
    if form.is_valid():
        try:
            shown = unmask_identity(
                party=number.party, number=number, reason=form.cleaned_data["reason"], actor=user
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
    return _registration_page(request, found, user, unmask=form, shown=shown)


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


def _ceding(registration: Registration) -> list[Party]:
    """Into whose place an heir or a successor body comes; his document is looked at, not another's."""
    if registration.ticket is None or registration.kind not in SUCCESSIONS:
        return []
    [part] = parts_of(registration)
    return ceding_owners(registration.ticket, part.owners)


@write_transaction
def decide(registration: Registration, user: User) -> Registration:
    """Approve, publish what must be public, and tell whom it concerns."""
    done = approve_registration(registration=registration, actor=user)
    subject = f"{done.get_kind_display()}：{done.get_state_display()}"
    tell_decision(done, subject, _link(done))
    written = LedgerEntry.objects.filter(registration=done.key)
    order = Cancellation.objects.filter(pk__in=written.values("cause")).first()
    for ticket in _ended_by(done):
        publish_end(
            ticket=ticket,
            title=_("碳票 {number} 注销公告").format(number=ticket.number),
            text=_(
                "依据《伊宁市林业碳票管理办法（试行）》，碳票 {number} 已注销（{why}），不再参与市场流通。"
            ).format(
                number=ticket.number,
                why=order_line(order) if order else ticket.get_closed_because_display(),
            ),
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
    unmask: UnmaskForm | None = None,
    shown: str = "",
) -> HttpResponse:
    waiting = found.state == Registration.State.PREPARED
    asked = TicketRequest.objects.filter(registration=found).first()
    act = ACTS[Kind(found.kind)]
    asking = parties_asked(found)
    collateral_kg = collateral_reached(found) if waiting else 0
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
        "owners": [(owner, agreed.get(owner.pk)) for owner in asking],
        "opened": CarbonTicket.objects.filter(opened_by__registration=found.key),
        "filing": found.filing or (found.issuance.filing if found.issuance else None),
        "may_decide": waiting
        and has_role(user, Role.APPROVER, Department(found.department))
        and user.pk not in (found.prepared_by_id, found.asked_by_id)
        and not is_own_matter(found, user),
        "ceding": _ceding(found) if waiting else [],
        "collateral": tonnes(collateral_kg) if collateral_kg else "",
        "may_consent": waiting
        and found.kind in ASKING_OWNERS
        and bool(may_dispose_any(found, user)),
        "unmask": unmask or UnmaskForm()
        if found.new_number and found.new_number.masked and may_unmask(user)
        else None,
        "shown": shown,
        "request_key": uuid.uuid4(),
        "refusal": refusal,
    }
    return answer_refused(render(request, "registry/registration.html", context), refusal)

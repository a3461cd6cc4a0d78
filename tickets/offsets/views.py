"""Pages of offsets: ask, decide, certificates, names, and the estimate."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Mandate, Role, User
from portal.accounts.operations import require_second_factor
from portal.accounts.queries import acts_for_any, has_role, works_in
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.addresses import public_url
from portal.base.answers import REQUEST_KEY, answer_refused, pressed_once, sent_once
from portal.base.errors import NotFound, PortalError
from portal.base.numbers import grouped_code, is_number
from portal.base.policy import policy_text
from portal.base.transactions import write_transaction
from portal.casework.models import Document
from portal.casework.stage import sketch_config
from portal.journal.operations import record_event
from tickets.offsets.access import (
    access_offset,
    access_offset_of,
    access_offset_request,
    find_offset,
    may_agree,
    may_read_paper,
    owners_lacking,
)
from tickets.offsets.estimate import estimate
from tickets.offsets.forms import EstimateForm, OffsetForm, SignForm
from tickets.offsets.models import Beneficiary, Offset, OffsetRequest, Purpose
from tickets.offsets.operations import (
    SUBJECT,
    agree_to_offset,
    ask_offset,
    certificate_pdf,
    prepare_offset,
    propose_name,
    refuse_offset,
    review_name,
    sign_offset,
    withdraw_offset,
)
from tickets.offsets.paper import purpose_text, ranges_of
from tickets.offsets.queries import names_offered, to_consent
from tickets.offsets.signing import signature_holds
from tickets.registry.access import access_held_ticket, owners_of
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import tonnes

REFUSED = 422
ROWS = 50
State = OffsetRequest.State


# --- asking -------------------------------------------------------------------------------------
@login_required
@never_cache
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """The holder's form; the amount may come from the estimate."""
    user = signed_in(request)
    ticket = access_held_ticket(number, user)
    if not acts_for_any(user, owners_of(ticket), Mandate.Scope.APPLY):
        raise NotFound()
    bound = request.method == "POST"
    form = OffsetForm(
        request.POST if bound else None,
        request.FILES if bound else None,
        initial={"quantity": request.GET.get("tonnes", "")[:20]},
    )
    refusal: PortalError | None = None
    if bound and form.is_valid():
        try:
            answer = sent_once(
                request,
                "ask_offset",
                [ticket.number, form.typed()],
                lambda: str(_ask(ticket, form, user).key),
                actor_key=user.key,
            )
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            form.add_refusal(error)
        else:
            messages.success(request, _("抵消申请已提交。"))
            return redirect("offsets:request", key=answer.body)
    context = {
        "form": form,
        "ticket": ticket,
        "free": tonnes(ticket.blocks.free().quantity_kg()),
        "code": refusal.code if refusal else form.first_code(),
        "request_key": request.POST.get(REQUEST_KEY) or uuid.uuid4(),
        "names": names_offered(user),
    }
    page = render(request, "offsets/ask.html", context, status=REFUSED if bound else 200)
    return answer_refused(page, refusal)


@write_transaction
def _ask(ticket: CarbonTicket, form: OffsetForm, user: User) -> OffsetRequest:
    given = form.cleaned_data
    basis = given["file_basis"]
    return ask_offset(
        ticket=ticket,
        quantity_kg=given["quantity"],
        purpose=Purpose(given["purpose"]),
        beneficiary=propose_name(name=given["beneficiary"], actor=user),
        actor=user,
        uploads=[("basis", basis)] if basis else [],
        **form.facts(),
    )


# --- deciding -----------------------------------------------------------------------------------
@login_required
@never_cache
def request_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One request: ecology's clerk prepares, the signer decides."""
    user = signed_in(request)
    wanted = access_offset_request(key, user)
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            to = pressed_once(
                request,
                "act_on_offset",
                lambda: _act(request, wanted, user),
                actor_key=user.key,
                before=lambda: _require_factor(request, user),
            )
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            wanted = access_offset_request(key, user)
        else:
            return redirect(to)
    waits = wanted.state in OffsetRequest.OPEN
    lacking = owners_lacking(wanted)
    ecology = works_in(user, Department.ECOLOGY)
    signs = (
        wanted.state == State.PREPARED
        and has_role(user, Role.APPROVER, Department.ECOLOGY)
        and user.pk not in (wanted.prepared_by_id, wanted.asked_by_id)
    )
    device = confirmed_device(user) if signs else None
    context = {
        "wanted": wanted,
        "ticket": wanted.ticket,
        "purpose": purpose_text(wanted),
        "offset": Offset.objects.filter(request=wanted).first(),
        "free": tonnes(wanted.ticket.blocks.free().quantity_kg()),
        "documents": [
            (_("依据材料"), row)
            for row in Document.objects.filter(subject_kind=SUBJECT, subject_key=wanted.key)
        ],
        "may_review": ecology and wanted.beneficiary.state == Beneficiary.State.WAITING,
        "may_prepare": wanted.state == State.ASKED
        and has_role(user, Role.CLERK, Department.ECOLOGY),
        "may_sign": signs,
        "owners": [(owner, owner not in lacking) for owner in owners_of(wanted.ticket)],
        "may_agree": may_agree(wanted, user),
        "may_refuse": waits and ecology and user.pk != wanted.prepared_by_id,
        "may_withdraw": waits and wanted.asked_by_id == user.pk,
        "sign_form": SignForm(),
        "request_key": uuid.uuid4(),
        "demo_code": present_code(device)[0] if device and settings.DEMO_ACCOUNTS else "",
        "refusal": refusal,
    }
    return answer_refused(render(request, "offsets/request.html", context), refusal)


def _require_factor(request: HttpRequest, user: User) -> None:
    """Before a signature; counted and committed before the act, so that a wrong code cannot be tried
    for ever."""
    if request.POST.get("action") != "sign":
        return
    if not has_role(user, Role.APPROVER, Department.ECOLOGY):
        raise NotFound()
    require_second_factor(user=user, code=request.POST.get("code", "")[:10])


def _act(request: HttpRequest, wanted: OffsetRequest, user: User) -> str:
    action = request.POST.get("action", "")
    here = reverse("offsets:request", args=[wanted.key])
    if action == "agree":
        agree_to_offset(request=wanted, actor=user)
        messages.success(request, _("已同意。"))
        return here
    if action == "prepare":
        prepare_offset(request=wanted, opinion=request.POST.get("opinion", ""), actor=user)
        messages.success(request, _("已提交签发。"))
        return here
    if action == "sign":
        offset = sign_offset(request=wanted, actor=user)
        messages.success(request, _("已抵消，凭证 {number}。").format(number=offset.number))
        return reverse("offsets:offset", args=[offset.number])
    if action == "refuse":
        refuse_offset(request=wanted, reason=request.POST.get("reason", ""), actor=user)
        messages.success(request, _("已决定不予抵消。"))
        return here
    if action == "withdraw":
        withdraw_offset(request=wanted, actor=user)
        messages.success(request, _("已撤回。"))
        return here
    if action in ("accept-name", "refuse-name"):
        review_name(
            beneficiary=wanted.beneficiary,
            accepted=action == "accept-name",
            reason=request.POST.get("name_reason", ""),
            actor=user,
        )
        messages.success(request, _("名称已审核。"))
        return here
    raise NotFound()


@login_required
@require_safe
@never_cache
def offsets_list(request: HttpRequest) -> HttpResponse:
    """Ecology's work, what waits for my consent, my requests, and everyone's certificates."""
    user = signed_in(request)
    ecology = works_in(user, Department.ECOLOGY)
    page = Paginator(Offset.objects.select_related("ticket", "beneficiary"), ROWS).get_page(
        request.GET.get("page")
    )
    context = {
        "ecology": ecology,
        "to_consent": to_consent(user),
        "waiting": OffsetRequest.objects.filter(state__in=OffsetRequest.OPEN)
        .select_related("ticket", "beneficiary")
        .order_by("asked_at")
        if ecology
        else [],
        "mine": OffsetRequest.objects.filter(asked_by=user)
        .select_related("ticket", "beneficiary")
        .order_by("-asked_at")[:ROWS],
        "page": page,
        "rows": [(offset, tonnes(offset.quantity_kg), purpose_text(offset)) for offset in page],
    }
    return render(request, "offsets/list.html", context)


# --- certificates -------------------------------------------------------------------------------
@require_safe
def offset_page(request: HttpRequest, number: str) -> HttpResponse:
    """A certificate as everyone may see it."""
    return render_offset(request, access_offset(number))


@require_safe
def offset_of_entry(request: HttpRequest, cause: uuid.UUID) -> HttpResponse:
    """From a ticket's acts, which know the cause alone, to the certificate."""
    return redirect("offsets:offset", number=access_offset_of(cause).number)


def offset_verification(request: HttpRequest, code: str) -> HttpResponse | None:
    """The page of ``/v/CODE/`` when the code is a certificate's."""
    offset = find_offset(code)
    if offset is None:
        return None
    record_event(
        subject_kind="offset", subject_key=offset.pk, verb="scanned", actor_key=None, facts={}
    )
    return render_offset(request, offset)


def render_offset(request: HttpRequest, offset: Offset) -> HttpResponse:
    ticket = offset.ticket
    shape = ticket.area_version.shown_to_all
    reads_all = may_read_paper(offset, request.user)
    context = {
        "offset": offset,
        "ticket": ticket,
        "tonnes": tonnes(offset.quantity_kg),
        "retired": sum(high - low for low, high in ranges_of(offset)) == offset.quantity_kg,
        "ranges": ranges_of(offset),
        "purpose": purpose_text(offset),
        "code": grouped_code(offset.code),
        "holds": signature_holds(offset),
        "may_download": reads_all,
        "beneficiary": offset.beneficiary.name if reads_all else offset.public_name,
        "project": ticket.issuance.filing.application.project,
        "notice": policy_text("notice.not_ccer"),
        "sketch_config": sketch_config([json.loads(shape.json)]),
    }
    return render(request, "offsets/offset.html", context)


@require_safe
@never_cache
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """The PDF, for who asked, the owners, and the departments."""
    offset = access_offset(number)
    if not may_read_paper(offset, request.user):
        raise NotFound()
    address = public_url(request, reverse("site:verify", args=[offset.code]))
    pdf = certificate_pdf(offset=offset, address=address)
    response = HttpResponse(pdf, content_type="application/pdf")
    header = content_disposition_header(False, f"{offset.number}.pdf")
    if header:
        response.headers["Content-Disposition"] = header
    return response


# --- the estimate -------------------------------------------------------------------------------
@require_safe
def estimate_page(request: HttpRequest) -> HttpResponse:
    """How much an event or an office emits, by factors with their sources; nothing is stored.

    Whoever comes from a ticket goes back to its form with the sum.
    """
    typed = request.GET.copy()
    ticket = typed.pop("ticket", [""])[-1]
    form = EstimateForm(typed or None)
    context: dict[str, Any] = {"form": form, "ticket": ticket if is_number(ticket) else ""}
    status = 200
    if form.is_bound and form.is_valid():
        amounts: dict[str, Decimal | None] = form.cleaned_data
        try:
            lines, total_kg = estimate(amounts)
        except PortalError as refusal:
            form.add_refusal(refusal)
            status = REFUSED
        else:
            context |= {"lines": lines, "total": tonnes(total_kg)}
    elif form.is_bound:
        status = REFUSED
    return render(request, "offsets/estimate.html", context, status=status)

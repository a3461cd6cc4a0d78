"""Retail: pools that ecology approves, and orders of anybody."""

from __future__ import annotations

import uuid
from typing import Any

from axes.helpers import get_client_ip_address
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Attempt, Department, Role, User
from portal.accounts.operations import note_attempt
from portal.accounts.queries import has_role
from portal.base.addresses import public_url
from portal.base.answers import VISITOR, answer_refused, sent_once, typed_into
from portal.base.errors import NotFound, PortalError
from portal.base.numbers import grouped_code
from portal.base.policy import policy_number
from tickets.market.access import access_listing, access_order, access_pool, in_centre
from tickets.market.forms import OrderForm, PoolForm
from tickets.market.models import RetailOrder, RetailPool
from tickets.market.operations import (
    close_pool,
    decide_pool,
    order_retail,
    pool_left_kg,
    prepare_pool,
    say_order_paid,
    settle_order,
)
from tickets.market.pages.answers import OK, REFUSED
from tickets.market.pages.refunds import act_on_refund, refund_rights
from tickets.market.prices import amount_of
from tickets.offsets.models import Beneficiary, Purpose
from tickets.offsets.operations import certificate_pdf

State = RetailPool.State


@login_required
@never_cache
def new_pool(request: HttpRequest, number: str) -> HttpResponse:
    """Ecology's clerk proposes a pool on a retail listing."""
    user = signed_in(request)
    if not has_role(user, Role.CLERK, Department.ECOLOGY):
        raise NotFound()
    listing = access_listing(number, user)
    bound = request.method == "POST"
    form = PoolForm(request.POST if bound else None)
    refusal: PortalError | None = None
    if bound and form.is_valid():
        given = form.cleaned_data
        try:
            pool = prepare_pool(
                listing=listing,
                title=given["title"],
                quantity_kg=given["quantity"],
                largest_kg=given["largest"],
                purposes=[Purpose(value) for value in given["purposes"]],
                begins_on=given["begins_on"],
                ends_on=given["ends_on"],
                actor=user,
            )
        except PortalError as error:
            refusal = error
            form.add_refusal(error)
        else:
            messages.success(request, _("零售池已提交审批。"))
            return redirect("market:pool", key=pool.key)
    context = {"form": form, "listing": listing, "left_kg": listing.left_kg()}
    page = render(request, "market/new_pool.html", context, status=REFUSED if bound else OK)
    return answer_refused(page, refusal)


@never_cache
def pool_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A pool and its order form; ecology decides on it here."""
    pool = access_pool(key, request.user)
    form: OrderForm | None = None
    refusal: PortalError | None = None
    status = OK
    if request.method == "POST":
        action = request.POST.get("action", "")
        try:
            if action == "order":
                form = OrderForm(request.POST, purposes=pool.purposes)
                if form.is_valid():
                    return redirect("market:order", code=_order(request, pool, form))
                status = REFUSED
            else:
                _decide(request, pool, action)
                return redirect("market:pool", key=pool.key)
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            pool = access_pool(key, request.user)
    context = _pool_context(request, pool, form, refusal)
    return answer_refused(render(request, "market/pool.html", context, status=status), refusal)


def _order(request: HttpRequest, pool: RetailPool, form: OrderForm) -> str:
    """The order's code."""
    note_attempt(kind=Attempt.Kind.RETAIL, source=str(get_client_ip_address(request)))
    given = form.cleaned_data
    user = request.user if isinstance(request.user, User) else None
    answer = sent_once(
        request,
        "market.order",
        typed_into(request),
        lambda: (
            order_retail(
                pool=pool,
                quantity_kg=given["quantity"],
                purpose=Purpose(given["purpose"]),
                name=given["name"],
                contact=given["contact"],
                actor=user,
                **form.facts(),
            ).code
        ),
        actor_key=user.key if user else VISITOR,
    )
    return str(answer.body)


def _decide(request: HttpRequest, pool: RetailPool, action: str) -> None:
    user = request.user
    if not isinstance(user, User) or not has_role(user, Role.APPROVER, Department.ECOLOGY):
        raise NotFound()
    if action in ("accept", "refuse"):
        decide_pool(
            pool=pool,
            accepted=action == "accept",
            reason=request.POST.get("reason", ""),
            actor=user,
        )
    elif action == "close":
        close_pool(pool=pool, actor=user)
    else:
        raise NotFound()
    messages.success(request, _("已办理。"))


def _pool_context(
    request: HttpRequest, pool: RetailPool, form: OrderForm | None, refusal: PortalError | None
) -> dict[str, Any]:
    signs = has_role(request.user, Role.APPROVER, Department.ECOLOGY)
    left = pool_left_kg(pool)
    return {
        "pool": pool,
        "listing": pool.listing,
        "left_kg": left,
        # What a visitor pays for the smallest and the largest amount, whose price is per tonne.
        "bounds": [
            (kilograms, amount_of(pool.listing.price_fen_per_tonne, kilograms))
            for kilograms in (int(policy_number("market.retail_min_kg")), pool.largest_kg)
        ],
        "purposes": [Purpose(value).label for value in pool.purposes],
        "refusal": refusal,
        "request_key": uuid.uuid4().hex,
        "form": (form or OrderForm(purposes=pool.purposes))
        if pool.state == State.OPEN and left
        else None,
        "may_decide": signs
        and pool.state == State.PREPARED
        and pool.prepared_by_id != request.user.pk,
        "may_close": signs and pool.state == State.OPEN,
    }


@never_cache
def order_page(request: HttpRequest, code: str) -> HttpResponse:
    """Where an order stands: the buyer says what was paid, the centre confirms or gives it back."""
    order = access_order(code)
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            messages.success(request, _act_on_order(request, order))
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            order = access_order(code)
        else:
            return redirect("market:order", code=order.code)
    context = _order_context(request, order, refusal)
    return answer_refused(render(request, "market/order.html", context), refusal)


def _act_on_order(request: HttpRequest, order: RetailOrder) -> str:
    """One operation for the button that was pressed; what is said of it."""
    user = request.user if isinstance(request.user, User) else None
    action, number = request.POST.get("action", ""), request.POST.get("payment_number", "")
    if action == "say":
        note_attempt(kind=Attempt.Kind.RETAIL, source=str(get_client_ip_address(request)))
        say_order_paid(order=order, payment_number=number, actor=user)
        return _("已告知交易中心。")
    if user is None or not in_centre(user):
        raise NotFound()
    if action == "settle":
        settle_order(order=order, payment_number=number, actor=user)
        return _("已确认到账，凭证已生成。")
    reason = request.POST.get("reason", "")
    return act_on_refund(order, action=action, number=number, reason=reason, user=user)


def _order_context(
    request: HttpRequest, order: RetailOrder, refusal: PortalError | None
) -> dict[str, Any]:
    user, states = request.user, RetailOrder.State
    serves = in_centre(user)
    return refund_rights(order, user) | {
        "order": order,
        "code": grouped_code(order.code),
        "purpose": Purpose(order.purpose).label,
        "refusal": refusal,
        "serves": serves,
        "name_refused": order.beneficiary.state == Beneficiary.State.REFUSED,
        "may_say": not serves and order.state in (states.WAITING, states.LAPSED),
        "may_settle": order.state == states.WAITING and has_role(user, Role.TRADING_APPROVER),
    }


@require_safe
@never_cache
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """The certificate's PDF, for whoever has the order's code."""
    order = access_order(code)
    if order.offset is None:
        raise NotFound()
    address = public_url(request, reverse("site:verify", args=[order.offset.code]))
    pdf = certificate_pdf(offset=order.offset, address=address)
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{order.offset.number}.pdf"'
    return response

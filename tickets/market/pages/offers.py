"""Asking the centre to list."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.models import User
from portal.accounts.queries import acts_for
from portal.base.answers import answer_refused
from portal.base.errors import NotFound, PortalError
from tickets.market.access import DISPOSE
from tickets.market.errors import NewCounterparty
from tickets.market.forms import OFFER_FORMS, OfferForm
from tickets.market.models import Listing
from tickets.market.operations import AgreementTerms, BiddingTerms, LotTerms, ask_listing
from tickets.market.operations.listings import Terms
from tickets.market.pages.answers import (
    OK,
    REFUSED,
    demo_code,
    once_with_factor,
)
from tickets.registry.access import access_held_ticket, owners_of
from tickets.registry.models import CarbonTicket

Method = Listing.Method


@login_required
@never_cache
def offer(request: HttpRequest, number: str) -> HttpResponse:
    """The holder's form, one for each way of dealing."""
    user = signed_in(request)
    ticket = access_held_ticket(number, user)
    if not any(acts_for(user, owner, DISPOSE) for owner in owners_of(ticket)):
        raise NotFound()
    said = request.POST.get("method") or request.GET.get("method", Method.OPEN)
    method = Method(said) if said in OFFER_FORMS else Method.OPEN
    bound = request.method == "POST"
    form = OFFER_FORMS[method](request.POST if bound else None)
    refusal: PortalError | None = None
    if bound and form.is_valid():
        try:
            listing_number = _ask(request, ticket, method, form, user)
        except NotFound:
            raise
        except PortalError as error:
            field = "code" if isinstance(error, NewCounterparty) else None
            form.add_error(field, str(error))
            refusal = error
        else:
            messages.success(request, _("挂牌申请已提交交易中心。"))
            return redirect("market:listing", number=listing_number)
    context = {
        "ticket": ticket,
        "form": form,
        "method": method,
        "methods": [(value, Method(value).label) for value in OFFER_FORMS],
        "free_kg": ticket.blocks.free().quantity_kg(),
        "code": refusal.code if refusal else "",
        "request_key": uuid.uuid4().hex,
        "demo_code": demo_code(user) if method == Method.AGREEMENT else "",
    }
    page = render(request, "market/offer.html", context, status=REFUSED if bound else OK)
    return answer_refused(page, refusal)


def _ask(
    request: HttpRequest,
    ticket: CarbonTicket,
    method: Listing.Method,
    form: OfferForm,
    user: User,
) -> str:
    """The listing's number."""
    given = form.cleaned_data
    return str(
        once_with_factor(
            request,
            "market.offer",
            user,
            given.get("code", ""),
            lambda confirmed: (
                ask_listing(
                    ticket=ticket,
                    quantity_kg=given["quantity"],
                    price_fen_per_tonne=given["price"],
                    terms=_terms(method, form),
                    closes_at=given["closes_at"],
                    actor=user,
                    confirmed=confirmed,
                ).number
            ),
        )
    )


def _terms(method: Listing.Method, form: OfferForm) -> Terms:
    given = form.cleaned_data
    if method == Method.AGREEMENT:
        return AgreementTerms(given["buyer"])
    if method == Method.BIDDING:
        return BiddingTerms(
            step_fen_per_tonne=given["step"],
            deposit_fen=given["deposit"],
            opens_at=given["opens_at"],
            reserve_fen_per_tonne=given["reserve"],
        )
    return LotTerms(given["min_lot"], retail=method == Method.RETAIL)

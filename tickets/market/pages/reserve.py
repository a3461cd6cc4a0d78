"""Reserve purchase: the calculator for everyone, contracts for their two sides."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.models import User
from portal.accounts.queries import acts_for
from portal.base.answers import answer_refused
from portal.base.errors import NotFound, PortalError
from tickets.market.access import DISPOSE, access_contract
from tickets.market.errors import NewCounterparty
from tickets.market.forms import CalculatorForm, ContractForm, HandOverForm
from tickets.market.models import PremiumShare, ReserveContract
from tickets.market.operations import (
    confirm_contract,
    confirm_premium,
    decline_contract,
    hand_over,
    left_to_buy_kg,
    pay_premium,
    propose_contract,
)
from tickets.market.pages.answers import (
    OK,
    REFUSED,
    demo_code,
    once_with_factor,
)
from tickets.market.prices import amount_of, premium_of
from tickets.market.queries import contracts_of
from tickets.registry.queries import succeeding

State = ReserveContract.State


@never_cache
def contracts(request: HttpRequest) -> HttpResponse:
    """What a contract would bring, mine, and a new offer."""
    user = request.user
    calculator = CalculatorForm(request.GET if "resale" in request.GET else None)
    form = ContractForm(user=user) if isinstance(user, User) else None
    refusal: PortalError | None = None
    status = OK
    if request.method == "POST":
        if not isinstance(user, User):
            return redirect_to_login(request.path)
        form, status = ContractForm(request.POST, user=user), REFUSED
        if form.is_valid():
            try:
                contract = _propose(form, user)
            except PortalError as error:
                refusal = error
                form.add_refusal(error)
            else:
                messages.success(request, _("收储合同已发给业主确认。"))
                return redirect("market:contract", key=contract.key)
    context = {
        "calculator": calculator,
        "result": _result(calculator),
        "form": form if form is not None and form.parties else None,
        "contracts": contracts_of(user),
    }
    return answer_refused(render(request, "market/contracts.html", context, status=status), refusal)


def _propose(form: ContractForm, user: User) -> ReserveContract:
    given = form.cleaned_data
    return propose_contract(
        body=form.parties[given["body"]],
        owner=given["owner"],
        quantity_kg=given["quantity"],
        floor_fen_per_tonne=given["floor"],
        share_bp=given["share"],
        begins_on=given["begins_on"],
        ends_on=given["ends_on"],
        actor=user,
    )


def _result(form: CalculatorForm) -> dict[str, int] | None:
    if not form.is_bound or not form.is_valid():
        return None
    given = form.cleaned_data
    cost = amount_of(given["floor"], given["quantity"])
    proceeds = amount_of(given["resale"], given["quantity"])
    premium, owners_part = premium_of(given["floor"], given["quantity"], proceeds, given["share"])
    return {
        "cost": cost,
        "proceeds": proceeds,
        "premium": premium,
        "owner": owners_part,
        "owner_total": cost + owners_part,
        "body": premium - owners_part,
    }


@login_required
@never_cache
def contract_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A contract: what each side owes, hand-overs and premiums, shown to both alike."""
    user = signed_in(request)
    contract = access_contract(key, user)
    form: HandOverForm | None = None
    refusal: PortalError | None = None
    status = OK
    if request.method == "POST":
        try:
            if request.POST.get("action") == "hand-over":
                form = HandOverForm(request.POST, user=user)
                if form.is_valid():
                    number = _hand_over(request, contract, form, user)
                    return redirect("market:listing", number=number)
                status = REFUSED
            else:
                _act(request, contract, user)
                messages.success(request, _("已办理。"))
                return redirect("market:contract", key=contract.key)
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            if isinstance(error, NewCounterparty) and form is not None:
                form.add_error("code", str(error))
            contract = access_contract(key, user)
    beside_the_code = form is not None and form.has_error("code")
    context = _context(contract, user, form, None if beside_the_code else refusal)
    return answer_refused(render(request, "market/contract.html", context, status=status), refusal)


def _hand_over(
    request: HttpRequest, contract: ReserveContract, form: HandOverForm, user: User
) -> str:
    """The number of the agreement that it is."""
    given = form.cleaned_data
    ticket = form.tickets[given["ticket"]]
    return str(
        once_with_factor(
            request,
            "market.hand-over",
            user,
            given["code"],
            lambda confirmed: (
                hand_over(
                    contract=contract,
                    ticket=ticket,
                    quantity_kg=given["quantity"],
                    closes_at=given["closes_at"],
                    actor=user,
                    confirmed=confirmed,
                ).number
            ),
        )
    )


def _act(request: HttpRequest, contract: ReserveContract, user: User) -> None:
    action = request.POST.get("action", "")
    if action == "confirm":
        confirm_contract(contract=contract, actor=user)
        return
    if action == "decline":
        decline_contract(contract=contract, actor=user)
        return
    resale = Q(trade__number=request.POST.get("resale", "")) | Q(
        order__number=request.POST.get("resale", "")
    )
    share = PremiumShare.objects.filter(resale, purchase__contract=contract).first()
    if share is None:
        raise NotFound()
    if action == "pay":
        pay_premium(share=share, payment_number=request.POST.get("payment_number", ""), actor=user)
    elif action in ("received", "not-received"):
        confirm_premium(share=share, received=action == "received", actor=user)
    else:
        raise NotFound()


def _context(
    contract: ReserveContract,
    user: User,
    form: HandOverForm | None,
    refusal: PortalError | None,
) -> dict[str, Any]:
    body, owner = succeeding(contract.body), succeeding(contract.owner)
    is_body, is_owner = acts_for(user, body, DISPOSE), acts_for(user, owner, DISPOSE)
    shares = list(
        PremiumShare.objects.filter(purchase__contract=contract).select_related("trade", "order")
    )
    active = contract.state == State.ACTIVE
    return {
        "contract": contract,
        "body": body,
        "owner": owner,
        "is_body": is_body,
        "is_owner": is_owner,
        "left_kg": left_to_buy_kg(contract),
        "purchases": contract.purchases.select_related("listing").order_by("pk"),
        "shares": shares,
        "due_fen": sum(share.owner_fen for share in shares if share.state != "received"),
        "paid_fen": sum(share.owner_fen for share in shares if share.state == "received"),
        "refusal": refusal,
        "may_confirm": contract.state == State.PROPOSED and is_owner,
        "may_decline": contract.state == State.PROPOSED and (is_owner or is_body),
        "request_key": uuid.uuid4().hex,
        "form": (form or HandOverForm(user=user)) if active and is_owner else None,
        "demo_code": demo_code(user) if active and is_owner else "",
    }

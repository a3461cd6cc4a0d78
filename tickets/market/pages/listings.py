"""One listing: its terms, who may do what, the live bidding and its protocol."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.models import Role, User
from portal.accounts.queries import AnyUser, acts_for, has_role
from portal.base.answers import answer_refused
from portal.base.clock import now
from portal.base.errors import InvalidInput, NotFound, PortalError
from portal.casework.models import Document
from tickets.market.access import (
    DISPOSE,
    access_listing,
    buying_parties,
    in_centre,
    is_seller,
    oversees,
)
from tickets.market.forms import BidForm, BuyForm, DepositForm
from tickets.market.journal import DEPOSIT
from tickets.market.models import Listing, Trade
from tickets.market.operations import (
    approve_listing,
    buy,
    close_bidding,
    confirm_agreement,
    decide_deposit,
    find_deposit,
    forfeit_deposit,
    place_bid,
    prepare_listing,
    refuse_listing,
    retract_listing,
    return_deposit,
    show_deposit,
    withdraw_listing,
)
from tickets.market.operations.dealing import unbound_kg
from tickets.market.pages.answers import (
    OK,
    REFUSED,
    demo_code,
    once_with_factor,
)
from tickets.market.prices import yuan
from tickets.market.protocol import aliases_of, protocol_pdf
from tickets.market.queries import open_pools, unpaid_in_time
from tickets.registry.access import owners_of

State, Method = Listing.State, Listing.Method


@dataclass(frozen=True, slots=True)
class TypedRow:
    """What an officer typed beside a deposit, when its act was refused."""

    action: str
    number: str
    reason: str


class FormRefused(Exception):
    """A form to be shown again as it was filled in."""

    def __init__(self, name: str, form: Any) -> None:
        self.name, self.form = name, form


@never_cache
def listing_page(request: HttpRequest, number: str) -> HttpResponse:
    """A listing as its reader may see it, and the acts that are his."""
    listing = access_listing(number, request.user)
    forms: dict[str, Any] = {}
    refusal: PortalError | None = None
    status = OK
    if request.method == "POST":
        if not isinstance(request.user, User):
            return redirect_to_login(request.path)
        try:
            return redirect(_act(request, listing, request.user))
        except FormRefused as refused:
            forms[refused.name], status = refused.form, REFUSED
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            forms = _typed(request, request.user)
            listing = access_listing(number, request.user)
    context = _context(request, listing, forms, refusal)
    return answer_refused(render(request, "market/listing.html", context, status=status), refusal)


def _typed(request: HttpRequest, user: User) -> dict[str, Any]:
    """The form that was refused, as it was filled in; of a deposit's row, by the deposit."""
    action = request.POST.get("action", "")
    if action.endswith("-deposit"):
        number, reason = request.POST.get("payment_number", ""), request.POST.get("reason", "")
        return {f"row-{request.POST.get('deposit', '')}": TypedRow(action, number, reason)}
    made = {"buy": BuyForm, "bid": BidForm, "deposit": DepositForm}.get(action)
    return {action: made(request.POST, user=user)} if made else {}


def _act(request: HttpRequest, listing: Listing, user: User) -> str:
    """One operation for the button that was pressed; the address to go to."""
    action, here = request.POST.get("action", ""), f"/market/listings/{listing.number}/"
    if action == "buy":
        return f"/market/trades/{_buy(request, listing, user)}/"
    if action == "bid":
        _bid(request, listing, user)
        return here
    if action == "deposit":
        _deposit(request, listing, user)
        return here
    if action.endswith("-deposit"):
        _act_on_deposit(request, listing, action, user)
        return here
    if action == "refuse":
        refuse_listing(listing=listing, reason=request.POST.get("reason", ""), actor=user)
        return here
    plain: dict[str, Callable[..., object]] = {
        "confirm": confirm_agreement,
        "prepare": prepare_listing,
        "approve": approve_listing,
        "retract": retract_listing,
        "withdraw": withdraw_listing,
        "close": close_bidding,
    }
    if action not in plain:
        raise NotFound()
    plain[action](listing=listing, actor=user)
    messages.success(request, _("已办理。"))
    return here


def _buy(request: HttpRequest, listing: Listing, user: User) -> str:
    """The number of the trade."""
    form = _checked("buy", BuyForm(request.POST, user=user))
    number = _once(
        request,
        "market.buy",
        user,
        form,
        partial(
            buy,
            listing=listing,
            buyer=form.buyer,
            quantity_kg=form.cleaned_data["quantity"],
            actor=user,
        ),
    )
    messages.success(request, _("已成交，请按期付款。"))
    return str(number)


def _bid(request: HttpRequest, listing: Listing, user: User) -> None:
    form = _checked("bid", BidForm(request.POST, user=user))
    price = form.cleaned_data["price"]
    number = _once(
        request,
        "market.bid",
        user,
        form,
        partial(
            place_bid,
            listing=listing,
            bidder=form.buyer,
            price_fen_per_tonne=price,
            actor=user,
        ),
    )
    messages.success(
        request,
        _("报价已接受：第 {n} 号，每吨 {price} 元。").format(n=number, price=yuan(price)),
    )


def _once(
    request: HttpRequest, operation: str, user: User, form: Any, act: Callable[..., Any]
) -> Any:
    """The number of what the act makes, once for a press of the button, with the second factor where
    the counterparty is new."""
    return once_with_factor(
        request,
        operation,
        user,
        form.cleaned_data["code"],
        lambda confirmed: act(confirmed=confirmed).number,
    )


def _deposit(request: HttpRequest, listing: Listing, user: User) -> None:
    form = _checked("deposit", DepositForm(request.POST, request.FILES, user=user))
    show_deposit(
        listing=listing,
        bidder=form.buyer,
        amount_fen=form.cleaned_data["amount"],
        upload=form.cleaned_data["slip"],
        actor=user,
    )
    messages.success(request, _("保证金凭证已提交。"))


def _act_on_deposit(request: HttpRequest, listing: Listing, action: str, user: User) -> None:
    """Accepted or refused by the clerk; after the bidding returned or forfeited by the approver."""
    deposit = listing.deposits.filter(pk=_number(request.POST.get("deposit", ""))).first()
    if deposit is None:
        raise NotFound()
    reason, number = request.POST.get("reason", ""), request.POST.get("payment_number", "")
    if action in ("accept-deposit", "refuse-deposit"):
        decide_deposit(
            deposit=deposit,
            accepted=action == "accept-deposit",
            payment_number=number,
            reason=reason,
            actor=user,
        )
    elif action == "find-deposit":
        find_deposit(deposit=deposit, payment_number=number, actor=user)
        messages.success(request, _("已核实到账，待退款。"))
    elif action == "return-deposit":
        return_deposit(deposit=deposit, refund_number=number, actor=user)
        messages.success(request, _("已登记退还保证金。"))
    elif action == "forfeit-deposit":
        forfeit_deposit(deposit=deposit, reason=reason, actor=user)
        messages.success(request, _("已登记不予退还保证金。"))
    else:
        raise NotFound()


def _checked(name: str, form: Any) -> Any:
    if not form.is_valid():
        raise FormRefused(name, form)
    return form


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(field="deposit", reason="")
    return int(text)


def _context(
    request: HttpRequest,
    listing: Listing,
    forms: dict[str, Any],
    refusal: PortalError | None,
) -> dict[str, Any]:
    user = request.user
    serves, mine = in_centre(user), is_seller(user, listing)
    waits = listing.state in (State.ASKED, State.PREPARED)
    is_open = listing.state == State.OPEN
    running = is_open and listing.closes_at > now()
    names = serves or oversees(user)
    buys = bool(buying_parties(user)) and not mine
    named_buyer = listing.buyer is not None and acts_for(user, listing.buyer, DISPOSE)
    return {
        "listing": listing,
        "left_kg": listing.left_kg(),
        "unbound_kg": unbound_kg(listing),
        "owners": owners_of(listing.ticket) if names or mine or named_buyer else [],
        "names": names,
        "mine": mine,
        "refusal": refusal,
        "may_confirm": named_buyer
        and listing.state == State.ASKED
        and listing.buyer_confirmed_at is None,
        "may_prepare": listing.state == State.ASKED and has_role(user, Role.TRADING_CLERK),
        "may_approve": listing.state == State.PREPARED
        and has_role(user, Role.TRADING_APPROVER)
        and listing.prepared_by_id != user.pk,
        "may_refuse": waits and serves,
        "may_retract": waits and (mine or named_buyer),
        "may_withdraw": is_open
        and (mine or has_role(user, Role.TRADING_APPROVER))
        and listing.method != Method.AGREEMENT,
        "may_close": is_open
        and listing.method == Method.BIDDING
        and not running
        and has_role(user, Role.TRADING_APPROVER),
        "buy_form": (forms.get("buy") or BuyForm(user=user))
        if running and listing.method == Method.OPEN and buys
        else None,
        "demo_code": demo_code(user) if buys else "",
        "trades": _trades(listing, user, names),
        "bidding": _bidding(listing, user, forms, running=running, may_buy=buys, names=names)
        if listing.method == Method.BIDDING
        else None,
        "pool": open_pools().filter(listing=listing).first(),
        "sign_in": running and not user.is_authenticated,
        "request_key": uuid.uuid4().hex,
    }


def _trades(listing: Listing, user: AnyUser, names: bool) -> list[Trade]:
    trades = list(listing.trades.select_related("buyer").order_by("agreed_at"))
    if names or is_seller(user, listing):
        return trades
    return [trade for trade in trades if acts_for(user, trade.buyer, DISPOSE)]


def _bidding(
    listing: Listing,
    user: AnyUser,
    forms: dict[str, Any],
    *,
    running: bool,
    may_buy: bool,
    names: bool,
) -> dict[str, Any]:
    parties = {party.pk for party in buying_parties(user)}
    deposits = list(listing.deposits.select_related("bidder"))
    own = [deposit for deposit in deposits if deposit.bidder_id in parties]
    returns = has_role(user, Role.TRADING_APPROVER)
    accepted = any(deposit.state == "accepted" for deposit in own)
    standing = any(deposit.state != "refused" for deposit in own)
    opened = listing.opens_at is not None and listing.opens_at <= now()
    may_bid = running and may_buy and accepted
    slips = {
        row.subject_key: row
        for row in Document.objects.filter(
            subject_kind=DEPOSIT, subject_key__in=[deposit.key for deposit in deposits]
        )
    }
    return {
        "live": live_facts(listing, user),
        "deposits": [
            (deposit, slips.get(deposit.key), forms.get(f"row-{deposit.pk}"))
            for deposit in deposits
        ]
        if names
        else [],
        "own": own,
        "deposit_form": (forms.get("deposit") or DepositForm(user=user))
        if may_buy and not standing and listing.state in (State.OPEN, State.ENDED)
        else None,
        "bid_form": (forms.get("bid") or BidForm(user=user)) if may_bid and opened else None,
        "waits_to_open": may_bid and not opened,
        "running": running,
        "may_decide": has_role(user, Role.TRADING_CLERK),
        # Who won and let the term of payment pass.
        "owing": set(unpaid_in_time(listing).values_list("buyer_id", flat=True)),
        "may_return": returns,
        "may_end": returns and listing.state == State.ENDED,
    }


def live_facts(listing: Listing, user: AnyUser) -> dict[str, Any]:
    """What the live page shows: bidders by their alias, own bids marked."""
    parties = {party.pk for party in buying_parties(user)}
    aliases = aliases_of(listing)
    bids = list(listing.bids.order_by("-number")[:200])
    top = max((bid.price_fen_per_tonne for bid in bids), default=None)
    step = listing.step_fen_per_tonne or 0
    return {
        "state": listing.state,
        "stateText": listing.get_state_display(),
        "ending": listing.get_ending_display(),
        "now": now().isoformat(),
        "opensAt": listing.opens_at.isoformat() if listing.opens_at else None,
        "closesAt": listing.closes_at.isoformat(),
        "extensions": listing.extensions,
        "top": yuan(top) if top is not None else None,
        "next": yuan(top + step if top is not None else listing.price_fen_per_tonne),
        "bids": [
            {
                "number": bid.number,
                "alias": aliases[bid.bidder_id],
                "price": yuan(bid.price_fen_per_tonne),
                "at": bid.at.isoformat(),
                "own": bid.bidder_id in parties,
            }
            for bid in bids
        ],
    }


@require_safe
@never_cache
def live(request: HttpRequest, number: str) -> HttpResponse:
    """The present state of a bidding, asked every few seconds."""
    listing = access_listing(number, request.user)
    if listing.method != Method.BIDDING:
        raise NotFound()
    return JsonResponse(live_facts(listing, request.user))


@require_safe
@never_cache
def protocol(request: HttpRequest, number: str) -> HttpResponse:
    """The result protocol, once the bidding is closed."""
    listing = access_listing(number, request.user)
    if listing.method != Method.BIDDING or listing.state != State.ENDED:
        raise NotFound()
    response = HttpResponse(protocol_pdf(listing), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{listing.number}.pdf"'
    return response

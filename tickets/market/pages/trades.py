"""One trade: payment, receipt, dispute."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.access import signed_in
from portal.accounts.models import Role, User
from portal.accounts.queries import acts_for, has_role
from portal.base.answers import answer_refused
from portal.base.errors import NotFound, PortalError
from portal.casework.documents import latest_documents
from tickets.market.access import DISPOSE, access_trade, in_centre, is_seller
from tickets.market.forms import PaymentForm
from tickets.market.journal import TRADE
from tickets.market.models import Trade
from tickets.market.operations import (
    decide_dispute,
    raise_dispute,
    refuse_payment,
    say_trade_paid,
    settle_trade,
    show_payment,
)
from tickets.market.pages.answers import OK, REFUSED
from tickets.market.pages.refunds import act_on_refund, refund_rights
from tickets.market.queries import overdue_trades
from tickets.registry.access import owners_of
from tickets.registry.queries import succeeding


@login_required
@never_cache
def trade_page(request: HttpRequest, number: str) -> HttpResponse:
    """A trade for its two sides and the centre."""
    user = signed_in(request)
    trade = access_trade(number, user)
    form, status = None, OK
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            form = _act(request, trade, user)
        except NotFound:
            raise
        except PortalError as error:
            refusal = error
            trade = access_trade(number, user)
            if request.POST.get("action") == "pay":
                form = PaymentForm(request.POST)
        else:
            if form is None:
                return redirect("market:trade", number=trade.number)
            status = REFUSED
    context = _context(trade, user, form, refusal)
    return answer_refused(render(request, "market/trade.html", context, status=status), refusal)


def _act(request: HttpRequest, trade: Trade, user: User) -> PaymentForm | None:
    """One operation; the form when it was filled in wrongly."""
    action, reason = request.POST.get("action", ""), request.POST.get("reason", "")
    if action == "pay":
        form = PaymentForm(request.POST, request.FILES)
        if not form.is_valid():
            return form
        given = form.cleaned_data
        show_payment(
            trade=trade,
            number=given["number"],
            payment_number=given["payment_number"],
            amount_fen=given["amount"],
            upload=given["slip"],
            actor=user,
        )
        messages.success(request, _("付款凭证已提交，等待交易中心确认到账。"))
        return None
    if action == "settle":
        settle_trade(trade=trade, actor=user)
        messages.success(request, _("已确认到账，转移已登记。"))
    elif action == "refuse-payment":
        refuse_payment(trade=trade, reason=reason, actor=user)
        messages.success(request, _("已退回付款凭证。"))
    elif action == "dispute":
        raise_dispute(trade=trade, text=reason, actor=user)
        messages.success(request, _("争议已提交，结算暂停。"))
    elif action in ("go-on", "annul"):
        decide_dispute(trade=trade, go_on=action == "go-on", reason=reason, actor=user)
        messages.success(request, _("已办理。"))
    else:
        messages.success(request, _act_on_money(request, trade, user, action, reason))
    return None


def _act_on_money(
    request: HttpRequest, trade: Trade, user: User, action: str, reason: str
) -> str:  # fmt: skip
    """Of a trade that is over: its buyer says what was paid, the centre finds it and gives it back."""
    number = request.POST.get("payment_number", "")
    if action == "say":
        say_trade_paid(trade=trade, payment_number=number, actor=user)
        return _("已告知交易中心。")
    if not in_centre(user):
        raise NotFound()
    return act_on_refund(trade, action=action, number=number, reason=reason, user=user)


def _context(
    trade: Trade, user: User, form: PaymentForm | None, refusal: PortalError | None
) -> dict[str, Any]:
    waits = trade.state == Trade.State.AGREED
    buys = acts_for(user, succeeding(trade.buyer), DISPOSE)
    sells = is_seller(user, trade.listing)
    decides = has_role(user, Role.TRADING_APPROVER)
    return refund_rights(trade, user) | {
        "trade": trade,
        "listing": trade.listing,
        "owners": owners_of(trade.listing.ticket),
        "child": trade.entry.tickets_opened.first() if trade.entry else None,
        "payment": latest_documents(TRADE, trade.key).get("payment"),
        "refusal": refusal,
        "form": (form or PaymentForm())
        if waits and buys and trade.disputed_at is None and trade.paid_at is None
        else None,
        "overdue": overdue_trades().filter(pk=trade.pk).exists(),
        "may_say": buys and trade.state in Trade.UNPAID,
        "may_settle": waits and decides and trade.paid_at and trade.disputed_at is None,
        "may_dispute": waits and (buys or sells) and trade.disputed_at is None,
        "may_decide": waits and decides and trade.disputed_at is not None,
    }

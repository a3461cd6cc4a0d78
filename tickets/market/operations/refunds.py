"""Deals that ended though they were paid: their money goes back, by two of the centre.

An order that was not certified in time, a trade that was annulled, or whose buyer paid too late.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar, cast

from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Role, User
from portal.accounts.queries import acts_for, officers, people_acting_for
from portal.base.clock import now
from portal.base.errors import NotFound, PortalError
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from tickets.market.access import DISPOSE, refuse_own_deal
from tickets.market.errors import OrderMovedOn, ReceiptNotFound, SamePerson, TradeMovedOn
from tickets.market.journal import ORDER, TRADE, record
from tickets.market.models import Listing, RetailOrder, Trade
from tickets.market.operations.dealing import bank_number, free_unbound, lock_listing, write_to
from tickets.market.operations.listings import note_unsold
from tickets.market.prices import yuan
from tickets.offsets.models import Beneficiary
from tickets.registry.access import require_office
from tickets.registry.queries import succeeding

Deal: TypeAlias = RetailOrder | Trade
AnyDeal = TypeVar("AnyDeal", bound=RetailOrder | Trade)
# Both tables name the states of a refund alike.
OrderState, TradeState = RetailOrder.State, Trade.State


@write_transaction
def say_order_paid(*, order: RetailOrder, payment_number: str, actor: User | None) -> RetailOrder:
    """Whoever has the order's code says by which payment, also when its term is over already: then
    the centre looks for the money to give it back.

    Raises OrderMovedOn, InvalidInput.
    """
    found = _locked(order, OrderState.WAITING, OrderState.LAPSED)
    first = found.said_at is None
    found.said_number, found.said_at = bank_number(payment_number), now()
    if found.state == OrderState.LAPSED:
        found.state = OrderState.REFUND
    found.save(update_fields=["said_number", "said_at", "state"])
    record(ORDER, found.key, "payment_said", actor)
    if found.state == OrderState.REFUND:
        tell_of_refund(found)
    elif first:
        tell(
            users=officers(Role.TRADING_APPROVER),
            subject=_("待确认到账：{number}").format(number=found.number),
            body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
            link=_page_of(found),
        )
    return found


@write_transaction
def say_trade_paid(*, trade: Trade, payment_number: str, actor: User) -> Trade:
    """The buyer of a trade that is over says by which payment: the centre looks for the money.

    Raises TradeMovedOn, PaymentUsed, InvalidInput.
    """
    found = _locked(trade, *Trade.UNPAID)
    if not acts_for(actor, succeeding(found.buyer), DISPOSE):
        raise NotFound()
    found.state, found.payment_number = TradeState.REFUND, bank_number(payment_number)
    found.save(update_fields=["state", "payment_number"])
    record(TRADE, found.key, "payment_said", actor)
    tell_of_refund(found)
    return found


@write_transaction
def find_receipt(*, deal: AnyDeal, payment_number: str, actor: User) -> AnyDeal:
    """The centre's clerk found the money of a deal that is over, or of an order whose name ecology
    refused meanwhile: it is owed back.

    Raises OrderMovedOn, TradeMovedOn, SamePerson, PaymentUsed, InvalidInput.
    """
    require_office(actor, Role.TRADING_CLERK)
    listing = lock_listing(deal.listing)
    found = _locked(deal)
    if (
        found.state not in (OrderState.REFUND, *unpaid_states(found))
        or found.found_by_id is not None
    ):
        raise _moved_on(found)
    _refuse_own(found, actor)
    waited = found.state == OrderState.WAITING
    found.state, found.found_by = OrderState.REFUND, actor
    found.payment_number, found.ended_at = bank_number(payment_number), found.ended_at or now()
    found.save(update_fields=["state", "found_by", "payment_number", "ended_at"])
    _record(found, "receipt_found", actor)
    if waited and listing.state == Listing.State.ENDED:
        free_unbound(listing, None)
        note_unsold(listing, None)
    tell(
        users=officers(Role.TRADING_APPROVER),
        subject=_("待退款：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
        link=_page_of(found),
    )
    return found


@write_transaction
def deny_refund(*, deal: AnyDeal, reason: str, actor: User) -> AnyDeal:
    """The clerk found no such receipt; the buyer reads why and may say another number.

    Raises OrderMovedOn, TradeMovedOn, SamePerson, OwnMatter, ReasonMissing.
    """
    require_office(actor, Role.TRADING_CLERK)
    found = _locked(deal, OrderState.REFUND)
    if found.found_by_id is not None:
        raise _moved_on(found)
    if not reason.strip():
        raise ReasonMissing()
    _refuse_own(found, actor)
    if isinstance(found, Trade) and found.disputed_at is not None:
        found.state = TradeState.ANNULLED  # A disputed trade does not lapse.
    else:
        found.state = OrderState.LAPSED
    found.denied_by, found.reason = actor, reason.strip()[:200]
    found.save(update_fields=["state", "denied_by", "reason"])
    _record(found, "receipt_not_found", actor)
    _write(found, _("{number}：未查到付款").format(number=found.number), found.reason)
    return found


@write_transaction
def refund(*, deal: AnyDeal, refund_number: str, actor: User) -> AnyDeal:
    """The centre's approver paid it back; the number is the bank's of that payment.

    Raises OrderMovedOn, TradeMovedOn, ReceiptNotFound, SamePerson, PaymentUsed, InvalidInput.
    """
    require_office(actor, Role.TRADING_APPROVER)
    found = _locked(deal, OrderState.REFUND)
    if found.found_by_id is None:
        raise ReceiptNotFound()
    if found.found_by_id == actor.pk:
        raise SamePerson()
    _refuse_own(found, actor)
    found.state, found.refund_number = OrderState.REFUNDED, bank_number(refund_number)
    found.refunded_by, found.refunded_at = actor, now()
    found.save(update_fields=["state", "refund_number", "refunded_by", "refunded_at"])
    _record(found, "refunded", actor)
    _write(
        found,
        _("{number}：已退款").format(number=found.number),
        _("{amount} 元已退还，退款流水号 {refund}。").format(
            amount=yuan(found.amount_fen), refund=found.refund_number
        ),
    )
    return found


def tell_of_refund(deal: Deal) -> None:
    """The centre's clerks look for the money that the buyer says to have paid."""
    tell(
        users=officers(Role.TRADING_CLERK),
        subject=_("待核实付款并退款：{number}").format(number=deal.number),
        body=_("{amount} 元，付款人所填流水号 {said}").format(
            amount=yuan(deal.amount_fen),
            said=deal.payment_number if isinstance(deal, Trade) else deal.said_number,
        ),
        link=_page_of(deal),
    )


# --- what orders and trades do not share -----------------------------------------------------------
def unpaid_states(deal: Deal) -> tuple[str, ...]:
    """In which its money may be found to be given back."""
    if isinstance(deal, Trade):
        return Trade.UNPAID
    refused = deal.beneficiary.state == Beneficiary.State.REFUSED
    return (OrderState.LAPSED, OrderState.WAITING) if refused else (OrderState.LAPSED,)


def _moved_on(deal: Deal) -> PortalError:
    return TradeMovedOn() if isinstance(deal, Trade) else OrderMovedOn()


def _refuse_own(deal: Deal, actor: User) -> None:
    if actor.pk in ([deal.bought_by_id] if isinstance(deal, Trade) else [deal.ordered_by_id]):
        raise SamePerson()
    buyers = [deal.buyer, succeeding(deal.buyer)] if isinstance(deal, Trade) else []
    refuse_own_deal(deal.listing, actor, *buyers)


def _record(deal: Deal, verb: str, actor: User) -> None:
    record(TRADE if isinstance(deal, Trade) else ORDER, deal.key, verb, actor)


def _page_of(deal: Deal) -> str:
    if isinstance(deal, Trade):
        return f"/market/trades/{deal.number}/"
    return f"/market/orders/{deal.code}/"


def _write(deal: Deal, subject: str, body: str) -> None:
    """To the buyer."""
    if isinstance(deal, RetailOrder):
        write_to(deal, subject, body)
        return
    tell(
        users=people_acting_for([deal.buyer], DISPOSE),
        subject=subject,
        body=body,
        link=_page_of(deal),
    )


def _locked(deal: AnyDeal, *states: str) -> AnyDeal:
    rows = type(deal)._default_manager.select_for_update(of=("self",))
    who = "buyer" if isinstance(deal, Trade) else "ordered_by"
    found = cast(AnyDeal, rows.select_related(who).get(pk=deal.pk))
    if states and found.state not in states:
        raise _moved_on(found)
    return found

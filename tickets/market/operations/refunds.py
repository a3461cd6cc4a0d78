"""Orders that were paid but not certified in time: their money goes back, by two of the centre."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Role, User
from portal.accounts.queries import officers
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from tickets.market.errors import OrderMovedOn, ReceiptNotFound, SamePerson
from tickets.market.journal import ORDER, record
from tickets.market.models import RetailOrder
from tickets.market.operations.dealing import bank_number, write_to
from tickets.market.prices import yuan
from tickets.registry.access import require_office

State = RetailOrder.State


@write_transaction
def say_order_paid(*, order: RetailOrder, payment_number: str, actor: User | None) -> RetailOrder:
    """Whoever has the order's code says by which payment, also when its term is over already: then
    the centre looks for the money to give it back.

    Raises OrderMovedOn, InvalidInput.
    """
    found = _locked(order, State.WAITING, State.LAPSED)
    first = found.said_at is None
    found.said_number, found.said_at = bank_number(payment_number), now()
    if found.state == State.LAPSED:
        found.state = State.REFUND
    found.save(update_fields=["said_number", "said_at", "state"])
    record(ORDER, found.key, "payment_said", actor)
    if found.state == State.REFUND:
        tell_of_refund(found)
    elif first:
        tell(
            users=officers(Role.TRADING_APPROVER),
            subject=_("待确认到账：{number}").format(number=found.number),
            body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
            link=f"/market/orders/{found.code}/",
        )
    return found


@write_transaction
def find_receipt(*, order: RetailOrder, payment_number: str, actor: User) -> RetailOrder:
    """The centre's clerk found the money of an order that is over: it is owed back.

    Raises OrderMovedOn, PaymentUsed, InvalidInput.
    """
    require_office(actor, Role.TRADING_CLERK)
    found = _locked(order, State.LAPSED, State.REFUND)
    if found.found_by_id is not None:
        raise OrderMovedOn()
    found.state, found.found_by = State.REFUND, actor
    found.payment_number = bank_number(payment_number)
    found.save(update_fields=["state", "found_by", "payment_number"])
    record(ORDER, found.key, "receipt_found", actor)
    tell(
        users=officers(Role.TRADING_APPROVER),
        subject=_("待退款：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
        link=f"/market/orders/{found.code}/",
    )
    return found


@write_transaction
def deny_refund(*, order: RetailOrder, reason: str, actor: User) -> RetailOrder:
    """The clerk found no such receipt; the buyer reads why and may say another number."""
    require_office(actor, Role.TRADING_CLERK)
    found = _locked(order, State.REFUND)
    if found.found_by_id is not None:
        raise OrderMovedOn()
    if not reason.strip():
        raise ReasonMissing()
    found.state, found.reason = State.LAPSED, reason.strip()[:200]
    found.save(update_fields=["state", "reason"])
    record(ORDER, found.key, "receipt_not_found", actor)
    write_to(found, _("订单 {number}：未查到付款").format(number=found.number), found.reason)
    return found


@write_transaction
def refund_order(*, order: RetailOrder, refund_number: str, actor: User) -> RetailOrder:
    """The centre's approver paid it back; the number is the bank's of that payment.

    Raises OrderMovedOn, ReceiptNotFound, SamePerson, RefundUsed, InvalidInput.
    """
    require_office(actor, Role.TRADING_APPROVER)
    found = _locked(order, State.REFUND)
    if found.found_by_id is None:
        raise ReceiptNotFound()
    if found.found_by_id == actor.pk:
        raise SamePerson()
    found.state, found.refund_number = State.REFUNDED, bank_number(refund_number)
    found.refunded_by, found.refunded_at = actor, now()
    found.save(update_fields=["state", "refund_number", "refunded_by", "refunded_at"])
    record(ORDER, found.key, "refunded", actor)
    write_to(
        found,
        _("订单 {number}：已退款").format(number=found.number),
        _("{amount} 元已退还，退款流水号 {refund}。").format(
            amount=yuan(found.amount_fen), refund=found.refund_number
        ),
    )
    return found


def tell_of_refund(order: RetailOrder) -> None:
    """The centre's clerks look for the money that the buyer says to have paid."""
    tell(
        users=officers(Role.TRADING_CLERK),
        subject=_("待核实付款并退款：{number}").format(number=order.number),
        body=_("{amount} 元，付款人所填流水号 {said}").format(
            amount=yuan(order.amount_fen), said=order.said_number
        ),
        link=f"/market/orders/{order.code}/",
    )


def _locked(order: RetailOrder, *states: RetailOrder.State) -> RetailOrder:
    found = (
        RetailOrder.objects.select_for_update(of=("self",))
        .select_related("ordered_by")
        .get(pk=order.pk)
    )
    if found.state not in states:
        raise OrderMovedOn()
    return found

"""What every way of dealing shares: the lock, a trade in the listing, freeing what nobody waits for."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.utils.translation import gettext as _

from portal.accounts.models import Party, Role, User
from portal.accounts.queries import has_role, people_acting_for
from portal.base.clock import now
from portal.base.errors import InvalidInput
from portal.base.numbers import NumberKind, draw_number
from portal.base.outbox import post_message
from portal.base.policy import policy_number
from portal.casework.notices import tell
from tickets.market.access import DISPOSE
from tickets.market.errors import ListingNotOpen, LotTooSmall, NotEnoughListed
from tickets.market.journal import TRADE, record
from tickets.market.models import Listing, RetailOrder, Trade
from tickets.market.prices import require_amount, yuan
from tickets.registry.access import owners_of
from tickets.registry.operations import unlist_blocks
from tickets.registry.quantities import tonnes

BANK_NUMBER_LENGTH = 60
_NOT_OF_A_NUMBER = re.compile("[^0-9A-Za-z\u4e00-\u9fff]")


def lock_listing(listing: Listing) -> Listing:
    """The listing as it stands, held until the act ends: deals on it come one after the other."""
    return (
        Listing.objects.select_for_update(of=("self",))
        .select_related("ticket", "cause", "buyer", "buyer_confirmed_by")
        .get(pk=listing.pk)
    )


def bank_number(text: str) -> str:
    """A bank's number of a payment in its one spelling, letters and digits alone, as the database's
    ``market_bank_key`` has it; InvalidInput when nothing is left or it is too long."""
    said = _NOT_OF_A_NUMBER.sub("", unicodedata.normalize("NFKC", text)).upper()
    if not said:
        raise InvalidInput(field=_("银行流水号"), reason=_("不能为空"))
    if len(said) > BANK_NUMBER_LENGTH:
        raise InvalidInput(field=_("银行流水号"), reason=_("过长"))
    return said


def unbound_kg(listing: Listing) -> int:
    """What stands on the list for it and no trade or order waits for; the triggers' own sum."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market_unbound_kg(%s)", [listing.pk])
        found: int = cursor.fetchone()[0]
    return found


def require_lot(listing: Listing, quantity_kg: int) -> None:
    """So much may be taken from an open listing now: ListingNotOpen, NotEnoughListed, LotTooSmall."""
    if (
        listing.state != Listing.State.OPEN
        or listing.method != Listing.Method.OPEN
        or listing.closes_at <= now()
    ):
        raise ListingNotOpen()
    free = unbound_kg(listing)
    if quantity_kg > free:
        raise NotEnoughListed(wanted=quantity_kg, free=free)
    # What is left may be less than the smallest lot; then it goes whole.
    least = min(listing.min_lot_kg or 1, free)
    if quantity_kg < least:
        raise LotTooSmall(least=least)


def free_unbound(listing: Listing, actor: User | None) -> int:
    """Unlist what nothing waits for, unless an order freezes it (then it stays until it is lifted)."""
    blocks = listing.cause.blocks.standing().filter(state="listed")
    movable = blocks.filter(freezes__len=0).quantity_kg()
    quantity_kg = min(unbound_kg(listing), movable)
    if quantity_kg > 0:
        # The holder's or the buyer's act may end a listing; the register then names the machine.
        by = actor if actor is not None and has_role(actor, Role.TRADING_APPROVER) else None
        unlist_blocks(cause=listing.cause, actor=by, quantity_kg=quantity_kg)
    return max(quantity_kg, 0)


def agree(
    *,
    listing: Listing,
    buyer: Party,
    bought_by: User,
    quantity_kg: int,
    price_fen_per_tonne: int,
    actor: User | None,
) -> Trade:
    """A trade that waits for its payment; the database keeps it within what is listed."""
    hours = int(policy_number("market.payment_hours"))
    trade = Trade.objects.create(
        number=draw_number(NumberKind.TRADE),
        listing=listing,
        buyer=buyer,
        bought_by=bought_by,
        quantity_kg=quantity_kg,
        price_fen_per_tonne=price_fen_per_tonne,
        amount_fen=require_amount(price_fen_per_tonne, quantity_kg),
        pay_by=now() + timedelta(hours=hours),
    )
    trade.refresh_from_db()
    record(
        TRADE, trade.key, "agreed", actor,
        listing=str(listing.pk), buyer=str(buyer.key), kg=quantity_kg,
        price_fen_per_tonne=price_fen_per_tonne, amount_fen=trade.amount_fen,
    )  # fmt: skip
    tell(
        users=people_acting_for([buyer], DISPOSE),
        subject=_("成交 {number}：请付款").format(number=trade.number),
        body=_("{tonnes} 吨，应付 {amount} 元。付款后请上传凭证。").format(
            tonnes=tonnes(quantity_kg), amount=yuan(trade.amount_fen)
        ),
        link=f"/market/trades/{trade.number}/",
    )
    return trade


def tell_holder(listing: Listing, buyer: Party) -> None:
    """The holder hears by message and e-mail of the first deal with somebody new (domain.md)."""
    tell(
        users=people_acting_for(owners_of(listing.ticket), DISPOSE),
        subject=_("首次与新的交易对方交易：{number}").format(number=listing.number),
        body=_(
            "您的碳票 {ticket} 将首次与“{buyer}”交易。如非您本人意愿，请立即联系交易中心并修改密码。"
        ).format(ticket=listing.ticket.number, buyer=buyer.name),
        link=f"/market/listings/{listing.number}/",
    )


def write_to(order: RetailOrder, subject: str, body: str) -> None:
    """To the inbox of whoever has an account, otherwise by e-mail where one was given."""
    if order.ordered_by is not None:
        tell(
            users=[order.ordered_by], subject=subject, body=body,
            link=f"/market/orders/{order.code}/",
        )  # fmt: skip
        return
    try:
        validate_email(order.contact)
    except ValidationError:
        return  # A telephone number: the cashier calls.
    post_message(recipient=order.contact, subject=subject, body=body)

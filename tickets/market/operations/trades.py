"""Buying from a listing, payment, registration; what is not paid in time lapses."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Department, Party, Role, User
from portal.accounts.queries import acts_for
from portal.base.clock import now
from portal.base.errors import InvalidInput, NotFound
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from tickets.market.access import (
    DISPOSE,
    centre_people,
    is_seller,
    people_of,
    require_not_seller,
)
from tickets.market.errors import (
    ListingNotOpen,
    LotTooSmall,
    NewCounterparty,
    NotEnoughListed,
    PaymentForAnotherDeal,
    PaymentNotShown,
    PaymentUsed,
    SamePerson,
    TradeDisputed,
    TradeMovedOn,
)
from tickets.market.journal import TRADE, record
from tickets.market.models import Listing, Trade
from tickets.market.operations.dealing import (
    agree,
    free_unbound,
    lock_listing,
    tell_holder,
    unbound_kg,
)
from tickets.market.operations.listings import end_listing
from tickets.market.operations.reserve import note_premium
from tickets.market.prices import yuan
from tickets.registry.access import owners_of, require_office
from tickets.registry.operations import Owners, trade_listed
from tickets.registry.operations.registrations import require_holder
from tickets.registry.quantities import require_quantity, tonnes
from tickets.registry.queries import has_dealt_with

State = Trade.State


@write_transaction
def buy(
    *, listing: Listing, buyer: Party, quantity_kg: int, actor: User, confirmed: bool = False
) -> Trade:
    """Part of an open listing at its price; ``confirmed``: the second factor was right.

    Raises ListingNotOpen, InvalidQuantity, LotTooSmall, NotEnoughListed, SellerCannotBuy,
    PartyUnknown, PartyMerged, NewCounterparty.
    """
    require_quantity(quantity_kg)
    found = lock_listing(listing)
    if not acts_for(actor, buyer, DISPOSE):
        raise NotFound()
    if (
        found.state != Listing.State.OPEN
        or found.method != Listing.Method.OPEN
        or found.closes_at <= now()
    ):
        raise ListingNotOpen()
    require_holder(buyer)
    require_not_seller(found, buyer, actor)
    free = unbound_kg(found)
    if quantity_kg > free:
        raise NotEnoughListed(wanted=quantity_kg, free=free)
    least = min(found.min_lot_kg or 1, free)
    if quantity_kg < least:
        raise LotTooSmall(least=least)
    first = not has_dealt_with(owners_of(found.ticket), buyer)
    if first and not confirmed:
        raise NewCounterparty()
    trade = agree(
        listing=found,
        buyer=buyer,
        bought_by=actor,
        quantity_kg=quantity_kg,
        price_fen_per_tonne=found.price_fen_per_tonne,
        actor=actor,
    )
    if first:
        tell_holder(found, buyer)
    return trade


@write_transaction
def show_payment(
    *, trade: Trade, number: str, payment_number: str, amount_fen: int, upload: Upload, actor: User
) -> Trade:
    """The buyer's evidence of a payment outside the portal, which names this deal and its amount.

    Raises TradeMovedOn, PaymentForAnotherDeal, PaymentUsed.
    """
    found = _locked(trade)
    if not acts_for(actor, found.buyer, DISPOSE):
        raise NotFound()
    if number.strip().upper() != found.number or amount_fen != found.amount_fen:
        raise PaymentForAnotherDeal(number=found.number, amount=yuan(found.amount_fen))
    said = "".join(payment_number.split())[:60]
    if not said:
        raise InvalidInput(field=_("付款流水号"), reason=_("不能为空"))
    if (
        Trade.objects.filter(payment_sha256=upload.sha256, state__in=[State.AGREED, State.SETTLED])
        .exclude(pk=found.pk)
        .exists()
    ):
        raise PaymentUsed()
    add_document(
        subject_kind=TRADE, subject_key=found.key, kind="payment", upload=upload, actor=actor
    )
    found.payment_number, found.payment_sha256, found.paid_at = said, upload.sha256, now()
    found.save(update_fields=["payment_number", "payment_sha256", "paid_at"])
    record(TRADE, found.key, "payment_shown", actor, sha256=upload.sha256)
    tell(
        users=centre_people(Role.TRADING_APPROVER),
        subject=_("待确认到账：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
        link=f"/market/trades/{found.number}/",
    )
    return found


@write_transaction
def refuse_payment(*, trade: Trade, reason: str, actor: User) -> Trade:
    """The cashier found no such receipt; the buyer may show another until the term ends."""
    require_office(actor, Role.TRADING_APPROVER)
    found = _locked(trade)
    if found.paid_at is None:
        raise PaymentNotShown()
    if not reason.strip():
        raise ReasonMissing()
    found.payment_number, found.payment_sha256, found.paid_at = "", "", None
    found.reason = reason.strip()[:2000]
    found.save(update_fields=["payment_number", "payment_sha256", "paid_at", "reason"])
    record(TRADE, found.key, "payment_refused", actor)
    _tell_both(found, _("付款凭证未通过：{reason}").format(reason=found.reason))
    return found


@write_transaction
def settle_trade(*, trade: Trade, actor: User) -> Trade:
    """The cashier confirms the receipt and the transfer is registered in the same transaction.

    Raises OfficeMissing, TradeMovedOn (two confirmations of one deal), TradeDisputed,
    PaymentNotShown, SamePerson, and what the ledger refuses (BlockNotFree while frozen).
    """
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(trade.listing)
    found = _locked(trade)
    if found.disputed_at is not None:
        raise TradeDisputed()
    if found.paid_at is None:
        raise PaymentNotShown()
    if actor.pk in (found.bought_by_id, listing.prepared_by_id, listing.asked_by_id):
        raise SamePerson()
    entry = trade_listed(
        cause=listing.cause,
        to=Owners.sole(found.buyer),
        quantity_kg=found.quantity_kg,
        actor=actor,
        document_sha256=bytes.fromhex(found.payment_sha256),
    )
    found.state, found.entry, found.settled_by, found.ended_at = (
        State.SETTLED, entry, actor, now(),
    )  # fmt: skip
    found.save(update_fields=["state", "entry", "settled_by", "ended_at"])
    record(TRADE, found.key, "settled", actor, entry=entry.pk, kg=found.quantity_kg)
    note_premium(found)
    if listing.state == Listing.State.OPEN and listing.left_kg() == 0:
        end_listing(listing, Listing.Ending.SOLD, actor)
    _tell_both(found, _("已登记转移"))
    return found


# --- disputes and terms -------------------------------------------------------------------------
@write_transaction
def raise_dispute(*, trade: Trade, text: str, actor: User) -> Trade:
    """Either side stops the settlement; the kilograms stay on the list until it is decided.

    Forestry is told: an order of its own (freeze, kind dispute) may be laid over them.
    """
    found = _locked(trade)
    if not acts_for(actor, found.buyer, DISPOSE) and not is_seller(actor, found.listing):
        raise NotFound()
    if not text.strip():
        raise ReasonMissing()
    if found.disputed_at is not None:
        raise TradeDisputed()
    found.disputed_by, found.disputed_at, found.dispute = actor, now(), text.strip()[:2000]
    found.save(update_fields=["disputed_by", "disputed_at", "dispute"])
    record(TRADE, found.key, "disputed", actor)
    told = [*centre_people(Role.TRADING_CLERK), *centre_people(Role.TRADING_APPROVER)]
    tell(
        users=[*told, *_clerks_of(Department.FORESTRY)],
        subject=_("成交争议：{number}").format(number=found.number),
        body=_("{ticket} 上的 {tonnes} 吨暂停结算。").format(
            ticket=found.listing.ticket.number, tonnes=tonnes(found.quantity_kg)
        ),
        link=f"/market/trades/{found.number}/",
    )
    return found


@write_transaction
def decide_dispute(*, trade: Trade, go_on: bool, reason: str, actor: User) -> Trade:
    """The approver lets the settlement go on, or annuls the trade and frees the kilograms."""
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(trade.listing)
    found = _locked(trade)
    if found.disputed_at is None:
        raise TradeMovedOn()
    if not reason.strip():
        raise ReasonMissing()
    found.reason = reason.strip()[:2000]
    if go_on:
        found.disputed_at, found.pay_by = None, max(found.pay_by, now())
        found.save(update_fields=["disputed_at", "pay_by", "reason"])
        record(TRADE, found.key, "dispute_settled", actor)
    else:
        _end(found, listing, State.ANNULLED, actor)
    _tell_both(found, found.reason)
    return found


def lapse_overdue_trades() -> int:
    """Trades without evidence after their term; how many lapsed. A job's act."""
    due = Trade.objects.filter(
        state=State.AGREED, pay_by__lt=now(), paid_at__isnull=True, disputed_at__isnull=True
    ).select_related("listing")
    return sum(_lapse(trade) for trade in due)


@write_transaction
def _lapse(trade: Trade) -> bool:
    listing = lock_listing(trade.listing)
    found = Trade.objects.select_for_update(of=("self",)).get(pk=trade.pk)
    if (
        found.state != State.AGREED
        or found.paid_at is not None
        or found.disputed_at is not None
        or found.pay_by >= now()
    ):
        return False
    _end(found, listing, State.LAPSED, None)
    _tell_both(found, _("逾期未付款，成交失效"))
    return True


def _end(trade: Trade, listing: Listing, state: Trade.State, actor: User | None) -> None:
    trade.state, trade.ended_at = state, now()
    trade.save(update_fields=["state", "ended_at", "reason"])
    record(TRADE, trade.key, str(state), actor)
    if listing.state == Listing.State.OPEN and listing.method == Listing.Method.AGREEMENT:
        end_listing(listing, Listing.Ending.FAILED, actor)
    elif listing.state == Listing.State.ENDED:
        free_unbound(listing, actor)


def _locked(trade: Trade) -> Trade:
    found = (
        Trade.objects.select_for_update(of=("self",))
        .select_related("buyer", "listing__ticket", "bought_by")
        .get(pk=trade.pk)
    )
    if found.state != State.AGREED:
        raise TradeMovedOn()
    return found


def _clerks_of(department: Department) -> list[User]:
    return list(
        User.objects.filter(
            role_grants__department=department.value,
            role_grants__role=Role.CLERK,
            role_grants__valid_to__isnull=True,
        ).distinct()
    )


def _tell_both(trade: Trade, text: str) -> None:
    tell(
        users=people_of([trade.buyer, *owners_of(trade.listing.ticket)]),
        subject=f"{trade.number}：{trade.get_state_display()}",
        body=f"{tonnes(trade.quantity_kg)} t · {yuan(trade.amount_fen)} CNY · {text}",
        link=f"/market/trades/{trade.number}/",
    )

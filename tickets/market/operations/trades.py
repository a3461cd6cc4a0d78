"""Buying from a listing, payment, registration; what is not paid in time lapses."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Party, Role, User
from portal.accounts.queries import acts_for, officers, people_acting_for
from portal.base.clock import now
from portal.base.errors import NotFound
from portal.base.policy import policy_number
from portal.base.transactions import each_apart, write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from tickets.market.access import DISPOSE, is_seller, refuse_own_deal, require_not_seller
from tickets.market.errors import (
    NewCounterparty,
    PaymentForAnotherDeal,
    PaymentNotShown,
    PaymentShown,
    PaymentUsed,
    SamePerson,
    TradeDisputed,
    TradeMovedOn,
)
from tickets.market.journal import TRADE, record
from tickets.market.models import Listing, Trade
from tickets.market.operations.dealing import (
    agree,
    bank_number,
    free_unbound,
    lock_listing,
    require_lot,
    tell_holder,
)
from tickets.market.operations.listings import end_listing, note_unsold
from tickets.market.operations.refunds import tell_of_refund
from tickets.market.operations.reserve import note_premium
from tickets.market.prices import yuan
from tickets.market.queries import overdue_trades
from tickets.registry.access import owners_of, require_office
from tickets.registry.operations import Owners, freeze_disputed, lift_dispute, trade_listed
from tickets.registry.operations.registrations import require_holder
from tickets.registry.quantities import require_quantity, tonnes
from tickets.registry.queries import has_dealt_with, succeeding

State = Trade.State
_SHOWN = ["payment_number", "payment_sha256", "paid_at", "confirm_by", "overdue_at"]


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
    require_lot(found, quantity_kg)
    require_holder(buyer)
    require_not_seller(found, buyer, actor)
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

    It stands until the cashier confirms or refuses it. While a dispute stands nothing is shown: a
    payment of a trade that is then annulled is said afterwards (``say_trade_paid``).
    Raises TradeMovedOn, TradeDisputed, PaymentShown, PaymentForAnotherDeal, PaymentUsed.
    """
    found = _locked(trade)
    if not acts_for(actor, succeeding(found.buyer), DISPOSE):
        raise NotFound()
    if found.disputed_at is not None:
        raise TradeDisputed()
    if found.paid_at is not None:
        raise PaymentShown()
    if number.strip().upper() != found.number or amount_fen != found.amount_fen:
        raise PaymentForAnotherDeal(number=found.number, amount=yuan(found.amount_fen))
    said = bank_number(payment_number)
    if (
        Trade.objects.filter(payment_sha256=upload.sha256)
        .exclude(state__in=Trade.UNPAID)
        .exclude(pk=found.pk)
        .exists()
    ):
        raise PaymentUsed()
    add_document(
        subject_kind=TRADE, subject_key=found.key, kind="payment", upload=upload, actor=actor
    )
    found.payment_number, found.payment_sha256, found.paid_at = said, upload.sha256, now()
    hours = int(policy_number("market.cashier_hours"))
    found.confirm_by, found.overdue_at = found.paid_at + timedelta(hours=hours), None
    found.save(update_fields=_SHOWN)
    record(TRADE, found.key, "payment_shown", actor, sha256=upload.sha256)
    tell(
        users=officers(Role.TRADING_APPROVER),
        subject=_("待确认到账：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
        link=f"/market/trades/{found.number}/",
    )
    return found


@write_transaction
def refuse_payment(*, trade: Trade, reason: str, actor: User) -> Trade:
    """The cashier found no such receipt; the buyer may show another until the term ends, which stood
    still meanwhile.

    Raises TradeMovedOn, TradeDisputed, PaymentNotShown, ReasonMissing, SamePerson, OwnMatter.
    """
    require_office(actor, Role.TRADING_APPROVER)
    found = _locked(trade)
    if found.disputed_at is not None:
        raise TradeDisputed()
    if found.paid_at is None:
        raise PaymentNotShown()
    if not reason.strip():
        raise ReasonMissing()
    _refuse_own(found, actor)
    found.decided_by = actor
    found.pay_by = now() + max(found.pay_by - found.paid_at, timedelta(0))
    found.payment_number, found.payment_sha256, found.paid_at = "", "", None
    found.confirm_by = found.overdue_at = None
    found.reason = reason.strip()[:2000]
    found.save(update_fields=[*_SHOWN, "pay_by", "decided_by", "reason"])
    record(TRADE, found.key, "payment_refused", actor)
    _tell_both(found, _("付款凭证未通过：{reason}").format(reason=found.reason))
    return found


@write_transaction
def settle_trade(*, trade: Trade, actor: User) -> Trade:
    """The cashier confirms the receipt and the transfer is registered in the same transaction, to the
    successor of a buyer who has ceased since.

    Raises OfficeMissing, TradeMovedOn (two confirmations of one deal), TradeDisputed,
    PaymentNotShown, SamePerson, OwnMatter, and what the ledger refuses (BlockNotFree while frozen).
    """
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(trade.listing)
    found = _locked(trade)
    if found.disputed_at is not None:
        raise TradeDisputed()
    if found.paid_at is None:
        raise PaymentNotShown()
    if listing.prepared_by_id == actor.pk:
        raise SamePerson()
    _refuse_own(found, actor)
    entry = trade_listed(
        cause=listing.cause,
        to=Owners.sole(succeeding(found.buyer)),
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
    """Either side stops the settlement: the kilograms are frozen on the list until it is decided."""
    lock_listing(trade.listing)
    found = _locked(trade)
    buys = acts_for(actor, succeeding(found.buyer), DISPOSE)
    if not buys and not is_seller(actor, found.listing):
        raise NotFound()
    if not text.strip():
        raise ReasonMissing()
    if found.disputed_at is not None:
        raise TradeDisputed()
    found.disputed_by, found.disputed_at, found.dispute = actor, now(), text.strip()[:2000]
    found.freeze = freeze_disputed(
        cause=found.listing.cause,
        quantity_kg=found.quantity_kg,
        reason=_("成交争议：{number}").format(number=found.number),
    )
    found.save(update_fields=["disputed_by", "disputed_at", "dispute", "freeze"])
    record(
        TRADE, found.key, "disputed", actor,
        freeze=str(found.freeze.key) if found.freeze else None,
    )  # fmt: skip
    tell(
        users=[*officers(Role.TRADING_CLERK), *officers(Role.TRADING_APPROVER)],
        subject=_("成交争议：{number}").format(number=found.number),
        body=_("{ticket} 上的 {tonnes} 吨已冻结，暂停结算。").format(
            ticket=found.listing.ticket.number, tonnes=tonnes(found.quantity_kg)
        ),
        link=f"/market/trades/{found.number}/",
    )
    return found


@write_transaction
def decide_dispute(*, trade: Trade, go_on: bool, reason: str, actor: User) -> Trade:
    """The approver lets the settlement go on, or annuls the trade and frees the kilograms; the money
    of a payment that was shown is then looked for and given back."""
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(trade.listing)
    found = _locked(trade)
    if found.disputed_at is None:
        raise TradeMovedOn()
    if not reason.strip():
        raise ReasonMissing()
    _refuse_own(found, actor)
    found.decided_by, found.reason = actor, reason.strip()[:2000]
    if found.freeze is not None:
        lift_dispute(order=found.freeze, actor=actor)
    if go_on:
        # The terms stood still: what was left of them when the dispute began is left now.
        stood = now() - found.disputed_at
        found.pay_by = max(found.pay_by, found.disputed_at) + stood
        if found.confirm_by is not None:
            found.confirm_by = max(found.confirm_by, found.disputed_at) + stood
        found.disputed_at = None
        found.save(update_fields=["disputed_at", "pay_by", "confirm_by", "decided_by", "reason"])
        record(TRADE, found.key, "dispute_settled", actor)
    else:
        paid = found.paid_at is not None
        _end(found, listing, State.REFUND if paid else State.ANNULLED, actor)
        if paid:
            tell_of_refund(found)
    _tell_both(found, found.reason)
    return found


def remind_of_overdue_payments() -> int:
    """Both sides and the centre hear once of a payment that the cashier has not looked at in time;
    of how many. A job's act: nothing lapses, as money may have moved."""
    due = overdue_trades().filter(overdue_at__isnull=True)
    return each_apart(due, _remind)


@write_transaction
def _remind(trade: Trade) -> bool:
    found = overdue_trades().select_for_update(of=("self",)).filter(pk=trade.pk).first()
    if found is None or found.overdue_at is not None:
        return False
    found.overdue_at = now()
    found.save(update_fields=["overdue_at"])
    record(TRADE, found.key, "receipt_overdue", None)
    _tell_both(found, _("付款凭证逾期未确认，已催办交易中心"))
    tell(
        users=[*officers(Role.TRADING_CLERK), *officers(Role.TRADING_APPROVER)],
        subject=_("逾期未确认到账：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(found.amount_fen)),
        link=f"/market/trades/{found.number}/",
    )
    return True


def lapse_overdue_trades() -> int:
    """Trades without evidence after their term; how many lapsed. A job's act."""
    due = Trade.objects.filter(
        state=State.AGREED, pay_by__lt=now(), paid_at__isnull=True, disputed_at__isnull=True
    ).select_related("listing")
    return each_apart(due, _lapse)


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
    trade.save(update_fields=["state", "ended_at", "decided_by", "reason"])
    record(TRADE, trade.key, str(state), actor)
    if listing.state == Listing.State.OPEN and listing.method == Listing.Method.AGREEMENT:
        end_listing(listing, Listing.Ending.FAILED, actor)
    elif listing.state == Listing.State.ENDED:
        free_unbound(listing, actor)
        note_unsold(listing, actor)


def _refuse_own(trade: Trade, actor: User) -> None:
    if actor.pk in (trade.bought_by_id, trade.listing.asked_by_id, trade.disputed_by_id):
        raise SamePerson()
    refuse_own_deal(trade.listing, actor, trade.buyer, succeeding(trade.buyer))


def _locked(trade: Trade) -> Trade:
    found = (
        Trade.objects.select_for_update(of=("self",))
        .select_related("buyer", "listing__ticket", "listing__cause", "bought_by", "freeze")
        .get(pk=trade.pk)
    )
    if found.state != State.AGREED:
        raise TradeMovedOn()
    return found


def _tell_both(trade: Trade, text: str) -> None:
    tell(
        users=people_acting_for(
            [succeeding(trade.buyer), *owners_of(trade.listing.ticket)], DISPOSE
        ),
        subject=f"{trade.number}：{trade.get_state_display()}",
        body=_("{tonnes} 吨，{amount} 元。{text}").format(
            tonnes=tonnes(trade.quantity_kg), amount=yuan(trade.amount_fen), text=text
        ),
        link=f"/market/trades/{trade.number}/",
    )

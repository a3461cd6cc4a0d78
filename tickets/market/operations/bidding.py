"""单向竞价: deposits, bids, and the result by price, then time of the one clock, then number."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Party, Role, User
from portal.accounts.queries import acts_for, officers, people_acting_for
from portal.base.clock import now
from portal.base.errors import NotFound
from portal.base.transactions import each_apart, write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from tickets.market.access import DISPOSE, refuse_own_deal, require_not_seller
from tickets.market.errors import (
    BiddingNotOpen,
    BiddingRuns,
    DepositDecided,
    DepositHeld,
    ListingMovedOn,
    NewCounterparty,
    NothingToForfeit,
    SamePerson,
    TermsWrong,
)
from tickets.market.journal import DEPOSIT, LISTING, record
from tickets.market.models import Bid, Deposit, Listing, Trade
from tickets.market.operations.dealing import (
    agree,
    bank_number,
    lock_listing,
    tell_holder,
    unbound_kg,
)
from tickets.market.operations.listings import end_listing
from tickets.market.prices import require_price, yuan
from tickets.market.protocol import REFUSING, why_failed
from tickets.market.queries import unpaid_in_time
from tickets.registry.access import owners_of, require_office
from tickets.registry.operations.registrations import require_holder
from tickets.registry.quantities import tonnes
from tickets.registry.queries import has_dealt_with

Method, State = Listing.Method, Listing.State


@write_transaction
def show_deposit(
    *, listing: Listing, bidder: Party, amount_fen: int, upload: Upload, actor: User
) -> Deposit:
    """Evidence of the deposit, paid outside the portal, before one may bid.

    After the close it is shown to be given back.
    Raises BiddingNotOpen, SellerCannotBuy, PartyUnknown, TermsWrong, DepositTwice.
    """
    found = lock_listing(listing)
    if not acts_for(actor, bidder, DISPOSE):
        raise NotFound()
    if found.method != Method.BIDDING or found.state not in (State.OPEN, State.ENDED):
        raise BiddingNotOpen()
    require_holder(bidder)
    require_not_seller(found, bidder, actor)
    if amount_fen < (found.deposit_fen or 0):
        raise TermsWrong(
            reason=_("保证金不得少于 {amount} 元").format(amount=yuan(found.deposit_fen or 0))
        )
    deposit = Deposit.objects.create(
        listing=found, bidder=bidder, paid_by=actor, amount_fen=amount_fen
    )
    add_document(
        subject_kind=DEPOSIT, subject_key=deposit.key, kind="deposit", upload=upload, actor=actor
    )
    record(
        LISTING, found.pk, "deposit_shown", actor,
        deposit=str(deposit.key), bidder=str(bidder.key), amount_fen=amount_fen,
    )  # fmt: skip
    tell(
        users=officers(Role.TRADING_CLERK),
        subject=_("待确认保证金：{number}").format(number=found.number),
        body=_("{amount} 元").format(amount=yuan(amount_fen)),
        link=f"/market/listings/{found.number}/",
    )
    return deposit


@write_transaction
def decide_deposit(
    *, deposit: Deposit, accepted: bool, actor: User, payment_number: str = "", reason: str = ""
) -> Deposit:
    """The centre's clerk found the receipt under its number at the bank, or not.

    Raises DepositDecided, SamePerson, OwnMatter, ReasonMissing, InvalidInput, PaymentUsed.
    """
    require_office(actor, Role.TRADING_CLERK)
    found = Deposit.objects.select_for_update(of=("self",)).get(pk=deposit.pk)
    if found.state != Deposit.State.WAITING:
        raise DepositDecided()
    if not accepted and not reason.strip():
        raise ReasonMissing()
    _refuse_own(found, actor)
    found.state = Deposit.State.ACCEPTED if accepted else Deposit.State.REFUSED
    if accepted and found.amount_fen:
        found.payment_number = bank_number(payment_number)
    found.decided_by, found.decided_at, found.reason = actor, now(), reason.strip()[:200]
    found.save(update_fields=["state", "payment_number", "decided_by", "decided_at", "reason"])
    record(LISTING, found.listing_id, f"deposit_{found.state}", actor, deposit=str(found.key))
    _tell_bidder(found)
    return found


@write_transaction
def find_deposit(*, deposit: Deposit, payment_number: str, actor: User) -> Deposit:
    """The centre's clerk found the money of a deposit that was refused: it goes back.

    Raises DepositDecided, InvalidInput, PaymentUsed.
    """
    require_office(actor, Role.TRADING_CLERK)
    found = Deposit.objects.select_for_update(of=("self",)).get(pk=deposit.pk)
    if found.state != Deposit.State.REFUSED or found.payment_number:
        raise DepositDecided()
    _refuse_own(found, actor)
    found.payment_number = bank_number(payment_number)
    found.decided_by, found.decided_at = actor, now()
    found.save(update_fields=["payment_number", "decided_by", "decided_at"])
    record(LISTING, found.listing_id, "deposit_found", actor, deposit=str(found.key))
    return found


@write_transaction
def return_deposit(*, deposit: Deposit, refund_number: str, actor: User) -> Deposit:
    """The centre's approver paid it back; the number is the bank's of that payment.

    Raises DepositDecided, DepositHeld (the bidding runs, or the bidder's trade is not decided),
    SamePerson, PaymentUsed, InvalidInput.
    """
    found = _ended(deposit, actor)
    found.state, found.refund_number = Deposit.State.RETURNED, bank_number(refund_number)
    return _end_deposit(found, actor)


@write_transaction
def forfeit_deposit(*, deposit: Deposit, reason: str, actor: User) -> Deposit:
    """A winner who did not pay in time does not get it back.

    Raises as ``return_deposit``, and NothingToForfeit for everybody else's.
    """
    found = _ended(deposit, actor)
    if not reason.strip():
        raise ReasonMissing()
    if (
        found.state != Deposit.State.ACCEPTED
        or not unpaid_in_time(found.listing).filter(buyer=found.bidder_id).exists()
    ):
        raise NothingToForfeit()
    found.state, found.reason = Deposit.State.FORFEITED, reason.strip()[:200]
    return _end_deposit(found, actor)


def _ended(deposit: Deposit, actor: User) -> Deposit:
    """An accepted deposit of a bidding that is over, or the money of a refused one, locked."""
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(deposit.listing)
    found = Deposit.objects.select_for_update(of=("self",)).get(pk=deposit.pk)
    owed_back = found.state == Deposit.State.REFUSED and found.payment_number != ""
    if found.state != Deposit.State.ACCEPTED and not owed_back:
        raise DepositDecided()
    if found.decided_by_id == actor.pk:
        raise SamePerson()
    _refuse_own(found, actor)
    if owed_back:
        return found
    won = listing.trades.filter(buyer=found.bidder_id, state=Trade.State.AGREED)
    if listing.state == State.OPEN or won.exists():
        raise DepositHeld()
    return found


def _refuse_own(deposit: Deposit, actor: User) -> None:
    if deposit.paid_by_id == actor.pk:
        raise SamePerson()
    refuse_own_deal(deposit.listing, actor, deposit.bidder)


def _end_deposit(deposit: Deposit, actor: User) -> Deposit:
    deposit.ended_by, deposit.ended_at = actor, now()
    deposit.save(update_fields=["state", "refund_number", "reason", "ended_by", "ended_at"])
    record(LISTING, deposit.listing_id, f"deposit_{deposit.state}", actor, deposit=str(deposit.key))
    _tell_bidder(deposit)
    return deposit


def _tell_bidder(deposit: Deposit) -> None:
    number = deposit.listing.number
    tell(
        users=people_acting_for([deposit.bidder], DISPOSE),
        subject=_("{number}：保证金{state}").format(
            number=number, state=deposit.get_state_display()
        ),
        body=deposit.reason or deposit.refund_number,
        link=f"/market/listings/{number}/",
    )


@write_transaction
def place_bid(
    *,
    listing: Listing,
    bidder: Party,
    price_fen_per_tonne: int,
    actor: User,
    confirmed: bool = False,
) -> Bid:
    """A bid for the whole quantity. Number and time are drawn by the database under the listing's
    lock, which also asks every rule again and moves the closing when it comes in the last minutes.

    A bid binds: the first one for tonnes of somebody new asks for the second factor, as buying
    does; ``confirmed``: it was right.
    Raises InvalidPrice, BiddingNotOpen, BiddingClosed, SellerCannotBuy, NewCounterparty,
    DepositMissing, BidBelowStart, BidOffStep, BidTooLow.
    """
    require_price(price_fen_per_tonne)
    found = lock_listing(listing)
    if not acts_for(actor, bidder, DISPOSE):
        raise NotFound()
    require_not_seller(found, bidder, actor)
    bid = Bid.objects.create(
        listing=found, bidder=bidder, bid_by=actor, price_fen_per_tonne=price_fen_per_tonne
    )
    if not confirmed and _is_first_with(bid, owners_of(found.ticket)):
        raise NewCounterparty()  # After the rules of the price: a code counts once.
    bid.refresh_from_db()
    record(
        LISTING, found.pk, "bid", actor,
        bid=str(bid.key), number=bid.number, bidder=str(bidder.key),
        price_fen_per_tonne=price_fen_per_tonne, at=bid.at.isoformat(),
    )  # fmt: skip
    before = found.closes_at
    found.refresh_from_db(fields=["closes_at", "extensions"])
    if found.closes_at != before:
        record(LISTING, found.pk, "extended", None, closes_at=found.closes_at.isoformat())
    return bid


def _is_first_with(bid: Bid, owners: list[Party]) -> bool:
    """Nothing binds the bidder to these owners yet: no former bid here, no deal before."""
    before = Bid.objects.filter(listing=bid.listing_id, bidder=bid.bidder_id).exclude(pk=bid.pk)
    return not before.exists() and not has_dealt_with(owners, bid.bidder)


def ranked_bids(listing: Listing) -> list[Bid]:
    """The highest first; equal ones by time, then by number."""
    return list(
        listing.bids.select_related("bidder", "bid_by").order_by(
            "-price_fen_per_tonne", "at", "number"
        )
    )


@write_transaction
def close_bidding(*, listing: Listing, actor: User | None = None) -> Trade | None:
    """After the closing: the trade with the highest bid, or None when none reaches the reserve
    or a court has meanwhile taken kilograms off the list: a bid is for the whole quantity.
    A highest bid that makes no trade, as its amount is nothing, ends the bidding, too.

    Raises BiddingRuns before the closing, ListingMovedOn when it was closed already.
    """
    if actor is not None:
        require_office(actor, Role.TRADING_APPROVER)
        refuse_own_deal(listing, actor)
    found = lock_listing(listing)
    if found.method != Method.BIDDING or found.state != State.OPEN:
        raise ListingMovedOn()
    if now() < found.closes_at:
        raise BiddingRuns()
    ranking = ranked_bids(found)
    top = ranking[0] if ranking else None
    reserve = found.reserve_fen_per_tonne
    if top is not None and reserve is not None and top.price_fen_per_tonne < reserve:
        top = None
    missing_kg = max(found.quantity_kg - unbound_kg(found), 0)
    if missing_kg:
        top = None
    trade, refused = None, ""
    if top is not None:
        try:
            trade = _agree_on(found, top, actor)
        except REFUSING as refusal:
            top, refused = None, refusal.code
    if top is not None and not has_dealt_with(owners_of(found.ticket), top.bidder):
        tell_holder(found, top.bidder)
    record(
        LISTING, found.pk, "closed", actor,
        reserve_fen_per_tonne=reserve,
        winner=str(top.key) if top else None,
        trade=str(trade.key) if trade else None,
        missing_kg=missing_kg,
        refused=refused,
    )  # fmt: skip
    end_listing(found, Listing.Ending.SOLD if trade else Listing.Ending.FAILED, actor)
    _tell_bidders(found, top, why_failed(missing_kg, refused))
    return trade


@write_transaction
def _agree_on(listing: Listing, bid: Bid, actor: User | None) -> Trade:
    """The trade of a bid; what refuses it leaves nothing behind."""
    return agree(
        listing=listing,
        buyer=bid.bidder,
        bought_by=bid.bid_by,
        quantity_kg=listing.quantity_kg,
        price_fen_per_tonne=bid.price_fen_per_tonne,
        actor=actor,
    )


def close_due_biddings() -> int:
    """Biddings whose closing has passed; how many were closed. A job's act."""
    due = Listing.objects.filter(state=State.OPEN, method=Method.BIDDING, closes_at__lte=now())
    return each_apart(due, _close_due)


def _close_due(listing: Listing) -> bool:
    try:
        close_bidding(listing=listing)
    except (BiddingRuns, ListingMovedOn):
        return False  # Somebody was faster, or a late bid moved the closing.
    return True


def _tell_bidders(listing: Listing, top: Bid | None, why: str) -> None:
    """Everyone who paid a deposit hears the result: one won, the others did not, or why nobody did."""
    said = _("{tonnes} 吨，成交价每吨 {price} 元。").format(
        tonnes=tonnes(listing.quantity_kg), price=yuan(top.price_fen_per_tonne) if top else "—"
    )
    for deposit in listing.deposits.exclude(state=Deposit.State.REFUSED).select_related("bidder"):
        won = top is not None and deposit.bidder_id == top.bidder_id
        tell(
            users=people_acting_for([deposit.bidder], DISPOSE),
            subject=f"{listing.number}：" + (_("竞价成功") if won else _("竞价未成交")),
            body=why or said,
            link=f"/market/listings/{listing.number}/",
        )

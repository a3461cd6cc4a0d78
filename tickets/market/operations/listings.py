"""Offering kilograms: asked by the holder, prepared by the centre's clerk, opened by its approver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Party, Role, User
from portal.accounts.queries import acts_for, has_role, people_acting_for, standing_party
from portal.base.clock import now
from portal.base.errors import NotFound
from portal.base.numbers import NumberKind, draw_number
from portal.base.policy import policy_number
from portal.base.transactions import each_apart, write_transaction
from portal.casework.notices import tell
from tickets.market.access import (
    DISPOSE,
    in_centre,
    is_seller,
    refuse_own_deal,
    require_not_seller,
    require_price_within_mandate,
)
from tickets.market.errors import (
    AgreementStands,
    BiddingRuns,
    BuyerNotConfirmed,
    ConfirmedAlready,
    ListingMovedOn,
    NewCounterparty,
    SamePerson,
    SellerCannotBuy,
    TermsWrong,
)
from tickets.market.journal import LISTING, record
from tickets.market.models import Listing, RetailOrder, Trade
from tickets.market.operations.dealing import (
    agree,
    free_unbound,
    lock_listing,
    tell_holder,
)
from tickets.market.prices import require_amount, require_price, yuan
from tickets.registry.access import owners_of, require_disposal, require_office
from tickets.registry.errors import BlockNotFree, TicketClosed
from tickets.registry.models import Block, CarbonTicket, Cause
from tickets.registry.operations import list_blocks, open_cause
from tickets.registry.operations.registrations import require_holder
from tickets.registry.operations.transfers import require_paper_to_list
from tickets.registry.quantities import require_quantity, tonnes
from tickets.registry.queries import has_dealt_with

Method, State, Ending = Listing.Method, Listing.State, Listing.Ending


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """With whom; the price was agreed between them."""

    buyer: Party


@dataclass(frozen=True, slots=True)
class LotTerms:
    """Taken in parts, none smaller than ``min_lot_kg``; ``retail`` feeds a pool of small amounts."""

    min_lot_kg: int
    retail: bool = False


@dataclass(frozen=True, slots=True)
class BiddingTerms:
    """The price is the start; the whole quantity goes to the highest bid."""

    step_fen_per_tonne: int
    deposit_fen: int
    opens_at: datetime
    reserve_fen_per_tonne: int | None = None


Terms = AgreementTerms | LotTerms | BiddingTerms


@write_transaction
def ask_listing(
    *,
    ticket: CarbonTicket,
    quantity_kg: int,
    price_fen_per_tonne: int,
    terms: Terms,
    closes_at: datetime,
    actor: User,
    confirmed: bool = False,
) -> Listing:
    """The holder, for every owner and within the mandates' limits, asks the centre (article 15).

    ``confirmed``: the second factor was asked and right; the first deal with a party needs it.
    Raises InvalidQuantity, InvalidPrice, TicketClosed, ConsentMissing, MandateTooSmall,
    PriceBelowMandate, BlockNotFree, PaperOutstanding, TermsWrong, SellerCannotBuy, NewCounterparty.
    """
    require_quantity(quantity_kg)
    require_price(price_fen_per_tonne)
    require_amount(price_fen_per_tonne, quantity_kg)
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    require_disposal(ticket, actor, quantity_kg)
    owners = owners_of(ticket)
    require_price_within_mandate(owners, actor, quantity_kg, price_fen_per_tonne)
    free = ticket.blocks.free().quantity_kg()
    if free < quantity_kg:
        raise BlockNotFree(wanted=quantity_kg, free=free)
    require_paper_to_list(ticket, quantity_kg)
    _require_term(closes_at)
    listing = Listing(
        cause=open_cause(Cause.Kind.LISTED),
        number=draw_number(NumberKind.LISTING),
        ticket=ticket,
        quantity_kg=quantity_kg,
        price_fen_per_tonne=price_fen_per_tonne,
        closes_at=closes_at,
        asked_by=actor,
    )
    if isinstance(terms, AgreementTerms):
        _agreement(listing, terms, owners, confirmed=confirmed)
    elif isinstance(terms, LotTerms):
        require_amount(price_fen_per_tonne, require_quantity(terms.min_lot_kg))
        if terms.min_lot_kg > quantity_kg:
            raise TermsWrong(reason=_("最小成交量不能大于挂牌数量"))
        listing.method = Method.RETAIL if terms.retail else Method.OPEN
        listing.min_lot_kg = terms.min_lot_kg
    else:
        _bidding(listing, terms)
    listing.save(force_insert=True)
    listing.refresh_from_db()
    record(
        LISTING, listing.pk, "asked", actor,
        ticket=str(ticket.pk), method=str(listing.method), kg=quantity_kg,
        price_fen_per_tonne=price_fen_per_tonne,
    )  # fmt: skip
    if listing.buyer is not None:
        tell(
            users=people_acting_for([listing.buyer], DISPOSE),
            subject=_("协议转让待您确认：{number}").format(number=listing.number),
            body=_("{tonnes} 吨，每吨 {price} 元。请核对后确认。").format(
                tonnes=tonnes(quantity_kg), price=yuan(price_fen_per_tonne)
            ),
            link=f"/market/listings/{listing.number}/",
        )
        if not has_dealt_with(owners, listing.buyer):
            tell_holder(listing, listing.buyer)
    return listing


def _agreement(
    listing: Listing, terms: AgreementTerms, owners: list[Party], *, confirmed: bool
) -> None:
    buyer = require_holder(standing_party(terms.buyer))
    if buyer in [standing_party(owner) for owner in owners]:
        raise SellerCannotBuy()
    if not has_dealt_with(owners, buyer) and not confirmed:
        raise NewCounterparty()
    listing.method, listing.buyer = Method.AGREEMENT, buyer


def _bidding(listing: Listing, terms: BiddingTerms) -> None:
    require_price(terms.step_fen_per_tonne)
    if terms.deposit_fen < 0:
        raise TermsWrong(reason=_("保证金不能为负"))
    reserve = terms.reserve_fen_per_tonne
    if reserve is not None and require_price(reserve) < listing.price_fen_per_tonne:
        raise TermsWrong(reason=_("保留价不能低于起始价"))
    if not now() <= terms.opens_at < listing.closes_at:
        raise TermsWrong(reason=_("竞价开始时间不得早于现在，并须早于截止时间"))
    listing.method = Method.BIDDING
    listing.step_fen_per_tonne = terms.step_fen_per_tonne
    listing.deposit_fen = terms.deposit_fen
    listing.opens_at = terms.opens_at
    listing.reserve_fen_per_tonne = reserve


def _require_term(closes_at: datetime) -> None:
    moment, days = now(), int(policy_number("market.listing_days_max"))
    if not moment < closes_at <= moment + timedelta(days=days):
        raise TermsWrong(reason=_("截止时间须晚于现在，且不超过 {days} 天").format(days=days))


@write_transaction
def confirm_agreement(*, listing: Listing, actor: User) -> Listing:
    """The named buyer agrees, once."""
    found = lock_listing(listing)
    if found.buyer is None or not acts_for(actor, found.buyer, DISPOSE):
        raise NotFound()
    if found.buyer_confirmed_at is not None:
        raise ConfirmedAlready()
    _require_state(found, State.ASKED)
    require_not_seller(found, found.buyer, actor)
    found.buyer_confirmed_by, found.buyer_confirmed_at = actor, now()
    found.save(update_fields=["buyer_confirmed_by", "buyer_confirmed_at"])
    record(LISTING, found.pk, "confirmed", actor, buyer=str(found.buyer.key))
    return found


@write_transaction
def prepare_listing(*, listing: Listing, actor: User) -> Listing:
    """The centre's clerk has looked at it and hands it to the approver."""
    require_office(actor, Role.TRADING_CLERK)
    found = lock_listing(listing)
    _require_state(found, State.ASKED)
    if found.method == Method.AGREEMENT and found.buyer_confirmed_at is None:
        raise BuyerNotConfirmed()
    _refuse_own(found, actor)
    found.state, found.prepared_by, found.prepared_at = State.PREPARED, actor, now()
    found.save(update_fields=["state", "prepared_by", "prepared_at"])
    record(LISTING, found.pk, "prepared", actor)
    return found


@write_transaction
def approve_listing(*, listing: Listing, actor: User) -> Listing:
    """The approver opens it: the kilograms go onto the list. An agreement is a trade at once.

    Raises OfficeMissing, ListingMovedOn, SamePerson, OwnMatter, TermsWrong (its time has passed), what the
    ledger refuses (BlockNotFree when they were pledged or frozen meanwhile).
    """
    require_office(actor, Role.TRADING_APPROVER)
    found = lock_listing(listing)
    _require_state(found, State.PREPARED)
    if found.prepared_by_id == actor.pk:
        raise SamePerson()
    _refuse_own(found, actor)
    if found.closes_at <= now():
        raise TermsWrong(reason=_("截止时间已过"))
    if found.opens_at is not None and found.opens_at <= now():
        # Bidders need the time till then for their deposits.
        raise TermsWrong(reason=_("竞价开始时间已过"))
    found.state, found.decided_by, found.decided_at = State.OPEN, actor, now()
    found.save(update_fields=["state", "decided_by", "decided_at"])
    list_blocks(ticket=found.ticket, quantity_kg=found.quantity_kg, cause=found.cause, actor=actor)
    record(LISTING, found.pk, "opened", actor, **_opening(found))
    if found.buyer is not None:
        assert found.buyer_confirmed_by is not None
        agree(
            listing=found,
            buyer=found.buyer,
            bought_by=found.buyer_confirmed_by,
            quantity_kg=found.quantity_kg,
            price_fen_per_tonne=found.price_fen_per_tonne,
            actor=actor,
        )
    _tell_seller(found, _("已挂牌"))
    return found


def _opening(listing: Listing) -> dict[str, object]:
    """The terms as the journal keeps them; the reserve is said at the close."""
    facts: dict[str, object] = {
        "kg": listing.quantity_kg,
        "price_fen_per_tonne": listing.price_fen_per_tonne,
        "closes_at": listing.closes_at.isoformat(),
    }
    if listing.method == Method.BIDDING and listing.opens_at is not None:
        facts |= {
            "step_fen_per_tonne": listing.step_fen_per_tonne,
            "deposit_fen": listing.deposit_fen,
            "opens_at": listing.opens_at.isoformat(),
        }
    return facts


@write_transaction
def refuse_listing(*, listing: Listing, reason: str, actor: User) -> Listing:
    """Clerk or approver says no, with a reason that the holder reads."""
    if not in_centre(actor):
        require_office(actor, Role.TRADING_CLERK)
    found = lock_listing(listing)
    _require_state(found, State.ASKED, State.PREPARED)
    if not reason.strip():
        raise ReasonMissing()
    _refuse_own(found, actor)
    found.state, found.decided_by, found.decided_at = State.REFUSED, actor, now()
    found.reason = reason.strip()[:2000]
    found.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    record(LISTING, found.pk, "refused", actor)
    _tell_seller(found, found.reason)
    return found


@write_transaction
def retract_listing(*, listing: Listing, actor: User) -> Listing:
    """The holder (or the named buyer) takes it back before it is opened; no kilogram has moved."""
    found = lock_listing(listing)
    if not is_seller(actor, found) and not (
        found.buyer is not None and acts_for(actor, found.buyer, DISPOSE)
    ):
        raise NotFound()
    _require_state(found, State.ASKED, State.PREPARED)
    _retract(found, actor)
    return found


def _retract(listing: Listing, actor: User | None) -> None:
    listing.state = State.RETRACTED
    listing.save(update_fields=["state"])
    record(LISTING, listing.pk, "retracted", actor)


@write_transaction
def withdraw_listing(*, listing: Listing, actor: User) -> Listing:
    """Off the list, by the holder or the centre's approver: what no trade waits for is free again.

    A bidding with bids runs to its end (BiddingRuns), an agreement is a deal (AgreementStands).
    """
    found = lock_listing(listing)
    if not is_seller(actor, found) and not has_role(actor, Role.TRADING_APPROVER):
        raise NotFound()
    _require_state(found, State.OPEN)
    if found.method == Method.AGREEMENT:
        raise AgreementStands()
    if found.method == Method.BIDDING and found.bids.exists():
        raise BiddingRuns()
    end_listing(found, Ending.WITHDRAWN, actor)
    return found


def end_listing(listing: Listing, ending: Listing.Ending, actor: User | None) -> None:
    """Ended; what no trade waits for goes back to held, what waits stays until it is decided."""
    listing.state, listing.ending, listing.ended_at = State.ENDED, ending, now()
    listing.save(update_fields=["state", "ending", "ended_at"])
    freed = free_unbound(listing, actor)
    record(LISTING, listing.pk, "ended", actor, ending=str(ending), freed_kg=freed)
    _tell_seller(listing, str(Ending(ending).label))


def end_due_listings() -> int:
    """Listings (not biddings) whose time has passed expire, and so does what nobody opened till then;
    how many. An agreement ends with its trade. A job's act."""
    due = Q(closes_at__lte=now())
    over = Q(state=State.OPEN) & ~Q(method__in=[Method.BIDDING, Method.AGREEMENT])
    unopened = Q(state__in=[State.ASKED, State.PREPARED])
    return each_apart(Listing.objects.filter(due, over | unopened), _expire)


@write_transaction
def _expire(listing: Listing) -> bool:
    found = lock_listing(listing)
    if found.closes_at > now():
        return False
    if found.state == State.OPEN:
        end_listing(found, Ending.SOLD if _is_sold(found) else Ending.EXPIRED, None)
    elif found.state in (State.ASKED, State.PREPARED):
        _retract(found, None)
        _tell_seller(found, _("截止时间已过，未受理"))
    else:
        return False
    return True


def note_unsold(listing: Listing, actor: User | None) -> None:
    """What was called sold is not, when a deal that it waited for came to nothing."""
    if listing.ending != Ending.SOLD or _is_sold(listing):
        return
    whole = listing.method in (Method.BIDDING, Method.AGREEMENT)
    listing.ending = Ending.FAILED if whole else Ending.EXPIRED
    listing.save(update_fields=["ending"])
    record(LISTING, listing.pk, "unsold", actor, ending=str(listing.ending))


def free_ended_listings() -> int:
    """Kilograms that an order kept on the list of an ended listing go back to held after it is
    lifted; of how many listings. A job's act."""
    listed = Block.objects.standing().filter(state="listed", freezes__len=0)
    due = Listing.objects.filter(state=State.ENDED, cause__in=listed.values("because"))
    return each_apart(due, _free)


@write_transaction
def _free(listing: Listing) -> bool:
    found = lock_listing(listing)
    freed = free_unbound(found, None)
    if freed:
        record(LISTING, found.pk, "freed", None, freed_kg=freed)
        _tell_seller(found, _("冻结解除，{tonnes} 吨已撤下").format(tonnes=tonnes(freed)))
    return freed > 0


def _is_sold(listing: Listing) -> bool:
    """Whether trades and orders took all of it; an empty list may also be a court's doing."""
    trades = listing.trades.filter(state__in=[Trade.State.AGREED, Trade.State.SETTLED])
    orders = listing.orders.filter(state__in=[RetailOrder.State.WAITING, RetailOrder.State.SETTLED])
    taken = [
        *trades.values_list("quantity_kg", flat=True),
        *orders.values_list("quantity_kg", flat=True),
    ]
    return sum(taken) == listing.quantity_kg


def _require_state(listing: Listing, *states: Listing.State) -> None:
    if listing.state not in states:
        raise ListingMovedOn()


def _refuse_own(listing: Listing, actor: User) -> None:
    if actor.pk in (listing.asked_by_id, listing.buyer_confirmed_by_id):
        raise SamePerson()
    refuse_own_deal(listing, actor, *([listing.buyer] if listing.buyer else []))


def _tell_seller(listing: Listing, text: str) -> None:
    tell(
        users=people_acting_for(owners_of(listing.ticket), DISPOSE),
        subject=f"{listing.number}：{listing.get_state_display()}",
        body=f"{listing.ticket.number} · {tonnes(listing.quantity_kg)} t · {text}",
        link=f"/market/listings/{listing.number}/",
    )

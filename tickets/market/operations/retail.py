"""Retail: ecology approves a pool once; each order in it is certified when the cashier has the money.

The eco-justice cases of supervision order here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import connection
from django.db.models import Value
from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import people_acting_for
from portal.base.clock import now, today
from portal.base.errors import InvalidInput
from portal.base.numbers import NumberKind, draw_number, new_code
from portal.base.policy import policy_number
from portal.base.transactions import each_apart, write_transaction
from portal.casework.notices import tell
from tickets.market.access import DISPOSE, refuse_own_deal
from tickets.market.errors import (
    NameRefused,
    NotEnoughListed,
    OrderMovedOn,
    OrderOutsidePool,
    PoolHeldByUnpaid,
    PoolNotOpen,
    PoolTermsWrong,
    SamePerson,
    TooManyWaiting,
)
from tickets.market.journal import ORDER, POOL, record
from tickets.market.models import ContactKey, Listing, RetailOrder, RetailPool
from tickets.market.operations.dealing import (
    bank_number,
    free_unbound,
    lock_listing,
    require_lot,
    unbound_kg,
    write_to,
)
from tickets.market.operations.listings import end_listing, note_unsold
from tickets.market.operations.refunds import tell_of_refund
from tickets.market.operations.reserve import note_premium
from tickets.market.prices import require_amount, yuan
from tickets.offsets.models import Beneficiary, Offset, Purpose
from tickets.offsets.operations import certify, require_purpose
from tickets.registry.access import owners_of, require_office
from tickets.registry.models import Cause
from tickets.registry.operations import open_cause, trade_to_offset
from tickets.registry.quantities import require_quantity, tonnes

# What anybody's small amount may be for: a year's emissions are decided one by one.
RETAIL_PURPOSES = (Purpose.PERSON, Purpose.EVENT, Purpose.VISITORS)
# What ecology may open a pool for: the justice office orders from it as well (article 14).
POOL_PURPOSES = (*RETAIL_PURPOSES, Purpose.ECO_JUSTICE)
State = RetailPool.State


# --- pools --------------------------------------------------------------------------------------
@write_transaction
def prepare_pool(
    *,
    listing: Listing,
    title: str,
    quantity_kg: int,
    largest_kg: int,
    purposes: Sequence[Purpose],
    begins_on: date,
    ends_on: date,
    actor: User,
) -> RetailPool:
    """Ecology's clerk proposes what may be sold from a retail listing without a further decision."""
    require_office(actor, Role.CLERK, Department.ECOLOGY)
    refuse_own_deal(listing, actor)
    require_quantity(quantity_kg)
    require_quantity(largest_kg)
    if (
        not title.strip()
        or not purposes
        or not set(purposes) <= set(POOL_PURPOSES)
        or largest_kg > quantity_kg
        or ends_on < begins_on
    ):
        raise PoolTermsWrong()
    pool = RetailPool.objects.create(
        listing=listing,
        title=title.strip()[:100],
        quantity_kg=quantity_kg,
        largest_kg=largest_kg,
        purposes=[str(purpose) for purpose in purposes],
        begins_on=begins_on,
        ends_on=ends_on,
        prepared_by=actor,
    )
    record(POOL, pool.key, "prepared", actor, listing=str(listing.pk), kg=quantity_kg)
    return pool


@write_transaction
def decide_pool(*, pool: RetailPool, accepted: bool, actor: User, reason: str = "") -> RetailPool:
    """Ecology's signer, another than the clerk, opens it or refuses with a reason."""
    require_office(actor, Role.APPROVER, Department.ECOLOGY)
    found = _locked_pool(pool)
    if found.state != State.PREPARED:
        raise PoolNotOpen()
    if found.prepared_by_id == actor.pk:
        raise SamePerson()
    refuse_own_deal(found.listing, actor)
    if not accepted and not reason.strip():
        raise ReasonMissing()
    found.state = State.OPEN if accepted else State.REFUSED
    found.decided_by, found.decided_at, found.reason = actor, now(), reason.strip()[:2000]
    found.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    record(POOL, found.key, str(found.state), actor)
    tell(
        users=people_acting_for(owners_of(found.listing.ticket), DISPOSE),
        subject=f"{found.title}：{found.get_state_display()}",
        body=f"{found.listing.number} · {tonnes(found.quantity_kg)} t",
        link=f"/market/listings/{found.listing.number}/",
    )
    return found


@write_transaction
def close_pool(*, pool: RetailPool, actor: User) -> RetailPool:
    """No new orders; those that wait for their payment go on."""
    require_office(actor, Role.APPROVER, Department.ECOLOGY)
    found = _locked_pool(pool)
    if found.state != State.OPEN:
        raise PoolNotOpen()
    found.state = State.CLOSED
    found.save(update_fields=["state"])
    record(POOL, found.key, "closed", actor)
    return found


def close_due_pools() -> int:
    """Pools whose last day is over; how many closed. A job's act."""
    due = RetailPool.objects.filter(state=State.OPEN, ends_on__lt=today())
    return each_apart(due, _close_due)


@write_transaction
def _close_due(pool: RetailPool) -> bool:
    found = _locked_pool(pool)
    if found.state != State.OPEN:
        return False
    found.state = State.CLOSED
    found.save(update_fields=["state"])
    record(POOL, found.key, "closed", None)
    return True


def _locked_pool(pool: RetailPool) -> RetailPool:
    return (
        RetailPool.objects.select_for_update(of=("self",))
        .select_related("listing__ticket")
        .get(pk=pool.pk)
    )


def pool_left_kg(pool: RetailPool) -> int:
    """What may still be ordered."""
    ordered = RetailOrder.objects.filter(pool=pool).exclude(state__in=RetailOrder.UNSOLD)
    taken = sum(ordered.values_list("quantity_kg", flat=True))
    return max(0, min(pool.quantity_kg - taken, unbound_kg(pool.listing)))


# --- orders -------------------------------------------------------------------------------------
@write_transaction
def order_retail(
    *,
    pool: RetailPool,
    quantity_kg: int,
    purpose: Purpose,
    name: str,
    contact: str,
    actor: User | None,
    event_name: str = "",
    place: str = "",
    begins_on: date | None = None,
    ends_on: date | None = None,
    year: int | None = None,
) -> RetailOrder:
    """Anybody's small amount; no account is needed (articles 11 and 12).

    Raises PoolNotOpen, OrderOutsidePool, NotEnoughListed, TooManyWaiting, PoolHeldByUnpaid,
    NameRefused, PurposeIncomplete, InvalidQuantity, InvalidInput, DealTooSmall.
    """
    require_quantity(quantity_kg)
    listing = lock_listing(pool.listing)
    if purpose not in RETAIL_PURPOSES:
        raise OrderOutsidePool(least=_least_kg(), most=pool.largest_kg)
    require_pool(pool, listing, quantity_kg, purpose)
    reached = _required(contact, _("联系方式"), 200)
    _require_fair_share(pool, quantity_kg, reached, actor)
    order = RetailOrder(
        pool=pool,
        quantity_kg=quantity_kg,
        purpose=purpose,
        beneficiary=_named(name, actor),
        contact=reached,
        event_name=event_name.strip(),
        place=place.strip(),
        begins_on=begins_on,
        ends_on=ends_on,
        year=year,
        ordered_by=actor,
    )
    return _place(order, listing, actor)


@write_transaction
def subscribe_for_justice(
    *,
    listing: Listing,
    pool: RetailPool | None,
    quantity_kg: int,
    authority: str,
    document_number: str,
    ordered_by: User,
    actor: User,
) -> RetailOrder:
    """An eco-justice case's tonnes from an open listing, or from its pool (article 14).

    They are bound at once and offset when the cashier has the money; the certificate names the
    authority, and ``ordered_by`` of the justice office is told. Who may is the case's to say.
    Raises PoolNotOpen, OrderOutsidePool, ListingNotOpen, LotTooSmall, NotEnoughListed, NameRefused.
    """
    require_quantity(quantity_kg)
    found = lock_listing(listing)
    if pool is None:
        require_lot(found, quantity_kg)
    else:
        require_pool(pool, found, quantity_kg, Purpose.ECO_JUSTICE)
    order = RetailOrder(
        pool=pool,
        quantity_kg=quantity_kg,
        purpose=Purpose.ECO_JUSTICE,
        beneficiary=_named(authority, ordered_by),
        contact=authority,
        authority=authority,
        document_number=document_number,
        ordered_by=ordered_by,
    )
    return _place(order, found, actor)


def require_pool(
    pool: RetailPool, listing: Listing, quantity_kg: int, purpose: Purpose
) -> None:  # fmt: skip
    """So much may be ordered from the pool now: PoolNotOpen, OrderOutsidePool, NotEnoughListed."""
    pool.refresh_from_db()
    if (
        pool.state != State.OPEN
        or listing.state != Listing.State.OPEN
        or listing.closes_at <= now()
        or not pool.begins_on <= today() <= pool.ends_on
    ):
        raise PoolNotOpen()
    least = _least_kg()
    if not least <= quantity_kg <= pool.largest_kg or purpose not in pool.purposes:
        raise OrderOutsidePool(least=least, most=pool.largest_kg)
    left = pool_left_kg(pool)
    if quantity_kg > left:
        raise NotEnoughListed(wanted=quantity_kg, free=left)


def _require_fair_share(
    pool: RetailPool, quantity_kg: int, contact: str, actor: User | None
) -> None:  # fmt: skip
    """What nobody pays for is kept from everybody else till its term: TooManyWaiting, PoolHeldByUnpaid."""
    most = int(policy_number("market.retail_waiting_max"))
    waiting = RetailOrder.objects.alias(reached=ContactKey("contact")).filter(
        pool=pool, state=RetailOrder.State.WAITING, reached=ContactKey(Value(contact))
    )
    if waiting.count() >= most:
        raise TooManyWaiting(most=most)
    with connection.cursor() as cursor:
        orderer = None if actor is None else actor.pk
        cursor.execute("SELECT market_fair_kg(%s, %s, %s)", [pool.pk, contact, orderer])
        [free] = cursor.fetchone()
    if quantity_kg > free:
        raise PoolHeldByUnpaid(free=free)


def _least_kg() -> int:
    return int(policy_number("market.retail_min_kg"))


def _place(order: RetailOrder, listing: Listing, actor: User | None) -> RetailOrder:
    """Number, price and term; the buyer is told what to pay under which reference."""
    order.code, order.number = new_code(), draw_number(NumberKind.TRADE)
    order.listing, order.ticket = listing, listing.ticket
    order.price_fen_per_tonne = listing.price_fen_per_tonne
    order.amount_fen = require_amount(listing.price_fen_per_tonne, order.quantity_kg)
    order.pay_by = now() + timedelta(hours=int(policy_number("market.retail_hours")))
    require_purpose(order)
    order.save(force_insert=True)
    order.refresh_from_db()
    record(
        ORDER, order.key, "ordered", actor,
        listing=str(listing.pk), pool=str(order.pool.key) if order.pool else None,
        kg=order.quantity_kg, amount_fen=order.amount_fen,
    )  # fmt: skip
    write_to(
        order,
        _("订单 {number}：请付款").format(number=order.number),
        _("{tonnes} 吨，{amount} 元。付款时请在附言中写明 {number}。").format(
            tonnes=tonnes(order.quantity_kg), amount=yuan(order.amount_fen), number=order.number
        ),
    )
    return order


def _named(name: str, actor: User | None) -> Beneficiary:
    """The name to print: on ecology's list already, or put there, to be looked at afterwards.

    The pool is the decision (domain.md, Retail); a name that was refused is not printed.
    """
    wanted = " ".join(_required(name, _("凭证上的名称"), 100).split())
    names = Beneficiary.objects.filter(name=wanted)
    standing = names.exclude(state=Beneficiary.State.REFUSED).first()
    if standing is not None:
        return standing
    if names.exists():
        raise NameRefused(name=wanted)
    return Beneficiary.objects.create(name=wanted, proposed_by=actor)


def _required(text: str, field: str, limit: int) -> str:
    said = text.strip()
    if not said:
        raise InvalidInput(field=field, reason=_("不能为空"))
    if len(said) > limit or not said.isprintable():
        raise InvalidInput(field=field, reason=_("过长或含有不可打印的字符"))
    return said


@write_transaction
def settle_order(*, order: RetailOrder, payment_number: str, actor: User) -> Offset:
    """The cashier found the receipt: the kilograms are offset and the certificate stands, at once.

    Raises OfficeMissing, OrderMovedOn, SamePerson, OwnMatter, NameRefused (its money is found and goes
    back, as of one that lapsed), PaymentUsed, InvalidInput, and what the ledger
    refuses (BlockNotFree while frozen).
    """
    require_office(actor, Role.TRADING_APPROVER)
    listing = lock_listing(order.listing)
    found = _locked_order(order)
    if found.ordered_by_id == actor.pk:
        raise SamePerson()
    refuse_own_deal(listing, actor)
    if found.beneficiary.state == Beneficiary.State.REFUSED:
        raise NameRefused(name=found.beneficiary.name)
    said = bank_number(payment_number)
    cause = open_cause(Cause.Kind.OFFSET)
    offset = certify(facts=found, cause=cause, actor=actor)
    trade_to_offset(
        cause=listing.cause,
        offset=cause,
        quantity_kg=found.quantity_kg,
        actor=actor,
        document_sha256=bytes.fromhex(offset.content_sha256),
    )
    found.state, found.offset, found.settled_by = RetailOrder.State.SETTLED, offset, actor
    found.payment_number, found.ended_at = said, now()
    found.save(update_fields=["state", "offset", "settled_by", "payment_number", "ended_at"])
    record(ORDER, found.key, "settled", actor, offset=offset.number, kg=found.quantity_kg)
    note_premium(found)
    if listing.state == Listing.State.OPEN and listing.left_kg() == 0:
        end_listing(listing, Listing.Ending.SOLD, actor)
    write_to(
        found,
        _("抵消凭证 {number}").format(number=offset.number),
        _("您购买的 {tonnes} 吨已抵消，凭证可在订单页下载。").format(
            tonnes=tonnes(found.quantity_kg)
        ),
    )
    return offset


def lapse_overdue_orders() -> int:
    """Orders that were not certified in time; how many ended. A job's act."""
    due = RetailOrder.objects.filter(
        state=RetailOrder.State.WAITING, pay_by__lt=now()
    ).select_related("listing")
    return each_apart(due, _lapse)


@write_transaction
def _lapse(order: RetailOrder) -> bool:
    listing = lock_listing(order.listing)
    found = (
        RetailOrder.objects.select_for_update(of=("self",))
        .select_related("ordered_by")
        .get(pk=order.pk)
    )
    if found.state != RetailOrder.State.WAITING or found.pay_by >= now():
        return False
    paid = found.said_at is not None
    found.state = RetailOrder.State.REFUND if paid else RetailOrder.State.LAPSED
    found.ended_at = now()
    found.save(update_fields=["state", "ended_at"])
    record(ORDER, found.key, str(found.state), None)
    if listing.state == Listing.State.ENDED:
        free_unbound(listing, None)
        note_unsold(listing, None)
    _tell_lapsed(found, listing)
    return True


def _tell_lapsed(order: RetailOrder, listing: Listing) -> None:
    """The buyer, the seller, and, where money may be owed back, the centre's clerks."""
    if order.state == RetailOrder.State.REFUND:
        tell_of_refund(order)
        said = _("款项未在期限内确认，订单失效，交易中心核实到账后退款。")
    else:
        said = _("期限内未付款，订单失效。如已付款，请在订单页填写银行流水号，核实后退款。")
    write_to(order, _("订单 {number} 已失效").format(number=order.number), said)
    tell(
        users=people_acting_for(owners_of(listing.ticket), DISPOSE),
        subject=_("订单 {number} 已失效").format(number=order.number),
        body=_("{listing} 的 {tonnes} 吨恢复可售。").format(
            listing=listing.number, tonnes=tonnes(order.quantity_kg)
        ),
        link=f"/market/listings/{listing.number}/",
    )


def _locked_order(order: RetailOrder) -> RetailOrder:
    found = (
        RetailOrder.objects.select_for_update(of=("self",))
        .select_related("ticket", "beneficiary", "listing__ticket")
        .get(pk=order.pk)
    )
    if found.state != RetailOrder.State.WAITING:
        raise OrderMovedOn()
    return found

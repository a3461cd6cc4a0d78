"""Gates of the market: one for each object; absent and forbidden answer alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Q

from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import (
    AnyUser,
    acts_for,
    acts_for_any,
    has_role,
    mandates_for,
    parties_acted_for,
    standing_party,
    works_in,
)
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from portal.casework.errors import OwnMatter
from tickets.market.errors import PriceBelowMandate, SellerCannotBuy
from tickets.market.models import (
    Deposit,
    Listing,
    ReserveContract,
    RetailOrder,
    RetailPool,
    Trade,
)
from tickets.market.prices import yuan
from tickets.registry.access import owners_of
from tickets.registry.queries import succeeding, successions_of, with_successors

DISPOSE, VIEW = Mandate.Scope.DISPOSE, Mandate.Scope.VIEW


def in_centre(user: AnyUser) -> bool:
    """Whether ``user`` serves the trading centre now."""
    return has_role(user, Role.TRADING_CLERK) or has_role(user, Role.TRADING_APPROVER)


def oversees(user: AnyUser) -> bool:
    """The centre, development-reform above it (article 3), and the auditor."""
    return (
        in_centre(user)
        or works_in(user, Department.DEVELOPMENT_REFORM)
        or has_role(user, Role.AUDITOR)
    )


def sellers_of(listing: Listing) -> list[Party]:
    """The owners of the listing's ticket, and who is in the place of one that has ceased."""
    owners = owners_of(listing.ticket)
    ceased = successions_of(owner.pk for owner in owners).exists()
    return with_successors(owners) if ceased else owners


def is_seller(user: AnyUser, listing: Listing, scope: Mandate.Scope = DISPOSE) -> bool:
    """Whether ``user`` acts for an owner of the listing's ticket, or for the successor of one."""
    return acts_for_any(user, sellers_of(listing), scope)


def access_listing(number: str, user: AnyUser) -> Listing:
    """A listing: everyone's once it was opened (agreements excepted), before that its people's."""
    found = (
        Listing.objects.select_related("ticket__issuance__filing", "cause", "buyer", "asked_by")
        .filter(number=number.strip().upper())
        .first()
    )
    if found is None:
        raise NotFound()
    public = found.state in (Listing.State.OPEN, Listing.State.ENDED)
    if public and found.method != Listing.Method.AGREEMENT:
        return found
    if oversees(user):
        return found
    if is_seller(user, found, VIEW):
        return found
    if found.buyer is not None and acts_for(user, succeeding(found.buyer), VIEW):
        return found
    raise NotFound()


def access_trade(number: str, user: AnyUser) -> Trade:
    """A trade, for its two sides and those who oversee."""
    found = (
        Trade.objects.select_related("listing__ticket", "listing__cause", "buyer", "bought_by")
        .filter(number=number.strip().upper())
        .first()
    )
    if found is None:
        raise NotFound()
    if oversees(user):
        return found
    if acts_for(user, succeeding(found.buyer), VIEW):
        return found
    if is_seller(user, found.listing, VIEW):
        return found
    raise NotFound()


def access_trade_by_key(key: uuid.UUID, user: AnyUser) -> Trade:
    """The gate to a trade's documents."""
    number = Trade.objects.filter(key=key).values_list("number", flat=True).first()
    if number is None:
        raise NotFound()
    return access_trade(number, user)


def access_deposit(key: uuid.UUID, user: AnyUser) -> Deposit:
    """A deposit, for its bidder and those who oversee."""
    found = Deposit.objects.select_related("listing", "bidder").filter(key=key).first()
    if found is None:
        raise NotFound()
    if oversees(user):
        return found
    if acts_for(user, found.bidder, VIEW):
        return found
    raise NotFound()


def access_pool(key: uuid.UUID, user: AnyUser) -> RetailPool:
    """A pool: everyone's once it was approved, before that ecology's, the centre's, the seller's."""
    found = (
        RetailPool.objects.select_related("listing__ticket", "listing__cause")
        .filter(key=key)
        .first()
    )
    if found is None:
        raise NotFound()
    if found.state in (RetailPool.State.OPEN, RetailPool.State.CLOSED):
        return found
    if works_in(user, Department.ECOLOGY) or oversees(user):
        return found
    if is_seller(user, found.listing, VIEW):
        return found
    raise NotFound()


def access_order(code: str) -> RetailOrder:
    """An order: whoever has its code of 128 random bits may see it."""
    parsed = parse_code(code)
    found = (
        RetailOrder.objects.select_related("listing", "beneficiary", "offset", "ticket")
        .filter(code=parsed)
        .first()
        if parsed
        else None
    )
    if found is None:
        raise NotFound()
    return found


def access_contract(key: uuid.UUID, user: AnyUser) -> ReserveContract:
    """A reserve contract, for its two sides (or what they merged into) and those who oversee."""
    found = ReserveContract.objects.select_related("body", "owner").filter(key=key).first()
    if found is None:
        raise NotFound()
    if oversees(user):
        return found
    if acts_for(user, succeeding(found.body), VIEW):
        return found
    if acts_for(user, succeeding(found.owner), VIEW):
        return found
    raise NotFound()


def buying_parties(user: AnyUser) -> list[Party]:
    """For whom ``user`` may buy: checked parties, in the order of their names."""
    found = parties_acted_for(user, DISPOSE).filter(checked_at__isnull=False)
    return list(found.order_by("name", "pk"))


def access_buyer(key: uuid.UUID, user: AnyUser) -> Party:
    """A party for whom ``user`` may buy."""
    party = Party.objects.filter(key=key, checked_at__isnull=False).first()
    if party is None:
        raise NotFound()
    if not acts_for(user, party, DISPOSE):
        raise NotFound()
    return party


def require_not_seller(listing: Listing, buyer: Party, user: User) -> None:
    """SellerCannotBuy: neither the owners nor whoever disposes for them."""
    if standing_party(buyer) in [standing_party(seller) for seller in sellers_of(listing)]:
        raise SellerCannotBuy()
    if is_seller(user, listing):
        raise SellerCannotBuy()


def refuse_own_deal(listing: Listing, actor: User, *others: Party) -> None:
    """OwnMatter for who acts for a seller, or for one of ``others``, a buyer or bidder: nobody of the
    offices handles what is his own (domain.md)."""
    if acts_for_any(actor, [*sellers_of(listing), *others], VIEW):
        raise OwnMatter()


def require_price_within_mandate(
    owners: Iterable[Party], user: User, quantity_kg: int, price_fen_per_tonne: int
) -> None:
    """PriceBelowMandate when every mandate of ``user`` for an owner that allows so much asks for more:
    one mandate must allow both, not one the quantity and another the price."""
    for owner in owners:
        floors = [
            floor or 0
            for floor in mandates_for(user, owner, DISPOSE)
            .filter(Q(quantity_kg_max__isnull=True) | Q(quantity_kg_max__gte=quantity_kg))
            .values_list("price_fen_per_tonne_min", flat=True)
        ]
        if floors and min(floors) > price_fen_per_tonne:
            raise PriceBelowMandate(floor=yuan(min(floors)))

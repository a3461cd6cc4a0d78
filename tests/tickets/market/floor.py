"""A trading floor for tests: the bureau of the register, the centre's people, and deals through it."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from portal.accounts.models import Department, Party, Role, User
from portal.base.clock import advance_clock, now, today
from portal.casework.documents import Upload, parse_upload
from tests.accounts.people import officer
from tests.tickets.projects.story import PDF
from tests.tickets.registry.register import Bureau, holder
from tickets.market.models import Deposit, Listing, RetailPool, Trade
from tickets.market.operations import (
    AgreementTerms,
    BiddingTerms,
    LotTerms,
    approve_listing,
    ask_listing,
    buy,
    confirm_agreement,
    confirm_contract,
    decide_deposit,
    decide_pool,
    hand_over,
    place_bid,
    prepare_listing,
    prepare_pool,
    propose_contract,
    settle_trade,
    show_deposit,
    show_payment,
)
from tickets.offsets.models import Purpose
from tickets.registry.models import CarbonTicket

_serial = itertools.count(1)


def evidence(name: str | None = None) -> Upload:
    """A bank's slip, no two alike."""
    return parse_upload(PDF + f"% {name or next(_serial)}\n%%EOF\n".encode(), name="凭证.pdf")


def refused(statement: str, values: list[Any]) -> str:
    """The constraint that a raw statement runs into."""
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values)
    return str(caught.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]


@dataclass
class Floor(Bureau):
    """Clerk and approver of the centre, the latter also its cashier."""

    centre: User = field(
        default_factory=lambda: officer(f"tc-{uuid.uuid4().hex[:6]}", Role.TRADING_CLERK)
    )

    def other_side(self, side: str) -> User:
        """Who acts for the other one of owner and buyer."""
        return self.buyer_user if side == "owner" else self.owner_user

    def open(self, listing: Listing) -> Listing:
        prepare_listing(listing=listing, actor=self.centre)
        return approve_listing(listing=listing, actor=self.trading)

    def agreement(
        self,
        ticket: CarbonTicket,
        quantity_kg: int,
        price_fen: int,
        buyer: tuple[Party, User] | None = None,
    ) -> Trade:
        party, user = buyer or (self.buyer, self.buyer_user)
        listing = ask_listing(
            ticket=ticket,
            quantity_kg=quantity_kg,
            price_fen_per_tonne=price_fen,
            terms=AgreementTerms(party),
            closes_at=now() + timedelta(days=10),
            actor=self.owner_user,
            confirmed=True,
        )
        confirm_agreement(listing=listing, actor=user)
        self.open(listing)
        return listing.trades.get()

    def offer(
        self, ticket: CarbonTicket, quantity_kg: int, price_fen: int = 2000, least_kg: int = 100
    ) -> Listing:
        return self.open(
            ask_listing(
                ticket=ticket,
                quantity_kg=quantity_kg,
                price_fen_per_tonne=price_fen,
                terms=LotTerms(least_kg),
                closes_at=now() + timedelta(days=10),
                actor=self.owner_user,
            )
        )

    def bidding(
        self, ticket: CarbonTicket, quantity_kg: int, reserve_fen: int | None = None
    ) -> Listing:
        """Open for bids: start 15 元, step 0.50 元, closing in an hour."""
        listing = ask_listing(
            ticket=ticket,
            quantity_kg=quantity_kg,
            price_fen_per_tonne=1500,
            terms=BiddingTerms(50, 100_00, now() + timedelta(minutes=1), reserve_fen),
            closes_at=now() + timedelta(hours=1),
            actor=self.owner_user,
        )
        self.open(listing)
        advance_clock(timedelta(minutes=2))
        return listing

    def pool(self, ticket: CarbonTicket, quantity_kg: int = 1000, **more: Any) -> RetailPool:
        """Approved by ecology: 1 元 for 10 kg, at most 200 kg at once."""
        listing = self.open(
            ask_listing(
                ticket=ticket,
                quantity_kg=quantity_kg,
                price_fen_per_tonne=10_000,
                terms=LotTerms(10, retail=True),
                closes_at=now() + timedelta(days=60),
                actor=self.owner_user,
            )
        )
        clerk = officer(f"ec-{listing.number}", Role.CLERK, Department.ECOLOGY)
        terms: dict[str, Any] = {
            "title": "景区零售", "quantity_kg": quantity_kg, "largest_kg": 200,
            "purposes": [Purpose.PERSON, Purpose.EVENT], "begins_on": today(),
            "ends_on": today() + timedelta(days=50), **more,
        }  # fmt: skip
        pool = prepare_pool(listing=listing, actor=clerk, **terms)
        return decide_pool(pool=pool, accepted=True, actor=self.signer)

    def reserve(self, ticket: CarbonTicket, quantity_kg: int) -> CarbonTicket:
        """Bought by ``buyer`` under a contract at 15 元, 40 % of a premium to the owner; it offers
        what it bought from now on."""
        contract = propose_contract(
            body=self.buyer,
            owner=self.owner,
            quantity_kg=quantity_kg,
            floor_fen_per_tonne=1500,
            share_bp=4000,
            begins_on=today(),
            ends_on=today() + timedelta(days=300),
            actor=self.buyer_user,
        )
        confirm_contract(contract=contract, actor=self.owner_user)
        listing = hand_over(
            contract=contract,
            ticket=ticket,
            quantity_kg=quantity_kg,
            closes_at=now() + timedelta(days=5),
            actor=self.owner_user,
            confirmed=True,
        )
        confirm_agreement(listing=listing, actor=self.buyer_user)
        self.open(listing)
        bought = self.settle(listing.trades.get())
        assert bought.entry is not None
        self.owner, self.owner_user = self.buyer, self.buyer_user
        return bought.entry.tickets_opened.get()

    def bidder(self, listing: Listing, name: str) -> tuple[Party, User]:
        """Somebody whose deposit the centre has found."""
        party, user = holder(name)
        deposit = show_deposit(
            listing=listing, bidder=party, amount_fen=100_00, upload=evidence(), actor=user
        )
        self.accept(deposit)
        return party, user

    def accept(self, deposit: Deposit) -> Deposit:
        return decide_deposit(
            deposit=deposit,
            accepted=True,
            payment_number=f"保证金{next(_serial)}",
            actor=self.centre,
        )

    def bid(self, listing: Listing, bidder: tuple[Party, User], price_fen: int) -> None:
        place_bid(
            listing=listing,
            bidder=bidder[0],
            price_fen_per_tonne=price_fen,
            actor=bidder[1],
            confirmed=True,
        )

    def buy(self, listing: Listing, quantity_kg: int) -> Trade:
        return buy(
            listing=listing,
            buyer=self.buyer,
            quantity_kg=quantity_kg,
            actor=self.buyer_user,
            confirmed=True,
        )

    def pay(self, trade: Trade, number: str = "") -> Trade:
        return show_payment(
            trade=trade,
            number=trade.number,
            payment_number=number or f"流水{next(_serial)}",
            amount_fen=trade.amount_fen,
            upload=evidence(),
            actor=trade.bought_by,
        )

    def settle(self, trade: Trade) -> Trade:
        self.pay(trade)
        return settle_trade(trade=trade, actor=self.trading)

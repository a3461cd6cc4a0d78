"""The demonstration's market: every kind of deal, through the real operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import mandates_in_force
from portal.base.clock import advance_clock, now, today
from portal.base.pdf import compile_pdf
from portal.base.story import Chapter
from portal.base.transactions import write_transaction
from portal.casework.documents import PDF, Upload
from tickets.market.models import Listing, PremiumShare, Trade
from tickets.market.operations import (
    AgreementTerms,
    BiddingTerms,
    LotTerms,
    approve_listing,
    ask_listing,
    buy,
    close_bidding,
    confirm_agreement,
    confirm_contract,
    confirm_premium,
    decide_deposit,
    decide_pool,
    hand_over,
    order_retail,
    pay_premium,
    place_bid,
    prepare_listing,
    prepare_pool,
    propose_contract,
    raise_dispute,
    settle_order,
    settle_trade,
    show_deposit,
    show_payment,
    withdraw_listing,
)
from tickets.market.operations.listings import Terms
from tickets.market.prices import yuan
from tickets.market.queries import tickets_to_offer
from tickets.offsets.models import Purpose
from tickets.registry.models import CarbonTicket

SLIP = Path(__file__).parent / "slip.typ"
TONNE = 1000
# Of a ticket, what the story needs to be free on it.
NEEDED_KG = 60 * TONNE


@dataclass
class Hall:
    """Who acts in this chapter, and the numbers of the bank's slips."""

    users: dict[str, User]
    drawn: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def party(self, name: str) -> Party:
        mandate = mandates_in_force(self.users[name]).filter(scope=Mandate.Scope.ALL).first()
        assert mandate is not None  # ``ensure_demo_accounts`` gave it.
        return mandate.party

    def slip(self, text: str, amount_fen: int) -> Upload:
        rows = [["附言", text], ["金额", f"{yuan(amount_fen)} 元"], ["流水号", self.flow()]]
        facts = {"title": "演示银行 · 电子回单", "rows": rows}
        data = compile_pdf(SLIP, facts=facts, pictures={}, dated=now())
        return Upload(data, PDF, "电子回单.pdf")

    def flow(self) -> str:
        return f"YS{next(self.drawn):010d}"

    # --- acts -----------------------------------------------------------------------------------
    def ask(
        self, seller: str, ticket: CarbonTicket, tonnes: int, price_fen: int, terms: Terms,
        days: int = 30,
    ) -> Listing:  # fmt: skip
        return ask_listing(
            ticket=ticket,
            quantity_kg=tonnes * TONNE,
            price_fen_per_tonne=price_fen,
            terms=terms,
            closes_at=now() + timedelta(days=days),
            actor=self.users[seller],
            confirmed=True,
        )

    def open(self, listing: Listing) -> Listing:
        prepare_listing(listing=listing, actor=self.users["trading"])
        return approve_listing(listing=listing, actor=self.users["trading_approver"])

    def buy(self, listing: Listing, buyer: str, tonnes: int) -> Trade:
        return buy(
            listing=listing,
            buyer=self.party(buyer),
            quantity_kg=tonnes * TONNE,
            actor=self.users[buyer],
            confirmed=True,
        )

    def pay(self, trade: Trade) -> None:
        show_payment(
            trade=trade,
            number=trade.number,
            payment_number=self.flow(),
            amount_fen=trade.amount_fen,
            upload=self.slip(trade.number, trade.amount_fen),
            actor=trade.bought_by,
        )

    def settle(self, trade: Trade) -> Trade:
        self.pay(trade)
        advance_clock(timedelta(hours=3))
        return settle_trade(trade=trade, actor=self.users["trading_approver"])

    def bidding(self, seller: str, ticket: CarbonTicket, tonnes: int, price_fen: int) -> Listing:
        terms = BiddingTerms(
            step_fen_per_tonne=50,
            deposit_fen=1000_00,
            opens_at=now() + timedelta(hours=1),
            reserve_fen_per_tonne=price_fen + 100,
        )
        listing = self.open(self.ask(seller, ticket, tonnes, price_fen, terms, days=2))
        for name in ("buyer1", "buyer2", "insurer"):
            deposit = show_deposit(
                listing=listing,
                bidder=self.party(name),
                amount_fen=1000_00,
                upload=self.slip(f"{listing.number} 保证金 {name}", 1000_00),
                actor=self.users[name],
            )
            decide_deposit(deposit=deposit, accepted=True, actor=self.users["trading"])
        advance_clock(timedelta(hours=2))
        return listing

    def bid(self, listing: Listing, name: str, price_fen: int) -> None:
        place_bid(
            listing=listing,
            bidder=self.party(name),
            price_fen_per_tonne=price_fen,
            actor=self.users[name],
        )
        advance_clock(timedelta(minutes=7))

    def retail(self, seller: str, ticket: CarbonTicket) -> None:
        """A pool for visitors and events: one certified order, one that waits."""
        terms = LotTerms(10, retail=True)
        listing = self.open(self.ask(seller, ticket, 5, 10_000, terms, days=80))
        pool = prepare_pool(
            listing=listing,
            title="赛里木湖游客与活动零售池",
            quantity_kg=5 * TONNE,
            largest_kg=TONNE,
            purposes=[Purpose.PERSON, Purpose.EVENT],
            begins_on=today(),
            ends_on=today() + timedelta(days=75),
            actor=self.users["ecology"],
        )
        decide_pool(pool=pool, accepted=True, actor=self.users["ecology_approver"])
        visitor = order_retail(
            pool=pool, quantity_kg=12, purpose=Purpose.PERSON, name="游客 李女士",
            contact="13900000000", actor=None,
        )  # fmt: skip
        settle_order(
            order=visitor, payment_number=self.flow(), actor=self.users["trading_approver"]
        )
        order_retail(
            pool=pool, quantity_kg=600, purpose=Purpose.EVENT, name="伊宁天马音乐节",
            contact="festival@example.org", actor=None, event_name="天马音乐节",
            place="伊宁市人民公园", begins_on=today(), ends_on=today() + timedelta(days=2),
        )  # fmt: skip

    def reserve(self, owner: str, ticket: CarbonTicket) -> None:
        """Bought at the floor by the tourism company, resold dearer, and the premium settled."""
        body = self.users["buyer1"]
        contract = propose_contract(
            body=self.party("buyer1"),
            owner=self.party(owner),
            quantity_kg=30 * TONNE,
            floor_fen_per_tonne=1200,
            share_bp=4000,
            begins_on=today(),
            ends_on=today() + timedelta(days=365),
            actor=body,
        )
        confirm_contract(contract=contract, actor=self.users[owner])
        listing = hand_over(
            contract=contract,
            ticket=ticket,
            quantity_kg=8 * TONNE,
            closes_at=now() + timedelta(days=20),
            actor=self.users[owner],
        )
        confirm_agreement(listing=listing, actor=body)
        self.open(listing)
        bought = self.settle(listing.trades.get())
        assert bought.entry is not None
        resale = self.open(
            self.ask("buyer1", bought.entry.tickets_opened.get(), 8, 1800, LotTerms(TONNE))
        )
        for tonnes in (5, 2):
            self.settle(self.buy(resale, "buyer2", tonnes))
        first, _other = PremiumShare.objects.order_by("pk")
        pay_premium(share=first, payment_number=self.flow(), actor=body)
        confirm_premium(share=first, received=True, actor=self.users[owner])


@write_transaction
def play_market(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """Deals settled, waiting, disputed and withdrawn; a bidding that ended and one that runs."""
    if Listing.objects.exists():
        return
    found = _tickets(users)
    if found is None:
        return
    hall = Hall(users)
    (seller, ticket), (second, other) = found
    with override("zh-hans"):
        agreed = hall.ask(seller, ticket, 12, 1500, AgreementTerms(hall.party("buyer1")))
        confirm_agreement(listing=agreed, actor=users["buyer1"])
        hall.open(agreed)
        hall.settle(agreed.trades.get())
        ended = hall.bidding(seller, ticket, 10, 1400)
        for name, price in (
            ("buyer1", 1400), ("buyer2", 1450), ("insurer", 1450), ("buyer1", 1550),
            ("buyer2", 1600), ("insurer", 1600),
        ):  # fmt: skip
            hall.bid(ended, name, price)
        advance_clock(ended.closes_at - now() + timedelta(minutes=1))
        won = close_bidding(listing=ended)
        assert won is not None
        hall.settle(won)
        offered = hall.open(hall.ask(second, other, 20, 1650, LotTerms(TONNE), days=60))
        hall.settle(hall.buy(offered, "buyer1", 4))
        hall.pay(hall.buy(offered, "buyer2", 2))
        raise_dispute(
            trade=hall.buy(offered, "insurer", 1),
            text="卖方要求先行开票，双方对付款期限有不同理解。",
            actor=users["insurer"],
        )
        hall.buy(offered, "buyer1", 3)
        dear = hall.open(hall.ask(seller, ticket, 5, 3000, LotTerms(TONNE)))
        withdraw_listing(listing=dear, actor=users[seller])
        running = hall.bidding(seller, ticket, 8, 1500)
        for name, price in (("buyer2", 1500), ("buyer1", 1600)):
            hall.bid(running, name, price)
        hall.ask(second, other, 6, 1700, AgreementTerms(hall.party("buyer2")))
        hall.retail(second, other)
        hall.reserve(seller, ticket)
    tell(_("示例挂牌 {count} 项").format(count=Listing.objects.count()))


def _tickets(
    users: dict[str, User],
) -> tuple[tuple[str, CarbonTicket], tuple[str, CarbonTicket]] | None:
    """Two tickets of different owners with enough that is free."""
    found: list[tuple[str, CarbonTicket]] = []
    for name in ("owner1", "owner2", "collective"):
        for ticket in tickets_to_offer(users[name]):
            if ticket.blocks.free().quantity_kg() >= NEEDED_KG:
                found.append((name, ticket))
                break
    return (found[0], found[1]) if len(found) >= 2 else None


CHAPTERS = (Chapter(6, play_market),)

"""The demonstration's market: two years of deals of every kind, through the real operations.

Chapters of the day before the story's end leave what waits for somebody: a payment, a decision, a
bid. Earlier ones run to their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.utils.translation import override

from portal.accounts.models import Party, User
from portal.base.clock import advance_clock, advance_to, now, today
from portal.base.pdf import compile_pdf
from portal.base.story import Chapter
from portal.casework.documents import PDF, Upload
from tickets.market.models import Deposit, Listing, PremiumShare, RetailPool, Trade
from tickets.market.operations import (
    AgreementTerms,
    BiddingTerms,
    LotTerms,
    approve_listing,
    ask_listing,
    buy,
    close_bidding,
    close_pool,
    confirm_agreement,
    confirm_contract,
    confirm_premium,
    decide_deposit,
    decide_dispute,
    decide_pool,
    end_due_listings,
    find_receipt,
    forfeit_deposit,
    hand_over,
    lapse_overdue_orders,
    lapse_overdue_trades,
    order_retail,
    pay_premium,
    place_bid,
    prepare_listing,
    prepare_pool,
    propose_contract,
    raise_dispute,
    refund,
    refuse_listing,
    refuse_payment,
    retract_listing,
    return_deposit,
    say_order_paid,
    settle_order,
    settle_trade,
    show_deposit,
    show_payment,
    withdraw_listing,
)
from tickets.market.operations.listings import Terms
from tickets.market.prices import yuan
from tickets.offsets.models import Purpose
from tickets.registry.demo import Office, Tell
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import KG_PER_TONNE

SLIP = Path(__file__).parent / "slip.typ"
DEPOSIT_FEN = 1000_00
BIDDERS = ("buyer1", "buyer2", "insurer", "bank2", "collective")


@dataclass(frozen=True, slots=True)
class Hall:
    """Who acts in these chapters, and what they do again and again."""

    users: dict[str, User]

    def party(self, name: str) -> Party:
        return Office(self.users).party(name)

    def ticket(self, project: str, holder: str) -> CarbonTicket:
        return Office(self.users).ticket(project, holder)

    def flow(self) -> str:
        """A bank's number: the moment, which no two payments share."""
        advance_clock(timedelta(minutes=1))
        return f"YS{now():%Y%m%d%H%M%S}"

    def slip(self, text: str, amount_fen: int) -> Upload:
        rows = [["附言", text], ["金额", f"{yuan(amount_fen)} 元"], ["流水号", self.flow()]]
        facts = {"title": "演示银行 · 电子回单", "rows": rows}
        data = compile_pdf(SLIP, facts=facts, pictures={}, dated=now())
        return Upload(data, PDF, "电子回单.pdf")

    # --- acts -----------------------------------------------------------------------------------
    def ask(
        self, seller: str, ticket: CarbonTicket, tonnes: int, price_fen: int, terms: Terms,
        days: int = 30,
    ) -> Listing:  # fmt: skip
        return ask_listing(
            ticket=ticket,
            quantity_kg=tonnes * KG_PER_TONNE,
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
            quantity_kg=tonnes * KG_PER_TONNE,
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

    def agree(
        self, seller: str, ticket: CarbonTicket, tonnes: int, price_fen: int, buyer: str
    ) -> Trade:
        listing = self.ask(seller, ticket, tonnes, price_fen, AgreementTerms(self.party(buyer)))
        confirm_agreement(listing=listing, actor=self.users[buyer])
        self.open(listing)
        return listing.trades.get()

    def deposit(self, listing: Listing, name: str) -> Deposit:
        return show_deposit(
            listing=listing,
            bidder=self.party(name),
            amount_fen=DEPOSIT_FEN,
            upload=self.slip(f"{listing.number} 保证金 {name}", DEPOSIT_FEN),
            actor=self.users[name],
        )

    def bidding(
        self, seller: str, ticket: CarbonTicket, tonnes: int, price_fen: int, days: int = 2,
        unseen: str = "",
    ) -> Listing:  # fmt: skip
        """Begun, with five bidders whose deposits are there; ``unseen``: by one who showed it twice."""
        terms = BiddingTerms(
            step_fen_per_tonne=50,
            deposit_fen=DEPOSIT_FEN,
            opens_at=now() + timedelta(hours=1),
            reserve_fen_per_tonne=price_fen + 100,
        )
        listing = self.open(self.ask(seller, ticket, tonnes, price_fen, terms, days=days))
        for name in BIDDERS:
            if name == unseen:
                decide_deposit(
                    deposit=self.deposit(listing, name),
                    accepted=False,
                    reason="账户未见此笔款项，请核对后重新提交。",
                    actor=self.users["trading"],
                )
            decide_deposit(
                deposit=self.deposit(listing, name),
                accepted=True,
                payment_number=self.flow(),
                actor=self.users["trading"],
            )
        advance_to(terms.opens_at + timedelta(minutes=5))
        return listing

    def bid(self, listing: Listing, *bids: tuple[str, int]) -> None:
        for name, price_fen in bids:
            place_bid(
                listing=listing,
                bidder=self.party(name),
                price_fen_per_tonne=price_fen,
                actor=self.users[name],
                confirmed=True,
            )
            advance_clock(timedelta(minutes=7))

    def bid_late(self, listing: Listing, name: str, price_fen: int) -> None:
        """In the last minute, which moves the closing."""
        advance_to(listing.closes_at - timedelta(minutes=1))
        place_bid(
            listing=listing,
            bidder=self.party(name),
            price_fen_per_tonne=price_fen,
            actor=self.users[name],
        )

    def close(self, listing: Listing) -> Trade:
        listing.refresh_from_db()
        advance_to(listing.closes_at + timedelta(minutes=1))
        trade = close_bidding(listing=listing)
        assert trade is not None
        return trade

    def give_back(self, listing: Listing) -> None:
        """Every deposit that is still there."""
        for deposit in listing.deposits.filter(state="accepted"):
            return_deposit(
                deposit=deposit, refund_number=self.flow(), actor=self.users["trading_approver"]
            )

    def give_up(self, trade: Trade) -> None:
        """Paid under a wrong number first, disputed, annulled: the price goes back."""
        cashier = self.users["trading_approver"]
        self.pay(trade)
        refuse_payment(trade=trade, reason="流水号与账户不符，请核对。", actor=cashier)
        self.pay(trade)
        trade.refresh_from_db()
        raise_dispute(trade=trade, text="双方同意解除交易。", actor=trade.bought_by)
        advance_clock(timedelta(hours=20))
        decide_dispute(trade=trade, go_on=False, reason="双方协商一致，撤销。", actor=cashier)
        find_receipt(
            deal=trade, payment_number=trade.payment_number, actor=self.users["trading"]
        )  # fmt: skip
        refund(deal=trade, refund_number=self.flow(), actor=cashier)

    def pool(
        self, seller: str, ticket: CarbonTicket, title: str, days: int, *purposes: Purpose
    ) -> RetailPool:
        listing = self.open(
            self.ask(seller, ticket, 5, 10_000, LotTerms(10, retail=True), days=days)
        )
        return self.open_pool(listing, title, days, *purposes)

    def open_pool(
        self, listing: Listing, title: str, days: int, *purposes: Purpose, refused: str = ""
    ) -> RetailPool:
        """Proposed by ecology's clerk; ``refused``: the signer's reason to say no."""
        pool = prepare_pool(
            listing=listing,
            title=title,
            quantity_kg=5 * KG_PER_TONNE,
            largest_kg=KG_PER_TONNE,
            purposes=purposes,
            begins_on=today(),
            ends_on=today() + timedelta(days=days - 1),
            actor=self.users["ecology"],
        )
        return decide_pool(
            pool=pool, accepted=not refused, reason=refused, actor=self.users["ecology_approver"]
        )

    def certify(
        self, pool: RetailPool, kilograms: int, name: str, purpose: Purpose = Purpose.PERSON,
        **event: object,
    ) -> None:  # fmt: skip
        """Ordered by somebody without an account, paid and certified."""
        order = order_retail(
            pool=pool, quantity_kg=kilograms, purpose=purpose, name=name, contact="13900000000",
            actor=None, **event,  # type: ignore[arg-type]
        )  # fmt: skip
        settle_order(order=order, payment_number=self.flow(), actor=self.users["trading_approver"])

    def give_back_late(self, pool: RetailPool, kilograms: int, name: str) -> None:
        """Paid on the last day, seen too late: the order ends and the money goes back."""
        order = order_retail(
            pool=pool, quantity_kg=kilograms, purpose=Purpose.PERSON, name=name,
            contact="13900000001", actor=None,
        )  # fmt: skip
        number = self.flow()
        say_order_paid(order=order, payment_number=number, actor=None)
        advance_to(order.pay_by + timedelta(hours=2))
        lapse_overdue_orders()
        find_receipt(deal=order, payment_number=number, actor=self.users["trading"])
        refund(deal=order, refund_number=self.flow(), actor=self.users["trading_approver"])


# --- chapters: two years -------------------------------------------------------------------------
def first_agreement(users: dict[str, User], tell: Tell) -> None:
    """The tourism company buys from the owner it knows."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("北山坡杨树造林项目", "owner1")
        hall.settle(hall.agree("owner1", ticket, 12, 1200, "buyer1"))


def first_bidding(users: dict[str, User], tell: Tell) -> None:
    """Five bidders, equal top prices, one in the last minute; who bid first wins and pays, all
    deposits go back."""
    hall = Hall(users)
    with override("zh-hans"):
        listing = hall.bidding("owner1", hall.ticket("北山坡杨树造林项目", "owner1"), 10, 1200)
        hall.bid(
            listing, ("buyer1", 1200), ("collective", 1250), ("insurer", 1250), ("bank2", 1250),
            ("buyer2", 1350),
        )  # fmt: skip
        hall.bid_late(listing, "insurer", 1350)
        hall.settle(hall.close(listing))
        hall.give_back(listing)


def bidding_unpaid(users: dict[str, User], tell: Tell) -> None:
    """The winner lets the term pass: the tonnes are the owner's again and the deposit is lost."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔河谷造林项目", "owner2")
        listing = hall.bidding("owner2", ticket, 8, 1300, unseen="bank2")
        hall.bid(listing, ("buyer2", 1300), ("insurer", 1450))
        trade = hall.close(listing)
        advance_to(trade.pay_by + timedelta(hours=1))
        lapse_overdue_trades()
        forfeit_deposit(
            deposit=listing.deposits.get(bidder=trade.buyer),
            reason="成交后逾期未付款。",
            actor=users["trading_approver"],
        )
        hall.give_back(listing)


def reserve_purchase(users: dict[str, User], tell: Tell) -> None:
    """Bought at the floor by the tourism company, resold dearer, and the premium settled."""
    hall, body = Hall(users), users["buyer1"]
    with override("zh-hans"):
        contract = propose_contract(
            body=hall.party("buyer1"),
            owner=hall.party("owner1"),
            quantity_kg=30 * KG_PER_TONNE,
            floor_fen_per_tonne=1200,
            share_bp=4000,
            begins_on=today(),
            ends_on=today() + timedelta(days=730),
            actor=body,
        )
        confirm_contract(contract=contract, actor=users["owner1"])
        listing = hand_over(
            contract=contract,
            ticket=hall.ticket("北山坡杨树造林项目", "owner1"),
            quantity_kg=8 * KG_PER_TONNE,
            closes_at=now() + timedelta(days=20),
            actor=users["owner1"],
        )
        confirm_agreement(listing=listing, actor=body)
        hall.open(listing)
        bought = hall.settle(listing.trades.get())
        assert bought.entry is not None
        resold = bought.entry.tickets_opened.get()
        resale = hall.open(hall.ask("buyer1", resold, 8, 1800, LotTerms(KG_PER_TONNE)))
        for tonnes in (5, 3):
            hall.settle(hall.buy(resale, "buyer2", tonnes))
        first, _second = PremiumShare.objects.filter(purchase__contract=contract).order_by("pk")
        pay_premium(share=first, payment_number=hall.flow(), actor=body)
        confirm_premium(share=first, received=True, actor=users["owner1"])


def open_listing(users: dict[str, User], tell: Tell) -> None:
    """Taken in parts. A slip that the cashier does not find is shown anew; of two disputed trades one
    goes on when the centre has heard both, the other is annulled and its money given back."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔河谷造林项目", "owner2")
        listing = hall.open(hall.ask("owner2", ticket, 12, 1450, LotTerms(KG_PER_TONNE), days=40))
        hall.settle(hall.buy(listing, "buyer1", 4))
        disputed = hall.buy(listing, "insurer", 3)
        hall.pay(disputed)
        raise_dispute(trade=disputed, text="卖方要求先行开票。", actor=users["insurer"])
        advance_clock(timedelta(days=2))
        decide_dispute(
            trade=disputed, go_on=True, reason="双方已就开票达成一致。",
            actor=users["trading_approver"],
        )  # fmt: skip
        settle_trade(trade=disputed, actor=users["trading_approver"])
        hall.give_up(hall.buy(listing, "insurer", 2))
        advance_clock(timedelta(days=6))
        hall.settle(hall.buy(listing, "buyer2", 5))


def second_agreement(users: dict[str, User], tell: Tell) -> None:
    """The exhibition company for its offices."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("克伯克于孜云杉抚育项目", "owner1")
        hall.settle(hall.agree("owner1", ticket, 15, 1500, "buyer2"))


def last_summers_pool(users: dict[str, User], tell: Tell) -> None:
    """Visitors and a festival, one payment seen too late, one never made; closed when the season is
    over. Ecology's signer did not open the first proposal."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔河谷造林项目", "owner2")
        listing = hall.open(
            hall.ask("owner2", ticket, 5, 10_000, LotTerms(10, retail=True), days=60)
        )
        hall.open_pool(
            listing, "伊犁河", 60, Purpose.PERSON, refused="请写明景区名称，并增加活动用途。"
        )
        pool = hall.open_pool(listing, "伊犁河景区游客零售池", 60, Purpose.PERSON, Purpose.EVENT)
        hall.certify(pool, 12, "游客 王女士")
        advance_clock(timedelta(days=9))
        hall.certify(pool, 30, "驴友骑行队")
        order_retail(  # Never paid.
            pool=pool, quantity_kg=20, purpose=Purpose.PERSON, name="游客 周先生",
            contact="13900000002", actor=None,
        )  # fmt: skip
        hall.give_back_late(pool, 50, "游客 陈先生")
        held_on = today() + timedelta(days=5)
        hall.certify(
            pool, 800, "伊犁河音乐节组委会", Purpose.EVENT, event_name="伊犁河音乐节",
            place="伊犁河湿地公园", begins_on=held_on, ends_on=held_on + timedelta(days=1),
        )  # fmt: skip
        advance_clock(timedelta(days=4))
        close_pool(pool=pool, actor=users["ecology_approver"])
        withdraw_listing(listing=pool.listing, actor=users["owner2"])


def listing_of_the_farmland_belt(users: dict[str, User], tell: Tell) -> None:
    """Sold in parts; an eco-justice case takes from it later."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔农田防护林项目", "owner1")
        listing = hall.open(hall.ask("owner1", ticket, 20, 1580, LotTerms(KG_PER_TONNE), days=80))
        hall.settle(hall.buy(listing, "buyer1", 6))


def too_dear(users: dict[str, User], tell: Tell) -> None:
    """Asked for at a price by mistake and taken back, refused by the centre at the next, listed at a
    third: nobody buys, and it is taken off the list."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("克伯克于孜云杉抚育项目", "owner1")
        terms = LotTerms(KG_PER_TONNE)
        retract_listing(listing=hall.ask("owner1", ticket, 5, 300, terms), actor=users["owner1"])
        refuse_listing(
            listing=hall.ask("owner1", ticket, 5, 30_000, terms),
            reason="价格明显偏离市场，请核对。",
            actor=users["trading"],
        )
        listing = hall.open(hall.ask("owner1", ticket, 5, 3000, LotTerms(KG_PER_TONNE)))
        advance_clock(timedelta(days=12))
        withdraw_listing(listing=listing, actor=users["owner1"])


def second_bidding(users: dict[str, User], tell: Tell) -> None:
    """Settled last month, the deposits still to be returned; the farmland's listing has expired."""
    hall = Hall(users)
    end_due_listings()
    with override("zh-hans"):
        ticket = hall.ticket("英也尔农田防护林项目", "owner1")
        listing = hall.bidding("owner1", ticket, 10, 1500)
        hall.bid(
            listing, ("buyer1", 1500), ("insurer", 1550), ("collective", 1550), ("buyer2", 1600),
            ("bank2", 1650), ("insurer", 1650),
        )  # fmt: skip
        hall.settle(hall.close(listing))


# --- chapters: what waits today ------------------------------------------------------------------
def payment_left_lying(users: dict[str, User], tell: Tell) -> None:
    """The slip was shown days ago and the cashier has not looked at it: overdue. Another trade of the
    same owner was annulled; its money was found and is to be given back."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("克伯克于孜云杉抚育项目", "owner1")
        hall.pay(hall.agree("owner1", ticket, 2, 1600, "buyer1"))
        trade = hall.agree("owner1", ticket, 1, 1600, "buyer2")
        hall.pay(trade)
        raise_dispute(trade=trade, text="数量有误，要求解除。", actor=users["buyer2"])
        decide_dispute(
            trade=trade, go_on=False, reason="双方同意撤销。", actor=users["trading_approver"]
        )
        trade.refresh_from_db()
        find_receipt(
            deal=trade, payment_number=trade.payment_number, actor=users["trading"]
        )  # fmt: skip


def listing_of_today(users: dict[str, User], tell: Tell) -> None:
    """Open for two months: one part settled; of the others one is paid for, one unpaid, one
    disputed."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔河谷造林项目", "owner2")
        listing = hall.open(hall.ask("owner2", ticket, 10, 1650, LotTerms(KG_PER_TONNE), days=60))
        hall.settle(hall.buy(listing, "buyer1", 2))
        hall.pay(hall.buy(listing, "buyer2", 2))
        raise_dispute(
            trade=hall.buy(listing, "insurer", 1),
            text="卖方要求先行开票，双方对付款期限有不同理解。",
            actor=users["insurer"],
        )
        hall.buy(listing, "buyer1", 1)


def bidding_of_today(users: dict[str, User], tell: Tell) -> None:
    """Runs for some days more."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔农田防护林项目", "owner1")
        listing = hall.bidding("owner1", ticket, 8, 1500, days=6)
        hall.bid(listing, ("buyer2", 1500), ("buyer1", 1600))


def agreement_of_today(users: dict[str, User], tell: Tell) -> None:
    """Asked for; the named buyer has not answered yet."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("克伯克于孜云杉抚育项目", "owner1")
        hall.ask("owner1", ticket, 6, 1700, AgreementTerms(hall.party("buyer2")))


def pool_of_today(users: dict[str, User], tell: Tell) -> None:
    """For visitors, events and eco-justice: certified orders, and one that waits for its payment."""
    hall = Hall(users)
    with override("zh-hans"):
        ticket = hall.ticket("英也尔河谷造林项目", "owner2")
        pool = hall.pool(
            "owner2", ticket, "天马文化游客与活动零售池", 80, Purpose.PERSON, Purpose.EVENT,
            Purpose.ECO_JUSTICE,
        )  # fmt: skip
        hall.certify(pool, 12, "游客 李女士")
        order_retail(
            pool=pool, quantity_kg=600, purpose=Purpose.EVENT, name="伊宁天马音乐节",
            contact="festival@example.org", actor=None, event_name="天马音乐节",
            place="伊宁市人民公园", begins_on=today(), ends_on=today() + timedelta(days=2),
        )  # fmt: skip


def contract_of_today(users: dict[str, User], tell: Tell) -> None:
    """A second body offers the other owner a floor; he has not answered."""
    hall = Hall(users)
    with override("zh-hans"):
        propose_contract(
            body=hall.party("buyer2"),
            owner=hall.party("owner2"),
            quantity_kg=20 * KG_PER_TONNE,
            floor_fen_per_tonne=1400,
            share_bp=5000,
            begins_on=today(),
            ends_on=today() + timedelta(days=365),
            actor=users["buyer2"],
        )


CHAPTERS = (
    Chapter(600, first_agreement),
    Chapter(520, first_bidding),
    Chapter(425, bidding_unpaid),
    Chapter(385, reserve_purchase),
    Chapter(300, open_listing),
    Chapter(245, second_agreement),
    Chapter(195, last_summers_pool),
    Chapter(140, listing_of_the_farmland_belt),
    Chapter(75, too_dear),
    Chapter(30, second_bidding),
    Chapter(5, payment_left_lying),
    Chapter(2, pool_of_today),
    Chapter(1, listing_of_today),
    Chapter(1, bidding_of_today),
    Chapter(1, agreement_of_today),
    Chapter(1, contract_of_today),
)

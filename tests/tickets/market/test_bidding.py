"""One-way bidding: who may bid and how much, the close by the one clock, one winner under a rush."""

from __future__ import annotations

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from pypdf import PdfReader

from portal.accounts.errors import OfficeMissing, ReasonMissing
from portal.accounts.models import Mandate, Role, RoleGrant
from portal.base.clock import advance_clock, now
from portal.base.errors import InvalidInput, PortalError
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from portal.journal.models import Event
from tests.tickets.market.floor import Floor, evidence
from tests.tickets.registry.register import covered, states
from tickets.market.errors import (
    BidBelowStart,
    BiddingClosed,
    BiddingNotOpen,
    BiddingRuns,
    BidOffStep,
    BidTooLow,
    DepositDecided,
    DepositHeld,
    DepositMissing,
    DepositTwice,
    InvalidPrice,
    ListingMovedOn,
    NewCounterparty,
    NothingToForfeit,
    PaymentUsed,
    SamePerson,
    SellerCannotBuy,
    TermsWrong,
)
from tickets.market.models import Bid, Deposit, Listing
from tickets.market.operations import (
    BiddingTerms,
    approve_listing,
    ask_listing,
    close_bidding,
    close_due_biddings,
    decide_deposit,
    forfeit_deposit,
    lapse_overdue_trades,
    place_bid,
    prepare_listing,
    ranked_bids,
    return_deposit,
    show_deposit,
    withdraw_listing,
)
from tickets.market.protocol import protocol_pdf, result_of
from tickets.registry.models import Cause
from tickets.registry.operations import Kind, Owners, open_cause

BIDDERS, ROUNDS = 20, 10


def test_bids_keep_start_step_deposit_and_clock(floor: Floor) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    one, two = floor.bidder(listing, "甲公司"), floor.bidder(listing, "乙公司")
    for price, refusal in (
        (1499, BidBelowStart), (1520, BidOffStep), (0, InvalidPrice), (-50, InvalidPrice),
    ):  # fmt: skip
        with pytest.raises(refusal):
            floor.bid(listing, one, price)
    with pytest.raises(DepositMissing):
        floor.bid(listing, (floor.buyer, floor.buyer_user), 1500)
    with pytest.raises(SellerCannotBuy):
        floor.bid(listing, (floor.owner, floor.owner_user), 1500)
    floor.bid(listing, one, 1600)
    for bidder, price in ((two, 1550), (one, 1600)):
        with pytest.raises(BidTooLow):
            floor.bid(listing, bidder, price)
    floor.bid(listing, two, 1600)  # Equal to the top: it stands behind it.
    assert [bid.number for bid in ranked_bids(listing)] == [1, 2]
    with pytest.raises(BiddingRuns):
        withdraw_listing(listing=listing, actor=floor.owner_user)
    with pytest.raises(BiddingRuns):
        close_bidding(listing=listing)
    advance_clock(timedelta(hours=1))
    with pytest.raises(BiddingClosed):
        floor.bid(listing, two, 1700)


def test_the_first_bid_for_tonnes_of_somebody_new_asks_for_the_second_factor(floor: Floor) -> None:
    ticket = floor.issue(10_000)
    listing = floor.bidding(ticket, 5_000)
    party, user = floor.bidder(listing, "甲公司")

    def bid(price_fen: int, **more: bool) -> Bid:
        return place_bid(
            listing=listing, bidder=party, price_fen_per_tonne=price_fen, actor=user, **more
        )

    with pytest.raises(NewCounterparty):
        bid(1500)
    assert bid(1500, confirmed=True).number == 1
    assert bid(1550).number == 2
    advance_clock(timedelta(hours=1))
    trade = close_bidding(listing=listing)
    assert trade is not None
    floor.settle(trade)
    listing = floor.bidding(ticket, 5_000)  # They know each other by now.
    deposit = show_deposit(
        listing=listing, bidder=party, amount_fen=100_00, upload=evidence(), actor=user
    )
    floor.accept(deposit)
    assert bid(1500).number == 1


def test_before_the_opening_nobody_bids_and_after_it_none_is_approved(
    floor: Floor, client: Client
) -> None:
    ticket = floor.issue(10_000)
    open_offer = floor.offer(ticket, 1000)
    with pytest.raises(BiddingNotOpen):
        floor.bid(open_offer, (floor.buyer, floor.buyer_user), 2000)
    first, second = (
        ask_listing(
            ticket=ticket,
            quantity_kg=1000,
            price_fen_per_tonne=1500,
            terms=BiddingTerms(50, 100_00, now() + timedelta(hours=1)),
            closes_at=now() + timedelta(hours=2),
            actor=floor.owner_user,
        )
        for _n in range(2)
    )
    floor.open(first)
    prepare_listing(listing=second, actor=floor.centre)
    bidder = floor.bidder(first, "甲公司")
    with pytest.raises(BiddingNotOpen):
        floor.bid(first, bidder, 1500)
    client.force_login(bidder[1])

    def offers_the_form() -> tuple[bool, bool]:
        page = client.get(f"/market/listings/{first.number}/").content.decode()
        return 'value="bid"' in page, 'data-ref="waits-to-open"' in page

    assert offers_the_form() == (False, True)
    advance_clock(timedelta(minutes=61))
    assert offers_the_form() == (True, False)
    floor.bid(first, bidder, 1500)
    with pytest.raises(TermsWrong):  # Nobody could bring a deposit in time.
        approve_listing(listing=second, actor=floor.trading)


def test_deposits_are_confirmed_by_the_centre(floor: Floor) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)

    def show(amount_fen: int) -> Any:
        return show_deposit(
            listing=listing,
            bidder=floor.buyer,
            amount_fen=amount_fen,
            upload=evidence(),
            actor=floor.buyer_user,
        )

    with pytest.raises(TermsWrong):
        show(99_99)
    deposit = show(100_00)
    with pytest.raises(DepositTwice):
        show(100_00)
    with pytest.raises(DepositMissing):
        floor.bid(listing, (floor.buyer, floor.buyer_user), 1500)
    decide_deposit(deposit=deposit, accepted=False, reason="未到账", actor=floor.centre)
    with pytest.raises(DepositDecided):
        floor.accept(deposit)
    again = show(100_00)
    for number, refusal in (("——", InvalidInput), ("9" * 61, InvalidInput), ("gd-7", None)):
        with pytest.raises(refusal) if refusal else nullcontext():
            decide_deposit(deposit=again, accepted=True, payment_number=number, actor=floor.centre)
    floor.bid(listing, (floor.buyer, floor.buyer_user), 1500)


def test_a_bid_in_the_last_minutes_moves_the_closing(floor: Floor) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    one, two = floor.bidder(listing, "甲公司"), floor.bidder(listing, "乙公司")
    floor.bid(listing, one, 1500)
    before = listing.closes_at
    listing.refresh_from_db()
    assert listing.closes_at == before
    advance_clock(before - now() - timedelta(minutes=1))
    floor.bid(listing, two, 1550)
    listing.refresh_from_db()
    assert timedelta(minutes=1) < listing.closes_at - before < timedelta(minutes=3)
    assert listing.extensions == 1
    advance_clock(timedelta(minutes=4))
    trade = close_bidding(listing=listing)
    assert trade is not None
    assert trade.buyer == two[0]
    assert result_of(listing).extensions == (listing.closes_at,)


def test_below_the_reserve_nothing_is_sold_and_the_block_is_free(floor: Floor) -> None:
    ticket = floor.issue(10_000)
    listing = floor.bidding(ticket, 10_000, reserve_fen=1700)
    floor.bid(listing, floor.bidder(listing, "甲公司"), 1650)
    advance_clock(timedelta(hours=1))
    assert close_due_biddings() == 1
    listing.refresh_from_db()
    assert (listing.ending, listing.trades.count()) == ("failed", 0)
    assert states(ticket) == {"held": 10_000}
    assert "未成交" in PdfReader(io.BytesIO(protocol_pdf(listing))).pages[0].extract_text()
    with pytest.raises(ListingMovedOn):
        close_bidding(listing=listing)


def test_a_winner_who_does_not_pay_gives_the_block_back(floor: Floor) -> None:
    ticket = floor.issue(10_000)
    listing = floor.bidding(ticket, 10_000)
    floor.bid(listing, floor.bidder(listing, "甲公司"), 1500)
    advance_clock(timedelta(hours=1))
    close_bidding(listing=listing)
    assert states(ticket) == {"listed": 10_000}
    advance_clock(timedelta(days=4))
    assert lapse_overdue_trades() == 1
    assert states(ticket) == {"held": 10_000}
    listing.refresh_from_db()
    assert listing.ending == "failed"


def test_money_of_a_deposit_that_was_refused_or_shown_too_late_goes_back(
    floor: Floor, client: Client
) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    floor.bid(listing, floor.bidder(listing, "甲公司"), 1500)

    def show() -> Deposit:
        return show_deposit(
            listing=listing, bidder=floor.buyer, amount_fen=100_00, upload=evidence(),
            actor=floor.buyer_user,
        )  # fmt: skip

    refused, address = show(), f"/market/listings/{listing.number}/"
    decide_deposit(deposit=refused, accepted=False, reason="未到账", actor=floor.centre)
    with pytest.raises(DepositDecided):
        return_deposit(deposit=refused, refund_number="R1", actor=floor.trading)
    client.force_login(floor.centre)
    found = {"action": "find-deposit", "deposit": str(refused.pk), "payment_number": "GD-1"}
    assert client.post(address, found).status_code == 302
    with pytest.raises(DepositMissing):  # It is no deposit for all that.
        floor.bid(listing, (floor.buyer, floor.buyer_user), 1600)
    assert return_deposit(deposit=refused, refund_number="R1", actor=floor.trading).state == (
        "returned"
    )
    advance_clock(timedelta(hours=2))
    close_bidding(listing=listing)
    client.force_login(floor.buyer_user)
    assert 'value="deposit"' not in client.get(address).content.decode()  # It came back already.
    late = show()
    with pytest.raises(PaymentUsed):
        decide_deposit(deposit=late, accepted=True, payment_number="gd1", actor=floor.centre)
    with pytest.raises(PaymentUsed):
        decide_deposit(deposit=late, accepted=True, payment_number="R-1", actor=floor.centre)
    client.force_login(floor.centre)  # What the clerk typed beside it is there still.
    typed = {"action": "accept-deposit", "deposit": str(late.pk), "payment_number": "gd1"}
    answer = client.post(address, typed | {"reason": "另查"})
    page = answer.content.decode()
    assert (answer.status_code, page.count('value="gd1"'), page.count('value="另查"')) == (
        409,
        1,
        1,
    )
    floor.accept(late)
    return_deposit(deposit=late, refund_number="R2", actor=floor.trading)


def test_who_is_the_bidder_decides_on_no_deposit(floor: Floor) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    party, user = floor.bidder(listing, "甲公司")
    deposit = listing.deposits.get()
    RoleGrant.objects.create(user=user, role=Role.TRADING_APPROVER, department="")
    Mandate.objects.create(
        user=floor.trading, party=party, scope=Mandate.Scope.VIEW, valid_from=date(2020, 1, 1),
        given_by=user,
    )  # fmt: skip
    advance_clock(timedelta(hours=2))
    close_bidding(listing=listing)
    for officer, refusal in ((user, SamePerson), (floor.trading, OwnMatter)):
        with pytest.raises(refusal):
            return_deposit(deposit=deposit, refund_number="R1", actor=officer)


def test_deposits_go_back_after_the_bidding_but_not_to_who_won_and_did_not_pay(
    floor: Floor,
) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    winner, other = floor.bidder(listing, "甲公司"), floor.bidder(listing, "乙公司")
    first, second = listing.deposits.order_by("pk")
    silent = floor.bidder(listing, "丙公司")
    with pytest.raises(DepositHeld):
        return_deposit(deposit=second, refund_number="T0", actor=floor.trading)
    floor.bid(listing, other, 1500)
    floor.bid(listing, winner, 1600)
    advance_clock(timedelta(hours=2))
    close_bidding(listing=listing)
    with pytest.raises(DepositHeld):  # The winner's trade is not settled.
        return_deposit(deposit=first, refund_number="T1", actor=floor.trading)
    with pytest.raises(NothingToForfeit):
        forfeit_deposit(deposit=second, reason="未成交", actor=floor.trading)
    with pytest.raises(OfficeMissing):
        return_deposit(deposit=second, refund_number="T2", actor=floor.centre)
    with pytest.raises(InvalidInput):
        return_deposit(deposit=second, refund_number=" ", actor=floor.trading)
    returned = return_deposit(deposit=second, refund_number="T2", actor=floor.trading)
    assert (returned.state, returned.refund_number) == ("returned", "T2")
    assert Message.objects.filter(user=other[1], subject__contains="已退还").count() == 1
    # Who bid nothing heard of the result as well.
    assert Message.objects.filter(user=silent[1], subject__contains="竞价未成交").count() == 1
    advance_clock(timedelta(hours=73))
    assert lapse_overdue_trades() == 1
    with pytest.raises(ReasonMissing):
        forfeit_deposit(deposit=first, reason=" ", actor=floor.trading)
    kept = forfeit_deposit(deposit=first, reason="逾期未付款", actor=floor.trading)
    assert kept.state == "forfeited"
    with pytest.raises(DepositDecided):
        return_deposit(deposit=first, refund_number="T3", actor=floor.trading)
    verbs = Event.objects.filter(subject_key=str(listing.pk)).values_list("verb", flat=True)
    assert {"deposit_returned", "deposit_forfeited"} <= set(verbs)


def test_a_bidding_fails_when_a_court_took_of_its_kilograms_and_the_others_close(
    floor: Floor,
) -> None:
    ticket = floor.issue(10_000)
    taken = floor.bidding(ticket, 10_000)
    one = floor.bidder(taken, "甲公司")
    floor.bid(taken, one, 1500)
    other = floor.bidding(floor.issue(10_000), 10_000)
    floor.bid(other, floor.bidder(other, "乙公司"), 1500)
    floor.transfer(
        ticket, 4000, to=Owners.sole(floor.other), kind=Kind.COURT, effective_on=date(2026, 1, 5)
    )
    advance_clock(timedelta(hours=2))
    assert close_due_biddings() == 2
    taken.refresh_from_db()
    other.refresh_from_db()
    assert (taken.ending, other.ending) == ("failed", "sold")
    assert not taken.trades.exists()
    assert states(ticket) == {"held": 6000}
    result = result_of(taken)
    assert result.winner is None
    assert result.agrees
    said = "其中 4 吨已由生效裁判转移"  # Not that no bid was good enough.
    assert said in Message.objects.get(user=one[1], subject__contains="竞价未成交").body
    written = PdfReader(io.BytesIO(protocol_pdf(taken))).pages[0].extract_text()
    assert said in "".join(written.split("\n"))
    back = return_deposit(deposit=taken.deposits.get(), refund_number="T1", actor=floor.trading)
    assert back.state == "returned"


def test_a_bidding_whose_highest_bid_makes_no_trade_ends_and_says_why(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = Listing.objects.create(  # As it was asked before the amount was looked at.
        cause=open_cause(Cause.Kind.LISTED), number="GP-T-1", ticket=ticket, quantity_kg=499,
        price_fen_per_tonne=1, closes_at=now() + timedelta(hours=1), asked_by=floor.owner_user,
        method=Listing.Method.BIDDING, step_fen_per_tonne=1, deposit_fen=100_00,
        opens_at=now() + timedelta(minutes=1),
    )  # fmt: skip
    floor.open(listing)
    advance_clock(timedelta(minutes=2))
    bidder = floor.bidder(listing, "甲公司")
    floor.bid(listing, bidder, 1)
    advance_clock(timedelta(hours=2))
    assert close_due_biddings() == 1
    listing.refresh_from_db()
    assert (listing.ending, states(ticket)) == ("failed", {"held": 1000})
    assert not listing.trades.exists()
    assert result_of(listing).agrees
    said = "最高报价不能成交。金额不足一分"
    assert said in Message.objects.get(user=bidder[1], subject__contains="竞价未成交").body
    written = PdfReader(io.BytesIO(protocol_pdf(listing))).pages[0].extract_text()
    assert said in "".join(written.split("\n"))


@pytest.mark.parametrize(("attack", "constraint"), [
    ("state = 'returned', ended_by_id = bidder.paid_by_id, ended_at = now(), refund_number = 'X'",
     "deposit_stands_while_the_bidding_runs"),
    ("state = 'waiting'", "deposit_moves_by_the_table"),
    ("amount_fen = 1", "nothing_is_rewritten"),
    ("decided_by_id = bidder.paid_by_id", "nothing_is_rewritten"),
    ("payment_number = 'X'", "nothing_is_rewritten"),
])  # fmt: skip
def test_the_database_keeps_deposits_by_itself(floor: Floor, attack: str, constraint: str) -> None:
    floor.bidder(floor.bidding(floor.issue(10_000), 10_000), "甲公司")
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE market_deposit AS bidder SET {attack}")
    assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_the_database_keeps_the_bids_by_itself(floor: Floor) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    one = floor.bidder(listing, "甲公司")
    floor.bid(listing, one, 1600)
    insert = (
        "INSERT INTO market_bid (key, listing_id, number, bidder_id, bid_by_id, "
        "price_fen_per_tonne) VALUES (gen_random_uuid(), %s, 9, %s, %s, %s)"
    )
    for constraint, party, price in (
        ("bid_reaches_the_start", one[0].pk, 1400),
        ("bid_is_on_the_step", one[0].pk, 1601),
        ("bid_is_not_below_the_top", one[0].pk, 1550),
        ("bid_is_above_ones_own", one[0].pk, 1600),
        ("bid_has_its_deposit", floor.buyer.pk, 1700),
        ("nobody_buys_their_own", floor.owner.pk, 1700),
    ):
        with (
            pytest.raises(DatabaseError) as caught,
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(insert, [listing.pk, party, one[1].pk, price])
        assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    for statement in (
        "UPDATE market_bid SET price_fen_per_tonne = 9999",
        "DELETE FROM market_bid",
    ):
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_two_hundred_bids_at_once_make_one_winner(committed_register: str) -> None:
    """Twenty bidders, equal top prices, and bids that arrive while the clock passes the close."""
    floor = Floor()
    ticket = floor.issue(10_000)
    listing = floor.bidding(ticket, 10_000)
    people = [floor.bidder(listing, f"竞买{n}") for n in range(BIDDERS)]
    bids = [
        (bidder, 1500 + 50 * step) for step in range(ROUNDS) for bidder in people
    ]  # Every price is bid by everybody: the top is equal among all of them.

    def bid(at: int) -> str:
        bidder, price = bids[at]
        try:
            place_bid(
                listing=listing,
                bidder=bidder[0],
                price_fen_per_tonne=price,
                actor=bidder[1],
                confirmed=True,
            )
        except PortalError as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "accepted"

    def pass_the_close() -> None:
        """By bids of the last minutes it may have moved: beyond all of that."""
        try:
            advance_clock(timedelta(hours=3))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        early = list(pool.map(bid, range(170)))
        listing.refresh_from_db()
        advance_clock(listing.closes_at - now() - timedelta(seconds=30))
        # The clock passes the close while ten are on their way, and ten come when it has.
        racing = [pool.submit(bid, at) for at in range(170, 175)]
        passed = pool.submit(pass_the_close)
        racing += [pool.submit(bid, at) for at in range(175, 180)]
        around = [one.result() for one in racing]
        passed.result()
        late = list(pool.map(bid, range(180, 200)))
    answers = [*early, *around, *late]
    assert set(answers) <= {"accepted", "bid_too_low", "bidding_closed"}
    assert "accepted" in early
    assert "bidding_closed" not in early
    assert set(late) == {"bidding_closed"}
    with ThreadPoolExecutor(4) as pool:
        closed = list(pool.map(lambda _n: _close(listing), range(4)))
    assert closed.count("closed") == 1
    accepted = list(Bid.objects.filter(listing=listing).order_by("number"))
    assert [bid.number for bid in accepted] == list(range(1, len(accepted) + 1))
    assert len(accepted) == answers.count("accepted")
    listing.refresh_from_db()
    assert all(bid.at < listing.closes_at for bid in accepted)
    assert all(one.at < two.at for one, two in itertools.pairwise(accepted))
    assert len({bid.price_fen_per_tonne for bid in accepted}) < len(accepted)  # Equal ones stand.
    best = min(accepted, key=lambda bid: (-bid.price_fen_per_tonne, bid.at, bid.number))
    trade = listing.trades.get()
    assert (trade.buyer_id, trade.price_fen_per_tonne) == (
        best.bidder_id,
        best.price_fen_per_tonne,
    )
    result = result_of(listing)
    assert result.agrees
    assert result.winner is not None
    assert result.winner.key == str(best.key)
    assert len(result.ranking) == len(accepted)
    told = Message.objects.filter(subject__startswith=f"{listing.number}：竞价")
    assert told.filter(subject__contains="成功").count() == 1
    assert told.count() == BIDDERS  # Whether they bid or not.
    floor.settle(trade)
    assert states(ticket) == {}
    assert covered(ticket.issuance)


def test_the_live_page_goes_on_beyond_two_hundred_bids(floor: Floor, client: Client) -> None:
    listing = floor.bidding(floor.issue(10_000), 10_000)
    people = [floor.bidder(listing, f"竞买{n}") for n in range(2)]
    for step in range(203):
        floor.bid(listing, people[step % 2], 1500 + 50 * step)
    live = client.get(f"/market/listings/{listing.number}/live.json").json()
    assert [bid["number"] for bid in live["bids"]] == list(range(203, 3, -1))
    assert (live["top"], live["next"]) == ("116.00", "116.50")
    assert client.get(f"/market/listings/{listing.number}/").status_code == 200


def _close(listing: Listing) -> str:
    try:
        close_bidding(listing=listing)
    except PortalError as refusal:
        return refusal.code
    finally:
        connections.close_all()
    return "closed"

"""Listing, agreement, buying in parts, payment and registration: what is right, and what is refused."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Mandate, Role, RoleGrant
from portal.accounts.operations import end_mandate
from portal.accounts.queries import people_acting_for
from portal.base.clock import advance_clock, now, today
from portal.base.errors import NotFound
from portal.base.models import OutboxMessage
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.accounts.people import officer, user_named
from tests.base.sessions import refused_by
from tests.tickets.market.floor import Floor, evidence, refused
from tests.tickets.registry.register import (
    covered,
    holder,
    mandate_of,
    paper,
    spokesman,
    states,
)
from tests.tickets.registry.test_acts import pledged
from tests.tickets.registry.test_successions import judged, succeeded
from tickets.market.errors import (
    AgreementStands,
    BuyerNotConfirmed,
    ConfirmedAlready,
    DealTooSmall,
    InvalidPrice,
    ListingNotOpen,
    LotTooSmall,
    NewCounterparty,
    NotEnoughListed,
    PaymentForAnotherDeal,
    PaymentNotShown,
    PaymentShown,
    PaymentUsed,
    PriceBelowMandate,
    ReceiptNotFound,
    SamePerson,
    SellerCannotBuy,
    TermsWrong,
    TicketListed,
    TradeDisputed,
    TradeMovedOn,
)
from tickets.market.models import Listing, Trade
from tickets.market.operations import (
    AgreementTerms,
    LotTerms,
    approve_listing,
    ask_listing,
    buy,
    confirm_agreement,
    decide_dispute,
    end_due_listings,
    find_receipt,
    free_ended_listings,
    lapse_overdue_trades,
    order_retail,
    prepare_listing,
    raise_dispute,
    refund,
    refuse_listing,
    refuse_payment,
    remind_of_overdue_payments,
    retract_listing,
    settle_order,
    settle_trade,
    show_payment,
    withdraw_listing,
)
from tickets.market.prices import amount_of, parse_yuan, yuan
from tickets.offsets.models import Purpose
from tickets.registry.errors import BlockNotFree, ConsentMissing
from tickets.registry.models import CarbonTicket, Cause, FreezeOrder
from tickets.registry.operations import (
    Kind,
    Owners,
    freeze_disputed,
    lift_dispute,
    list_blocks,
    open_cause,
    prepare_correction,
    prepare_freeze,
    prepare_lift,
    unlist_blocks,
)


def ask(floor: Floor, ticket: CarbonTicket, quantity_kg: int = 1000, **more: Any) -> Listing:
    more.setdefault("actor", floor.owner_user)
    more.setdefault("price_fen_per_tonne", 1500)
    more.setdefault("terms", LotTerms(100))
    more.setdefault("closes_at", now() + timedelta(days=5))
    return ask_listing(ticket=ticket, quantity_kg=quantity_kg, **more)


def test_an_agreement_goes_from_both_confirmations_to_the_registered_transfer(
    floor: Floor,
) -> None:
    ticket = floor.issue(100_000)
    listing = ask(floor, ticket, 40_000, terms=AgreementTerms(floor.buyer), confirmed=True)
    assert states(ticket) == {"held": 100_000}
    with pytest.raises(BuyerNotConfirmed):
        prepare_listing(listing=listing, actor=floor.centre)
    with pytest.raises(NotFound):
        confirm_agreement(listing=listing, actor=floor.other_user)
    confirm_agreement(listing=listing, actor=floor.buyer_user)
    with pytest.raises(ConfirmedAlready):
        confirm_agreement(listing=listing, actor=floor.buyer_user)
    floor.open(listing)
    assert states(ticket) == {"held": 60_000, "listed": 40_000}
    trade = listing.trades.get()
    assert trade.amount_fen == 60_000
    with pytest.raises(PaymentNotShown):
        settle_trade(trade=trade, actor=floor.trading)
    floor.settle(trade)
    trade.refresh_from_db()
    assert trade.entry is not None
    child = trade.entry.tickets_opened.get()
    assert states(child) == {"held": 40_000}
    assert child.shares.get().party == floor.buyer
    assert states(ticket) == {"held": 60_000}
    listing.refresh_from_db()
    assert (listing.state, listing.ending) == ("ended", "sold")
    with pytest.raises(TradeMovedOn):  # Two confirmations of one deal.
        settle_trade(trade=trade, actor=floor.trading)
    assert covered(ticket.issuance)


def test_a_mandate_whose_days_do_not_hold_confirms_and_retracts_nothing(floor: Floor) -> None:
    listing = ask(floor, floor.issue(1000), terms=AgreementTerms(floor.buyer), confirmed=True)
    days = {
        "over": (date(2020, 1, 1), today() - timedelta(days=1)),
        "to-come": (today() + timedelta(days=1), None),
    }
    for name, (valid_from, valid_to) in days.items():
        agent = user_named(f"{name}-{uuid.uuid4().hex[:6]}")
        Mandate.objects.create(
            user=agent,
            party=floor.buyer,
            scope=Mandate.Scope.ALL,
            valid_from=valid_from,
            valid_to=valid_to,
            given_by=floor.buyer_user,
        )
        for act in (confirm_agreement, retract_listing):
            with pytest.raises(NotFound):
                act(listing=listing, actor=agent)
        assert agent not in people_acting_for([floor.buyer])  # Nor is he told of anything.
    confirm_agreement(listing=listing, actor=floor.buyer_user)


def test_the_first_deal_asks_for_the_second_factor_and_tells_the_holder_by_mail(
    floor: Floor,
) -> None:
    ticket = floor.issue(100_000)
    floor.owner_user.email = "owner@example.org"
    floor.owner_user.save()
    terms = AgreementTerms(floor.buyer)
    with pytest.raises(NewCounterparty):
        ask(floor, ticket, terms=terms)
    ask(floor, ticket, terms=terms, confirmed=True)
    [message] = OutboxMessage.objects.filter(recipient="owner@example.org")
    assert "首次" in message.subject
    floor.settle(floor.agreement(ticket, 1000, 1500))
    ask(floor, ticket, terms=terms)  # They know each other now.


def test_sanmings_figures_come_out_to_the_fen() -> None:
    assert amount_of(1500, 2_723_000) + amount_of(1000, 10_000_000) == 14_084_500
    assert yuan(14_084_500) == "140,845.00"
    assert amount_of(1500, 1) == 2  # 1.5 fen: half a fen is rounded up.


def test_sanmings_sales_leave_981_tonnes_with_the_holder(floor: Floor) -> None:
    ticket = floor.issue(19_793)  # One kilogram here stands for a tonne there.
    listing = floor.offer(ticket, 19_793, least_kg=1)
    for quantity in (15_678, 2_322, 812):
        floor.settle(floor.buy(listing, quantity))
    withdraw_listing(listing=listing, actor=floor.owner_user)
    assert states(ticket) == {"held": 981}
    assert covered(ticket.issuance)


@pytest.mark.parametrize(
    "text", ["0", "0.00", "-1", "1.234", "", "１", "1,000", "1e3", "abc", "01"]
)
def test_a_price_is_positive_yuan_with_two_places(text: str) -> None:
    with pytest.raises(InvalidPrice):
        parse_yuan(text)
    assert parse_yuan("15.5") == 1550


def test_what_several_own_is_offered_by_who_disposes_for_all(floor: Floor) -> None:
    """Whoever writes the row, in the pool of small amounts too."""
    ticket = floor.issue(1000, owners=Owners(((floor.other, 1), (floor.bank, 1)), 2))
    both = spokesman(ticket)
    for terms in (LotTerms(100), LotTerms(10, retail=True)):
        with pytest.raises(ConsentMissing):
            ask(floor, ticket, actor=floor.other_user, terms=terms)
    listing = ask(floor, ticket, 500, actor=both, terms=LotTerms(10, retail=True))
    again = (
        "INSERT INTO market_listing (cause_id, number, ticket_id, method, quantity_kg, asked_by_id, "
        "price_fen_per_tonne, min_lot_kg, closes_at, extensions, state, ending, reason) "
        "SELECT %s, 'GP-T-2', ticket_id, method, quantity_kg, %s, price_fen_per_tonne, min_lot_kg, "
        "closes_at, 0, 'asked', '', '' FROM market_listing WHERE cause_id = %s"
    )
    values = [open_cause(Cause.Kind.LISTED).pk, floor.other_user.pk, listing.pk]
    assert refused(again, values) == "every_owner_agreed"
    prepare_listing(listing=listing, actor=floor.centre)
    with pytest.raises(ConsentMissing), transaction.atomic():  # More than the listing says.
        Listing.objects.filter(pk=listing.pk).update(
            state="open", decided_by=floor.trading, decided_at=now()
        )
        list_blocks(ticket=ticket, quantity_kg=501, cause=listing.cause, actor=floor.trading)
    assert approve_listing(listing=listing, actor=floor.trading).state == "open"


def test_only_free_kilograms_of_ones_own_are_listed(floor: Floor) -> None:
    ticket = floor.issue(1000)
    with pytest.raises(ConsentMissing):
        ask(floor, ticket, actor=floor.other_user)
    with pytest.raises(BlockNotFree):
        ask(floor, ticket, 1001)
    for price in (0, -5, 1.5):
        with pytest.raises(InvalidPrice):
            ask(floor, ticket, price_fen_per_tonne=price)
    with pytest.raises(TermsWrong):
        ask(floor, ticket, closes_at=now() - timedelta(seconds=1))
    with pytest.raises(TermsWrong):
        ask(floor, ticket, terms=LotTerms(1001))
    for terms, price in ((LotTerms(1), 400), (LotTerms(1), 499), (AgreementTerms(floor.buyer), 1)):
        with pytest.raises(DealTooSmall):  # A kilogram of it would cost nothing.
            ask(floor, ticket, 499, terms=terms, price_fen_per_tonne=price, confirmed=True)
    with pytest.raises(SellerCannotBuy):
        ask(floor, ticket, terms=AgreementTerms(floor.owner), confirmed=True)
    listing = ask(floor, ticket, 600)
    floor.list(ticket, 500)  # Meanwhile most is locked elsewhere.
    prepare_listing(listing=listing, actor=floor.centre)
    with pytest.raises(BlockNotFree):
        approve_listing(listing=listing, actor=floor.trading)
    listing.refresh_from_db()
    assert listing.state == "prepared"


def test_pledged_and_frozen_kilograms_are_not_listed(floor: Floor) -> None:
    ticket = floor.issue(1000)
    pledged(floor, ticket, 400)
    with pytest.raises(BlockNotFree):
        ask(floor, ticket, 601)
    freeze = prepare_freeze(
        kind=FreezeOrder.Kind.DISPUTE,
        ticket=ticket,
        document=paper(),
        reason="权属争议",
        actor=floor.clerk,
    )
    floor.approve(freeze)
    with pytest.raises(BlockNotFree):
        ask(floor, ticket, 1)


def test_a_mandate_with_a_lowest_price_is_kept(floor: Floor) -> None:
    ticket = floor.issue(1000)
    agent = user_named(f"agent-{uuid.uuid4().hex[:6]}")
    Mandate.objects.create(
        user=agent,
        party=floor.owner,
        scope=Mandate.Scope.DISPOSE,
        valid_from=date(2020, 1, 1),
        price_fen_per_tonne_min=2000,
        given_by=floor.owner_user,
    )
    with pytest.raises(PriceBelowMandate):
        ask(floor, ticket, actor=agent)
    ask(floor, ticket, price_fen_per_tonne=2000, actor=agent)
    # Another one for little at any price does not let him sell much below the first one's.
    Mandate.objects.create(
        user=agent,
        party=floor.owner,
        scope=Mandate.Scope.DISPOSE,
        valid_from=date(2020, 1, 1),
        quantity_kg_max=100,
        given_by=floor.owner_user,
    )
    with pytest.raises(PriceBelowMandate):
        ask(floor, ticket, 101, actor=agent)
    ask(floor, ticket, 100, actor=agent)


def test_an_open_listing_is_taken_in_parts_down_to_the_smallest_lot(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000, least_kg=300)
    for quantity, refusal in ((299, LotTooSmall), (1001, NotEnoughListed)):
        with pytest.raises(refusal):
            floor.buy(listing, quantity)
    with pytest.raises(SellerCannotBuy):
        buy(listing=listing, buyer=floor.owner, quantity_kg=300, actor=floor.owner_user)
    with pytest.raises(NewCounterparty):
        buy(listing=listing, buyer=floor.buyer, quantity_kg=300, actor=floor.buyer_user)
    first = floor.buy(listing, 800)
    with pytest.raises(LotTooSmall):
        floor.buy(listing, 100)
    second = floor.buy(listing, 200)  # All that is left.
    floor.settle(first)
    floor.settle(second)
    listing.refresh_from_db()
    assert listing.ending == "sold"
    ticket.refresh_from_db()
    assert ticket.closed_because == "transferred"
    with pytest.raises(ListingNotOpen):
        floor.buy(listing, 1)


def test_withdrawal_and_expiry_free_what_no_trade_waits_for(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    trade = floor.buy(listing, 400)
    withdraw_listing(listing=listing, actor=floor.owner_user)
    assert states(ticket) == {"held": 600, "listed": 400}
    advance_clock(timedelta(hours=71))
    assert lapse_overdue_trades() == 0
    advance_clock(timedelta(hours=2))
    assert lapse_overdue_trades() == 1
    trade.refresh_from_db()
    assert trade.state == Trade.State.LAPSED
    assert states(ticket) == {"held": 1000}
    second = floor.offer(ticket, 500)
    advance_clock(timedelta(days=11))
    assert end_due_listings() == 1
    second.refresh_from_db()
    assert second.ending == "expired"
    assert states(ticket) == {"held": 1000}


def test_what_nobody_opened_in_time_ends_and_an_agreement_ends_with_its_trade(
    floor: Floor,
) -> None:
    ticket = floor.issue(1000)
    asked = ask(floor, ticket, 400)
    trade = floor.agreement(ticket, 600, 1500)
    floor.pay(trade)
    with pytest.raises(AgreementStands):
        withdraw_listing(listing=trade.listing, actor=floor.owner_user)
    advance_clock(timedelta(days=11))
    assert end_due_listings() == 1
    asked.refresh_from_db()
    trade.listing.refresh_from_db()
    assert (asked.state, trade.listing.state) == ("retracted", "open")
    settle_trade(trade=trade, actor=floor.trading)
    trade.listing.refresh_from_db()
    assert trade.listing.ending == "sold"


def test_a_listing_emptied_by_a_court_is_not_sold(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    sold = floor.offer(floor.issue(1000), 1000)
    floor.transfer(
        ticket, to=Owners.sole(floor.other), kind=Kind.COURT, effective_on=date(2026, 1, 5)
    )
    advance_clock(timedelta(days=9))
    trade = floor.buy(sold, 1000)
    advance_clock(timedelta(days=2))
    assert end_due_listings() == 2
    listing.refresh_from_db()
    sold.refresh_from_db()
    assert (listing.ending, sold.ending) == ("expired", "sold")
    assert trade.state == Trade.State.AGREED
    advance_clock(timedelta(days=2))
    assert lapse_overdue_trades() == 1
    sold.refresh_from_db()
    assert sold.ending == "expired"  # Nobody paid for what was called sold.


def test_what_was_frozen_when_its_listing_ended_is_free_after_the_lift(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    trade = floor.buy(listing, 400)
    freeze = prepare_freeze(
        kind=FreezeOrder.Kind.DISPUTE,
        ticket=ticket,
        document=paper(),
        reason="权属争议",
        actor=floor.clerk,
    )
    floor.approve(freeze)
    withdraw_listing(listing=listing, actor=floor.owner_user)
    assert free_ended_listings() == 0
    assert states(ticket) == {"listed": 1000}
    order = FreezeOrder.objects.get(ticket=ticket)
    floor.approve(prepare_lift(order=order, document=paper(), reason="争议解决", actor=floor.clerk))
    assert free_ended_listings() == 1
    assert states(ticket) == {"held": 600, "listed": 400}  # The trade still waits for its own.
    assert free_ended_listings() == 0
    floor.settle(trade)
    assert states(ticket) == {"held": 600}
    assert covered(ticket.issuance)


def test_a_payment_belongs_to_one_deal(floor: Floor) -> None:
    listing = floor.offer(floor.issue(1000), 1000)
    one, two = floor.buy(listing, 300), floor.buy(listing, 400)
    proof = evidence()

    def show(trade: Trade, **more: Any) -> Trade:
        given: dict[str, Any] = {
            "number": trade.number,
            "payment_number": "A1",
            "amount_fen": trade.amount_fen,
            "upload": proof,
            "actor": floor.buyer_user,
        } | more
        return show_payment(trade=trade, **given)

    with pytest.raises(PaymentForAnotherDeal):
        show(one, number=two.number)
    with pytest.raises(PaymentForAnotherDeal):
        show(one, amount_fen=two.amount_fen)
    with pytest.raises(NotFound):
        show(one, actor=floor.other_user)
    show(one)
    with pytest.raises(PaymentShown):  # The cashier confirms the one that he saw.
        show(one, payment_number="B9", upload=evidence())
    assert refused("UPDATE market_trade SET payment_number = 'B9' WHERE id = %s", [one.pk]) == (
        "shown_payment_stands"
    )
    with pytest.raises(PaymentUsed):  # The same file.
        show(two, payment_number="A2")
    with pytest.raises(PaymentUsed):  # The same number at the bank.
        show(two, upload=evidence())
    settle_trade(trade=one, actor=floor.trading)
    # Nor does it pay for an order, however it is written; the database says so to whoever writes.
    order = order_retail(
        pool=floor.pool(floor.issue(1000)), quantity_kg=12, purpose=Purpose.PERSON, name="游客",
        contact="13900000000", actor=None,
    )  # fmt: skip
    for number in (" a1", "A-1", "Ａ１", "a/1."):
        with pytest.raises(PaymentUsed):
            settle_order(order=order, payment_number=number, actor=floor.trading)
    for attack in (
        "UPDATE market_retailorder SET payment_number = 'ａ-1'",
        "UPDATE market_retailorder SET payment_number = 'A1'",
        "UPDATE market_trade SET payment_number = 'A1' WHERE state = 'agreed'",
    ):
        assert refused(attack, []) == "market_bankpayment_pkey"
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM market_bankpayment")


def test_the_money_of_an_annulled_trade_goes_back_by_two_of_the_centre(
    floor: Floor, client: Client
) -> None:
    listing = floor.offer(floor.issue(1000), 1000)
    trade = floor.pay(floor.buy(listing, 300))
    number = trade.payment_number
    raise_dispute(trade=trade, text="数量有争议", actor=floor.buyer_user)
    decide_dispute(trade=trade, go_on=False, reason="协商解除", actor=floor.trading)
    trade.refresh_from_db()
    assert trade.state == Trade.State.REFUND
    other = floor.buy(listing, 300)
    with pytest.raises(PaymentUsed):  # The money is owed back: it pays for nothing else.
        floor.pay(other, number)
    address = f"/market/trades/{trade.number}/"
    client.force_login(floor.centre)
    assert trade.number in client.get("/market/work/").content.decode()
    with pytest.raises(ReceiptNotFound):
        refund(deal=trade, refund_number="R1", actor=floor.trading)
    denial = "UPDATE market_trade SET state = 'annulled', denied_by_id = %s WHERE state = 'refund'"
    assert refused(denial, [None]) == "refund_of_trade_is_denied_by_somebody"
    rival = officer("rival", Role.TRADING_CLERK)
    mandate_of(rival, floor.buyer, floor.buyer_user)
    assert refused(denial, [rival.pk]) == "nobody_decides_an_own_matter"
    denied = {"action": "deny", "reason": "账户无此笔款项"}
    assert client.post(address, denied).status_code == 302
    trade.refresh_from_db()
    assert (trade.state, trade.denied_by) == (Trade.State.ANNULLED, floor.centre)
    client.force_login(floor.buyer_user)  # The number was written down wrongly.
    said = {"action": "say", "payment_number": "ICBC-78"}
    assert client.post(address, said).status_code == 302
    client.force_login(floor.centre)
    found = {"action": "find", "payment_number": "icbc 78"}
    assert client.post(address, found).status_code == 302
    with pytest.raises(TradeMovedOn):
        find_receipt(deal=trade, payment_number="ICBC79", actor=floor.centre)
    assert refused("UPDATE market_trade SET payment_number = 'X' WHERE state = 'refund'", []) == (
        "nothing_is_rewritten"
    )
    client.force_login(floor.trading)
    back = {"action": "refund", "payment_number": "R-1"}
    assert client.post(address, back).status_code == 302
    trade.refresh_from_db()
    assert (trade.state, trade.payment_number, trade.refund_number) == ("refunded", "ICBC78", "R1")
    told = Message.objects.filter(user=floor.buyer_user, subject__startswith=trade.number)
    assert [one.subject for one in told.order_by("pk")][-2:] == [
        f"{trade.number}：未查到付款",
        f"{trade.number}：已退款",
    ]
    for used in ("ICBC78", "r1"):  # Neither the receipt nor the refund serves a second time.
        with pytest.raises(PaymentUsed):
            floor.pay(other, used)
    for attack, constraint in (
        ("state = 'annulled'", "trade_moves_by_the_table"),
        ("refund_number = 'R2'", "trade_moves_by_the_table"),
    ):
        statement = f"UPDATE market_trade SET {attack} WHERE state = 'refunded'"
        assert refused(statement, []) == constraint


def test_a_payment_that_the_cashier_leaves_lying_is_called_overdue_and_lapses_not(
    floor: Floor, client: Client
) -> None:
    trade = floor.pay(floor.buy(floor.offer(floor.issue(1000), 1000), 300))
    advance_clock(timedelta(hours=47))
    assert remind_of_overdue_payments() == 0
    advance_clock(timedelta(days=3))
    assert [lapse_overdue_trades(), remind_of_overdue_payments(), remind_of_overdue_payments()] == [
        0,
        1,
        0,
    ]
    for user in (floor.buyer_user, floor.owner_user):
        told = Message.objects.filter(user=user, body__contains="逾期未确认")
        assert [one.subject for one in told] == [f"{trade.number}：待结算"]
    client.force_login(floor.trading)
    for address in ("/market/work/", f"/market/trades/{trade.number}/"):
        assert "逾期未确认" in client.get(address).content.decode()
    # Refused after the term of payment: what was left of it when the buyer paid is left now.
    refuse_payment(trade=trade, reason="账户无此笔款项", actor=floor.trading)
    assert lapse_overdue_trades() == 0
    advance_clock(timedelta(hours=73))
    assert lapse_overdue_trades() == 1


def frozen_kg(ticket: CarbonTicket) -> int:
    return sum(block.quantity_kg for block in ticket.blocks.standing() if block.freezes)


def test_a_ticket_is_not_replaced_while_it_is_offered_or_dealt_in(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    correction = prepare_correction(
        ticket=ticket, reason="地名", document=paper(), actor=floor.clerk
    )
    with pytest.raises(TicketListed):
        floor.approve(correction)
    trade = floor.buy(listing, 400)
    withdraw_listing(listing=listing, actor=floor.owner_user)
    with pytest.raises(TicketListed):  # The trade waits for its own.
        floor.approve(correction)
    floor.settle(trade)
    floor.approve(correction)
    ticket.refresh_from_db()
    assert ticket.closed_because == "corrected"
    assert covered(ticket.issuance)


def test_the_list_moves_by_its_deals_alone(floor: Floor) -> None:
    """Whoever writes the entries: each is judged when its transaction ends."""
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    cause, trade = listing.cause, floor.buy(listing, 400)

    def lifted() -> None:
        trade.refresh_from_db()
        assert trade.freeze is not None
        lift_dispute(order=trade.freeze, actor=floor.trading)

    for act in (
        lambda: unlist_blocks(cause=cause, actor=None, quantity_kg=601),
        lambda: freeze_disputed(cause=cause, quantity_kg=400, reason="货款争议"),
    ):
        with refused_by("list_moves_by_its_deals"):
            act()
            judged()
    unlist_blocks(cause=cause, actor=None, quantity_kg=600)
    raise_dispute(trade=trade, text="数量有争议", actor=floor.owner_user)
    judged()
    with refused_by("list_moves_by_its_deals"):  # Nobody has decided it.
        lifted()
        judged()
    decide_dispute(trade=trade, go_on=True, reason="核实无误", actor=floor.trading)
    judged()


def test_the_deal_of_a_buyer_who_ceased_goes_on_with_the_successor(
    floor: Floor, client: Client
) -> None:
    listing = floor.offer(floor.issue(1000), 1000)
    paid, unpaid = floor.pay(floor.buy(listing, 400)), floor.buy(listing, 100)
    succeeded(floor, floor.buyer, floor.other)
    settle_trade(trade=paid, actor=floor.trading)
    judged()
    paid.refresh_from_db()
    assert paid.entry is not None
    [share] = paid.entry.tickets_opened.get().shares.all()
    assert share.party == floor.other
    with pytest.raises(NotFound):
        raise_dispute(trade=unpaid, text="数量有争议", actor=floor.buyer_user)
    client.force_login(floor.other_user)
    assert unpaid.number in client.get("/market/work/").content.decode()
    assert "payment_number" in client.get(f"/market/trades/{unpaid.number}/").content.decode()
    show_payment(
        trade=unpaid, number=unpaid.number, payment_number="流水-承继", amount_fen=unpaid.amount_fen,
        upload=evidence(), actor=floor.other_user,
    )  # fmt: skip
    raise_dispute(trade=unpaid, text="数量有争议", actor=floor.other_user)
    succeeded(floor, floor.owner, floor.bank)
    with pytest.raises(NotFound):
        withdraw_listing(listing=listing, actor=floor.owner_user)
    withdraw_listing(listing=listing, actor=floor.bank_user)


def test_a_dispute_freezes_its_tonnes_and_stops_the_settlement_and_the_term(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    trade = floor.buy(listing, 400)
    floor.pay(trade)
    raise_dispute(trade=trade, text="数量有争议", actor=floor.owner_user)
    with pytest.raises(TradeDisputed):
        settle_trade(trade=trade, actor=floor.trading)
    with pytest.raises(TradeDisputed):  # Else the term would be given twice.
        refuse_payment(trade=trade, reason="账户无此笔款项", actor=floor.trading)
    unpaid = "UPDATE market_trade SET paid_at = NULL, decided_by_id = %s WHERE id = %s"
    assert refused(unpaid, [floor.trading.pk, trade.pk]) == "disputed_trade_stands"
    advance_clock(timedelta(days=4))
    assert lapse_overdue_trades() == 0
    assert (states(ticket), frozen_kg(ticket)) == ({"listed": 1000}, 400)
    settle = "UPDATE market_trade SET state = 'settled' WHERE id = %s"
    assert refused(settle, [trade.pk]) == "disputed_trade_stands"
    # The others of the listing are dealt in as before.
    other = floor.settle(floor.buy(listing, 600))
    assert other.state == Trade.State.SETTLED
    decide_dispute(trade=trade, go_on=False, reason="协商解除", actor=floor.trading)
    assert frozen_kg(ticket) == 0
    withdraw_listing(listing=listing, actor=floor.trading)
    assert states(ticket) == {"held": 400}
    assert covered(ticket.issuance)


def test_a_decided_dispute_goes_on_to_the_transfer(floor: Floor) -> None:
    ticket = floor.issue(1000)
    trade = floor.agreement(ticket, 1000, 1500)
    floor.pay(trade)
    raise_dispute(trade=trade, text="数量有争议", actor=floor.buyer_user)
    trade.refresh_from_db()
    assert trade.freeze is not None
    with pytest.raises(OfficeMissing):
        lift_dispute(order=trade.freeze, actor=floor.buyer_user)
    decide_dispute(trade=trade, go_on=True, reason="核实无误", actor=floor.trading)
    settle_trade(trade=trade, actor=floor.trading)
    assert states(ticket) == {}
    assert covered(ticket.issuance)


def test_after_a_dispute_the_buyer_has_what_was_left_of_the_term(floor: Floor) -> None:
    trade = floor.buy(floor.offer(floor.issue(1000), 1000), 400)
    advance_clock(timedelta(hours=60))
    raise_dispute(trade=trade, text="数量有争议", actor=floor.buyer_user)
    with pytest.raises(TradeDisputed):
        floor.pay(trade)
    shown = (
        "UPDATE market_trade SET paid_at = portal_now(), payment_number = 'X1', "
        "payment_sha256 = repeat('a', 64), confirm_by = portal_now() WHERE id = %s"
    )
    assert refused(shown, [trade.pk]) == "disputed_trade_stands"
    advance_clock(timedelta(days=20))
    decide_dispute(trade=trade, go_on=True, reason="核实无误", actor=floor.trading)
    advance_clock(timedelta(hours=11))
    assert lapse_overdue_trades() == 0
    advance_clock(timedelta(hours=2))
    assert lapse_overdue_trades() == 1


def test_who_prepared_a_listing_does_not_approve_it(floor: Floor) -> None:
    listing = ask(floor, floor.issue(1000))
    prepare_listing(listing=listing, actor=floor.centre)
    RoleGrant.objects.create(user=floor.centre, role=Role.TRADING_APPROVER, department="")
    with pytest.raises(SamePerson):
        approve_listing(listing=listing, actor=floor.centre)


@pytest.mark.parametrize("side", ["owner", "buyer"])
def test_nobody_of_the_centre_handles_what_is_his_own(floor: Floor, side: str) -> None:
    ticket = floor.issue(10_000)
    asked, prepared = (
        ask(floor, ticket, terms=AgreementTerms(floor.buyer), confirmed=True) for _n in range(2)
    )
    for listing in (asked, prepared):
        confirm_agreement(listing=listing, actor=floor.buyer_user)
    prepare_listing(listing=prepared, actor=floor.centre)
    paid, disputed = floor.agreement(ticket, 500, 1500), floor.agreement(ticket, 500, 1500)
    floor.pay(paid)
    refuse_payment(trade=paid, reason="不符", actor=floor.trading)
    floor.pay(paid)
    floor.pay(disputed)
    raise_dispute(trade=disputed, text="数量有争议", actor=floor.other_side(side))
    for member in (floor.centre, floor.trading):
        Mandate.objects.create(
            user=member,
            party=getattr(floor, side),
            scope=Mandate.Scope.VIEW,
            valid_from=date(2020, 1, 1),
            given_by=getattr(floor, f"{side}_user"),
        )
    for act, given in (
        (prepare_listing, {"listing": asked, "actor": floor.centre}),
        (refuse_listing, {"listing": asked, "reason": "不符", "actor": floor.centre}),
        (approve_listing, {"listing": prepared, "actor": floor.trading}),
        (settle_trade, {"trade": paid, "actor": floor.trading}),
        (refuse_payment, {"trade": paid, "reason": "不符", "actor": floor.trading}),
        (
            decide_dispute,
            {"trade": disputed, "go_on": True, "reason": "准", "actor": floor.trading},
        ),
    ):
        with pytest.raises(OwnMatter):
            act(**given)
    for statement, key in (
        ("UPDATE market_listing SET state = 'prepared', prepared_by_id = %s WHERE cause_id = %s",
         asked.pk),
        ("UPDATE market_trade SET decided_by_id = %s WHERE id = %s", disputed.pk),
    ):  # fmt: skip
        assert refused(statement, [floor.trading.pk, key]) == "nobody_decides_an_own_matter"
    # He refused a payment of this trade before he acted for a party: he does not do so again.
    again = "UPDATE market_trade SET paid_at = NULL WHERE id = %s"
    assert refused(again, [paid.pk]) == "nobody_decides_an_own_matter"
    undisputed = "UPDATE market_trade SET disputed_at = NULL WHERE id = %s"
    assert refused(undisputed, [disputed.pk]) == "trade_is_decided_by_somebody"
    # Who bought decides nothing of it either, though he acts for nobody any more.
    end_mandate(mandate=Mandate.objects.get(user=floor.buyer_user), actor=floor.buyer_user)
    by = "UPDATE market_trade SET paid_at = NULL, decided_by_id = %s WHERE id = %s"
    assert refused(by, [floor.buyer_user.pk, paid.pk]) == (
        "who_has_a_part_in_a_trade_does_not_decide_it"
    )


# --- what the database refuses by itself ---------------------------------------------------------
def test_the_database_keeps_trades_and_listings_by_itself(floor: Floor) -> None:
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    trade = floor.buy(listing, 600)
    party, user = holder("另一买方")
    insert = (
        "INSERT INTO market_trade (key, number, listing_id, buyer_id, bought_by_id, quantity_kg, "
        "price_fen_per_tonne, amount_fen, state, pay_by, payment_number, payment_sha256, dispute, "
        "reason, refund_number) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, 2000, %s, %s, now(), "
        "'', '', '', '', '')"
    )
    key = listing.pk
    for constraint, values in (
        ("trades_stay_within_the_listing", ["n1", key, party.pk, user.pk, 401, 802, "agreed"]),
        ("trade_amount_is_price_times_quantity", ["n2", key, party.pk, user.pk, 400, 1, "agreed"]),
        ("trade_moves_by_the_table", ["n3", key, party.pk, user.pk, 400, 800, "settled"]),
        ("nobody_buys_their_own", ["n4", key, floor.owner.pk, user.pk, 400, 800, "agreed"]),
        ("deal_costs_at_least_a_fen", ["n5", key, party.pk, user.pk, 400, 0, "agreed"]),
    ):
        assert refused(insert, values) == constraint
    for constraint, change in (
        ("nothing_is_rewritten", "quantity_kg = 1"),
        ("settled_trade_has_its_entry", "state = 'settled'"),
    ):
        assert refused(f"UPDATE market_trade SET {change} WHERE id = %s", [trade.pk]) == constraint
    for constraint, change in (
        ("nothing_is_rewritten", "price_fen_per_tonne = 1"),
        ("nothing_is_rewritten", "closes_at = closes_at + interval '1 day'"),
        ("listing_moves_by_the_table", "state = 'asked'"),
        ("listing_ends_for_a_reason", "state = 'ended'"),
    ):
        statement = f"UPDATE market_listing SET {change} WHERE cause_id = %s"
        assert refused(statement, [key]) == constraint

"""Small amounts through an approved pool; reserve purchase with floor and shared premium."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.errors import OfficeMissing, ReasonMissing
from portal.accounts.models import Role
from portal.base.clock import advance_clock, now, today
from portal.base.errors import InvalidInput, NotFound
from portal.base.models import OutboxMessage
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.accounts.people import officer, user_named
from tests.base.sessions import as_owner, refused_by
from tests.tickets.market.floor import Floor, refused
from tests.tickets.registry.register import covered, holder, mandate_of, states
from tickets.market.errors import (
    ContractMovedOn,
    ContractQuantity,
    ContractTermsWrong,
    NameRefused,
    NotEnoughListed,
    OrderMovedOn,
    OrderOutsidePool,
    PaymentUsed,
    PoolHeldByUnpaid,
    PoolNotOpen,
    PoolTermsWrong,
    PremiumMovedOn,
    ReceiptNotFound,
    ReservedTonnes,
    TicketListed,
    TooManyWaiting,
)
from tickets.market.models import PremiumShare, ReserveContract, RetailOrder, RetailPool
from tickets.market.operations import (
    LotTerms,
    ask_listing,
    buy,
    close_due_pools,
    confirm_agreement,
    confirm_contract,
    confirm_premium,
    decide_pool,
    deny_refund,
    end_due_contracts,
    find_receipt,
    free_ended_listings,
    hand_over,
    lapse_overdue_orders,
    lapse_overdue_trades,
    left_to_buy_kg,
    order_retail,
    pay_premium,
    pool_left_kg,
    propose_contract,
    refund,
    say_order_paid,
    settle_order,
    settle_trade,
    withdraw_listing,
)
from tickets.market.prices import premium_of
from tickets.market.queries import market_figures
from tickets.offsets.errors import PurposeIncomplete
from tickets.offsets.models import Beneficiary, Purpose
from tickets.offsets.operations import review_name
from tickets.offsets.signing import signature_holds
from tickets.registry.errors import BlockNotFree
from tickets.registry.models import LossNotice
from tickets.registry.operations import Kind, Owners, prepare_loss, prepare_reissue


# --- retail -------------------------------------------------------------------------------------
def order(pool: RetailPool, quantity_kg: int = 12, **more: Any) -> RetailOrder:
    given: dict[str, Any] = {
        "purpose": Purpose.PERSON, "name": "游客张三", "contact": "visitor@example.org",
        "actor": None, **more,
    }  # fmt: skip
    return order_retail(pool=pool, quantity_kg=quantity_kg, **given)


def test_a_visitors_twelve_kilograms_end_in_a_certificate(floor: Floor) -> None:
    ticket = floor.issue(1000)
    wanted = order(floor.pool(ticket))
    assert wanted.amount_fen == 120
    offset = settle_order(order=wanted, payment_number="W1", actor=floor.trading)
    assert (offset.quantity_kg, offset.beneficiary.name) == (12, "游客张三")
    assert signature_holds(offset)
    assert states(ticket) == {"listed": 988, "offset": 12}
    figures = market_figures()  # A visitor's price is no market price.
    assert (figures["quantity_kg"], figures["amount_fen"], figures["price_fen"]) == (12, 120, 0)
    subjects = OutboxMessage.objects.filter(recipient="visitor@example.org")
    assert [message.subject for message in subjects.order_by("made_at")] == [
        f"订单 {wanted.number}：请付款",
        f"抵消凭证 {offset.number}",
    ]
    with pytest.raises(OrderMovedOn):
        settle_order(order=wanted, payment_number="W2", actor=floor.trading)
    assert covered(ticket.issuance)


def test_a_second_click_orders_nothing_more(floor: Floor, client: Client) -> None:
    address = f"/market/pools/{floor.pool(floor.issue(1000)).key}/"
    typed = {
        "action": "order", "request_key": "abc", "quantity": "12", "purpose": "person",
        "name": "游客", "contact": "13900000000",
    }  # fmt: skip
    first, second = client.post(address, typed), client.post(address, typed)
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    assert client.post(address, typed | {"quantity": "13"}).status_code == 422
    refused = client.post(address, typed | {"request_key": "d", "quantity": "9.5"})
    assert refused.status_code == 422
    assert "9.5" in refused.content.decode()
    assert RetailOrder.objects.count() == 1
    assert client.get("/market/").status_code == 200


def test_orders_stay_within_their_pool(floor: Floor) -> None:
    pool = floor.pool(floor.issue(1000), 300)
    for quantity, more, refusal in (
        (9, {}, OrderOutsidePool),
        (201, {}, OrderOutsidePool),
        (12, {"purpose": Purpose.ORGANISATION_YEAR, "year": 2026}, OrderOutsidePool),
        (12, {"purpose": Purpose.ECO_JUSTICE}, OrderOutsidePool),
        (12, {"purpose": Purpose.EVENT}, PurposeIncomplete),
        (12, {"name": "  "}, InvalidInput),
        (12, {"name": "坏\u0007名"}, InvalidInput),
        (12, {"contact": ""}, InvalidInput),
    ):
        with pytest.raises(refusal):
            order(pool, quantity, **more)
    refused = Beneficiary.objects.create(
        name="某某政府", state=Beneficiary.State.REFUSED, reviewed_by=floor.signer
    )
    with pytest.raises(NameRefused):
        order(pool, name=refused.name)
    first = order(pool, 200)
    _second = order(pool, 90, contact="13900000000", actor=floor.other_user)
    with pytest.raises(NotEnoughListed):
        order(pool, 11)
    settle_order(order=first, payment_number="W1", actor=floor.trading)
    with pytest.raises(PaymentUsed):
        settle_order(order=_second, payment_number="W1", actor=floor.trading)
    advance_clock(timedelta(hours=73))
    assert lapse_overdue_orders() == 1
    order(pool, 100)
    advance_clock(timedelta(days=49))
    with pytest.raises(PoolNotOpen):
        order(pool)


def test_money_of_an_order_that_nobody_looked_at_in_time_goes_back(
    floor: Floor, client: Client
) -> None:
    pool = floor.pool(floor.issue(1000), 300)
    paid = order(pool, 200)
    address = f"/market/orders/{paid.code}/"
    assert client.post(address, {"action": "say", "payment_number": " "}).status_code == 422
    assert client.post(address, {"action": "say", "payment_number": "ICBC 77"}).status_code == 302
    assert Message.objects.filter(user=floor.trading, subject__contains=paid.number).count() == 1
    advance_clock(timedelta(hours=73))
    assert [lapse_overdue_orders(), lapse_overdue_orders()] == [1, 0]
    paid.refresh_from_db()
    assert (paid.state, paid.said_number, pool_left_kg(pool)) == ("refund", "ICBC77", 300)
    for user in (floor.owner_user, floor.centre):
        assert Message.objects.filter(user=user, subject__contains=paid.number).count() == 1
    client.force_login(floor.centre)
    assert paid.number in client.get("/market/work/").content.decode()
    with pytest.raises(ReceiptNotFound):
        refund(deal=paid, refund_number="R1", actor=floor.trading)
    with pytest.raises(OfficeMissing):
        find_receipt(deal=paid, payment_number="ICBC77", actor=floor.trading)
    assert client.post(address, {"action": "find", "payment_number": "ICBC77"}).status_code == 302
    with pytest.raises(OrderMovedOn):
        deny_refund(deal=paid, reason="未查到", actor=floor.centre)
    with pytest.raises(OrderMovedOn):  # Else the first number would be free for another deal.
        find_receipt(deal=paid, payment_number="ICBC78", actor=floor.centre)
    with pytest.raises(PaymentUsed):  # The money is on its way back: it pays for nothing else.
        settle_order(order=order(pool), payment_number="ICBC77", actor=floor.trading)
    with pytest.raises(DatabaseError, match="found already"), transaction.atomic():
        RetailOrder.objects.filter(pk=paid.pk).update(payment_number="ICBC78")
    client.force_login(floor.trading)
    assert client.post(address, {"action": "refund", "payment_number": "R1"}).status_code == 302
    paid.refresh_from_db()
    assert (paid.state, paid.refund_number, paid.refunded_by) == ("refunded", "R1", floor.trading)
    with pytest.raises(OrderMovedOn):
        refund(deal=paid, refund_number="R2", actor=floor.trading)
    with pytest.raises(OrderMovedOn):
        settle_order(order=paid, payment_number="W", actor=floor.trading)
    told = OutboxMessage.objects.filter(recipient="visitor@example.org").order_by("made_at")
    assert [one.subject for one in told if paid.number in one.subject][1:] == [
        f"订单 {paid.number} 已失效",
        f"{paid.number}：已退款",
    ]


def test_who_paid_too_late_says_so_and_reads_when_no_money_is_found(floor: Floor) -> None:
    late = order(floor.pool(floor.issue(1000)))
    advance_clock(timedelta(hours=73))
    assert lapse_overdue_orders() == 1
    late.refresh_from_db()
    assert late.state == "lapsed"
    assert say_order_paid(order=late, payment_number="W9", actor=None).state == "refund"
    with pytest.raises(ReasonMissing):
        deny_refund(deal=late, reason=" ", actor=floor.centre)
    denial = "UPDATE market_retailorder SET state = 'lapsed', denied_by_id = %s"
    assert refused(denial, [None]) == "refund_of_order_is_denied_by_somebody"
    sellers = officer("sellers", Role.TRADING_CLERK)
    mandate_of(sellers, floor.owner, floor.owner_user)
    with pytest.raises(OwnMatter):
        deny_refund(deal=late, reason="账户无此笔款项", actor=sellers)
    assert refused(denial, [sellers.pk]) == "nobody_decides_an_own_matter"
    denied = deny_refund(deal=late, reason="账户无此笔款项", actor=floor.centre)
    assert (denied.state, denied.denied_by) == ("lapsed", floor.centre)
    assert refused(denial, [floor.trading.pk]) == "nothing_is_rewritten"
    last = OutboxMessage.objects.filter(recipient="visitor@example.org").latest("made_at")
    assert (last.subject, last.body) == (f"{late.number}：未查到付款", "账户无此笔款项")


def test_a_name_that_was_refused_meanwhile_is_not_printed_and_the_money_goes_back(
    floor: Floor,
) -> None:
    pool = floor.pool(floor.issue(1000))
    paid, other = order(pool), order(pool, name="游客李四")
    review_name(beneficiary=paid.beneficiary, accepted=False, reason="不雅", actor=floor.signer)
    with pytest.raises(NameRefused):
        settle_order(order=paid, payment_number="W1", actor=floor.trading)
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        RetailOrder.objects.filter(pk=paid.pk).update(state="settled", payment_number="W1")
    assert caught.value.__cause__.diag.constraint_name == "retail_order_moves_by_the_table"  # type: ignore[union-attr]
    with pytest.raises(OrderMovedOn):  # This one waits for its payment, under a name that stands.
        find_receipt(deal=other, payment_number="W1", actor=floor.centre)
    withdraw_listing(listing=pool.listing, actor=floor.owner_user)
    find_receipt(deal=paid, payment_number="W1", actor=floor.centre)
    assert states(pool.listing.ticket) == {"held": 988, "listed": 12}
    assert refund(deal=paid, refund_number="R1", actor=floor.trading).state == "refunded"


def test_a_lost_ticket_is_reissued_when_its_pool_has_ended(floor: Floor) -> None:
    ticket = floor.issue(1000)
    pool = floor.pool(ticket)
    asked: dict[str, Any] = {"asked_by": floor.owner_user, "actor": floor.clerk}
    floor.approve(prepare_loss(ticket=ticket, reason=LossNotice.Reason.LOST, **asked))
    advance_clock(timedelta(days=31))
    reissue = prepare_reissue(notice=ticket.loss_notices.get(), **asked)
    with pytest.raises(TicketListed):
        floor.approve(reissue)
    withdraw_listing(listing=pool.listing, actor=floor.owner_user)
    assert states(ticket) == {"listed": 1000}  # An order lies on it.
    floor.approve(reissue)
    assert free_ended_listings() == 1
    assert states(ticket.children.get()) == {"held": 1000}


def test_what_was_paid_for_is_settled_from_the_ticket_that_was_reissued(floor: Floor) -> None:
    """The loss order holds what is listed too, so the deal cannot come to its end before."""
    ticket = floor.issue(1000)
    listing = floor.offer(ticket, 1000)
    trade, unpaid = floor.buy(listing, 400), floor.buy(listing, 100)
    floor.pay(trade)
    asked: dict[str, Any] = {"asked_by": floor.owner_user, "actor": floor.clerk}
    floor.approve(prepare_loss(ticket=ticket, reason=LossNotice.Reason.LOST, **asked))
    with pytest.raises(BlockNotFree):
        settle_trade(trade=trade, actor=floor.trading)
    advance_clock(timedelta(days=31))
    reissue = prepare_reissue(notice=ticket.loss_notices.get(), **asked)
    withdraw_listing(listing=listing, actor=floor.owner_user)
    with pytest.raises(TicketListed):
        floor.approve(reissue)
    assert lapse_overdue_trades() == 1
    unpaid.refresh_from_db()
    assert unpaid.state == "lapsed"
    floor.approve(reissue)
    found = ticket.children.get()
    assert free_ended_listings() == 1
    assert states(found) == {"held": 600, "listed": 400}
    settle_trade(trade=trade, actor=floor.trading)
    assert (states(found), states(found.children.get())) == ({"held": 600}, {"held": 400})


def test_unpaid_orders_of_one_contact_are_few(floor: Floor) -> None:
    pool = floor.pool(floor.issue(1000))
    for _n in range(5):
        order(pool)
    for written in ("VISITOR@example.org", " visitor+2＠example.org"):
        with pytest.raises(TooManyWaiting):
            order(pool, contact=written)
    order(pool, contact="13900000000")


def test_many_contacts_do_not_bind_a_whole_pool(floor: Floor) -> None:
    pool = floor.pool(floor.issue(1000), largest_kg=100)
    order(pool, 100), order(pool, 100)
    with pytest.raises(PoolHeldByUnpaid) as caught:  # A fifth of the pool for one.
        order(pool, 10)
    assert "0 千克" in str(caught.value)
    with pytest.raises(PoolHeldByUnpaid):  # However it is written.
        order(pool, 10, contact="Visitor+2@example.org ")
    for number in range(3):
        order(pool, 100, contact=f"1390000000{number}")
    with pytest.raises(PoolHeldByUnpaid):  # A half for all visitors together.
        order(pool, 10, contact="13900000009")
    with refused_by("unpaid_orders_leave_some_to_others"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO market_retailorder SELECT (jsonb_populate_record(made, jsonb_build_object("
            "'id', made.id + 1000, 'key', gen_random_uuid(), 'code', 'X', 'number', 'X', 'contact', "
            "'y@example.org'))).* FROM market_retailorder AS made ORDER BY id LIMIT 1"
        )
    # Whose identity was checked is not a visitor, and has one share under all contacts.
    for contact in ("13900000009", "13900000010"):
        order(pool, 100, contact=contact, actor=floor.other_user)
    for actor in (None, user_named("unchecked"), floor.other_user):
        with pytest.raises(PoolHeldByUnpaid):
            order(pool, 10, contact="+86 139-0000-0011", actor=actor)
    settle_order(order=RetailOrder.objects.earliest("pk"), payment_number="W1", actor=floor.trading)
    order(pool, 50, contact="13900000008")  # Half of the 900 that are left.


def test_pools_and_contracts_end_with_their_last_day(floor: Floor) -> None:
    pool, contract = floor.pool(floor.issue(1000)), contract_of(floor)
    confirm_contract(contract=contract, actor=floor.owner_user)
    assert [close_due_pools(), end_due_contracts()] == [0, 0]
    advance_clock(timedelta(days=301))
    assert [close_due_pools(), end_due_contracts()] == [1, 1]
    pool.refresh_from_db()
    contract.refresh_from_db()
    assert (pool.state, contract.state, left_to_buy_kg(contract)) == ("closed", "ended", 0)


def test_one_payment_of_the_bank_gives_one_deal_its_money_back(floor: Floor) -> None:
    pool = floor.pool(floor.issue(1000))
    owed = [order(pool), order(pool)]
    advance_clock(timedelta(hours=73))
    lapse_overdue_orders()
    for at, one in enumerate(owed):
        say_order_paid(order=one, payment_number=f"W{at}", actor=None)
        find_receipt(deal=one, payment_number=f"W{at}", actor=floor.centre)
    refund(deal=owed[0], refund_number="r 1", actor=floor.trading)
    with pytest.raises(PaymentUsed):
        refund(deal=owed[1], refund_number="R1", actor=floor.trading)
    refund(deal=owed[1], refund_number="R2", actor=floor.trading)


def test_a_receipt_of_two_spellings_from_before_is_paid_back_all_the_same(
    committed_register: str,
) -> None:
    """Before there was one spelling of a number, two orders could bear it: the later has no row."""
    floor = Floor()
    pool = floor.pool(floor.issue(1000))
    owed = order(pool)
    advance_clock(timedelta(hours=73))
    lapse_overdue_orders()
    find_receipt(deal=owed, payment_number="W1", actor=floor.centre)
    with as_owner() as owner:
        owner.execute("DELETE FROM market_bankpayment WHERE order_id = %s", [owed.pk])
    settle_order(order=order(pool), payment_number="w-1", actor=floor.trading)
    refund(deal=owed, refund_number="R1", actor=floor.trading)
    owed.refresh_from_db()
    assert (owed.state, owed.payment_number) == ("refunded", "W1")


@pytest.mark.parametrize(("hours", "attack", "constraint"), [
    (0, "state = 'lapsed'", "retail_order_moves_by_the_table"),
    (0, "state = 'refund'", "retail_order_moves_by_the_table"),
    (73, "state = 'refunded', refund_number = 'R', refunded_at = now(), refunded_by_id = {clerk}, "
     "found_by_id = {cashier}, payment_number = 'W'", "retail_order_moves_by_the_table"),
    (73, "state = 'refund', found_by_id = {clerk}", "receipt_of_order_is_owed_back"),
    (73, "state = 'refund', refund_number = 'R'", "refunded_order_is_whole"),
    (73, "state = 'refund', said_number = 'W', amount_fen = 1", "nothing_is_rewritten"),
])  # fmt: skip
def test_the_database_keeps_the_way_of_a_refund(
    floor: Floor, hours: int, attack: str, constraint: str
) -> None:
    order(floor.pool(floor.issue(1000)))
    advance_clock(timedelta(hours=hours))
    said = attack.format(clerk=floor.centre.pk, cashier=floor.trading.pk)
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE market_retailorder SET {said}")
    assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_a_pool_is_ecologys_decision_by_two_people(floor: Floor) -> None:
    ticket = floor.issue(1000)
    pool = floor.pool(ticket, 500)
    with pytest.raises(PoolNotOpen):
        decide_pool(pool=pool, accepted=True, actor=floor.signer)
    wrong: list[dict[str, Any]] = [
        {"largest_kg": 501}, {"purposes": []}, {"purposes": [Purpose.ORGANISATION_YEAR]},
    ]  # fmt: skip
    for more in wrong:
        with pytest.raises(PoolTermsWrong):
            floor.pool(ticket, 100, **more)
    waiting = order(pool)
    withdraw_listing(listing=pool.listing, actor=floor.owner_user)
    assert states(ticket)["listed"] == 312  # Three others of 100, and the order that waits.
    settle_order(order=waiting, payment_number="W1", actor=floor.trading)


def test_the_database_keeps_orders_by_itself(floor: Floor) -> None:
    pool = floor.pool(floor.issue(1000), 300)
    made = order(pool)
    columns = [
        field.column
        for field in RetailOrder._meta.concrete_fields
        if field.column is not None and not field.primary_key
    ]
    copied = ", ".join(columns)
    for constraint, changes in (
        ("retail_order_is_within_its_pool", {"quantity_kg": "9"}),
        ("trades_stay_within_the_listing", {"quantity_kg": "200"}),
        ("retail_order_is_of_an_open_pool", {"state": "'settled'"}),
    ):
        if constraint == "trades_stay_within_the_listing":
            order(pool, 150)
        values = {column: column for column in columns} | changes
        values |= {"key": "gen_random_uuid()", "code": "'X'", "number": "'X'"}
        with (
            pytest.raises(DatabaseError) as caught,
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"INSERT INTO market_retailorder ({copied}) SELECT {', '.join(values.values())} "
                "FROM market_retailorder WHERE id = %s",
                [made.pk],
            )
        assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


# --- reserve purchase ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount_fen", "expected"),
    [
        (20_000, (5000, 2000)),  # 10 t bought at 15 元, sold at 20 元, 40 % to the owner.
        (15_000, (0, 0)),
        (14_000, (0, 0)),
        (15_003, (3, 1)),  # 1.2 fen: rounded down, the rest is the body's.
    ],
)
def test_the_premium_is_exact_to_the_fen(amount_fen: int, expected: tuple[int, int]) -> None:
    assert premium_of(1500, 10_000, amount_fen, 4000) == expected


def contract_of(floor: Floor, **more: Any) -> ReserveContract:
    terms: dict[str, Any] = {
        "body": floor.buyer, "owner": floor.owner, "quantity_kg": 50_000,
        "floor_fen_per_tonne": 1500, "share_bp": 4000, "begins_on": today(),
        "ends_on": today() + timedelta(days=300), "actor": floor.buyer_user, **more,
    }  # fmt: skip
    return propose_contract(**terms)


def test_a_contract_is_bought_under_and_its_premium_settled_on_resale(floor: Floor) -> None:
    ticket = floor.issue(100_000)
    contract = contract_of(floor)
    offer: dict[str, Any] = {
        "contract": contract, "ticket": ticket, "closes_at": now() + timedelta(days=5),
        "actor": floor.owner_user, "confirmed": True,
    }  # fmt: skip
    with pytest.raises(ContractMovedOn):
        hand_over(quantity_kg=40_000, **offer)
    with pytest.raises(NotFound):
        confirm_contract(contract=contract, actor=floor.buyer_user)
    confirm_contract(contract=contract, actor=floor.owner_user)
    with pytest.raises(ContractQuantity):
        hand_over(quantity_kg=50_001, **offer)
    lapsed = hand_over(quantity_kg=50_000, **offer)
    confirm_agreement(listing=lapsed, actor=floor.buyer_user)
    floor.open(lapsed)
    assert left_to_buy_kg(contract) == 0
    advance_clock(timedelta(hours=73))
    assert lapse_overdue_trades() == 1
    assert left_to_buy_kg(contract) == 50_000  # Nothing was bought.
    listing = hand_over(quantity_kg=40_000, **offer)
    assert left_to_buy_kg(contract) == 10_000
    confirm_agreement(listing=listing, actor=floor.buyer_user)
    floor.open(listing)
    bought = floor.settle(listing.trades.get())
    assert bought.amount_fen == 60_000
    assert PremiumShare.objects.count() == 0
    assert bought.entry is not None
    child = bought.entry.tickets_opened.get()

    resale = floor.open(
        ask_listing(
            ticket=child,
            quantity_kg=10_000,
            price_fen_per_tonne=2000,
            terms=LotTerms(1000),
            closes_at=now() + timedelta(days=5),
            actor=floor.buyer_user,
        )
    )
    third = holder("第三方公司")
    trade = buy(listing=resale, buyer=third[0], quantity_kg=10_000, actor=third[1], confirmed=True)
    floor.settle(trade)
    share = PremiumShare.objects.get()
    assert (share.premium_fen, share.owner_fen, share.body_fen) == (5000, 2000, 3000)
    with pytest.raises(NotFound):
        pay_premium(share=share, payment_number="P1", actor=third[1])
    pay_premium(share=share, payment_number="P1", actor=floor.buyer_user)
    with pytest.raises(PremiumMovedOn):
        pay_premium(share=share, payment_number="P1", actor=floor.buyer_user)
    confirm_premium(share=share, received=False, actor=floor.owner_user)
    pay_premium(share=share, payment_number="P2", actor=floor.buyer_user)
    confirm_premium(share=share, received=True, actor=floor.owner_user)
    share.refresh_from_db()
    assert share.state == "received"
    assert covered(ticket.issuance)


def test_a_bodys_resale_to_a_visitor_owes_the_premium_too(floor: Floor) -> None:
    reserved = floor.reserve(floor.issue(100_000), 40_000)
    offset = settle_order(
        order=order(floor.pool(reserved)), payment_number="W1", actor=floor.trading
    )
    share = PremiumShare.objects.get()
    assert share.resale.number == offset.retail_order.number
    # 12 kg for 1.20 元, 0.18 元 of it the floor's: 40 % of 1.02 元.
    assert (share.amount_fen, share.premium_fen, share.owner_fen) == (120, 102, 40)
    assert Message.objects.filter(subject__contains="转售溢价分成").count() == 2
    pay_premium(share=share, payment_number="P1", actor=floor.buyer_user)


def test_what_a_body_merged_into_owes_its_premium(floor: Floor, client: Client) -> None:
    former = floor.buyer_user
    reserved = floor.reserve(floor.issue(100_000), 40_000)
    contract = ReserveContract.objects.get()
    passed = floor.transfer(reserved, to=Owners.sole(floor.other), kind=Kind.MERGER)
    floor.owner_user = floor.other_user
    floor.settle(floor.agreement(passed, 10_000, 2000, buyer=holder("第三方公司")))
    share = PremiumShare.objects.get()
    assert (share.purchase.contract, share.owner_fen) == (contract, 2000)
    with pytest.raises(NotFound):
        pay_premium(share=share, payment_number="P1", actor=former)
    client.force_login(floor.other_user)
    assert str(contract.key) in client.get("/market/reserve/").content.decode()
    tried = {"quantity": "1", "floor": "15", "share": "140", "resale": "20"}
    assert "100% 之间" in client.get("/market/reserve/", tried).content.decode()
    address = f"/market/reserve/{contract.key}/"
    assert "由其承继" in client.get(address).content.decode()
    paid = {"action": "pay", "resale": share.resale.number, "payment_number": "P1"}
    assert client.post(address, paid).status_code == 302


def test_reserved_tonnes_are_not_sold_on_paper(floor: Floor) -> None:
    ticket = floor.issue(100_000)
    reserved = floor.reserve(ticket, 40_000)
    with pytest.raises(ReservedTonnes):
        floor.request_transfer(reserved, 10_000, to=Owners.sole(floor.other))
    floor.request_transfer(ticket, 10_000, to=Owners.sole(floor.other))  # What the owner kept.
    with pytest.raises(ReservedTonnes):  # The donee would owe no premium.
        floor.transfer(reserved, 5_000, to=Owners.sole(floor.other), kind=Kind.GIFT)
    floor.transfer(ticket, 5_000, to=Owners.sole(floor.other), kind=Kind.GIFT)


def test_many_small_resales_owe_what_one_large_would(floor: Floor) -> None:
    """2.5 fen a lot: rounded each by itself, the owner would never see one."""
    reserved = floor.reserve(floor.issue(100_000), 40_000)
    third = holder("第三方公司")
    for _lot in range(3):
        floor.settle(floor.agreement(reserved, 333, 1507, buyer=third))
    shares = PremiumShare.objects.order_by("pk")
    assert [share.premium_fen for share in shares] == [2, 3, 2]
    assert [(share.owner_fen, share.state) for share in shares] == [
        (0, "received"), (2, "due"), (0, "received"),
    ]  # fmt: skip
    whole = premium_of(1500, 999, 3 * 502, 4000)
    assert whole == (7, 2)


def test_what_came_out_of_a_bodys_division_sells_under_its_contract(floor: Floor) -> None:
    reserved = floor.reserve(floor.issue(100_000), 40_000)
    passed = floor.transfer(reserved, to=Owners.sole(floor.other), kind=Kind.COMPANY_DIVISION)
    floor.owner_user = floor.other_user
    floor.settle(floor.agreement(passed, 10_000, 2000, buyer=holder("第三方公司")))
    share = PremiumShare.objects.get()
    assert (share.purchase.contract.body, share.owner_fen) == (floor.buyer, 2000)


def test_what_was_sold_and_bought_back_is_no_more_the_contracts(floor: Floor) -> None:
    reserved = floor.reserve(floor.issue(100_000), 10_000)
    sold = floor.settle(
        floor.agreement(reserved, 10_000, 2000, buyer=(floor.other, floor.other_user))
    )
    assert PremiumShare.objects.get().owner_fen == 2000
    assert sold.entry is not None
    floor.owner_user = floor.other_user
    back = floor.settle(floor.agreement(sold.entry.tickets_opened.get(), 10_000, 1800))
    assert back.entry is not None
    floor.owner_user = floor.buyer_user
    floor.settle(
        floor.agreement(
            back.entry.tickets_opened.get(), 10_000, 2500, buyer=(floor.other, floor.other_user)
        )
    )
    assert PremiumShare.objects.count() == 1


@pytest.mark.parametrize(("attack", "constraint"), [
    ("UPDATE market_premiumshare SET order_id = NULL", "nothing_is_rewritten"),
    ("DELETE FROM market_premiumshare", "nothing_is_rewritten"),
    ("INSERT INTO market_premiumshare (SELECT (jsonb_populate_record(p, jsonb_build_object('id', "
     "p.id + 1, 'key', gen_random_uuid(), 'owner_fen', 1))).* FROM market_premiumshare AS p)",
     "premium_is_of_its_resale"),
    ("UPDATE market_retailorder AS o SET state = 'settled', settled_by_id = done.settled_by_id, "
     "payment_number = 'X', offset_id = gen_random_uuid() FROM market_retailorder AS done "
     "WHERE o.state = 'waiting' AND done.state = 'settled'; "
     "SET CONSTRAINTS resale_owes_its_premium IMMEDIATE", "resale_owes_its_premium"),
])  # fmt: skip
def test_the_database_settles_no_resale_without_its_premium(
    floor: Floor, attack: str, constraint: str
) -> None:
    pool = floor.pool(floor.reserve(floor.issue(100_000), 40_000))
    settle_order(order=order(pool), payment_number="W1", actor=floor.trading)
    order(pool)
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack)
    assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_a_contracts_terms_are_asked(floor: Floor) -> None:
    for more in (
        {"owner": floor.buyer},
        {"share_bp": 10_001},
        {"ends_on": today() - timedelta(days=1)},
    ):
        with pytest.raises(ContractTermsWrong):
            contract_of(floor, **more)

"""Deals in a real browser: an agreement, a bidding of five, to the registered transfer."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from portal.accounts.demo import DEMO_PASSWORD
from portal.accounts.models import Mandate, Party, User
from portal.base.clock import advance_clock, now
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.tickets.market.floor import Floor, evidence
from tests.tickets.registry.conftest import (
    committed_register,
    filed_db,
    filed_template,
    own_folders,
)
from tests.tickets.registry.register import covered, states
from tests.tickets.registry_pages.conftest import key_of_these_tests
from tickets.market.models import Listing, Trade
from tickets.market.operations import (
    BiddingTerms,
    approve_listing,
    ask_listing,
    close_due_biddings,
    prepare_listing,
)
from tickets.registry.models import CarbonTicket
from tickets.registry.operations import Owners

__all__ = [
    "committed_register",
    "filed_db",
    "filed_template",
    "key_of_these_tests",
    "own_folders",
]


@pytest.fixture
def committed_db(committed_register: str) -> str:
    """The server reads a register in which filings wait."""
    return committed_register


@pytest.fixture
def slip(tmp_path: Path) -> Path:
    path = tmp_path / "付款凭证.pdf"
    path.write_bytes(evidence().data)
    return path


def party_of(name: str) -> Party:
    mandate = Mandate.objects.filter(user__username=name).select_related("party").first()
    assert mandate is not None
    return mandate.party


def ticket_of_owner2(quantity_kg: int = 100_000) -> tuple[Floor, CarbonTicket]:
    floor = Floor()
    ticket = floor.issue(quantity_kg, owners=Owners.sole(party_of("owner2")))
    floor.owner_user = User.objects.get(username="owner2")
    return floor, ticket


def enter(make: Any, name: str, size: tuple[int, int] = DESKTOP) -> Page:
    page: Page = make(size)
    sign_in(page, name)
    return page


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    page.wait_for_load_state()


def pay_and_settle(make: Any, buyer: Page, number: str, slip: Path) -> Page:
    """The buyer shows the payment, the cashier confirms it and the transfer is registered."""
    trade = Trade.objects.get(number=number)
    buyer.goto(f"/market/trades/{number}/")
    buyer.fill("[name=number]", number)
    buyer.fill("[name=amount]", f"{trade.amount_fen / 100:.2f}")
    buyer.fill("[name=payment_number]", f"ICBC-{number}")
    buyer.set_input_files("[name=slip]", slip)
    press(buyer, "提交凭证")
    cashier = enter(make, "trading_approver")
    cashier.goto(f"/market/trades/{number}/")
    press(cashier, "确认到账并登记转移")
    expect(cashier.locator("[data-ref=child]")).to_contain_text("YN-")
    return cashier


def test_an_agreement_from_the_offer_to_the_registered_transfer(open_page: Any, slip: Path) -> None:
    _floor, ticket = ticket_of_owner2()
    buyer_party = party_of("buyer1")
    seller = enter(open_page, "owner2")
    seller.goto("/market/work/")
    seller.get_by_role("link", name=re.compile("申请挂牌")).first.click()
    seller.get_by_role("link", name="协议转让").click()
    seller.fill("[name=quantity]", "12.5")
    seller.fill("[name=price]", "15.00")
    seller.fill("[name=buyer_name]", buyer_party.name)
    seller.fill("[name=buyer_last4]", buyer_party.identity_last4)
    press(seller, "提交交易中心")
    expect(seller.locator(".errorlist")).to_contain_text("首次交易")
    picture(seller, "market_offer_refused")
    seller.fill("[name=code]", seller.locator(".alert code").inner_text())
    press(seller, "提交交易中心")
    expect(seller).to_have_url(re.compile("/market/listings/"))
    address = seller.url

    buyer = enter(open_page, "buyer1")
    buyer.goto(address)
    press(buyer, "确认受让")
    clerk = enter(open_page, "trading")
    clerk.goto("/market/work/")
    picture(clerk, "market_desk")
    clerk.goto(address)
    press(clerk, "受理并提交审批")
    approver = enter(open_page, "trading_approver")
    approver.goto(address)
    press(approver, "批准挂牌")
    assert states(ticket) == {"held": 87_500, "listed": 12_500}

    trade = Trade.objects.get()
    assert trade.amount_fen == 18_750
    cashier = pay_and_settle(open_page, buyer, trade.number, slip)
    picture(cashier, "market_trade_settled")
    assert states(ticket) == {"held": 87_500}
    assert covered(ticket.issuance)

    visitor = open_page(PHONE)
    visitor.goto("/market/")
    expect(visitor.locator("main")).to_contain_text("187.50")
    picture(visitor, "market_home_phone")
    assert Axe().run(visitor).response["violations"] == []
    stranger = enter(open_page, "buyer2")
    response = stranger.goto(address)
    assert response is not None
    assert response.status == 404


def test_a_bidding_of_five_to_the_protocol_and_the_registered_transfer(
    open_page: Any, slip: Path
) -> None:
    floor, ticket = ticket_of_owner2()
    terms = BiddingTerms(50, 100_00, now() + timedelta(minutes=1), 1600)
    listing = ask_listing(
        ticket=ticket,
        quantity_kg=10_000,
        price_fen_per_tonne=1500,
        terms=terms,
        closes_at=now() + timedelta(hours=1),
        actor=floor.owner_user,
    )
    prepare_listing(listing=listing, actor=User.objects.get(username="trading"))
    approve_listing(listing=listing, actor=User.objects.get(username="trading_approver"))
    advance_clock(timedelta(minutes=2))
    address = f"/market/listings/{listing.number}/"
    bidders = []
    for n in range(3):  # Three in other offices, two in browsers of their own.
        bidders.append(floor.bidder(listing, f"竞买公司{n}"))
    pages = [enter(open_page, name) for name in ("buyer1", "buyer2")]
    for page in pages:
        page.goto(address)
        page.fill("[name=amount]", "100")
        page.set_input_files("[name=slip]", slip)
        press(page, "提交保证金凭证")
    clerk = enter(open_page, "trading")
    clerk.goto(address)
    for n in range(len(pages)):
        clerk.locator("[name=payment_number]").first.fill(f"GD-{n}")
        clerk.get_by_role("button", name="确认收到").first.click()
        clerk.wait_for_load_state()

    watcher = open_page()
    watcher.goto(address)
    expect(watcher.locator("[data-ref=bidding]")).to_have_attribute("data-ready", "true")
    for bidder, price in zip(bidders, (1500, 1550, 1600), strict=True):
        floor.bid(listing, bidder, price)
    first, second = pages
    first.reload()
    second.reload()
    first.fill("[name=price]", "15.80")
    press(first, "提交报价")
    expect(first.locator("[data-code]")).to_have_attribute("data-code", "bid_off_step")
    first.fill("[name=price]", "16.50")
    press(first, "提交报价")
    expect(first.locator("[data-code]")).to_have_attribute("data-code", "new_counterparty")
    for page in pages:  # The first bid for tonnes of somebody new.
        page.fill("[name=code]", page.locator(".alert code").inner_text())
    for page, price in ((first, "16.50"), (second, "16.50"), (first, "17.00"), (second, "17.00")):
        page.fill("[name=price]", price)
        press(page, "提交报价")
        expect(page.locator(".flashes")).to_contain_text(price)
    # The watcher sees them come without asking for the page again.
    expect(watcher.locator("[data-ref=bids] tr")).to_have_count(7)
    expect(watcher.locator("[data-ref=top]")).to_have_text("17.00")
    picture(watcher, "market_bidding")
    assert Axe().run(watcher).response["violations"] == []
    phone = enter(open_page, "buyer1", PHONE)
    phone.goto(address)
    picture(phone, "market_bidding_phone")

    listing.refresh_from_db()
    advance_clock(listing.closes_at - now() + timedelta(seconds=1))
    assert close_due_biddings() == 1
    expect(watcher.locator("[data-ref=state]")).to_contain_text("已结束")
    response = watcher.request.get(f"{address}protocol.pdf")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(response.body())).pages)
    assert "竞买人 4" in text  # buyer1 bid 17.00 before buyer2 did.
    assert "170.00" in text
    trade = listing.trades.get()
    assert trade.buyer == party_of("buyer1")
    slip.write_bytes(evidence().data)
    # The winner's page reloads itself at the close; leaving before that would race with it.
    expect(first.locator("[data-ref=state]")).to_contain_text("已结束")
    pay_and_settle(open_page, first, trade.number, slip)
    assert states(ticket) == {"held": 90_000}
    assert covered(ticket.issuance)


def test_a_visitor_buys_twelve_kilograms_and_takes_a_certificate(open_page: Any) -> None:
    _floor, ticket = ticket_of_owner2()
    seller = enter(open_page, "owner2")
    seller.goto(f"/market/offer/{ticket.number}/?method=retail")
    seller.fill("[name=quantity]", "5")
    seller.fill("[name=price]", "100")
    press(seller, "提交交易中心")
    listing = Listing.objects.get()
    prepare_listing(listing=listing, actor=User.objects.get(username="trading"))
    approve_listing(listing=listing, actor=User.objects.get(username="trading_approver"))
    ecology = enter(open_page, "ecology")
    ecology.goto("/market/work/")
    ecology.get_by_role("link", name="设立零售池").click()
    ecology.fill("[name=title]", "音乐节零售池")
    ecology.fill("[name=quantity]", "5")
    for box in ecology.locator("[name=purposes]").all():
        box.check()
    press(ecology, "提交审批")
    address = ecology.url
    ours = User.objects.get(username="ecology_approver")  # The template's, with its own password.
    ours.set_password(DEMO_PASSWORD)
    ours.save()
    signer = enter(open_page, "ecology_approver")
    signer.goto(address)
    press(signer, "批准")

    visitor = open_page(PHONE)
    visitor.goto("/market/")
    visitor.get_by_role("link", name="音乐节零售池").click()
    visitor.fill("[name=quantity]", "9")
    visitor.fill("[name=name]", "游客 李女士")
    visitor.fill("[name=contact]", "13900000000")
    visitor.select_option("[name=purpose]", "person")
    press(visitor, "提交订单")
    expect(visitor.locator("[data-code]")).to_have_attribute("data-code", "order_outside_pool")
    visitor.fill("[name=quantity]", "12")
    press(visitor, "提交订单")
    expect(visitor.locator("[data-ref=number]")).to_contain_text("YN-T-")
    picture(visitor, "market_order_phone")
    assert Axe().run(visitor).response["violations"] == []

    cashier = enter(open_page, "trading_approver")
    cashier.goto(visitor.url)
    cashier.fill("[name=payment_number]", "W-1")
    press(cashier, "确认到账并生成凭证")
    visitor.reload()
    number = visitor.locator("[data-ref=certificate]").inner_text()
    response = visitor.request.get(f"{visitor.url}certificate.pdf")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(response.body())).pages)
    assert number in text
    assert "李女士" in text
    assert states(ticket) == {"held": 95_000, "listed": 4_988, "offset": 12}
    assert covered(ticket.issuance)


def test_the_calculator_answers_to_the_fen(open_page: Any) -> None:
    page = open_page()
    page.goto("/market/reserve/")
    press(page, "计算")
    expect(page.locator("[data-ref=result]")).to_contain_text("1,700.00")
    picture(page, "market_reserve")
    assert Axe().run(page).response["violations"] == []

"""Deals in a real browser: an agreement, a bidding of five, to the registered transfer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.accounts.models import Mandate, Party, User
from tests.browser.conftest import DESKTOP, PHONE, picture, sign_in
from tests.tickets.market.floor import Floor, evidence
from tests.tickets.registry.conftest import (
    committed_register,
    filed_db,
    filed_template,
    own_folders,
)
from tests.tickets.registry.register import covered, states
from tickets.market.models import Trade
from tickets.registry.models import CarbonTicket
from tickets.registry.operations import Owners

__all__ = ["committed_register", "filed_db", "filed_template", "own_folders"]


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

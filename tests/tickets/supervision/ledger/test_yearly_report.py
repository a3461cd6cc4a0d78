"""The yearly report: the register's and the departments' sums as a PDF, without a name."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from pypdf import PdfReader

from portal.base.clock import today
from portal.site.yearly.figures import Year, sections_of
from tests.tickets.market.floor import Floor
from tests.tickets.registry.register import covered
from tickets.market.operations import order_retail, settle_order
from tickets.offsets.models import Purpose

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor(filed_db: str, db: None) -> Floor:
    return Floor()


def test_the_years_acts_add_up_and_nobody_is_named(floor: Floor, client: Client) -> None:
    ticket = floor.issue(100_000)
    floor.settle(floor.agreement(ticket, 12_500, 1500))
    order = order_retail(
        pool=floor.pool(ticket), quantity_kg=12, purpose=Purpose.PERSON, name="游客张三",
        contact="visitor@example.org", actor=None,
    )  # fmt: skip
    settle_order(order=order, payment_number="W1", actor=floor.trading)
    assert covered(ticket.issuance)
    year = today().year
    found = {section.title: section.rows for section in sections_of(Year(year))}
    assert ("制发", "1", "100") in found["登记事项"]
    assert ("成交", "2", "12.512") in found["登记事项"]
    assert ("已抵消", "0", "0.012") in found["减排量去向"]
    assert ("协议转让", "1", "12.5", "15.00", "187.50") in found["交易"]
    assert ("零售", "1", "0.012", "100.00", "1.20") in found["交易"]
    assert ("个人", "1", "0.012") in found["抵消"]
    answer = client.get(f"/statistics/{year}.pdf")
    assert answer["Content-Type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "187.50" in text
    for name in ("游客张三", floor.owner.name, floor.buyer.name):
        assert name not in text
    assert client.get(f"/statistics/{year - 1}.pdf").status_code == 404
    assert f"/statistics/{year}.pdf" in client.get("/disclosure/").content.decode()


def test_the_price_history_is_drawn_and_may_be_kept(floor: Floor, client: Client) -> None:
    assert client.get("/market/prices.csv").status_code == 200
    floor.settle(floor.agreement(floor.issue(100_000), 12_500, 1500))
    page = client.get("/market/").content.decode()
    assert "<polyline" in page
    picture = client.get("/market/prices.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert "15.00" in picture.content.decode()
    table = client.get("/market/prices.csv").content.decode("utf-8-sig")
    assert table.splitlines()[1].split(",")[1:] == ["1", "12500", "15.0", "187.5"]

"""A ticket's page stays a page however many tickets came of it and however many acts there were."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.accounts.models import User
from tests.tickets.registry.register import Bureau
from tickets.registry.models import CarbonTicket
from tickets.registry.operations import Owners
from tickets.registry.pages import tickets as pages
from tickets.registry.queries import Flow
from tickets.registry.stream import COLUMNS_MOST, TICKETS_MOST, stream_svg

pytestmark = pytest.mark.django_db


def flow(entry: int, kilograms: int, to: uuid.UUID, came_from: uuid.UUID | None = None) -> Flow:
    return Flow(
        entry=entry, kind="transfer" if came_from else "issue", article="第十条",
        recorded_at=datetime(2026, 5, 1, tzinfo=UTC), effective_on=None, document_sha256=None,
        registration=None, from_ticket=came_from, from_state="held" if came_from else "",
        to_ticket=to, to_state="held", quantity_kg=kilograms,
    )  # fmt: skip


@pytest.mark.parametrize("at_once", [False, True])
def test_of_thousands_of_tickets_those_that_moved_last_are_drawn(at_once: bool) -> None:
    """Sold one after the other, or divided among a village by one act; no kilogram is left out."""
    seller, buyers = uuid.uuid4(), [uuid.uuid4() for _buyer in range(3000)]
    sold = [
        flow(2 if at_once else number, 1000, buyer, seller)
        for number, buyer in enumerate(buyers, start=2)
    ]
    numbers = {seller: "卖方"} | {buyer: f"买方{n}" for n, buyer in enumerate(buyers)}
    drawn = stream_svg([flow(1, 4_000_000, seller), *sold], numbers, subject=seller)
    last_column = re.findall(r'class="end-name">([0-9.]+) t', drawn)
    assert sum(float(tonnes) for tonnes in last_column) == 4000
    assert len(last_column) == TICKETS_MOST + 1
    assert "其他碳票" in drawn
    assert ">卖方<" in drawn
    assert len(drawn) < COLUMNS_MOST * (TICKETS_MOST + 1) * 1000


def page_of(ticket: CarbonTicket, reader: User | None = None) -> str:
    client = Client()
    if reader is not None:
        client.force_login(reader)
    return client.get(reverse("registry:ticket", args=[ticket.number])).content.decode()


def test_a_long_line_of_tickets_shows_its_nearest(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FAMILY_ROWS", 1)
    line = [bureau.issue()]
    for to in (bureau.buyer, bureau.other, bureau.buyer, bureau.other):
        line.append(bureau.transfer(line[-1], to=Owners.sole(to)))
    shown = page_of(line[2])
    family = shown[shown.index('<ul class="family">') :].partition("</ul>")[0]
    assert re.findall(r"depth-(\d)", family) == ["0", "1", "2"]
    assert [one.number in family for one in line] == [False, True, True, True, False]
    assert "另有 2 张" in shown


def test_more_acts_ask_no_more_queries(bureau: Bureau) -> None:
    """Whoever reads: a visitor, its owner, an officer."""
    ticket = bureau.issue()
    readers = (None, bureau.owner_user, bureau.clerk)
    asked: list[list[int]] = []
    for _round in range(2):
        for _sale in range(3):
            bureau.transfer(ticket, 1000)
        asked.append([])
        for reader in readers:
            with CaptureQueriesContext(connection) as queries:
                assert "登记事项" in page_of(ticket, reader)
            asked[-1].append(len(queries))
    assert asked[0] == asked[1]

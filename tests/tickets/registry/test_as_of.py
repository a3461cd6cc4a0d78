"""The register as of any past moment, and where the kilograms went."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.base.clock import CITY_TIME, advance_clock, now
from tests.tickets.registry.register import Bureau, cause_of
from tickets.registry.models import CarbonTicket, LedgerEntry
from tickets.registry.operations import Kind, Owners
from tickets.registry.queries import (
    Standing,
    acts_on,
    end_of_day,
    family_of,
    issued_with,
    last_entry_number,
    register_totals,
    shares_at,
    state_of,
    state_table,
    stream_of,
    tickets_of,
    tickets_on,
    used_up_tickets,
)
from tickets.registry.showing import big_words

pytestmark = pytest.mark.django_db


def test_each_past_moment_reads_as_it_was(bureau: Bureau) -> None:
    before = now()
    ticket = bureau.issue(10_000)
    moments = [now()]
    advance_clock(timedelta(days=3))
    child = bureau.transfer(ticket, 4000)
    moments.append(now())
    advance_clock(timedelta(days=3))
    bureau.offset(child, 1000)
    moments.append(now())
    bureau.transfer(ticket)

    assert state_table(before) == []
    assert [[row.held_kg for row in state_table(at)] for at in moments] == [
        [10_000], [6000, 4000], [6000, 3000],
    ]  # fmt: skip
    for at in moments:  # One alone is found by another index.
        for row in state_table(at):
            assert state_of(CarbonTicket.objects.get(pk=row.key), at) == row
    assert register_totals(moments[2])["offset"] == 1000
    assert sum(register_totals().values()) == 10_000
    assert list(tickets_of(bureau.owner, moments[1])) == [ticket]
    assert list(tickets_of(bureau.owner)) == []
    assert [share.party for share in shares_at(ticket, moments[0])] == [bureau.owner]
    area = ticket.area_version.area
    assert [tickets_on(area, at).count() for at in (before, *moments)] == [0, 1, 2, 2]
    assert state_table(end_of_day(moments[0].astimezone(CITY_TIME).date()))[0].total_kg == 10_000
    assert last_entry_number(before) < last_entry_number(moments[0]) < last_entry_number()
    assert state_of(ticket).standing is Standing.SUPERSEDED  # type: ignore[union-attr]
    assert state_of(ticket, moments[2]).standing is Standing.VALID  # type: ignore[union-attr]
    assert state_of(ticket, before) is None


def test_the_stream_accounts_for_every_kilogram_between_issue_and_today(bureau: Bureau) -> None:
    ticket = bureau.issue(10_000)
    child = bureau.transfer(ticket, 4000)
    grandchild = bureau.transfer(child, 1500, to=Owners.sole(bureau.other), kind=Kind.GIFT)
    bureau.offset(child, 500)
    flows = stream_of(ticket.issuance)
    assert [(flow.kind, flow.quantity_kg, flow.to_state) for flow in flows] == [
        ("issue", 10_000, "held"), ("transfer", 4000, "held"), ("transfer", 1500, "held"),
        ("offset", 500, "offset"),
    ]  # fmt: skip
    balance: dict[tuple[object, str], int] = {}
    for flow in flows:
        if flow.from_ticket is not None:
            balance[flow.from_ticket, flow.from_state] -= flow.quantity_kg
        place = (flow.to_ticket, flow.to_state)
        balance[place] = balance.get(place, 0) + flow.quantity_kg
    assert balance == {
        (ticket.pk, "held"): 6000, (child.pk, "held"): 2000, (grandchild.pk, "held"): 1500,
        (child.pk, "offset"): 500,
    }  # fmt: skip
    for one in (grandchild, child):
        assert family_of(one, issued_with(one)) == [ticket, child, grandchild]
    assert [entry.kind for entry in acts_on(child)] == ["transfer", "transfer", "offset"]
    assert all(flow.document_sha256 for flow in flows[:3])


def test_a_ticket_says_its_state_in_one_word(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)

    def word() -> Standing:
        found = state_of(ticket)
        assert found is not None
        return found.standing

    assert word() is Standing.VALID
    bureau.offset(ticket, 100)
    assert word() is Standing.PARTLY_USED
    entry = bureau.list(ticket, 100)
    assert word() is Standing.LISTED
    assert cause_of(entry).kind == "listed"
    bureau.transfer(ticket, 800)
    assert list(used_up_tickets()) == []
    from tickets.registry.operations import unlist_blocks

    unlist_blocks(cause=cause_of(entry), actor=None)
    bureau.offset(ticket, 100)
    assert word() is Standing.USED_UP
    assert list(used_up_tickets()) == [ticket]
    assert LedgerEntry.objects.filter(issuance=ticket.issuance).count() == 6


def test_what_was_taken_back_is_not_called_used(bureau: Bureau) -> None:
    state = state_of(bureau.issue(1000))
    assert state is not None
    reduced = replace(state, held_kg=700, cancelled_kg=100)
    assert big_words(reduced) == "已核减 0.1 / 0.8 吨"
    assert big_words(replace(reduced, offset_kg=200)) == "已使用 0.2 / 1 吨 · 已核减 0.1 / 1 吨"

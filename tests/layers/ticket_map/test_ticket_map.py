"""The map of tickets: filters, days and sums are the register's; bad questions are told why."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Party
from tests.layers.ticket_map.conftest import Story
from tickets.registry.queries import register_totals

ROWS, FACTS, STATES = "/api/map/tickets/", "/api/map/facts/", "/api/tickets/states/"


def numbers(client: Client, **query: Any) -> list[str]:
    return [row["number"] for row in client.get(ROWS, query).json()["tickets"]]


def test_sums_are_the_ledgers_to_the_kilogram_at_the_next_request(
    client: Client, story: Story
) -> None:
    answer = client.get(ROWS).json()
    assert answer["totals"] == answer["register_totals"] == register_totals()
    assert answer["totals"]["offset"] == 1500
    tag = client.get(STATES).headers["ETag"]
    story.bureau.offset(story.child, 7)
    assert client.get(ROWS).json()["totals"]["offset"] == 1507
    fresh = client.get(STATES, headers={"If-None-Match": tag})
    assert fresh.status_code == 200
    assert fresh.json()["totals"]["offset"] == 1507


def test_a_past_day_shows_what_stood_then(client: Client, story: Story) -> None:
    first = client.get(ROWS, {"at": story.issued_on.isoformat()}).json()
    assert [row["held_kg"] for row in first["tickets"]] == [10_000, 20_003]
    then = client.get(ROWS, {"at": story.transferred_on.isoformat()}).json()
    assert [row["held_kg"] for row in then["tickets"]] == [6000, 20_003, 4000]
    assert then["totals"] == then["register_totals"]


def test_each_filter_takes_its_tickets_and_all_must_pass(client: Client, story: Story) -> None:
    first, second, child = story.first.number, story.second.number, story.child.number
    assert numbers(client, state="listed") == [second]
    assert numbers(client, state=["listed", "partly_used"]) == [second, child]
    assert numbers(client, township="654002101") == [first, child]
    assert numbers(client, township="654002100", state="partly_used") == []
    assert numbers(client, species="白榆") == [first, second, child]
    assert numbers(client, species="云杉") == []
    assert numbers(client, min_t=5, max_t=10) == [first]
    assert numbers(client, holder="legal_body") == [child]
    assert numbers(client, year=str(story.first.year)) == [first, second, child]


def test_facts_mask_natural_persons_and_are_kept_until_the_next_entry(
    client: Client, story: Story
) -> None:
    answer = client.get(FACTS)
    facts = {one["number"]: one for one in answer.json()["tickets"]}
    person = story.first.shares.get(closed_by__isnull=True).party
    assert person.kind == Party.Kind.PERSON
    assert facts[story.first.number]["holder"] == f"{person.name[0]}*"
    assert person.name not in answer.content.decode()
    assert facts[story.child.number]["holder"] == "伊宁旅游公司"
    tag = answer.headers["ETag"]
    assert client.get(FACTS, headers={"If-None-Match": tag}).status_code == 304
    story.bureau.offset(story.child, 7)
    assert client.get(FACTS, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "at=2999-01-01", "at=1999-01-01", "at=0001-01-01", "at=yesterday", "at=2026-13-01",
        "at=2026-01-01T00:00:00%2B99:00", "min_t=-1", "min_t=1e9", "max_t=99999999999",
        "min_t=NaN", "state=secret", "type=%27--", "year=20", "holder=%E5%BC%A0%E4%B8%89",
        "owner=x", "id_number=654002", "species=" + "x" * 10_000, "township=%E2%80%AE1",
        "limit=1000000000", "&".join(f"species={n}" for n in range(60)),
    ],
)  # fmt: skip
def test_a_bad_question_is_answered_with_its_reason(
    client: Client, story: Story, query: str
) -> None:
    for address in (ROWS, FACTS):
        answer = client.get(f"{address}?{query}")
        assert answer.status_code == 400
        assert answer.json()["code"] == "bad_map_question"
        assert len(answer.json()["message"]) < 300

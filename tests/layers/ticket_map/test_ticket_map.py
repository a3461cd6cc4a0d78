"""The map of tickets: filters, days and sums are the register's; bad questions are told why."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from datetime import date, timedelta
from typing import Any

import mapbox_vector_tile
import pytest
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import Client

from deploy.local.machine import compile_messages
from portal.accounts.models import Party
from portal.base.clock import advance_clock, today
from tests.layers.places import tile_at
from tests.layers.ticket_map.conftest import Story
from tests.tickets.projects.story import another_period
from tests.tickets.registry.register import Bureau, digest, paper
from tickets.registry.models import CarbonTicket
from tickets.registry.operations import Owners, PaperConsent, prepare_change, prepare_pledge
from tickets.registry.queries import end_of_day, register_totals, state_table

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
    held = {"If-None-Match": client.get(ROWS).headers["ETag"]}
    assert client.get(ROWS, headers=held).status_code == 304
    assert client.get(ROWS, {"state": "listed"}, headers=held).status_code == 200
    story.bureau.offset(story.child, 7)
    assert client.get(ROWS, headers=held).json()["totals"]["offset"] == 1507
    fresh = client.get(STATES, headers={"If-None-Match": tag})
    assert fresh.status_code == 200
    assert fresh.json()["totals"]["offset"] == 1507


@pytest.mark.parametrize("past", [False, True])
def test_the_columns_of_states_are_the_rows_of_the_register(
    client: Client, story: Story, past: bool
) -> None:
    query = {"at": story.issued_on.isoformat()} if past else {}
    answer = client.get(STATES, query, headers={"Accept-Encoding": "gzip"})
    told = json.loads(gzip.decompress(answer.content))
    rows = [
        dict(zip(told["tickets"], row, strict=True))
        for row in zip(*told["tickets"].values(), strict=True)
    ]
    moment = end_of_day(story.issued_on) if past else None
    assert rows == [
        {name: getattr(row, name) for name in rows[0] if name != "state"}
        | {"state": row.standing.value}
        for row in state_table(moment)
    ]
    assert told["totals"] == register_totals(moment)


def test_a_past_day_shows_what_stood_then(client: Client, story: Story) -> None:
    first = client.get(ROWS, {"at": story.issued_on.isoformat()}).json()
    assert [row["held_kg"] for row in first["tickets"]] == [10_000, 20_003]
    then = client.get(ROWS, {"at": story.transferred_on.isoformat()}).json()
    assert [row["held_kg"] for row in then["tickets"]] == [6000, 20_003, 4000]
    assert then["totals"] == then["register_totals"]


def test_a_past_day_shows_whose_it_was_then(client: Client, story: Story) -> None:
    """Order and shares are registered anew on one ticket: days before name the former first owner."""
    bureau = story.bureau
    owners = ((bureau.buyer, 1), (bureau.other, 2))
    ticket = bureau.transfer(story.first, 100, to=Owners(owners, 3))
    before = today()
    advance_clock(timedelta(days=1))
    change = prepare_change(
        ticket=ticket, to=Owners(((bureau.other, 1), (bureau.buyer, 2)), 3), document=paper(),
        reason="", actor=bureau.clerk,
        consents=[PaperConsent(party, digest("x")) for party, _share in owners],
    )  # fmt: skip
    bureau.approve(change)

    def holder(**query: str) -> str:
        found = {one["number"]: one for one in client.get(ROWS, query).json()["tickets"]}
        return str(found[ticket.number]["holder"])

    assert holder() == f"{bureau.other.name}等 2 人"
    assert holder(at=before.isoformat()) == f"{bureau.buyer.name}等 2 人"
    told = {one["number"]: one for one in client.get(FACTS).json()["tickets"]}[ticket.number]
    assert [(one["since"], one["holder"]) for one in told["holders"]] == [
        (before.isoformat(), holder(at=before.isoformat())),
        (today().isoformat(), holder()),
    ]


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


def test_in_english_townships_and_species_have_english_names(client: Client, story: Story) -> None:
    compile_messages()
    english = {"Accept-Language": "en"}
    words = client.get(FACTS, headers=english).json()["words"]
    assert words["township"]["654002100"] == "Bayandai Town"
    assert words["species"]["白榆"] == "Siberian elm"
    page = client.get("/statistics/", headers=english).content.decode()
    assert "Bayandai Town" in page
    assert "Xinjiang poplar, Siberian elm" in page
    assert re.findall("巴彦岱镇|新疆杨|白榆", page) == []


def test_a_bought_ticket_is_found_by_its_price(client: Client, story: Story) -> None:
    floor = story.bureau
    trade = floor.settle(floor.agreement(story.second, 5000, price_fen=1550))
    trade.refresh_from_db()
    bought = CarbonTicket.objects.get(opened_by=trade.entry_id)
    assert numbers(client, min_p=15) == numbers(client, max_p=16) == [bought.number]
    assert numbers(client, min_p=16) == numbers(client, max_p=15) == []
    prices = {row["number"]: row["price_fen"] for row in client.get(ROWS).json()["tickets"]}
    assert prices.pop(bought.number) == 1550
    assert set(prices.values()) == {None}
    page = client.get("/statistics/")
    [month] = page.context["months"]
    assert (month.price_fen_per_tonne, month.quantity_kg, month.trades) == (1550, 5000, 1)
    assert "15.50" in page.content.decode()


def pledge(bureau: Bureau, ticket: CarbonTicket, quantity_kg: int) -> None:
    registration = prepare_pledge(
        ticket=ticket, quantity_kg=quantity_kg, pledgee=bureau.bank, amount_fen=1_000_00,
        begins_on=date(2026, 1, 1), ends_on=date(2030, 1, 1), external_number=uuid.uuid4().hex,
        asked_by=bureau.owner_user, actor=bureau.finance,
    )  # fmt: skip
    bureau.approve(registration)


@pytest.mark.parametrize(
    ("act", "state", "kg"),
    [
        (lambda bureau, ticket: bureau.transfer(ticket, 7), "held", 0),
        (lambda bureau, ticket: pledge(bureau, ticket, 7), "pledged", 7),
        (lambda bureau, ticket: bureau.offset(ticket, 7), "offset", 7),
    ],
    ids=["transfer", "pledge", "offset"],
)
def test_an_act_is_on_map_table_and_tile_at_the_next_request(
    client: Client, story: Story, act: Any, state: str, kg: int
) -> None:
    ticket, area = story.second, str(story.second.issuance.key)
    before = client.get(STATES)
    place = story.second.area_version.geom.centroid
    z, x, y = tile_at(place.x, place.y, 14)

    def in_tile() -> dict[str, Any]:
        [layer] = mapbox_vector_tile.decode(
            client.get(f"/tiles/tickets/{z}/{x}/{y}.mvt").content
        ).values()
        [found] = [
            one["properties"] for one in layer["features"] if one["properties"]["uid"] == area
        ]
        return dict(found)

    tile = in_tile()
    act(story.bureau, ticket)
    after = client.get(STATES, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    totals = after.json()["totals"]
    assert totals == client.get(ROWS).json()["totals"] == register_totals()
    assert totals[state] == before.json()["totals"][state] + kg
    assert in_tile()[f"{state}_kg"] == tile[f"{state}_kg"] + kg
    assert after.json()["entry"] == client.get(ROWS).json()["entry"] > before.json()["entry"]
    rows_then, rows_now = (len(one.json()["tickets"]["number"]) for one in (before, after))
    assert rows_now - rows_then == (state == "held"), "a transfer makes a ticket"
    story_now = client.get(f"/api/map/areas/{area}/").json()
    assert story_now["acts"][0]["kg"] == 7


def test_two_periods_of_one_area_are_two_features_on_one_land(client: Client, story: Story) -> None:
    former = story.first.issuance
    earlier = DateRange(date(2016, 1, 1), date(2021, 1, 1), "[)")
    filing = another_period(story.town, former.filing, earlier)
    assert filing.area_version_id == former.filing.area_version_id
    later = story.bureau.issue(7000)
    area, first = str(later.issuance.key), str(former.key)
    items = "/ogc/collections/tickets/items"
    features = {one["id"]: one["properties"] for one in client.get(items).json()["features"]}
    assert len(features) == 3
    for uid, kilograms in ((first, 10_000), (area, 7000)):
        assert client.get(f"{items}/{uid}").json()["properties"] == features[uid]
        assert features[uid]["issued_kg"] == kilograms
    assert features[area]["filing_number"] == filing.number
    assert (features[first]["held_kg"], features[first]["offset_kg"]) == (8500, 1500)
    then = client.get(f"{items}/{first}?datetime={story.issued_on}").json()["properties"]
    assert (then["held_kg"], then["offset_kg"]) == (10_000, 0), "as of that day"
    # A row of the table is joined to its feature by the area that both say.
    for row in client.get(ROWS).json()["tickets"]:
        assert features[row["area"]]["filing_number"] == row["filing"]
    facts = {one["number"]: one for one in client.get(FACTS).json()["tickets"]}
    assert (facts[later.number]["area"], facts[later.number]["land"]) == (area, first)
    assert facts[story.first.number]["land"] is None
    told = client.get(f"/api/map/areas/{area}/").json()
    assert told == client.get(f"/api/map/areas/{first}/").json(), "one land has one story"
    assert [act["kg"] for act in told["acts"]] == [7000, 1500, 4000, 10_000]
    assert {act["filing"] for act in told["acts"]} == {filing.number, former.filing.number}
    assert later.number in [one["number"] for one in told["family"]]
    [found] = client.get("/api/map/search/", {"q": filing.number}).json()["results"]
    assert found["uid"] == area
    [project] = client.get("/api/map/search/", {"q": facts[later.number]["project"]}).json()[
        "results"
    ]
    assert project["kind"] == "project"


def test_an_area_tells_its_acts_its_tickets_and_what_may_be_checked(
    client: Client, story: Story
) -> None:
    address = f"/api/map/areas/{story.first.issuance.key}/"
    answer = client.get(address)
    told = answer.json()
    assert [act["kind"] for act in told["acts"]] == ["offset", "transfer", "issue"]
    assert [act["kg"] for act in told["acts"]] == [1500, 4000, 10_000]
    assert [(one["number"], one["depth"], one["kg"]) for one in told["family"]] == [
        (story.first.number, 0, 6000),
        (story.child.number, 1, 4000),
    ]
    for document in told["documents"]:
        assert client.get(document["url"], headers={"Accept": "text/html"}).status_code == 200
    held = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(address, headers=held).status_code == 304
    then = client.get(address, {"at": story.issued_on.isoformat()}).json()
    assert [act["kind"] for act in then["acts"]] == ["issue"]
    assert [one["number"] for one in then["family"]] == [story.first.number]
    assert client.get(f"/api/map/areas/{uuid.uuid4()}/").status_code == 404


def test_facts_mask_natural_persons_and_change_with_tickets_and_owners_alone(
    client: Client, story: Story
) -> None:
    answer = client.get(FACTS)
    facts = {one["number"]: one for one in answer.json()["tickets"]}
    person = story.first.shares.get(closed_by__isnull=True).party
    assert person.kind == Party.Kind.PERSON
    assert facts[story.first.number]["holder"] == f"{person.name[0]}*"
    assert person.name not in answer.content.decode()
    assert facts[story.child.number]["holder"] == "伊宁旅游公司"
    # Tonnes that move change no fact; a new ticket does, and so does an owner's corrected name.
    held = {"If-None-Match": answer.headers["ETag"]}
    story.bureau.offset(story.child, 7)
    assert client.get(FACTS, headers=held).status_code == 304
    story.bureau.transfer(story.first, 1000)
    answer = client.get(FACTS, headers=held)
    assert answer.status_code == 200
    story.bureau.buyer.__class__.objects.filter(pk=story.bureau.buyer.pk).update(
        name="伊宁文旅公司"
    )
    renamed = client.get(FACTS, headers={"If-None-Match": answer.headers["ETag"]})
    assert "伊宁文旅公司" in renamed.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "at=2999-01-01", "at=1999-01-01", "at=0001-01-01", "at=yesterday", "at=2026-13-01",
        "at=2026-01-01T00:00:00%2B99:00", "min_t=-1", "min_t=1e9", "max_t=99999999999",
        "min_t=NaN", "state=secret", "type=%27--", "year=20", "holder=%E5%BC%A0%E4%B8%89",
        "owner=x", "id_number=654002", "species=" + "x" * 10_000, "township=%E2%80%AE1",
        "limit=1000000000", "min_p=-1", "max_p=1.5", "min_p=%D9%A3", "price=1", "&".join(f"species={n}" for n in range(60)),
    ],
)  # fmt: skip
def test_a_bad_question_is_answered_with_its_reason(
    client: Client, story: Story, query: str
) -> None:
    codes = ("bad_map_question", "invalid_moment", "unknown_parameter")
    for address in (ROWS, FACTS):
        answer = client.get(f"{address}?{query}")
        assert answer.status_code == 400
        assert answer.json()["code"] in codes
        assert len(answer.json()["message"]) < 300

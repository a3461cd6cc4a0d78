"""REST for signed-in programs: one's own titles, tickets and offsets; its document; the developers' page."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from layers.api_docs import document_in
from layers.openapi import FILTER, READS
from layers.ticket_map.filters import PARAMETERS
from parcels.exports.operations import forget_land_read
from parcels.models import LandRead
from portal.accounts.models import ApiToken, User
from portal.accounts.tokens import make_token
from portal.base.clock import advance_clock, today
from portal.base.models import Policy
from tests.accounts.people import user_named
from tests.layers.ticket_map.conftest import Story
from tickets.offsets.models import OffsetRequest

Scope = ApiToken.Scope
TITLES, TICKETS, PARCELS = "/api/titles/", "/api/tickets/", "/api/parcels/"


def program(user: User, *scopes: Scope) -> Client:
    """A program with a token of ``user``'s; all scopes when none is named."""
    made = make_token(name=uuid.uuid4().hex, scopes=scopes or list(Scope), days=1, actor=user)
    return Client(headers={"Authorization": f"Bearer {made.secret}"})


@pytest.fixture
def owner(story: Story) -> Client:
    """The program of the owner of the second ticket."""
    return program(story.bureau.owner_user)


def test_an_owner_reads_the_own_tickets_and_nobody_elses(story: Story, owner: Client) -> None:
    [mine] = owner.get(TICKETS).json()["features"]
    assert mine["id"] == story.second.number
    facts = mine["properties"]
    assert (facts["kilograms"]["held_kg"], facts["kilograms"]["listed_kg"]) == (20_000, 3)
    assert facts["kilograms"]["state"] == "listed"
    assert [one["party"] for one in facts["shares"]] == [story.bureau.owner.name]
    exact = story.second.area_version.geom
    assert mine["geometry"]["coordinates"][0][0][0] == pytest.approx(exact.coords[0][0][0])
    assert owner.get(f"{TICKETS}{story.second.number.lower()}/").json() == mine
    acts = owner.get(f"{TICKETS}{story.second.number}/entries/").json()
    assert [one["kind"] for one in acts] == ["issue", "list"]
    for path in ("", "entries/"):
        assert owner.get(f"{TICKETS}{story.child.number}/{path}").status_code == 404
    assert program(user_named("nobody")).get(TICKETS).json()["features"] == []


def test_an_owner_reads_the_own_titles_with_their_exact_land(story: Story, owner: Client) -> None:
    certificate = story.second.issuance.filing.application.titles.get().certificate
    page = owner.get(TITLES).json()
    assert [one["id"] for one in page["features"]] == [str(certificate.key)]
    [title] = page["features"]
    assert title["properties"]["number"] == certificate.number
    assert title["properties"]["holders"] == [story.bureau.owner.name]
    assert title["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert owner.get(f"{TITLES}{certificate.key}/").json() == title
    stranger = program(user_named("nobody"))
    assert stranger.get(f"{TITLES}{certificate.key}/").status_code == 404


def test_more_exact_land_than_the_policy_lets_out_is_not_given_to_a_program(
    story: Story, owner: Client
) -> None:
    Policy.objects.create(
        code="export.exact_km2",
        value="0.001",
        text="",
        unit="km²",
        label="x",
        article="",
        reason="x",
    )
    for path in (TITLES, TICKETS, f"{TICKETS}{story.second.number}/"):
        refused = owner.get(path)
        assert refused.json()["code"] == "export_needs_reason"
        assert refused.status_code == 422


def test_what_programs_of_one_person_read_in_a_day_adds_up(story: Story, owner: Client) -> None:
    km2 = story.second.area_version.area_m2 / 1e6
    Policy.objects.create(
        code="export.exact_km2", value=f"{1.5 * km2:.6f}", text="", unit="km²", label="x",
        article="", reason="x",
    )  # fmt: skip
    for _time in range(2):  # The same land again is no more land.
        assert owner.get(TICKETS).status_code == 200
    assert owner.get(TITLES).json()["code"] == "export_needs_reason"
    forget_land_read()
    assert LandRead.objects.count() == 1, "what was refused was not read"
    advance_clock(timedelta(days=1))
    assert program(story.bureau.owner_user).get(TITLES).status_code == 200
    forget_land_read()
    assert LandRead.objects.get().day == today()


def test_an_offset_is_asked_for_once_however_often_it_is_sent(story: Story, owner: Client) -> None:
    address = f"{TICKETS}{story.second.number}/offsets/"
    wanted = {"quantity_kg": 500, "purpose": "person", "beneficiary": "伊犁河谷马拉松"}

    def send(body: dict[str, Any], key: str) -> Any:
        return owner.post(
            address, json.dumps(body), "application/json", headers={"Idempotency-Key": key}
        )

    first, again = send(wanted, "k1"), send(wanted, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert OffsetRequest.objects.filter(ticket=story.second).count() == 1
    assert first.json()["state"] == "asked"
    followed = owner.get(f"/api/offset-requests/{first.json()['key']}/").json()
    assert followed == first.json()
    for body, key, status, code in (
        ({**wanted, "quantity_kg": 501}, "k1", 422, "request_key_reused"),
        (wanted, "", 422, "invalid_input"),
        *(
            ({**wanted, "quantity_kg": wrong}, "k2", 422, "invalid_quantity")
            for wrong in (0, -1, 0.0001, 10.0, 1e308, 10**18, True, "1,000", "１０", "1_0", [1])
        ),
        ({**wanted, "quantity_kg": 20_001}, "k2", 409, "block_not_free"),
        ({**wanted, "purpose": "event"}, "k2", 422, "purpose_incomplete"),
        ({**wanted, "beneficiary": "a\0b"}, "k2", 400, "invalid_input"),
    ):
        refused = send(body, key)
        assert (refused.status_code, refused.json()["code"]) == (status, code), body
    for text in ("{", "[" * 100_000):
        broken = owner.post(address, text, "application/json", headers={"Idempotency-Key": "k3"})
        assert (broken.status_code, broken.json()["code"]) == (400, "parse_error")
    others = f"{TICKETS}{story.child.number}/offsets/"
    assert owner.post(others, json.dumps(wanted), "application/json").status_code == 404
    reader = program(story.bureau.owner_user, Scope.TICKETS)
    assert reader.post(address, json.dumps(wanted), "application/json").status_code == 403
    assert OffsetRequest.objects.filter(ticket=story.second).count() == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=x", "limit=1&limit=2", "holder=1", "unit_number=654002",
        "bbox=1,2,3", "bbox=82,44,81,43", "bbox=nan,nan,nan,nan", "bbox=-inf,0,inf,1",
        "bbox=" + "1" * 10_000, "township=%E2%80%AE1", "page=0", "page=-1", "page=x", "page=9999999",
    ],
)  # fmt: skip
def test_a_bad_page_of_parcels_is_refused_with_its_reason(
    client: Client, story: Story, query: str
) -> None:
    answer = client.get(f"{PARCELS}?{query}")
    assert answer.status_code == (404 if query.startswith("page") else 400)
    assert answer.json()["code"]
    assert len(answer.json()["message"]) < 400


@pytest.mark.parametrize("path", [TITLES, TICKETS, "/api/inbox/"])
def test_unknown_parameters_of_programs_are_refused(owner: Client, path: str) -> None:
    for query in ("owner=1", "limit=0", "limit=1&limit=1"):
        assert owner.get(f"{path}?{query}").status_code == 400, query
    assert owner.get(f"{path}?limit=1000000000").status_code == 200
    assert Client().get(path).status_code == 401


@pytest.mark.parametrize(
    "at",
    [
        "20260501", "2026-W18-5", "2999-01-01", "1999-01-01", "yesterday", "2026-13-01", "9" * 100,
        "2026-01-01T00:00:00+99:00",
    ],
)  # fmt: skip
def test_a_moment_that_the_register_does_not_know_is_400(
    client: Client, story: Story, at: str
) -> None:
    for path in ("/api/tickets/states/", f"/api/map/areas/{story.first.issuance.key}/"):
        answer = client.get(path, {"at": at})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_moment")
    assert client.get("/api/tickets/states/?x=1").json()["code"] == "unknown_parameter"


def test_the_document_is_openapi_and_names_tokens_and_scopes(client: Client, story: Story) -> None:
    walked = document_in.cache_info().misses
    document, again = (client.get("/api/schema/?format=json").json() for _time in range(2))
    assert document == again
    assert document_in.cache_info().misses <= walked + 1, "walked once for each language"
    validate_schema(document)
    assert client.get("/api/schema/?format=json&lang=x").json()["code"] == "unknown_parameter"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path in (TITLES, TICKETS, "/api/tickets/{number}/offsets/", "/api/inbox/", "/api/me/"):
        for method in document["paths"][path].values():
            assert {"token": []} in method["security"], path
    page = client.get("/api/docs/").content.decode()
    for path in document["paths"]:
        assert path in page
    area = str(story.first.issuance.key)
    for path, (_operation, _summary, parameters) in READS.items():
        assert path in document["paths"]
        known = {one["name"] for one in parameters if one["in"] == "query"}
        answer = client.get(
            path.replace("{area}", area),
            {"at": story.issued_on.isoformat()} if "at" in known else {},
        )
        assert answer.status_code == 200, path
        assert client.get(path.replace("{area}", area), {"nosuch": 1}).status_code == 400
    assert {one["name"] for one in FILTER} == PARAMETERS


def test_every_example_of_the_developers_page_works(story: Story, client: Client) -> None:
    page = client.get("/developers/").content.decode()
    found = set(re.findall(r"http://testserver(/[^\s'\"<]*)", page))
    assert len(found) >= 9
    opened = program(story.bureau.owner_user)
    for path in found:
        address = path.replace("&amp;", "&").replace("{z}/{x}/{y}", "14/11891/6000")
        assert opened.get(address).status_code == 200, address

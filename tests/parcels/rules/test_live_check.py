"""The live check over HTTP: what it says, to whom exactly, and what it refuses."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
import shapely
from django.contrib.gis.geos import MultiPolygon
from django.db import transaction
from django.test import Client

from parcels.models import Parcel
from parcels.rules.engine import Candidate, run_rules
from parcels.rules.table import Stage, Subject
from portal.accounts.models import Department, Party, Role, User
from portal.base.policy import set_policy
from tests.accounts.people import accepted, administrator, forestry_clerk, officer, person_waiting
from tests.factories.land import METRE_LON, ORIGIN_LON, parcel_at, square, title_on
from tests.parcels.claims.areas import claim_at, exclusion_at, make_live
from tests.parcels.rules.asking import held_by, verified_land

pytestmark = pytest.mark.django_db
ADDRESS = "/api/rules/check/"


def ask(client: Client, shape: MultiPolygon, status: int = 200, **fields: Any) -> dict[str, Any]:
    body = {"geometry": json.loads(shape.geojson), "subject": "title", **fields}
    answer = client.post(ADDRESS, json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def owner(name: str = "wang") -> tuple[Client, Party]:
    """A browser signed in as somebody whose identity was checked, and the party."""
    party = accepted(person_waiting(name), forestry_clerk(f"clerk of {name}"))
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client, party


def the_only(answer: dict[str, Any], rule: str) -> dict[str, Any]:
    (found,) = [one for one in answer["findings"] if one["rule"] == rule]
    return dict(found)


def test_what_is_drawn_meets_the_register() -> None:
    parcel = parcel_at(square(0, 0), unit_number="654002101900JE00001L00000001")
    title_on(parcel)
    client = Client()
    client.force_login(officer("clerk", Role.CLERK, Department.NATURAL_RESOURCES))
    answer = ask(client, square(90, 0))
    found = the_only(answer, "overlap_title")
    assert answer["verdict"] == "warning"
    assert answer["area_m2"] == pytest.approx(10_000, rel=0.01)
    assert found["area_m2"] == pytest.approx(1000, rel=0.01)
    assert found["mean_width_m"] == pytest.approx(10 * 100 / 110, rel=0.01)
    assert (found["other"], found["other_key"]) == (parcel.unit_number, str(parcel.key))
    assert parcel.unit_number in found["message"]
    assert found["exact"]
    shape = shapely.from_geojson(json.dumps(found["shape"]))
    assert shape.bounds == pytest.approx(square(90, 0, 10, 100).extent, abs=1e-7)
    assert answer["values"]["overlap.sliver_area_m2"] == 1
    assert answer["covered_share"] is None


def test_the_live_answer_is_the_engines_own() -> None:
    """One prepared statement says what the statement for many says."""
    verified_land(square(0, 0))
    title_on(parcel_at(square(150, 0)))
    candidates = [
        Candidate(ref="a", wkb=bytes(square(90, 0).wkb)),
        Candidate(ref="b", wkb=bytes(square(95, 50).wkb), area_m2_certified=150_000),
    ]
    for subject in Subject:
        together = run_rules(stage=Stage.DRAW, subject=subject, candidates=candidates)
        for at, candidate in enumerate(candidates):
            alone = run_rules(stage=Stage.DRAW, subject=subject, candidates=[candidate])
            assert alone.policy_values == together.policy_values
            assert [(one.rule, one.level, one.area_m2, one.shape) for one in alone.findings] == [
                (one.rule, one.level, one.area_m2, one.shape)
                for one in together.findings
                if one.candidate == at
            ]


def test_a_changed_policy_is_heeded_at_once() -> None:
    parcel_at(square(0, 0))
    client = Client()
    client.force_login(officer("clerk", Role.CLERK, Department.NATURAL_RESOURCES))
    overlap = square(99.9, 0)  # Ten square metres, a decimetre wide.
    assert the_only(ask(client, overlap), "overlap_title")["level"] == "registered"
    set_policy(
        code="overlap.sliver_halfwidth_m", value=Decimal(1), reason="测试", actor=administrator()
    )
    answer = ask(client, overlap)
    assert the_only(answer, "overlap_title")["level"] == "sliver"
    assert answer["values"]["overlap.sliver_halfwidth_m"] == 1


def test_a_project_is_told_how_much_is_covered_and_what_stands_against_it() -> None:
    client, party = owner()
    held_by(party, square(0, 0))
    claim = claim_at(square(0, 0, 40, 100))
    make_live(claim)
    exclusion = exclusion_at(square(60, 0, 10, 100))
    harvest = exclusion_at(square(80, 0, 10, 100), kind="harvest", method="clear_cut")
    shape = square(0, 0, 200, 100)
    asked: dict[str, Any] = {"subject": "project", "applicants": [str(party.key)]}
    answer = ask(client, shape, period="2021-01-01/2025-12-31", **asked)
    assert answer["verdict"] == "conflict"
    assert answer["covered_share"] == pytest.approx(0.5, abs=0.001)
    assert the_only(answer, "overlap_claim")["other"] == claim.number
    assert the_only(answer, "overlap_exclusion")["other"] == exclusion.number
    # A permit's number may tell a person.
    assert the_only(answer, "harvest_in_period")["other"] == ""
    assert harvest.number not in json.dumps(answer, ensure_ascii=False)
    later = ask(client, shape, period="2026-01-01/2030-12-31", **asked)
    assert "overlap_claim" not in {one["rule"] for one in later["findings"]}
    own = ask(
        client, shape, period="2021-01-01/2025-12-31", exclude={"claim": str(claim.key)}, **asked
    )
    assert "overlap_claim" not in {one["rule"] for one in own["findings"]}


def test_nobody_without_the_right_gets_a_neighbours_line_or_number() -> None:
    """Not even by drawing over the whole of it (domain.md, "What the public may see")."""
    client, party = owner()
    mine, theirs = square(0, 0), square(200, 0)
    number = "654002101900JE00001L00000001"
    neighbour = parcel_at(theirs, unit_number=number)
    title_on(neighbour, number="伊市林证字（2010）第0012345号")
    my_parcel = Parcel.objects.get(rights__certificate=held_by(party, mine))
    everything = square(-50.3, -50.3, 450, 200)
    exact_corners = {(round(x, 6), round(y, 6)) for x, y in theirs[0][0].coords}
    stranger, _party = owner("stranger")
    for asking in (stranger, client):
        text = orjson.dumps(answer := ask(asking, everything)).decode()
        found = {one["other_key"]: one for one in answer["findings"] if one["other_key"]}
        hidden = found[str(neighbour.key)]
        assert number not in text
        assert "0012345" not in text
        assert not hidden["exact"]
        assert hidden["area_m2"] == pytest.approx(10_000, rel=0.3)
        shape = shapely.from_geojson(json.dumps(hidden["shape"]))
        corners = {(round(x, 6), round(y, 6)) for x, y in shapely.get_coordinates(shape)}
        assert not corners & exact_corners
        exact = shapely.from_wkb(bytes(theirs.wkb))
        assert shapely.intersection(shape, exact).area > 0.8 * exact.area  # But it is there.
        assert found[str(my_parcel.key)]["exact"] is (asking is client)
    asked: dict[str, Any] = {"facts": {"unit_number": number}}
    twice = the_only(ask(client, square(900, 0), **asked), "duplicate_number")
    assert twice["other_key"] is None  # A number does not tell where the land lies.


def where_the_answer_turns(client: Client, asked: dict[str, Any]) -> float:
    """Metres east at which a hair that reaches in from the west is told of something: bisected."""
    clear, told = 150.0, 400.0
    for _turn in range(14):
        reach = (clear + told) / 2
        answer = ask(client, square(100, 10, reach - 100, 30), subject="project", **asked)
        rules = {one["rule"] for one in answer["findings"]} - {"covered_by_titles", "sharp_angle"}
        clear, told = (clear, reach) if rules else (reach, told)
    return told


@pytest.mark.parametrize("what", ["claim", "exclusion", "title"])
def test_bisecting_by_drawings_finds_the_cells_and_not_the_border(what: str) -> None:
    """A border moved by metres within its cell, asked by ever finer drawings, is told alike."""
    client, party = owner()
    held_by(party, square(0, 0))
    asked = {"applicants": [str(party.key)], "period": "2021-01-01/2025-12-31"}
    by_kind: dict[str, Callable[[MultiPolygon], object]] = {
        "claim": claim_at, "exclusion": exclusion_at, "title": verified_land,
    }  # fmt: skip
    lay = by_kind[what]
    wide = 20 / 111_320 / math.cos(math.radians(44)) / METRE_LON  # A cell in a test's metres.
    first = (ORIGIN_LON - 0.0000371828182) / METRE_LON
    middle = (math.ceil((first + 260) / wide) + 0.5) * wide - first
    found = []
    for part in (0.05, 0.45):
        with transaction.atomic():
            lay(square(middle - wide / 2 + part * wide, 0, 300, 100))
            found.append(where_the_answer_turns(client, asked))
            transaction.set_rollback(True)
    assert found[0] == pytest.approx(found[1], abs=0.03)
    assert what == "title" or found[0] == pytest.approx(middle, abs=0.03)


def test_on_ones_own_titles_the_answer_is_exact_and_beyond_them_by_cells() -> None:
    client, party = owner()
    held_by(party, square(0, 0))
    verified_land(square(100, 0))  # A neighbour's: nothing is told of whose it is.
    claim = claim_at(square(90, 0))
    asked: dict[str, Any] = {"subject": "project", "applicants": [str(party.key)]}
    at_home = the_only(ask(client, square(0, 0), **asked), "overlap_claim")
    assert (at_home["exact"], at_home["other"]) == (True, claim.number)
    assert at_home["area_m2"] == pytest.approx(1000, rel=0.01)
    answer = ask(client, square(0, 0, 200, 100), **asked)
    assert answer["covered_share"] == pytest.approx(0.5, abs=0.001)
    [beyond] = [one for one in answer["findings"] if one["rule"] == "covered_by_titles"]
    assert (beyond["level"], beyond["exact"]) == ("beyond", True)
    assert {one["rule"] for one in answer["findings"]} == {"covered_by_titles", "overlap_claim"}
    both = the_only(answer, "overlap_claim")
    assert not both["exact"]
    assert both["area_m2"] == pytest.approx(10_000, rel=0.3)


def test_a_drawing_over_the_whole_city_is_answered_by_wider_cells() -> None:
    client, _party = owner()
    exclusion = exclusion_at(square(0, 0, 3000))
    answer = ask(client, square(-20_000, -15_000, 40_000, 30_000), subject="project")
    assert the_only(answer, "overlap_exclusion")["other"] == exclusion.number


def test_the_own_parcel_and_its_numbers_are_not_compared_with() -> None:
    client, party = owner()
    number = "654002101900JE00001L00000001"
    parcel = parcel_at(square(0, 0), unit_number=number)
    title = title_on(parcel)
    asked: dict[str, Any] = {
        "facts": {"unit_number": number, "certificate_number": title.number, "area_ha": 1}
    }
    own = {"parcel": [str(parcel.key)], "certificate": str(title.key)}
    assert ask(client, square(0, 0), **asked)["verdict"] == "warning"
    assert ask(client, square(0, 0), exclude=own, **asked)["verdict"] == "clear"
    mu = ask(client, square(0, 0), exclude=own, facts={"area_ha": 15})
    assert the_only(mu, "area_against_certificate")["level"] == "looks_like_mu"


RING = [[81.3, 43.9], [81.31, 43.9], [81.31, 43.91], [81.3, 43.9]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "check_malformed"),
        (b"[]", "check_malformed"),
        (b'{"geometry": NaN}', "check_malformed"),
        (b"[" * 100_000, "check_malformed"),
        ({}, "check_malformed"),
        ({"geometry": {"type": "Point", "coordinates": [81, 44]}}, "shape_unreadable"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING[:3]]}}, "shape_unreadable"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[1e999, 0]] * 4]}}, "check_malformed"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING * 26_000]}}, None),
        ({"subject": "everything"}, "check_malformed"),
        ({"stage": "issue"}, "check_malformed"),
        ({"stage": ["draw"]}, "check_malformed"),
        ({"period": "2021"}, "period_malformed"),
        ({"period": "2025-01-01/2021-01-01"}, "period_malformed"),
        ({"period": 2021}, "check_malformed"),
        ({"exclude": {"parcel": "x"}}, "check_malformed"),
        ({"exclude": {"parcel": [str(uuid.uuid4())] * 201}}, "check_malformed"),
        ({"facts": {"area_ha": -1}}, "check_malformed"),
        ({"facts": {"right_kinds": ["all"]}}, "check_malformed"),
        ({"facts": {"term_ends_on": "soon"}}, "check_malformed"),
    ],
)
def test_bad_questions_are_refused_in_words(body: Any, code: str | None) -> None:
    if isinstance(body, dict):
        if body and "geometry" not in body:
            body = {"geometry": {"type": "Polygon", "coordinates": [RING]}, **body}
        body = json.dumps(body)
    client, _party = owner()
    answer = client.post(ADDRESS, body, content_type="application/json")
    assert answer.status_code == (413 if code is None else 422)
    assert answer.json()["code"] == (code or "shape_too_large")
    assert answer.json()["message"]


def test_only_for_parties_that_one_acts_for() -> None:
    client, party = owner()
    _other_client, stranger = owner("zhao")
    ask(client, square(0, 0), applicants=[str(party.key)])
    ask(client, square(0, 0), 404, applicants=[str(stranger.key)])
    assert Client().post(ADDRESS, "{}", content_type="application/json").status_code == 302
    assert client.get(ADDRESS).status_code == 405


def test_an_invalid_drawing_gets_the_place_of_its_fault() -> None:
    bow = [[81.3, 43.9], [81.31, 43.91], [81.31, 43.9], [81.3, 43.91], [81.3, 43.9]]
    client, _party = owner()
    answer = client.post(
        ADDRESS,
        json.dumps({"geometry": {"type": "Polygon", "coordinates": [bow]}}),
        content_type="application/json",
    )
    found = the_only(answer.json(), "valid_geometry")
    assert answer.json()["area_m2"] is None
    assert found["severity"] == "conflict"
    assert found["shape"]["coordinates"] == pytest.approx([81.305, 43.905])

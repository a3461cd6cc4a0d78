"""这里有什么: the right answer for everyone, and nothing finer than the policy's step for a prober."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from parcels.models import Claim
from portal.accounts.models import Attempt
from portal.base.policy import policy_number
from tests.accounts.people import user_named
from tests.factories.land import METRE_LAT, METRE_LON, ORIGIN_LAT, ORIGIN_LON, square
from tests.factories.tables import points_table
from tests.parcels.claims.areas import claim_at, exclusion_at

pytestmark = pytest.mark.django_db
PERIOD = "2021-01-01/2025-12-31"


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prober with as many sources as he likes."""
    monkeypatch.setattr("layers.stands_here.views._count", lambda request: None)


def ask(client: Client | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = (client or Client()).post(
        "/api/what-stands-here/", json.dumps({"period": PERIOD, **body}), "application/json"
    )
    return answer.status_code, answer.json()


def here(geom: MultiPolygon, **body: Any) -> dict[str, Any]:
    status, answer = ask(geometry={"type": "MultiPolygon", "coordinates": geom.coords}, **body)
    assert status == 200
    return answer


def point(east_m: float, north_m: float) -> dict[str, float]:
    return {"lon": ORIGIN_LON + east_m * METRE_LON, "lat": ORIGIN_LAT + north_m * METRE_LAT}


def test_anyone_learns_which_project_holds_how_much_of_a_shape() -> None:
    claim = claim_at(square(0, 0, 1000), state="live")
    answer = here(square(500, 0, 1000))
    assert (answer["verdict"], answer["share_percent"]) == ("claimed", 50)
    [found] = answer["found"]
    assert (found["number"], found["share_percent"]) == (claim.number, 50)
    assert (found["from"], found["to"]) == ("2021-01-01", "2025-12-31")
    assert here(square(0, 0, 1000))["share_percent"] == 100
    assert here(square(3000, 0, 1000))["verdict"] == "free"


def test_a_tap_is_answered_and_another_period_is_free() -> None:
    claim_at(square(0, 0, 1000), state="live")
    assert ask(point=point(500, 500))[1]["verdict"] == "claimed"
    assert ask(point=point(500, 500), period="2026-01-01/2030-12-31")[1]["verdict"] == "free"
    assert ask(point=point(5000, 500))[1]["verdict"] == "free"


def test_other_programmes_count_and_ended_claims_do_not() -> None:
    other = exclusion_at(square(0, 0, 1000))
    claim = claim_at(square(2000, 0, 1000))
    Claim.objects.filter(pk=claim.pk).update(state="ended", ended_because="withdrawn")
    [found] = here(square(0, 0, 1000))["found"]
    assert (found["kind"], found["number"]) == ("exclusion", other.number)
    assert here(square(2000, 0, 1000))["verdict"] == "free"


def test_two_projects_on_one_shape_are_summed_without_counting_land_twice() -> None:
    claim_at(square(0, 0, 1000))
    exclusion_at(square(0, 0, 500, 1000))
    answer = here(square(0, 0, 1000))
    assert answer["share_percent"] == 100
    assert sorted(found["share_percent"] for found in answer["found"]) == [50, 100]


def wide_m() -> float:
    """The grid's step from west to east in the metres of these tests."""
    degrees = float(policy_number("here.step_m")) / (111_320 * math.cos(math.radians(44)))
    return degrees / METRE_LON


def where_the_answer_turns(wide: float, *, claim_edge_m: float) -> float:
    """An attacker's bisection with a thin probe: the easting at which "claimed" becomes "free"."""
    claim_at(square(0, 0, claim_edge_m, 2000), state="live")
    low, high = claim_edge_m - 2 * wide, claim_edge_m + 2 * wide
    for _question in range(13):
        middle = (low + high) / 2
        verdict = here(square(middle, 1000, 0.5, 0.5))["verdict"]
        low, high = (middle, high) if verdict == "claimed" else (low, middle)
    return low


@pytest.mark.parametrize("moved_m", [0.5, 2, 5])
def test_bisecting_with_thin_probes_finds_the_grid_and_not_the_border(
    unlimited: None, moved_m: float
) -> None:
    wide = wide_m()
    turns = where_the_answer_turns(wide, claim_edge_m=1003)
    Claim.objects.update(state="ended", ended_because="withdrawn")
    again = where_the_answer_turns(wide, claim_edge_m=1003 + moved_m)
    # The border moved; what the prober sees did not, or by a whole step.
    assert min(abs(again - turns), abs(abs(again - turns) - wide)) < 0.03


def answers_along(edge_m: float) -> list[tuple[str, int]]:
    """What a series of large shapes that creep over the border by decimetres is answered."""
    claim = claim_at(square(0, 0, edge_m, 500), state="live")
    found = [
        (answer["verdict"], answer["share_percent"])
        for creep in range(0, 200, 20)
        if (answer := here(square(900 + creep / 10, 0, 40 + creep / 7, 40)))
    ]
    Claim.objects.filter(pk=claim.pk).update(state="ended", ended_because="withdrawn")
    return found


def test_shares_of_creeping_shapes_are_the_same_wherever_in_a_cell_the_border_runs(
    unlimited: None,
) -> None:
    """Shares of mixed sets of cells would let the part of one cell be worked out by arithmetic, if
    parts of cells counted: two borders in one cell must give equal answers throughout."""
    wide = wide_m()
    first = (ORIGIN_LON - 0.0000371828182) / METRE_LON
    cell = int((first + 960) // wide)
    middle_m = (cell + 0.5) * wide - first
    assert answers_along(middle_m + 0.05 * wide) == answers_along(middle_m + 0.42 * wide)


def test_a_source_that_asks_too_often_is_told_when_and_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from portal.accounts import operations

    limit = operations.ATTEMPT_LIMITS[Attempt.Kind.LAND_QUESTION]
    monkeypatch.setitem(operations.ATTEMPT_LIMITS, Attempt.Kind.LAND_QUESTION, (3, limit[1]))
    for _question in range(3):
        assert ask(point=point(0, 0))[0] == 200
    answer = Client().post(
        "/api/what-stands-here/",
        json.dumps({"period": PERIOD, "point": point(0, 0)}),
        "application/json",
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_questions")
    assert answer.headers["Retry-After"] == "3600"
    assert "登录" in answer.json()["message"]
    signed_in = Client()
    signed_in.force_login(user_named("li"))
    assert ask(signed_in, point=point(0, 0))[0] == 200  # Counted by itself.


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "place_missing"),
        ({"point": {"lon": "x", "lat": 44}}, "shape_unreadable"),
        ({"point": {"lon": 116.4, "lat": 39.9}}, "place_outside"),
        ({"geometry": "x"}, "shape_unreadable"),
        ({"point": {"lon": 81.3, "lat": 43.9}, "period": ""}, "period_missing"),
        ({"point": {"lon": 81.3, "lat": 43.9}, "period": "2025/2021"}, "period_malformed"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [
                [[81.3, 43.9], [81.4, 44.0], [81.4, 43.9], [81.3, 44.0], [81.3, 43.9]]]}},
            "place_invalid",
        ),
        (
            {"geometry": {"type": "Polygon", "coordinates": [
                [[81.0, 43.0], [82.0, 43.0], [82.0, 44.0], [81.0, 44.0], [81.0, 43.0]]]}},
            "place_too_large",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said(body: dict[str, Any], code: str) -> None:
    status, answer = ask(**body)
    assert (status, answer["code"]) == (422, code)


def test_a_file_is_answered_and_not_kept() -> None:
    claim_at(square(0, 0, 1000), state="live")
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {},
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": square(0, 0, 2000, 1000).coords,
                },
            }
        ],
    }
    sent = SimpleUploadedFile("地块.geojson", json.dumps(collection).encode())
    answer = Client().post("/api/what-stands-here/", {"file": sent, "period": PERIOD})
    assert answer.status_code == 200
    assert answer.json()["share_percent"] == 50
    bad = SimpleUploadedFile("地块.geojson", b"this is no file of ours")
    refused = Client().post("/api/what-stands-here/", {"file": bad, "period": PERIOD})
    assert refused.status_code == 422


def test_how_a_file_was_read_is_told_and_may_be_chosen_otherwise() -> None:
    claim_at(square(0, 0, 1000), state="live")

    def bring(data: bytes, **chosen: Any) -> tuple[int, dict[str, Any]]:
        sent = {"file": SimpleUploadedFile("界址点.csv", data), "period": PERIOD, **chosen}
        answer = Client().post("/api/what-stands-here/", sent)
        return answer.status_code, answer.json()

    status, guessed = bring(points_table(square(0, 0, 1000)))
    assert (status, guessed["share_percent"]) == (200, 100)
    assert (guessed["reading"]["crs"]["epsg"], guessed["reading"]["crs"]["how"]) == (
        4536,
        "guessed",
    )
    status, otherwise = bring(points_table(square(0, 0, 1000)), crs="4537")
    assert (status, otherwise["verdict"]) == (200, "free")
    assert otherwise["reading"]["crs"]["how"] == "chosen"
    status, answer = bring(b"x,y\n9000,9000\n9000,9900\n9900,9900\n")
    assert (status, answer["code"]) == (422, "crs_missing")
    offered = Client().get("/what-stands-here/").context["here_config"]["systems"]
    assert {"value": 4490, "label": "CGCS2000 经纬度 (4490)"} in offered
    assert here(square(0, 0, 1000))["reading"] is None

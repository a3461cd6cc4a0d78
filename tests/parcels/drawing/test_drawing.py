"""Drawing on titles: who sees which, what PostGIS does to the shape, drafts, saving, two tabs."""

from __future__ import annotations

import json
import math
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client

from parcels.drawing.access import holders_for, titles_to_draw_on
from parcels.drawing.errors import NothingChanged, NothingLeft, ParcelNotYours
from parcels.drawing.models import DrawingDraft, PickedParcel
from parcels.drawing.reshaping import (
    add_parcels,
    area_m2_of,
    repair,
    split_by_line,
    subtract_conflicts,
    take_away,
    trim_to_titles,
    whole_parcels,
)
from parcels.intake.gcj02 import shifted
from parcels.models import ProjectArea, ProjectAreaVersion
from portal.accounts.models import Department, Party, Role, User
from portal.accounts.operations import MemberShare, record_members
from portal.base.policy import set_policy
from tests.accounts.people import accepted, administrator, body_waiting, officer
from tests.factories.land import METRE_LAT, METRE_LON, ORIGIN_LAT, ORIGIN_LON, square
from tests.parcels.claims.areas import PERIOD, claim_at, exclusion_at
from tests.parcels.drawing.owners import geojson, land_of, owner_named

pytestmark = pytest.mark.django_db


def post(client: Client, address: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post(address, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def wkb(geom: MultiPolygon) -> bytes:
    return bytes(geom.wkb)


def shape(found: bytes) -> MultiPolygon:
    geom = GEOSGeometry(memoryview(found), srid=4490)
    assert isinstance(geom, MultiPolygon)
    return geom


def at(east_m: float, north_m: float) -> tuple[float, float]:
    return ORIGIN_LON + east_m * METRE_LON, ORIGIN_LAT + north_m * METRE_LAT


@pytest.fixture
def owner() -> tuple[User, Party]:
    return owner_named("wang")


@pytest.fixture
def page(owner: tuple[User, Party]) -> Client:
    client = Client()
    client.force_login(owner[0])
    return client


def test_five_touching_parcels_become_one_shape_with_exactly_their_borders(
    owner: tuple[User, Party],
) -> None:
    parcels = land_of(owner[1], *(square(100 * step, 0) for step in range(5)))
    found = whole_parcels(keys=[one.key for one in parcels], titles=titles_to_draw_on(owner[0]))
    united = shape(add_parcels(None, [wkb_ for _key, wkb_ in found]))
    assert len(united) == 1
    known = {point for step in range(5) for point in square(100 * step, 0).coords[0][0]}
    assert set(united.coords[0][0]) <= known  # Every vertex is a title's, in every digit.
    less = take_away(wkb(united), [found[4][1]])
    assert less is not None
    four = add_parcels(None, [wkb_ for _key, wkb_ in found[:4]])
    assert area_m2_of(less) == pytest.approx(area_m2_of(four), abs=0.01)
    assert len(shape(less)) == 1


def test_only_titles_of_those_one_acts_for_can_be_seen_or_picked(
    owner: tuple[User, Party], page: Client
) -> None:
    [mine] = land_of(owner[1], square(0, 0))
    _other, stranger = owner_named("zhao")
    [theirs] = land_of(stranger, square(100, 0))
    found = page.get("/api/areas/titles/").json()
    assert [feature["id"] for feature in found["features"]] == [str(mine.key)]
    with pytest.raises(ParcelNotYours):
        whole_parcels(keys=[theirs.key], titles=titles_to_draw_on(owner[0]))
    status, answer = post(
        page, "/api/areas/reshape/", act="add_parcels", geometry=None, parcels=[str(theirs.key)]
    )
    assert (status, answer["code"]) == (422, "parcel_not_yours")
    assert Client().get("/api/areas/titles/").status_code == 302


def test_a_collective_draws_on_the_titles_of_its_members(owner: tuple[User, Party]) -> None:
    clerk = User.objects.get(username="clerk")
    collective = accepted(body_waiting("hezuoshe", kind=Party.Kind.COLLECTIVE), clerk)
    head = User.objects.get(username="hezuoshe")
    _second, zhao = owner_named("zhao")
    shares = [MemberShare(owner[1], 1), MemberShare(zhao, 2)]
    record_members(collective=collective, members=shares, denominator=3, actor=head)
    land_of(owner[1], square(0, 0))
    land_of(zhao, square(100, 0))
    assert titles_to_draw_on(head).count() == 2
    assert set(holders_for(collective)) == {collective.pk, owner[1].pk, zhao.pk}
    assert titles_to_draw_on(owner[0]).count() == 1
    client = Client()
    client.force_login(head)
    status, answer = post(
        client,
        "/api/rules/check/",
        geometry=geojson(square(0, 0, 200, 100)),
        applicants=[str(collective.key)],
    )
    assert (status, answer["verdict"], answer["covered_share"]) == (200, "clear", 1.0)


def test_trimming_keeps_only_what_lies_on_the_titles(owner: tuple[User, Party]) -> None:
    land_of(owner[1], square(0, 0))
    trimmed = trim_to_titles(wkb(square(-50, 0, 100, 100)), titles_to_draw_on(owner[0]))
    assert area_m2_of(trimmed) == pytest.approx(5000, rel=1e-3)
    assert set(shape(trimmed).coords[0][0]) & set(square(0, 0).coords[0][0])
    with pytest.raises(NothingLeft):
        trim_to_titles(wkb(square(500, 0)), titles_to_draw_on(owner[0]))
    with pytest.raises(NothingChanged):
        trim_to_titles(wkb(square(0, 0)), titles_to_draw_on(owner[0]))


def test_subtracting_leaves_no_conflict_and_only_the_named_one_when_one_is_named(
    owner: tuple[User, Party],
) -> None:
    land_of(owner[1], square(0, 0, 300, 100))
    ccer = exclusion_at(square(-50, 0, 100, 100))
    claim_at(square(250, 0), state="live")
    drawn = wkb(square(0, 0, 300, 100))
    titles = titles_to_draw_on(owner[0])
    one = subtract_conflicts(drawn, titles=titles, period=PERIOD, area_id=None, only=ccer.key)
    assert area_m2_of(one) == pytest.approx(25_000, rel=1e-3)
    both = subtract_conflicts(drawn, titles=titles, period=PERIOD, area_id=None, only=None)
    assert area_m2_of(both) == pytest.approx(20_000, rel=1e-3)
    with pytest.raises(NothingChanged):
        subtract_conflicts(both, titles=titles, period=PERIOD, area_id=None, only=None)


def test_drawing_over_a_neighbour_does_not_show_the_neighbours_exact_vertices(
    owner: tuple[User, Party],
) -> None:
    land_of(owner[1], square(0, 0))
    neighbour = claim_at(square(150, 7, 83, 61), state="live")
    left = subtract_conflicts(
        wkb(square(0, -200, 500, 500)),
        titles=titles_to_draw_on(owner[0]),
        period=PERIOD,
        area_id=None,
        only=None,
    )
    shown = {point for part in shape(left).coords for ring in part for point in ring}
    exact = neighbour.geom.coords[0][0]
    assert all(
        min(abs(x - a) / METRE_LON + abs(y - b) / METRE_LAT for a, b in shown) > 1 for x, y in exact
    )


def test_a_line_splits_and_one_that_stops_inside_is_refused(page: Client) -> None:
    drawn = geojson(square(0, 0))
    line = [at(50, -20), at(50, 120)]
    status, answer = post(page, "/api/areas/reshape/", act="split", geometry=drawn, line=line)
    assert status == 200
    assert [round(part["area_m2"] / 100) for part in answer["parts"]] == [50, 50]
    status, answer = post(
        page, "/api/areas/reshape/", act="split", geometry=drawn, line=[at(50, -20), at(50, 50)]
    )
    assert (status, answer["code"]) == (422, "line_does_not_split")
    status, answer = post(
        page, "/api/areas/reshape/", act="split", geometry=drawn, line=[at(50, -20), [10**400, 1]]
    )
    assert (status, answer["code"]) == (422, "invalid_input")
    assert len(split_by_line(wkb(square(0, 0)), [at(-5, 50), at(105, 50)])) == 2


def zigzag(points: int) -> list[tuple[float, float]]:
    """From west to east across a square of 100 m, above and below it by turns."""
    return [at(1 + 98 * step / points, 120 if step % 2 else -20) for step in range(points)]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (zigzag(2), 2),
        (zigzag(1000), 1000),
        ([at(50, -20), at(50, 120)], 3),  # Beside the hole, through the second part too.
        ([at(25, -20), at(25, 120)], 4),  # Through the hole.
        ([at(25, -20), at(25, 25)], None),  # Ends in the hole.
        ([at(25, 20), at(25, 30)], None),  # All of it in the hole.
        ([at(-50, 0), at(-50, 100)], None),  # Outside.
        ([at(100, -20), at(100, 120)], None),  # Along the border.
        ([at(50, 50), at(50, 50)], None),
    ],
)
def test_lines_through_holes_beside_the_area_and_of_many_points(
    page: Client, line: list[tuple[float, float]], parts: int | None
) -> None:
    shapes = [Polygon(square(0, 0).coords[0][0], square(20, 20, 10).coords[0][0])]
    if len(line) == 2:
        shapes.append(Polygon(square(0, 105, 100, 10).coords[0][0]))
    drawn = geojson(MultiPolygon(shapes, srid=4490))
    status, answer = post(page, "/api/areas/reshape/", act="split", geometry=drawn, line=line)
    assert (status, answer.get("code")) == ((200, None) if parts else (422, "line_does_not_split"))
    if parts:
        whole = area_m2_of(wkb(MultiPolygon(shapes, srid=4490)))
        # Of a thousand pieces together less is lost than a sliver has.
        assert sum(part["area_m2"] for part in answer["parts"]) == pytest.approx(whole, abs=0.5)
        assert len(answer["parts"]) >= parts


@pytest.mark.parametrize(
    "line",
    [
        zigzag(1001),
        zigzag(1),
        [],
        "line",
        [[81.3], [81.4]],
        [[81.3, 44, 1], [81.4, 44, 1]],
        [[81.3, None], [81.4, 44]],
        [[float("nan"), 44], [81.4, 44]],
        [[181, 44], [81.4, 44]],
    ],
)
def test_what_is_no_line_is_refused_in_words(page: Client, line: Any) -> None:
    drawn = geojson(square(0, 0))
    status, answer = post(page, "/api/areas/reshape/", act="split", geometry=drawn, line=line)
    assert (status, answer["code"]) == (422, "invalid_input")
    assert answer["message"]


def bowtie() -> MultiPolygon:
    return MultiPolygon(
        Polygon((at(0, 0), at(100, 100), at(100, 0), at(0, 100), at(0, 0))), srid=4490
    )


def hole_outside() -> MultiPolygon:
    return MultiPolygon(
        Polygon(square(0, 0).coords[0][0], square(300, 0, 20).coords[0][0]), srid=4490
    )


@pytest.mark.parametrize(
    ("drawn", "words"), [(bowtie(), "自相交"), (hole_outside(), "孔")], ids=["crossing", "hole"]
)
def test_an_invalid_shape_is_kept_as_a_draft_refused_as_a_version_and_can_be_repaired(
    owner: tuple[User, Party], page: Client, drawn: MultiPolygon, words: str
) -> None:
    body = {"geometry": geojson(drawn), "name": "一号林", "party": str(owner[1].key)}
    status, kept = post(page, "/api/areas/new/draft/", **body, seen_revision=0)
    assert (status, kept["revision"]) == (200, 1)
    status, answer = post(page, "/api/areas/new/save/", **body, seen_number=0)
    assert (status, answer["code"]) == (422, "drawn_shape_invalid")
    assert words in answer["message"]
    assert not ProjectArea.objects.exists()
    again = page.get("/api/areas/new/state/").json()["draft"]["geometry"]
    assert again["coordinates"] == json.loads(json.dumps(drawn.coords))  # Nothing lost, no digit.
    assert shape(repair(wkb(drawn))).valid


def test_saving_opens_the_area_keeps_the_whole_parcels_and_ends_the_draft(
    owner: tuple[User, Party], page: Client
) -> None:
    parcels = land_of(owner[1], square(0, 0), square(100, 0))
    body: dict[str, Any] = {
        "geometry": geojson(square(0, 0, 200, 100)),
        "name": "一号林",
        "party": str(owner[1].key),
        "picked": [str(parcel.key) for parcel in parcels],
    }
    post(page, "/api/areas/new/draft/", **body, seen_revision=0)
    body |= {"seen_number": 0, "request_key": "k"}
    status, saved = post(page, "/api/areas/new/save/", **body)
    assert (status, saved["number"]) == (201, 1)
    assert post(page, "/api/areas/new/save/", **body) == (200, saved)  # The second click.
    assert post(page, "/api/areas/new/save/", **{**body, "name": "二号林"})[0] == 422
    assert ProjectArea.objects.count() == 1
    version = ProjectAreaVersion.objects.get(key=saved["version"])
    assert version.area.party == owner[1]
    assert set(version.picked.values_list("parcel", flat=True)) == {one.pk for one in parcels}
    assert not DrawingDraft.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO parcels_pickedparcel (area_version_id, parcel_id) "
                       "SELECT area_version_id, parcel_id FROM parcels_pickedparcel")  # fmt: skip
    assert PickedParcel.objects.count() == 2
    stranger, _party = owner_named("zhao")
    other = Client()
    other.force_login(stranger)
    assert other.get(f"/areas/{version.area.key}/draw/").status_code == 404
    assert other.get(f"/areas/{uuid.uuid4()}/draw/").status_code == 404
    assert page.get(f"/areas/{version.area.key}/draw/?next=//evil.example/").status_code == 200


def test_a_parcel_that_was_cut_away_again_is_not_kept_as_picked(
    owner: tuple[User, Party], page: Client
) -> None:
    parcels = land_of(owner[1], square(0, 0), square(100, 0))
    body = {"geometry": geojson(square(0, 0)), "name": "林", "party": str(owner[1].key)}
    post(page, "/api/areas/new/save/", **body, picked=[str(parcel.key) for parcel in parcels])
    assert [picked.parcel for picked in PickedParcel.objects.all()] == [parcels[0]]


def test_a_user_has_one_draft_of_an_area_whoever_writes_it(owner: tuple[User, Party]) -> None:
    DrawingDraft.objects.create(user=owner[0])
    with pytest.raises(IntegrityError, match="one_draft_per_user_and_area"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO parcels_drawingdraft (user_id, revision, seen_number, name, picked) "
                "VALUES (%s, 1, 0, '', '{}')",
                [owner[0].pk],
            )


def test_the_page_goes_on_within_the_portal_only(page: Client) -> None:
    for wanted, kept in (("/projects/", "/projects/"), ("//evil.example/", ""), ("", "")):
        config = page.get("/areas/new/", {"next": wanted}).context["draw_config"]
        assert config["next"] == kept


def test_what_was_picked_for_a_version_is_never_rewritten(
    owner: tuple[User, Party], page: Client
) -> None:
    [parcel] = land_of(owner[1], square(0, 0))
    body = {"geometry": geojson(square(0, 0)), "name": "林", "party": str(owner[1].key)}
    post(page, "/api/areas/new/save/", **body, picked=[str(parcel.key)])
    for statement in (
        "UPDATE parcels_pickedparcel SET parcel_id = parcel_id",
        "DELETE FROM parcels_pickedparcel",
        "TRUNCATE parcels_pickedparcel",
    ):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement)


def test_the_second_tab_is_told_and_sees_what_the_first_one_kept(
    owner: tuple[User, Party], page: Client
) -> None:
    body = {"name": "林", "party": str(owner[1].key)}
    first, second = geojson(square(0, 0)), geojson(square(5, 0))
    assert post(page, "/api/areas/new/draft/", **body, geometry=first, seen_revision=0)[0] == 200
    status, answer = post(page, "/api/areas/new/draft/", **body, geometry=second, seen_revision=0)
    assert (status, answer["code"]) == (409, "state_moved_on")
    state = page.get("/api/areas/new/state/").json()
    assert state["draft"]["geometry"] == json.loads(json.dumps(first))
    seen = state["draft"]["revision"]
    assert (
        post(page, "/api/areas/new/draft/", **body, geometry=second, seen_revision=seen)[0] == 200
    )

    _status, saved = post(page, "/api/areas/new/save/", **body, geometry=second)
    address = f"/api/areas/{saved['area']}"
    assert post(page, f"{address}/save/", **body, geometry=first, seen_number=1)[0] == 201
    status, answer = post(page, f"{address}/save/", **body, geometry=second, seen_number=1)
    assert (status, answer["code"]) == (409, "state_moved_on")
    assert page.get(f"{address}/state/").json()["version"]["number"] == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"geometry": {"type": "Point", "coordinates": [81, 44]}}, 422, "shape_unreadable"),
        ({"geometry": "x"}, 422, "invalid_input"),
        ({"geometry": None, "expected_kg_per_ha": -1}, 422, "invalid_input"),
        ({"geometry": None, "seen_revision": "1"}, 422, "invalid_input"),
        (
            {"geometry": None, "period": {"start": "2025-01-01", "end": "2021-01-01"}},
            422,
            "claim_period_invalid",
        ),
        ({"geometry": None, "party": str(uuid.uuid4())}, 404, "not_found"),
    ],
)
def test_what_cannot_be_kept_is_said_and_leaves_the_draft_as_it_was(
    page: Client, body: dict[str, Any], status: int, code: str
) -> None:
    found, answer = post(page, "/api/areas/new/draft/", **body)
    assert (found, answer["code"]) == (status, code)
    assert not DrawingDraft.objects.exists()


def test_a_hundred_thousand_vertices_are_answered_with_the_limit(page: Client) -> None:
    ring = [[81.3 + step * 1e-7, 44.0] for step in range(100_000)]
    ring += [[81.3, 44.01], ring[0]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    for address in ("/api/areas/new/draft/", "/api/rules/check/"):
        status, answer = post(page, address, geometry=polygon)
        assert (status, answer["code"]) == (413, "shape_too_large")
        assert "100000" in answer["message"]


def test_drawing_and_live_check_take_as_many_vertices_as_the_policy_says(page: Client) -> None:
    set_policy(
        code="geometry.vertex_limit", value=Decimal(30), reason="测试", actor=administrator()
    )
    for corners, status in ((29, 200), (30, 413)):
        angles = [2 * math.pi * step / corners for step in range(corners)]
        ring = [[81.3 + math.cos(one) / 1e3, 44 + math.sin(one) / 1e3] for one in angles]
        polygon = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        for address in ("/api/areas/new/draft/", "/api/rules/check/"):
            assert post(page, address, geometry=polygon)[0] == status


def test_a_file_in_a_phone_maps_coordinates_is_told_by_ones_own_titles_alone(
    page: Client, owner: tuple[User, Party]
) -> None:
    mine, others = square(0, 0), square(2000, 0)
    land_of(owner[1], mine)
    land_of(owner_named("li")[1], others)

    def told(land: MultiPolygon, move: Any) -> bool:
        ring = move(np.array(land.coords[0][0])).tolist()
        geometry = {"type": "Polygon", "coordinates": [ring]}
        collection = {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {}, "geometry": geometry}],
        }
        sent = SimpleUploadedFile("范围.geojson", json.dumps(collection).encode())
        answer = page.post("/api/areas/file/", {"file": sent})
        assert answer.status_code == 200, answer.content
        return "fits_after_gcj02_shift" in {one["code"] for one in answer.json()["notices"]}

    assert told(mine, shifted)
    assert not told(mine, lambda points: points)
    assert not told(others, shifted)


def test_neighbours_come_generalised_and_without_a_name(page: Client) -> None:
    claim_at(square(0, 0), state="live")
    exclusion_at(square(200, 0))
    exclusion_at(square(300, 0), kind="harvest", method="clear_cut")
    west, south = at(-50, -50)
    east, north = at(400, 200)
    found = page.get(f"/api/areas/around/?bbox={west},{south},{east},{north}").json()["features"]
    assert [feature["properties"]["kind"] for feature in found] == ["ccer", "claim", "harvest"]
    exact = {tuple(round(value, 6) for value in point) for point in square(0, 0).coords[0][0]}
    shown = {
        tuple(round(value, 6) for value in point)
        for point in found[1]["geometry"]["coordinates"][0][0]
    }
    assert not exact & shown
    assert set(found[1]["properties"]) == {"kind", "number", "state", "from", "to"}
    assert found[2]["properties"]["number"] == ""  # A permit's number may tell a person.


def test_an_office_alone_gives_nobody_titles_to_draw_on() -> None:
    clerk = officer("nr", Role.CLERK, Department.NATURAL_RESOURCES)
    assert not titles_to_draw_on(clerk).exists()

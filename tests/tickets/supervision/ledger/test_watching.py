"""Article 21 at night, article 23 by day: proposals from new layers; tables, files and a feed."""

from __future__ import annotations

import json
import uuid
from datetime import date, timedelta
from pathlib import Path

import pytest
from defusedxml import ElementTree
from django.contrib.gis.geos import MultiPolygon
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from parcels.models import ExclusionArea
from portal.base.clock import advance_clock, today
from portal.base.errors import InvalidInput
from portal.casework.notices import publish_notice
from tests.factories.land import square
from tests.tickets.registry.register import Bureau, paper
from tickets.registry.models import Cancellation, CarbonTicket
from tickets.registry.operations import Owners, prepare_cancellation, prepare_close
from tickets.registry.showing import holders
from tickets.supervision.disclosure import TABLES
from tickets.supervision.models import Inspection
from tickets.supervision.operations.inspections import drop_inspection
from tickets.supervision.operations.watching import (
    check_issued_areas,
    publish_news,
    take_in_fire_points,
    take_in_land_use,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


def permit(shape: MultiPolygon, number: str, **other: object) -> ExclusionArea:
    given = {
        "kind": "harvest", "method": "clear_cut", "status": "registered", "number": number,
        "number_key": number, "geom": shape, "period": (date(2026, 1, 1), date(2027, 1, 1)),
    }  # fmt: skip
    return ExclusionArea.objects.create(**{**given, **other})


def test_what_is_new_on_issued_land_is_proposed_once(
    bureau: Bureau, ticket: CarbonTicket, tmp_path: Path
) -> None:
    land = ticket.area_version.geom
    west, south, east, north = land.extent
    half = land
    permit(half, "伊采字1号")
    permit(half, "抚育2号", method="tending")
    permit(square(90_000, 0), "远处3号")
    inside = f"{(west + east) / 2:.6f},{(south + north) / 2:.6f},{today()}"
    take_in_fire_points(text=f"{inside}\n80.5,43.5,{today()}\n", source="VIIRS", actor=bureau.clerk)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    file = tmp_path / "变化.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    ]}))  # fmt: skip
    take_in_land_use(path=file, source="变更调查", seen_on=today(), actor=bureau.clerk)
    made = check_issued_areas()
    assert sorted(one.cause for one in made) == ["fire", "harvest", "land_use"]
    assert all(one.suspect is not None and one.ticket == ticket for one in made)
    assert check_issued_areas() == []
    assert Inspection.objects.count() == 3
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE supervision_watchedshape SET seen_on = '2020-01-01'")


def test_a_shape_that_is_imported_again_is_kept_and_proposed_once(
    bureau: Bureau, ticket: CarbonTicket, tmp_path: Path
) -> None:
    west, south, east, north = ticket.area_version.geom.extent
    points = f"{(west + east) / 2:.6f},{(south + north) / 2:.6f},{today()}\n80.5,43.5,{today()}\n"
    corners = [[west, south], [east, south], [east, north], [west, north]]
    file = tmp_path / "变化.geojson"

    def import_both(turned: int) -> tuple[int, int]:
        """How many points and polygons are new; the ring begins at another corner each time."""
        ring = [*corners[turned:], *corners[: turned + 1]]
        feature = {"type": "Feature", "properties": {}}
        shape = {"type": "Polygon", "coordinates": [ring]}
        file.write_text(json.dumps({
            "type": "FeatureCollection", "features": [{**feature, "geometry": shape}],
        }))  # fmt: skip
        fires = take_in_fire_points(text=points, source="VIIRS", actor=bureau.clerk)
        changes = take_in_land_use(
            path=file, source="变更调查", seen_on=today(), actor=bureau.clerk
        )
        return len(fires), len(changes)

    assert import_both(0) == (2, 1)
    assert len(check_issued_areas()) == 2
    assert import_both(1) == (0, 0)
    assert check_issued_areas() == []
    assert take_in_fire_points(text=points, source="MODIS", actor=bureau.clerk)  # Seen by another.
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO supervision_watchedshape (key, kind, geom, seen_on, source, made_by_id, digest)"
            " SELECT gen_random_uuid(), kind, geom, seen_on, source, made_by_id, 'another'"
            " FROM supervision_watchedshape"
        )


def test_a_ticket_opened_since_excuses_no_permit_and_repeats_no_proposal(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    permit(ticket.area_version.geom, "伊采字1号")
    sold = bureau.transfer(ticket)  # After the permit; the issue was before it.
    [made] = check_issued_areas()
    assert (made.cause, made.ticket) == ("harvest", sold)
    bureau.transfer(sold, to=Owners.sole(bureau.other))
    assert check_issued_areas() == []


def test_a_permit_that_is_still_good_is_proposed_again_some_time_after_it_was_dropped(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    land = ticket.area_version.geom
    permit(land, "伊采字1号", period=(today(), today() + timedelta(days=150)))
    centre = ticket.area_version.geom.point_on_surface
    take_in_fire_points(
        text=f"{centre.x:.6f},{centre.y:.6f},{today()}", source="VIIRS", actor=bureau.clerk
    )
    for made in check_issued_areas():
        drop_inspection(inspection=made, reason="今年尚未采伐", actor=bureau.approver)
    advance_clock(timedelta(days=89))
    assert check_issued_areas() == []
    advance_clock(timedelta(days=2))
    [again] = check_issued_areas()  # The fire is a fact of its day.
    assert again.cause == "harvest"
    drop_inspection(inspection=again, reason="今年尚未采伐", actor=bureau.approver)
    advance_clock(timedelta(days=91))  # The permit has run out.
    assert check_issued_areas() == []


def test_forest_whose_tonnes_were_all_offset_is_watched_on(bureau: Bureau) -> None:
    """What was retired is owed when its forest is lost; what was cancelled whole is owed no more."""
    used_up, revoked = bureau.issue(1_000), bureau.issue(1_000)
    bureau.offset(used_up, 1_000)
    bureau.approve(prepare_close(ticket=used_up, actor=bureau.clerk))
    bureau.approve(prepare_cancellation(
        issuance=revoked.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="过火", actor=bureau.clerk,
    ))  # fmt: skip
    for ticket in (used_up, revoked):
        permit(ticket.area_version.geom, f"伊采字{ticket.pk}号")
    [made] = check_issued_areas()
    assert made.ticket == used_up


@pytest.mark.parametrize("line", [
    "", "43.9,81.3,2026-07-01", "81.3,43.9", "81.3,43.9,2999-01-01", "81.3,43.9,2026-13-01",
    "nan,43.9,2026-07-01", "181.3,43.9,2026-07-01",
])  # fmt: skip
def test_a_bad_fire_point_refuses_all_and_says_its_line(bureau: Bureau, line: str) -> None:
    with pytest.raises(InvalidInput):
        take_in_fire_points(text=line, source="x", actor=bureau.clerk)


def test_everything_is_published_without_names(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    child = bureau.transfer(ticket, 40_000)
    bureau.offset(child, 1_000)
    publish_news(title="<b>新规</b>", text="国家发布", source="生态环境部 2026 第 1 号",
                 actor=bureau.clerk)  # fmt: skip
    name = ticket.issuance.filing.application.project.applicant.name
    for key in TABLES:
        page = client.get(f"/disclosure/?table={key}").content.decode()
        assert name not in page
        assert "<b>新规" not in page
        written = client.get(f"/disclosure/{key}.csv")
        assert f"{key}-public-{today()}" in written.headers["Content-Disposition"]
        assert name not in written.content.decode("utf-8-sig")
        assert client.get(f"/disclosure/{key}.xlsx").content.startswith(b"PK")
    transfers = client.get("/disclosure/transfers.csv").content.decode("utf-8-sig")
    assert f"{ticket.number},{child.number},40000" in transfers
    assert client.get("/disclosure/nothing.csv").status_code == 404
    feed = ElementTree.fromstring(client.get("/disclosure/feed.atom").content)
    titles = [node.text for node in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert "<b>新规</b>" in titles
    [link] = [
        node.attrib["href"] for node in feed.iter("{http://www.w3.org/2005/Atom}link")
        if "/news/" in node.attrib["href"]
    ]  # fmt: skip
    for address in (link, "/disclosure/news/"):
        assert "&lt;b&gt;新规" in client.get(address).content.decode()
    assert client.get("/disclosure/import/").status_code == 302
    client.force_login(bureau.clerk)
    assert client.get("/disclosure/import/").status_code == 200


def test_holdings_take_as_many_questions_for_many_tickets_as_for_one(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    client.get("/disclosure/")
    with CaptureQueriesContext(connection) as first:
        client.get("/disclosure/")
    bureau.offset(ticket, 1_000)
    for quantity_kg in (1_000, 2_000, None):  # At last it keeps only what was offset.
        bureau.transfer(ticket, quantity_kg)
    with CaptureQueriesContext(connection) as second:
        page = client.get("/disclosure/").content.decode()
    assert len(second) == len(first)
    row = page[page.index(f">{ticket.number}<") :]
    assert holders(ticket, masked=True)[0].name in row[: row.index("</tr>")]


def test_a_page_of_holdings_reads_the_states_of_its_own_tickets_alone(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    numbers = [ticket.number, *(bureau.transfer(ticket, 1_000).number for _n in range(3))]
    holdings = TABLES["holdings"].rows()
    assert len(holdings) == 4
    assert [row[0] for row in holdings[:]] == numbers
    with CaptureQueriesContext(connection) as asked:
        assert [row[0] for row in holdings[1:3]] == numbers[1:3]
    [states] = [query["sql"] for query in asked if "FILTER (WHERE state = 'held')" in query["sql"]]
    assert str(ticket.pk) not in states


def test_a_file_of_holdings_reads_the_register_once_for_each_of_its_versions(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    def read() -> tuple[bytes, bool]:
        with CaptureQueriesContext(connection) as asked:
            content = client.get("/disclosure/holdings.csv").content
        return content, any("FILTER (WHERE state = 'held')" in query["sql"] for query in asked)

    (first, whole), (second, again) = read(), read()
    assert (whole, again) == (True, False)
    assert first == second
    bureau.offset(ticket, 1_000)
    third, whole = read()
    assert whole
    assert ",99000," in third.decode("utf-8-sig")
    assert client.get("/disclosure/holdings.xlsx").content.startswith(b"PK")


def test_a_title_that_begins_like_a_number_leads_nowhere(bureau: Bureau, client: Client) -> None:
    publish_notice(
        kind="other", title="YN-2026/7 号碳票公告", text="内容", closes_on=today(),
        subject_kind="ticket", subject_key=uuid.uuid4(), actor=bureau.clerk,
    )  # fmt: skip
    page = client.get("/disclosure/?table=notices")
    assert page.status_code == 200
    assert "<td>YN-2026/7 号碳票公告</td>" in page.content.decode()

"""Downloads, print, search and statistics say what the map says, in the public tier."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pypdf
import pytest
from django.test import Client

from layers.ticket_map.columns import COLUMNS
from layers.ticket_map.downloads import write_csv, write_xlsx
from parcels.models import ProjectAreaVersion
from portal.accounts.models import Department, Role
from portal.base.pdf import qr_svg
from tests.accounts.people import officer
from tests.layers.ticket_map.conftest import Story
from tickets.offsets.models import Offset, Purpose
from tickets.offsets.operations import (
    ask_offset,
    prepare_offset,
    propose_name,
    review_name,
    sign_offset,
)

DOWNLOAD, PRINT, SEARCH = "/map/tickets/download/", "/map/tickets/print/", "/api/map/search/"


@pytest.mark.parametrize(
    ("format", "crs", "suffix"),
    [("geojson", 4490, "geojson"), ("gpkg", 4490, "gpkg"), ("gpkg", 4536, "gpkg"),
     ("shp", 4490, "zip"), ("shp", 4536, "zip"), ("kml", 4490, "kml")],
)  # fmt: skip
def test_a_download_reads_back_with_the_filtered_tickets_and_public_shapes(
    client: Client, story: Story, tmp_path: Path, format: str, crs: int, suffix: str
) -> None:
    answer = client.get(DOWNLOAD, {"format": format, "crs": crs, "state": "listed"})
    assert answer.status_code == 200
    path = tmp_path / f"tickets.{suffix}"
    path.write_bytes(answer.content)
    frame = geopandas.read_file(path)
    assert len(frame) == 1
    if format != "kml":
        assert frame.crs.to_epsg() == crs
        assert frame["number"].tolist() == [story.second.number]
        assert frame["holder"].tolist() == ["王*"]
        assert int(frame["listed_kg"][0]) == 3
    public = ProjectAreaVersion.objects.get(pk=story.second.area_version_id).geom_public
    assert public is not None
    west, south, east, north = frame.to_crs(4490).total_bounds
    assert (west, south, east, north) == pytest.approx(public.extent, abs=1e-6)


def test_tables_take_no_text_for_a_formula(tmp_path: Path) -> None:
    row: dict[str, Any] = {column.field: 1 for column in COLUMNS}
    row |= {"holder": "=cmd|'/c calc'!A1", "species": "@SUM(A1)"}
    write_csv(tmp_path / "t.csv", [row])
    write_xlsx(tmp_path / "t.xlsx", [row])
    [read] = csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig")))
    assert read["holder"] == "'=cmd|'/c calc'!A1"
    assert read["species"] == "'@SUM(A1)"
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0]
    assert all(cell.data_type != "f" for cells in sheet.iter_rows() for cell in cells)


def test_a_print_has_title_day_scale_and_the_filtered_sums(client: Client, story: Story) -> None:
    day = story.issued_on.isoformat()
    for paper, width in (("a4", 297), ("a3", 420)):
        answer = client.get(PRINT, {"paper": paper, "at": day})
        assert answer.headers["Content-Type"] == "application/pdf"
        [page] = pypdf.PdfReader(io.BytesIO(answer.content)).pages
        assert float(page.mediabox.width) == pytest.approx(width / 25.4 * 72, abs=1)
        words = page.extract_text()
        for word in ("伊宁市林业碳票地图", day, "示意图", "1:", "北", story.first.number, "20.003"):
            assert word in words, word
        assert story.child.number not in words, "it came later"


def test_a_print_is_of_the_view_and_says_what_it_does_not_list(
    client: Client, story: Story, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAP_APPROVAL_NUMBER = "新S（2026）001号"
    place = story.second.area_version.geom.centroid
    view = f"{place.x - 0.001},{place.y - 0.001},{place.x + 0.001},{place.y + 0.001}"

    def words(**query: str) -> str:
        answer = client.get(PRINT, query)
        [page] = pypdf.PdfReader(io.BytesIO(answer.content)).pages
        return page.extract_text()

    in_view = words(bbox=view)
    assert story.second.number in in_view
    assert story.first.number not in in_view
    assert "新S（2026）001号" in in_view
    assert "示意图" not in in_view
    monkeypatch.setattr("layers.ticket_map.printing.MOST_ROWS", {"a4": 1})
    short = words()
    assert story.first.number in short
    assert story.second.number not in short
    assert "另有 2 张未列出" in short
    for wrong in ("1,2,3", "82,44,81,43", "nan,nan,nan,nan"):
        assert client.get(PRINT, {"bbox": wrong}).status_code == 400
    assert client.get(PRINT, {"bbox": "1,1,2,2"}).status_code == 404


def test_search_finds_numbers_and_refuses_what_is_too_long(client: Client, story: Story) -> None:
    filing = story.first.issuance.filing
    project = filing.application.project.number
    for text, kind in (
        (story.child.number, "ticket"),
        (project, "project"),
        (filing.number, "filing"),
    ):
        [found] = client.get(SEARCH, {"q": text.lower()}).json()["results"]
        assert (found["kind"], found["label"]) == (kind, text)
    floor = signed_offset(story)
    [found] = client.get(SEARCH, {"q": floor.number}).json()["results"]
    assert (found["kind"], found["url"]) == ("offset", f"/offsets/{floor.number}/")
    for text in ("%", "___", "%%%", "<b>", "\u202eNY", "YN_2026"):
        assert client.get(SEARCH, {"q": text}).json()["results"] == []
    for address in (SEARCH, "/api/search/"):
        too_long = client.get(address, {"q": "x" * 10_000})
        assert (too_long.status_code, bool(too_long.json()["message"])) == (400, True)
        assert client.get(address, {"q": "<script>alert(1)</script>"}).json()["results"] == []
        assert client.get(address, {"q": "x", "p": "y"}).status_code == 400


def signed_offset(story: Story) -> Offset:
    """A certificate under the child's kilograms, by ecology's two officers."""
    bureau = story.bureau
    clerk = officer("ecology-clerk", Role.CLERK, Department.ECOLOGY)
    name = propose_name(name="伊犁河谷马拉松", actor=bureau.buyer_user)
    review_name(beneficiary=name, accepted=True, actor=clerk)
    asked = ask_offset(
        ticket=story.child, quantity_kg=10, purpose=Purpose.PERSON, beneficiary=name,
        actor=bureau.buyer_user,
    )  # fmt: skip
    prepare_offset(request=asked, opinion="属实", actor=clerk)
    return sign_offset(request=asked, actor=bureau.signer)


def test_statistics_add_up_to_the_register(client: Client, story: Story) -> None:
    answer = client.get("/statistics/")
    for charts, sums in (
        ("years", [("30.003", "4", "1.5")]),
        ("acts_by_township", [("10", "4", "1.5"), ("20.003", "0", "0")]),
        ("acts_by_species", [("30.003", "4", "1.5")]),
    ):
        rows = [tuple(part.tonnes for part in bar.parts) for bar in answer.context[charts]]
        assert sorted(rows) == sums, charts
    assert sorted(bar.tonnes for bar in answer.context["townships"]) == ["10", "20.003"]
    assert dict(answer.context["totals"])["已抵消"] == "1.5"
    # Under a filter the acts are those of its tickets, not all of their areas'; a ticket that gave
    # everything away keeps what was done under it.
    for query, expected in (
        ("holder=legal_body", ("0", "4", "1.5")),
        ("state=listed", ("20.003", "0", "0")),
    ):
        [bar] = client.get(f"/statistics/?{query}").context["years"]
        assert tuple(part.tonnes for part in bar.parts) == expected, query
    story.bureau.transfer(story.first)
    [bar] = client.get("/statistics/").context["years"]
    assert tuple(part.tonnes for part in bar.parts) == ("30.003", "10", "1.5")
    assert client.get("/open-data/").status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (DOWNLOAD + "?format=exe", 400), (DOWNLOAD + "?crs=4326", 400),
        (DOWNLOAD + "?format=kml&crs=4536", 400), (DOWNLOAD + "?format=geojson&crs=4536", 400),
        (DOWNLOAD + "?state=frozen", 404),
        (PRINT + "?paper=a0", 400), (PRINT + "?state=frozen", 404), ("/statistics/?x=1", 400),
        ("/map/qr.svg?x=1", 400), ("/disclosure/feed.atom?x=1", 400),
        ("/eco-justice/forests.geojson?x=1", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_with_a_reason(
    client: Client, story: Story, address: str, status: int
) -> None:
    answer = client.get(address, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json()["message"]


def test_only_the_embedded_map_may_stand_in_a_frame_and_shows_what_visitors_see(
    client: Client, story: Story
) -> None:
    client.force_login(story.bureau.clerk)
    embedded, home = client.get("/embed/"), client.get("/")
    assert "frame-ancestors *" in embedded.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in embedded.headers
    assert embedded.context["map_config"]["staff"] is False
    assert "frame-ancestors 'none'" in home.headers["Content-Security-Policy"]
    assert home.headers["X-Frame-Options"] == "DENY"
    assert home.context["map_config"]["staff"] is True


def test_a_qr_code_leads_to_this_portal(client: Client, story: Story) -> None:
    view = f"12/43.9/81.3&ticket={story.first.number}"
    answer = client.get("/map/qr.svg", {"view": view})
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.content == qr_svg(f"http://testserver/#{view}").encode()
    assert client.get("/map/qr.svg", {"view": "x" * 10_000}).status_code == 400

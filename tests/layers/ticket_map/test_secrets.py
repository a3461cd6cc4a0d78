"""Nothing that must stay inside leaves by the map of tickets, its files, feeds, pages or search."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas
import openpyxl
import pypdf
import pytest
from django.test import Client

from layers.registry import LAYERS
from parcels.models import Parcel, TitleCertificate
from portal.accounts.models import Party, User
from tests.layers.places import tile_at
from tests.layers.test_leaks import (
    given_away,
    private_texts,
    tile_texts,
    tile_vertices,
    values,
    vertices,
)
from tests.layers.ticket_map.conftest import Story
from tests.layers.ticket_map.test_taking_away import signed_offset
from tickets.offsets.models import Offset
from tickets.registry.models import CarbonTicket
from tickets.supervision.disclosure import TABLES

DOWNLOAD = "/map/tickets/download/"
FILES = ("csv", "xlsx", "geojson", "gpkg", "shp", "kml")


@pytest.fixture
def hidden(story: Story) -> set[str]:
    """Every text within that no public answer may hold."""
    papers = (CarbonTicket, Offset)
    numbers = {
        number for model in papers for number in model.objects.values_list("number", flat=True)
    }
    codes = {code for model in papers for code in model.objects.values_list("code", flat=True)}
    # A legal body's name, a paper's number and code and the species of a ticket's land are everyone's.
    shown = numbers | codes | values(LAYERS["tickets"]) | {"新疆杨、白榆", story.bureau.buyer.name}
    reports = {ticket.uniqueness_report.number for ticket in CarbonTicket.objects.all()}
    # Short codes such as 0000 or 654002 are parts of public numbers too.
    telling = {text for text in private_texts() if len(text) >= 8 or not text.isascii()}
    # A kind of subject, and a kind of media.
    found = telling - shown - reports - {"application"}
    assert story.second.shares.get(closed_by__isnull=True).party.name in found
    return found


def people_and_papers() -> set[str]:
    """Names of natural persons, their reach, and the numbers of certificates and of land.

    Pages are written with words that stand in the tables too, so these are looked for by name.
    """
    private = Party.objects.filter(kind__in=[Party.Kind.PERSON, Party.Kind.NAME_ONLY])
    bodies = set(Party.objects.exclude(pk__in=private).values_list("name", flat=True))
    found = {
        *private.values_list("name", flat=True),
        *TitleCertificate.objects.values_list("number", flat=True),
        *Parcel.objects.values_list("unit_number", flat=True),
        *Parcel.objects.values_list("place_name", flat=True),
        *(text for row in User.objects.values_list("full_name", "email", "phone") for text in row),
    }
    return {text for text in found - bodies if len(text) > 1}


def said_in(body: bytes, kind: str) -> Iterator[str]:
    """All that a file says, unpacked."""
    if kind == "xlsx":
        for sheet in openpyxl.load_workbook(io.BytesIO(body)).worksheets:
            yield str([[cell.value for cell in row] for row in sheet.iter_rows()])
    elif kind == "shp":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                yield name + archive.read(name).decode("gb18030", "replace")
    elif kind == "pdf":
        yield "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages)
    else:
        yield body.decode("utf-8", "replace")


def test_no_answer_holds_a_private_text(client: Client, story: Story, hidden: set[str]) -> None:
    ticket, owner = story.second, story.second.shares.get(closed_by__isnull=True).party
    paths = [
        "/api/map/facts/", "/api/map/tickets/", "/api/tickets/states/",
        f"/api/map/areas/{ticket.issuance.key}/", "/eco-justice/forests.geojson",
        "/ogc/collections/tickets/items", "/statistics/",
        *(f"/api/map/search/?q={text}" for text in (ticket.number, "YN-", owner.name, owner.name[0])),
        *(f"/api/search/?q={text}" for text in (owner.name, owner.name[0])),
    ]  # fmt: skip
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        said = answer.content.decode()
        assert [text for text in hidden if text in said] == [], path


# A vertex as GeoJSON writes it, wherever it stands in a page.
VERTEX = re.compile(r"\[(8\d\.\d+), ?(4\d\.\d+)")


def test_no_page_or_feed_names_a_natural_person_a_paper_or_an_exact_vertex(
    client: Client, story: Story
) -> None:
    ticket = story.second
    private = people_and_papers()
    drawn: set[tuple[float, float]] = set()
    assert ticket.shares.get(closed_by__isnull=True).party.name in private
    for path in (
        "/", "/embed/", "/tickets/", f"/tickets/{ticket.number}/", f"/v/{ticket.code}/", "/market/",
        "/disclosure/", "/disclosure/feed.atom", "/notices/", "/roots/", "/statistics/", "/open-data/",
        "/ogc/collections/tickets/items?f=html", f"/offsets/{signed_offset(story).number}/",
        "/eco-justice/forests.geojson", "/api/parcels/",
    ):  # fmt: skip
        page = client.get(path, headers={"Accept": "text/html, */*"})
        assert page.status_code == 200, path
        said = page.content.decode()
        assert [text for text in private if text in said] == [], path
        drawn |= {(float(lon), float(lat)) for lon, lat in VERTEX.findall(said)}
    assert len(drawn) >= 8, "tickets, their checks and certificates have maps"
    assert given_away(drawn) == []


@pytest.mark.parametrize("kind", [*FILES, "pdf"])
def test_no_file_holds_a_private_text_or_an_exact_vertex(
    client: Client, story: Story, hidden: set[str], tmp_path: Path, kind: str
) -> None:
    path = "/map/tickets/print/" if kind == "pdf" else f"{DOWNLOAD}?format={kind}"
    body = client.get(path).content
    for said in said_in(body, kind):
        assert [text for text in hidden if text in said] == []
    if kind in ("geojson", "gpkg", "shp", "kml"):
        file = tmp_path / f"tickets.{'zip' if kind == 'shp' else kind}"
        file.write_bytes(body)
        shapes = geopandas.read_file(file).geometry
        seen = {at for one in shapes for at in vertices(one.__geo_interface__["coordinates"])}
        assert seen
        assert given_away(seen) == []


def test_no_published_table_or_yearly_report_holds_a_private_text(
    client: Client, story: Story, hidden: set[str]
) -> None:
    offset = signed_offset(story)
    # A notice says publicly what its project is called.
    announced = people_and_papers()
    files = [(f"/disclosure/{name}.{kind}", kind) for name in TABLES for kind in ("csv", "xlsx")]
    files.append((f"/statistics/{story.issued_on.year}.pdf", "pdf"))
    everything = ""
    for path, kind in files:
        answer = client.get(path)
        assert answer.status_code == 200, path
        said = "".join(said_in(answer.content, kind))
        private = announced if "notices" in path else hidden
        assert [text for text in private if text in said] == [], path
        everything += said
    # They were not empty: holdings, transfers and offsets are among them.
    assert {story.second.number, story.child.number, offset.number} <= set(
        re.findall(r"[0-9A-Z-]{8,}", everything)
    )


def test_no_tile_of_tickets_holds_a_private_text_or_an_exact_vertex(
    client: Client, story: Story, hidden: set[str]
) -> None:
    place = story.second.area_version.geom.centroid
    for zoom in (13, 15, 16):
        z, x, y = tile_at(place.x, place.y, zoom)
        body = client.get(f"/tiles/tickets/{z}/{x}/{y}.mvt").content
        said = tile_texts(body) + body.decode("utf-8", "replace")
        assert [text for text in hidden if text in said] == []
        if zoom >= 15:  # Coarser tiles round every vertex by more than is looked for.
            assert given_away(tile_vertices(body, z, x, y)) == []

"""The layer of tickets: its shape is generalised, nothing private is in it, a transfer spoils no tile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pytest
from django.test import Client

from layers.registry import LAYERS
from layers.tiles import geometry_version
from tests.factories.land import METRE_LAT, METRE_LON
from tests.layers.places import tile_at
from tests.layers.test_leaks import tile_vertices, vertices
from tests.tickets.registry.register import Bureau
from tickets.registry.models import CarbonTicket

pytestmark = pytest.mark.django_db
NEAR_M = 0.2


@pytest.fixture(autouse=True)
def own_tiles(settings: Any, tmp_path: Path) -> None:
    settings.TILE_STORE = tmp_path / "tiles"


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


def given_away(ticket: CarbonTicket, shown: set[tuple[float, float]]) -> list[tuple[float, float]]:
    """Vertices of the exact shape that a shown one lies on, and the generalised one does not."""
    version = ticket.area_version
    public = set(vertices(version.shown_to_all.coords))
    return [
        (lon, lat)
        for lon, lat in set(vertices(version.geom.coords)) - public
        if any(
            abs(lon - x) < NEAR_M * METRE_LON and abs(lat - y) < NEAR_M * METRE_LAT
            for x, y in shown
        )
    ]


def test_tile_and_feature_show_the_generalised_area_and_no_name(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    public = Client()
    place = ticket.area_version.geom.centroid
    z, x, y = tile_at(place.x, place.y, 16)
    body = public.get(f"/tiles/tickets/{z}/{x}/{y}.mvt").content
    [content] = mapbox_vector_tile.decode(body).values()
    [feature] = [
        one for one in content["features"]
        if one["properties"]["uid"] == str(ticket.issuance.key)
    ]  # fmt: skip
    present = LAYERS["tickets"].present
    assert present is not None
    states = {field.name for field in present.fields}
    own = {field.name for field in LAYERS["tickets"].fields}
    assert set(feature["properties"]) == {"uid", *own, *states}
    assert feature["properties"]["issued_kg"] == 100_000
    items = public.get("/ogc/collections/tickets/items")
    title = ticket.issuance.filing.application.titles.get().certificate.number
    for said in (body.decode("utf-8", "replace"), items.content.decode()):
        for secret in (bureau.owner.name, title, bureau.owner.identity_last4 + '"'):
            assert secret not in said
    shown = {
        at for one in items.json()["features"] for at in vertices(one["geometry"]["coordinates"])
    }
    assert shown
    assert given_away(ticket, shown | tile_vertices(body, z, x, y)) == []


def test_a_transfer_changes_no_tile_and_an_issue_does(bureau: Bureau, ticket: CarbonTicket) -> None:
    before = geometry_version(LAYERS["tickets"])
    bureau.offset(bureau.transfer(ticket, 40_000), 1000)
    assert geometry_version(LAYERS["tickets"]) == before
    bureau.issue(50_000)
    assert geometry_version(LAYERS["tickets"]) > before


def test_a_tile_without_a_version_follows_the_register_and_a_versioned_one_does_not(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    public = Client()
    place = ticket.area_version.geom.centroid
    z, x, y = tile_at(place.x, place.y, 14)
    address = f"/tiles/tickets/{z}/{x}/{y}.mvt"

    def properties(body: bytes) -> dict[str, Any]:
        [content] = mapbox_vector_tile.decode(body).values()
        [found] = [
            one["properties"]
            for one in content["features"]
            if one["properties"]["uid"] == str(ticket.issuance.key)
        ]
        return found  # type: ignore[no-any-return]

    first = public.get(address)
    assert first["Cache-Control"] == "public, no-cache"
    assert properties(first.content)["held_kg"] == 100_000
    held = {"If-None-Match": first["ETag"]}
    again = public.get(address, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    bureau.offset(bureau.transfer(ticket, 40_000), 1000)
    after = public.get(address, headers=held)
    assert (after.status_code, after["ETag"] == first["ETag"]) == (200, False)
    shown = properties(after.content)
    assert (shown["held_kg"], shown["offset_kg"], shown["frozen_kg"]) == (99_000, 1000, 0)
    # At low zooms cells say the same in sum, at the same request.
    z, x, y = tile_at(place.x, place.y, 8)
    body = public.get(f"/tiles/tickets/{z}/{x}/{y}.mvt").content
    cells = [one["properties"] for one in mapbox_vector_tile.decode(body)["tickets"]["features"]]
    for name, kilograms in {"issued": 100_000, "held": 99_000, "offset": 1000, "frozen": 0}.items():
        assert sum(cell[f"{name}_kg"] for cell in cells) == kilograms
    assert [cell["n"] for cell in cells] == [1]
    z, x, y = tile_at(place.x, place.y, 14)
    version = geometry_version(LAYERS["tickets"])
    lasting = public.get(f"/tiles/tickets/{version}/{z}/{x}/{y}.mvt")
    assert "immutable" in lasting["Cache-Control"]
    assert "held_kg" not in properties(lasting.content)

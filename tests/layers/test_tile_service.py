"""Public tiles: one query, kept packed, trusted by shared caches; bad addresses ask no database."""

from __future__ import annotations

import gzip
import shutil
from typing import Any

import brotli
import mapbox_vector_tile
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from layers.cells import fold_changes
from layers.models import DirtyCell, ShapeChange
from layers.registry import LAYERS, PUBLIC_LAYERS
from layers.tile_store import sweep
from layers.tiles import geometry_version
from parcels.models import ParcelVersion
from portal.base.models import Policy
from portal.site.open_door import OpenDoor
from tests.factories.land import ORIGIN_LAT, ORIGIN_LON, parcel_at, square
from tests.layers.places import tile_at
from tests.layers.published import Published
from tests.layers.test_leaks import tiles_around

Z, X, Y = tile_at(ORIGIN_LON, ORIGIN_LAT, 14)


def address(layer: str, version: int | None = None) -> str:
    middle = "" if version is None else f"{version}/"
    return f"/tiles/{layer}/{middle}{Z}/{X}/{Y}.mvt"


def features(body: bytes, layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mapbox_vector_tile.decode(body)[layer]["features"]
    return found


@pytest.mark.parametrize(
    ("layer", "expected"), [("parcels", 3), ("projects", 1), ("exclusions", 2), ("townships", 1)]
)
def test_each_public_layer_has_its_rows_and_only_its_fields(
    client: Client, published: Published, layer: str, expected: int
) -> None:
    found = features(client.get(address(layer)).content, layer)
    assert len(found) == expected
    for feature in found:
        assert set(feature["properties"]) <= set(LAYERS[layer].tile_fields)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_tile_is_one_query_and_its_second_reader_gets_what_was_kept(
    client: Client, published: Published, versioned: bool
) -> None:
    version = geometry_version(LAYERS["parcels"]) if versioned else None
    with CaptureQueriesContext(connection) as first:
        made = client.get(address("parcels", version), headers={"Accept-Encoding": "br, gzip"})
    with CaptureQueriesContext(connection) as second:
        kept = client.get(address("parcels", version), headers={"Accept-Encoding": "br, gzip"})
    assert (len(first), len(second)) == (1, 0 if versioned else 1)
    assert made.content == kept.content
    assert made["ETag"] == kept["ETag"]
    assert len(features(brotli.decompress(kept.content), "parcels")) == 3


def test_another_packing_is_made_of_the_kept_one_without_the_database(
    client: Client, published: Published
) -> None:
    version = geometry_version(LAYERS["parcels"])
    made = client.get(address("parcels", version), headers={"Accept-Encoding": "br"})
    with CaptureQueriesContext(connection) as queries:
        other = client.get(address("parcels", version), headers={"Accept-Encoding": "gzip"})
    assert len(queries) == 0
    assert gzip.decompress(other.content) == brotli.decompress(made.content)


def test_a_crowded_tile_of_zoom_12_shows_true_sums_by_cells(
    client: Client, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = X // 4, Y // 4
    single = features(client.get(f"/tiles/parcels/12/{x}/{y}.mvt").content, "parcels")
    assert not any("n" in one["properties"] for one in single)
    monkeypatch.setattr("layers.tiles.CROWDED_FROM_PARCELS", len(single) - 1)
    version = geometry_version(LAYERS["parcels"])
    shutil.rmtree(settings.TILE_STORE / "parcels", ignore_errors=True)
    cells = features(client.get(f"/tiles/parcels/{version}/12/{x}/{y}.mvt").content, "parcels")
    assert sum(one["properties"]["n"] for one in cells) == len(single)
    assert all(one["properties"]["uid"].startswith("15/") for one in cells)


def low_zoom(client: Client, layer: str, zoom: int) -> list[dict[str, Any]]:
    """The properties of all features of that zoom over the land of the test."""
    found = []
    for z, x, y in tiles_around(zoom):
        body = client.get(f"/tiles/{layer}/{z}/{x}/{y}.mvt").content
        found += [one["properties"] for one in features(body, layer)] if body else []
    return found


@pytest.mark.parametrize(("layer", "rows"), [("projects", 1), ("exclusions", 2)])
def test_low_zooms_of_every_layer_are_cells_with_true_sums(
    client: Client, published: Published, monkeypatch: pytest.MonkeyPatch, layer: str, rows: int
) -> None:
    monkeypatch.setattr("layers.tiles.CROWDED_FROM_ROWS", rows - 1)
    for zoom in (5, 8, 11, 12):  # The last one because it is crowded.
        cells = low_zoom(client, layer, zoom)
        assert sum(one["n"] for one in cells) == rows, "each row is in one cell"
        assert len({one["uid"] for one in cells}) == len(cells), "each cell is in one tile"
        assert all(set(one) <= set(LAYERS[layer].tile_fields) for one in cells)
    if layer == "projects":
        [cell] = cells
        area_m2 = published.project.version.area_m2
        assert cell["area_ha"] == pytest.approx(round(area_m2 / 10_000, 1))


def test_no_cell_gives_the_exact_area_of_a_lone_parcel_away(
    client: Client, published: Published
) -> None:
    exact = ParcelVersion.objects.values_list("area_m2", flat=True)
    cells = low_zoom(client, "parcels", 11)
    assert sum({one["uid"]: one["n"] for one in cells}.values()) == len(published.parcels)
    assert all(one["area_m2"] % 1000 == 0 for one in cells)
    assert {round(area) for area in exact}.isdisjoint(one["area_m2"] for one in cells)


def test_every_packing_holds_the_same_tile_under_its_own_strong_tag(
    client: Client, published: Published
) -> None:
    version = geometry_version(LAYERS["parcels"])
    tags = set()
    bodies = set()
    for encoding, unpack in (
        ("br", brotli.decompress), ("gzip", gzip.decompress), ("identity", bytes),
    ):  # fmt: skip
        response = client.get(
            address("parcels", version), headers={"Accept-Encoding": f"{encoding}, br;q=0"}
            if encoding != "br" else {"Accept-Encoding": "br"},
        )  # fmt: skip
        assert response.get("Content-Encoding", "identity") == encoding
        assert response["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response["Vary"] == "Accept-Encoding"
        bodies.add(unpack(response.content))
        tags.add(response["ETag"])
        again = client.get(
            address("parcels", version),
            headers={"Accept-Encoding": encoding, "If-None-Match": f'"other", {response["ETag"]}'},
        )
        assert (again.status_code, again.content) == (304, b"")
    assert len(bodies) == 1
    assert len(tags) == 3
    assert not any(tag.startswith("W/") for tag in tags)


def test_a_changed_shape_is_in_the_next_unversioned_tile_and_304_until_then(
    client: Client, published: Published
) -> None:
    before = client.get(address("parcels"))
    assert before["Cache-Control"] == "public, no-cache"
    same = client.get(address("parcels"), headers={"If-None-Match": before["ETag"]})
    assert (same.status_code, same["ETag"]) == (304, before["ETag"])
    parcel_at(square(600, 0))
    after = client.get(address("parcels"), headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert len(features(after.content, "parcels")) == 4


def test_no_cache_keeps_new_shapes_under_an_old_address(
    client: Client, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = geometry_version(LAYERS["projects"])
    published.project.__class__.objects.filter(pk=published.pending.pk).update(state="live")
    response = client.get(address("projects", old))
    assert response["Cache-Control"] == "no-store"
    assert len(features(response.content, "projects")) == 2
    # Once made it is kept under its own version: an outdated address costs no tile, an invented none.
    kept = settings.TILE_STORE / "projects" / str(geometry_version(LAYERS["projects"]))
    [file] = [path for path in kept.rglob("*") if path.is_file()]
    file.write_bytes(response.content + b"\0")
    assert client.get(address("projects", old)).content == file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("layers.tiles.tile_query", lambda *_: "pg_sleep(99)::text::bytea")
        invented = client.get(address("projects", old + 999))
    assert invented.json()["code"] == "unknown_layer_version"


def test_a_policy_that_closes_zooms_makes_a_new_version(
    client: Client, published: Published
) -> None:
    before = geometry_version(LAYERS["parcels"])
    assert client.get(address("parcels", before)).content
    Policy.objects.create(code="public.parcel_zoom_max", value=13)
    assert geometry_version(LAYERS["parcels"]) == before + 1
    assert client.get(address("parcels", before + 1)).content == b""


def test_folded_changes_leave_every_version_as_it_was(published: Published) -> None:
    before = {name: geometry_version(layer) for name, layer in LAYERS.items()}
    first = ShapeChange.objects.filter(layer="parcels").earliest("pk")
    fold_changes(most=1)
    assert ShapeChange.objects.filter(layer="parcels").get().made_at == first.made_at
    assert {name: geometry_version(layer) for name, layer in LAYERS.items()} == before


def test_other_versions_are_swept_away(client: Client, published: Published) -> None:
    client.get(address("parcels", geometry_version(LAYERS["parcels"])))
    assert sweep() == 0
    parcel_at(square(600, 0))
    (settings.TILE_STORE / "parcels" / "999999").mkdir()  # Of a register since restored.
    assert sweep() == 2
    assert not [path for path in settings.TILE_STORE.rglob("*") if path.is_file()]


def test_a_replica_answers_tilejson_while_low_zooms_are_behind(
    client: Client, published: Published
) -> None:
    assert DirtyCell.objects.count() == 0
    parcel_at(square(600, 0))
    assert DirtyCell.objects.exists()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
        assert client.get("/tiles/parcels.json").status_code == 200
        transaction.set_rollback(True)  # What follows may write again.


def test_public_tiles_ask_nobody_who_they_are(client: Client, published: Published) -> None:
    client.cookies["sessionid"] = "x" * 32
    for layer in PUBLIC_LAYERS:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address(layer))
        assert len(queries) == 1, layer
        assert not response.cookies
        assert "Cookie" not in response["Vary"]
    place = settings.MIDDLEWARE.index(f"{OpenDoor.__module__}.OpenDoor")
    assert place < settings.MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware")


def test_staff_layers_are_not_there_for_visitors(client: Client, published: Published) -> None:
    for layer in LAYERS.keys() - PUBLIC_LAYERS.keys():
        response = client.get(address(layer))
        assert (response.status_code, response.json()["code"]) == (404, "unknown_layer"), layer
    assert not settings.TILE_STORE.exists()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("parcels/14/-1/5.mvt", 400, "bad_tile_address"),
        ("parcels/14/16384/5.mvt", 400, "bad_tile_address"),
        ("parcels/14/5/16384.mvt", 400, "bad_tile_address"),
        ("parcels/14/1.5/5.mvt", 400, "bad_tile_address"),
        ("parcels/14/１/5.mvt", 400, "bad_tile_address"),
        ("parcels/14/1e3/5.mvt", 400, "bad_tile_address"),
        ("parcels/23/5/5.mvt", 400, "bad_tile_address"),
        ("parcels/3/0/0.mvt", 400, "bad_tile_address"),
        (f"parcels/14/{'9' * 4000}/5.mvt", 400, "bad_tile_address"),
        ("parcels/-1/14/5/5.mvt", 400, "bad_tile_address"),
        ("parcels/latest/14/5/5.mvt", 400, "bad_tile_address"),
        ("holders/14/5/5.mvt", 404, "unknown_layer"),
        ("%3Cscript%3E/14/5/5.mvt", 404, "unknown_layer"),
        ("parcels/1/2/14/5/5.mvt", 404, "not_found"),
        ("parcels/x.mvt", 404, "not_found"),
        ("parcels/14/005/5.mvt", 400, "bad_tile_address"),
        ("parcels/01/14/5/5.mvt", 400, "bad_tile_address"),
        ("parcels/14/5/5.mvt?copy=2", 400, "unknown_parameter"),
        ("parcels/1/14/5/5.mvt?copy=2", 400, "unknown_parameter"),
    ],
)
def test_bad_tile_addresses_say_why_without_the_database(
    client: Client, path: str, status: int, code: str
) -> None:
    response = client.get(f"/tiles/{path}", headers={"Accept": "text/html"})  # db is not allowed
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"]
    assert response["Content-Type"] == "application/json"
    assert response["Access-Control-Allow-Origin"] == "*"
    english = client.get(f"/tiles/{path}", headers={"Accept-Language": "en"}).json()["message"]
    assert (english != response.json()["message"]) is (code != "not_found")

"""Nothing that must stay inside is in any public tile, feature, page or search suggestion.

Generic over the registry and over every model: a new layer and a new column are looked at without
being named here. What may be shown is what the registry's fields say, and ``SHOWN_BESIDES``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import atan, degrees, pi, sinh
from typing import Any

import mapbox_vector_tile
import pytest
from django.apps import apps
from django.contrib.gis.db.models import GeometryField
from django.db import connection
from django.db.models import CharField, Model, TextField, UUIDField
from django.test import Client

from layers.registry import LAYERS, Layer
from layers.tiles import tile
from tests.factories.land import METRE_LAT, METRE_LON, ORIGIN_LAT, ORIGIN_LON
from tests.layers.places import tile_at
from tests.layers.published import LOOKED_AT, SECRETS, Published

pytestmark = pytest.mark.django_db
INSIDE = ("parcels", "tickets", "portal.accounts", "portal.casework")
# Places are found by their names (domain.md: village or township); the law is everyone's.
SHOWN_BESIDES = ("parcels.Parcel.village", "casework.Regulation.")
# Shorter texts, such as a code of two digits, are found anywhere by chance; a name is not.
SHORTEST_CODE, SHORTEST_NAME = 4, 2
NEAR_M = 0.2
EXTENT = 4096


def inside_models() -> Iterator[type[Model]]:
    for model in apps.get_models():
        if model.__module__.startswith(INSIDE):
            yield model


def values(layer: Layer) -> set[str]:
    """What the layer's allow-list lets out, as texts."""
    columns = ", ".join(f"({field.sql})::text" for field in layer.fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, ({layer.uid})::text FROM {layer.tables} WHERE {layer.rows}"
        )
        return {value for row in cursor.fetchall() for value in row if value is not None}


# A notice shows the outline that was generalised for everyone.
MADE_FOR_ALL = {"casework.Notice.shape"}


def private_texts() -> set[str]:
    """Every text and key in the tables within, but those that a public layer may show."""
    found: set[str] = set()
    for model in inside_models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, CharField | TextField | UUIDField) or field.choices:
                continue
            if f"{model._meta.label}.{field.name}".startswith(SHOWN_BESIDES):
                continue
            found |= {
                str(value) for value in model._base_manager.values_list(field.name, flat=True)
            }
    shown = set().union(*(values(layer) for layer in LOOKED_AT.values()))
    return {
        text
        for text in found - shown
        if len(text) >= (SHORTEST_CODE if text.isascii() else SHORTEST_NAME)
    }


def exact_vertices() -> list[tuple[float, float]]:
    """Every vertex of every shape within that was not made for the public."""
    found: set[tuple[float, float]] = set()
    for model in inside_models():
        for field in model._meta.concrete_fields:
            if f"{model._meta.label}.{field.name}" in MADE_FOR_ALL:
                continue
            if isinstance(field, GeometryField) and not field.name.endswith("_public"):
                for shape in model._base_manager.values_list(field.name, flat=True):
                    found |= set(vertices(shape.coords)) if shape else set()
    return sorted(found)


def vertices(coordinates: Any) -> Iterator[tuple[float, float]]:
    if coordinates and isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for part in coordinates:
        yield from vertices(part)


def given_away(shown: set[tuple[float, float]]) -> list[tuple[float, float]]:
    """The exact vertices that a shown one lies on."""
    return [
        exact
        for exact in exact_vertices()
        if any(
            abs(lon - exact[0]) < NEAR_M * METRE_LON and abs(lat - exact[1]) < NEAR_M * METRE_LAT
            for lon, lat in shown
        )
    ]


def tiles_around(zoom: int) -> Iterator[tuple[int, int, int]]:
    """Every tile over the land of the test."""
    _z, west, south = tile_at(ORIGIN_LON - 0.001, ORIGIN_LAT - 0.001, zoom)
    _z, east, north = tile_at(ORIGIN_LON + 0.02, ORIGIN_LAT + 0.02, zoom)
    for x in range(west, east + 1):
        for y in range(north, south + 1):
            yield zoom, x, y


def on_earth(z: int, x: int, y: int, at: tuple[float, float]) -> tuple[float, float]:
    """Longitude and latitude of a tile's own coordinates (y downwards)."""
    column, row = x + at[0] / EXTENT, y + at[1] / EXTENT
    return column / 2**z * 360 - 180, degrees(atan(sinh(pi * (1 - 2 * row / 2**z))))


def tile_vertices(body: bytes, z: int, x: int, y: int) -> set[tuple[float, float]]:
    decoded = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    return {
        on_earth(z, x, y, at)
        for content in decoded.values()
        for feature in content["features"]
        for at in vertices(feature["geometry"]["coordinates"])
    }


def tile_texts(body: bytes) -> str:
    return str(
        [
            [feature["properties"], feature.get("id")]
            for content in mapbox_vector_tile.decode(body).values()
            for feature in content["features"]
        ]
    )


def public_answers(client: Client, layer: Layer) -> Iterator[str]:
    """Everything that the OGC API says of a layer, as text."""
    root = f"/ogc/collections/{layer.name}"
    features = client.get(f"{root}/items?limit=1000").json()["features"]
    paths = [root, f"{root}/items?datetime=../..", f"{root}/tiles", f"/tiles/{layer.name}.json"]
    for path in (*paths, *(f"{root}/items/{one['id']}" for one in features)):
        for accept in ("application/json", "text/html"):
            response = client.get(path, headers={"Accept": accept})
            assert response.status_code == 200, path
            yield response.content.decode()


def test_there_is_something_to_hide(published: Published) -> None:
    """Without secrets within, and something in each layer, the other tests would prove nothing."""
    hidden = private_texts()
    assert set(SECRETS) <= hidden
    assert len(exact_vertices()) >= 20
    for layer in LOOKED_AT.values():
        assert values(layer), f"publish() has nothing for the layer {layer.name}"


def test_the_test_would_find_a_leak(published: Published) -> None:
    z, x, y = tile_at(ORIGIN_LON + 0.001, ORIGIN_LAT + 0.001, 16)
    body = tile(LAYERS["parcels-staff"], z, x, y)[1]
    assert body
    assert given_away(tile_vertices(body, z, x, y))


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_tile_holds_a_private_text(published: Published, client: Client, name: str) -> None:
    layer = LOOKED_AT[name]
    hidden = private_texts()
    filled = 0
    for zoom in range(layer.zoom_min, layer.zoom_max + 1):
        for z, x, y in tiles_around(zoom):
            body = client.get(f"/tiles/{name}/{z}/{x}/{y}.mvt").content
            filled += bool(body)
            # In the bytes too: what a decoder passes over is still given away.
            raw, said = body.decode("utf-8", "replace"), tile_texts(body)
            assert [text for text in hidden if text in said or text in raw] == []
    assert filled


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_tile_holds_an_exact_vertex(published: Published, client: Client, name: str) -> None:
    # Coarser tiles round every vertex by more than the distance that is looked for.
    for zoom in range(15, LOOKED_AT[name].zoom_max + 1):
        for z, x, y in tiles_around(zoom):
            body = client.get(f"/tiles/{name}/{z}/{x}/{y}.mvt").content
            assert given_away(tile_vertices(body, z, x, y)) == []


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_feature_or_page_holds_a_private_text(
    published: Published, client: Client, name: str
) -> None:
    hidden = private_texts()
    for answer in public_answers(client, LOOKED_AT[name]):
        assert [text for text in hidden if text in answer] == []


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_feature_holds_an_exact_vertex(published: Published, client: Client, name: str) -> None:
    features = client.get(f"/ogc/collections/{name}/items?datetime=../..").json()["features"]
    shown = {at for one in features for at in vertices(one["geometry"]["coordinates"])}
    assert shown
    assert given_away(shown) == []


def test_a_moving_box_does_not_find_the_exact_line_out(
    published: Published, client: Client
) -> None:
    """A box between the exact and the shown edge is answered by the shown one."""
    for name in LOOKED_AT:
        root = f"/ogc/collections/{name}/items"
        for one in client.get(root).json()["features"]:
            points = list(vertices(one["geometry"]["coordinates"]))
            west = min(lon for lon, _lat in points)
            lats = [lat for _lon, lat in points]
            for shift_m, expected in ((-0.3, False), (0.3, True)):
                edge = west + shift_m * METRE_LON
                box = f"{edge - 0.5},{min(lats)},{edge},{max(lats)}"
                found = client.get(f"{root}?bbox={box}").json()["features"]
                assert (one["id"] in [other["id"] for other in found]) is expected, (name, shift_m)


def test_no_suggestion_holds_a_private_text(published: Published, client: Client) -> None:
    hidden = private_texts()
    asked = {text[:length] for text in hidden for length in (1, 2, 4, len(text))}
    for text in sorted(asked):
        answer = client.get("/api/search/", {"q": text})
        said = answer.content.decode()
        assert [secret for secret in hidden if secret in said] == [], text

"""The rivals as servers, each with as many workers as the portal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Bench, url_of
from layers.registry import LAYERS

LAYER = LAYERS["parcels"]
# The layer's rows and fields for a server that knows tables alone.
VIEW = f"""
CREATE VIEW bench_parcels AS
SELECT version.parcel_id AS id, {{columns}}, {LAYER.shape} AS geom
FROM {LAYER.tables} WHERE {LAYER.rows};
GRANT SELECT ON bench_parcels TO PUBLIC
"""


@contextmanager
def plain_django(bench: Bench) -> Iterator[str]:
    """django-vectortiles and djangorestframework-gis."""
    with bench.server(DJANGO_SETTINGS_MODULE="bench.rivals.settings") as address:
        yield address


@contextmanager
def tipg(bench: Bench) -> Iterator[str]:
    """tipg over a view of the layer."""
    columns = ", ".join(
        [f"({LAYER.uid})::text AS uid", *(f"{one.sql} AS {one.name}" for one in LAYER.fields)]
    )
    with bench.owner_connection() as owner:
        owner.execute(VIEW.format(columns=columns))
    with bench.server(
        "tipg.main:app",
        interface="asgi",
        DATABASE_URL=url_of("default", "postgresql"),
        TIPG_DB_TABLES='["public.bench_parcels"]',
        TIPG_DB_SPATIAL_EXTENT="false",
        TIPG_TILE_BUFFER="64",
        TIPG_MAX_FEATURES_PER_TILE="1000000",
        TIPG_TABLE_CONFIG=json.dumps({"public_bench_parcels": {"pk": "id"}}),
    ) as address:
        yield address

"""Debian's GDAL reads every public collection completely from the real application server, and our own
checker finds every requirement kept there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from layers.cells import prepare_cells
from layers.ogc.features import CHUNK
from layers.registry import PUBLIC_LAYERS, Layer
from parcels.models import Parcel, ParcelVersion
from portal.base.clock import now
from tests.conftest import owner_connection
from tests.factories.land import square
from tests.layers.ticket_map.conftest import tell_story

pytestmark = pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="gdal-bin is not installed")
MANY = CHUNK + 200


def ogr(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "ERROR" not in done.stderr
    return done.stdout


def plant_many(database: str) -> None:
    """More parcels than one piece of a streamed answer holds."""
    parcels = Parcel.objects.bulk_create([Parcel() for _ in range(MANY)])
    moment = now()
    ParcelVersion.objects.bulk_create(
        [
            ParcelVersion(
                parcel=parcel, number=1, because="drawing", stands_from=moment,
                geom=square(2000 + 30 * (index % 50), 30 * (index // 50), 30),
            )
            for index, parcel in enumerate(parcels)
        ]
    )  # fmt: skip
    # What the server's own vacuum does within a minute.
    with owner_connection(database) as owner:
        owner.execute("ANALYZE")


def rows_of(layer: Layer) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {layer.tables} WHERE {layer.rows}")
        found: int = cursor.fetchone()[0]
    return found


def test_gdal_reads_every_public_collection_and_a_long_answer_is_whole(
    asgi_server: str, committed_db: str, settings: Any, tmp_path: Path
) -> None:
    settings.SECRETS, settings.MEDIA_ROOT = tmp_path / "secrets", tmp_path / "files"
    tell_story(east_m=9000)
    plant_many(committed_db)
    prepare_cells()
    source = f"OAPIF:{asgi_server}/ogc/"
    listing = ogr("ogrinfo", "-ro", "-al", source)
    expected = {name: rows_of(layer) for name, layer in PUBLIC_LAYERS.items()}
    assert min(expected.values()) > 0, "every collection has something"
    assert expected["parcels"] > MANY
    for name, count in expected.items():
        part = listing.split(f"Layer name: {name}\n")[1].split("Layer name: ")[0]
        assert part.count("\nOGRFeature(") == count
        assert f"Feature Count: {count}" in part
    target = tmp_path / "parcels.gpkg"
    ogr(
        "ogr2ogr",
        "-oo",
        "PAGE_SIZE=1000",
        "-f",
        "GPKG",
        str(target),
        source,
        "parcels",
        "-nlt",
        "MULTIPOLYGON",
    )
    assert f"Feature Count: {expected['parcels']}" in ogr("ogrinfo", "-so", str(target), "parcels")

    # Streamed without threads, in pieces: no gap, no double, and a page further.
    items = f"{asgi_server}/ogc/collections/parcels/items"
    seen: list[str] = []
    address: str | None = f"{items}?limit={CHUNK + 100}"
    while address:
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.headers["Transfer-Encoding"] == "chunked"
            document = json.load(answer)
        assert document["numberReturned"] == len(document["features"])
        seen += [one["id"] for one in document["features"]]
        following = [one["href"] for one in document["links"] if one["rel"] == "next"]
        address = following[0] if following else None
    assert len(seen) == len(set(seen)) == expected["parcels"]

    checked = subprocess.run(
        [sys.executable, str(Path(settings.ROOT) / "docs" / "check_ogc.py"), f"{asgi_server}/ogc/"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (checked.returncode, json.loads(checked.stdout)["broken"]) == (0, []), checked.stderr
    assert len(json.loads(checked.stdout)["kept"]) >= 50

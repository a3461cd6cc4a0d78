"""The process that opens strangers' files: what it may cost, what it knows, and how it dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parcels.intake.gate import MIB
from parcels.intake.reader import Choices, Limits, read_batches
from tests.factories.files import (
    feature,
    geojson,
    geopackage,
    geopackage_without_end,
    polygon,
    square,
    text_file,
    wkb_polygon,
)
from tests.parcels.intake.reading import read, reader_processes, refusal


@pytest.fixture
def endless(here: Path) -> Path:
    return geopackage_without_end(here / "endless.gpkg")


def test_a_reader_that_computes_too_long_is_stopped(endless: Path) -> None:
    started = time.monotonic()
    error = refusal(endless, limits=Limits(cpu_seconds=1))
    assert error.code == "reader_timeout"
    assert "1 秒" in str(error)
    assert time.monotonic() - started < 30


def test_a_reader_that_falls_silent_is_stopped(endless: Path) -> None:
    error = refusal(endless, limits=Limits(silence_seconds=1))
    assert error.code == "reader_timeout"
    assert "1 秒" in str(error)


def test_a_file_that_needs_more_memory_than_allowed_is_refused_by_that_reason(here: Path) -> None:
    # Six million lists of two numbers want about a gigabyte.
    text = '{"type":"FeatureCollection","features":[' + "[[1.5,2.5]]," * 3_000_000 + "1]}"
    error = refusal(text_file(here / "large.geojson", text), limits=Limits(memory_bytes=600 * MIB))
    assert error.code == "reader_memory"
    assert "内存" in str(error)


@pytest.mark.parametrize("memory_mib", [16, 200])
def test_a_reader_without_room_to_start_leaves_a_clear_error(here: Path, memory_mib: int) -> None:
    path = geojson(here / "land.geojson", [feature(polygon(square()))])
    error = refusal(path, limits=Limits(memory_bytes=memory_mib * MIB))
    assert error.code in ("reader_memory", "reader_crashed")


@contextmanager
def once_started(act: signal.Signals) -> Iterator[None]:
    """Send a signal to the reader as soon as one runs."""

    def wait_and_send() -> None:
        while not (found := reader_processes()):
            time.sleep(0.01)
        os.kill(found[0], act)

    thread = threading.Thread(target=wait_and_send)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(
    ("act", "code"), [(signal.SIGTERM, "reader_crashed"), (signal.SIGKILL, "reader_timeout")]
)
def test_a_reader_that_is_killed_takes_nothing_with_it(
    endless: Path, act: signal.Signals, code: str
) -> None:
    with once_started(act):
        assert refusal(endless).code == code


def test_a_reader_that_nobody_listens_to_any_more_ends(here: Path) -> None:
    path = geopackage(here / "many.gpkg", [wkb_polygon(square(at % 900)) for at in range(2500)])
    batches = read_batches(path, choices=Choices(), limits=Limits())
    assert len(next(batches).rows) == 1000
    assert len(reader_processes()) == 1
    batches.close()
    assert reader_processes() == []


def test_batches_come_in_the_order_of_the_file_with_rows_from_one(here: Path) -> None:
    numbers = [str(at) for at in range(2500)]
    shapes = [wkb_polygon(square(at % 900)) for at in range(2500)]
    found = read(geopackage(here / "many.gpkg", shapes, columns={"BDCDYH": numbers}))
    assert found.rows == list(range(1, 2501))
    assert found.columns["BDCDYH"] == numbers


def test_the_reader_knows_no_secret_of_the_portal(
    endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL", "PORTAL_SECRETS", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "known-to-the-portal-only")
    known: list[bytes] = []

    def look_into() -> None:
        while not (found := reader_processes()):
            time.sleep(0.01)
        time.sleep(0.2)  # Between fork and exec the environment is still the parent's.
        known.append(Path(f"/proc/{found[0]}/environ").read_bytes())

    thread = threading.Thread(target=look_into)
    thread.start()
    refusal(endless, limits=Limits(cpu_seconds=1))
    thread.join()
    assert b"GDAL_SKIP=" in known[0]
    assert b"known-to-the-portal-only" not in known[0]
    assert b"DATABASE" not in known[0]


def test_a_geopackage_cannot_call_code_or_read_other_files(here: Path) -> None:
    secret = text_file(here / "secret.csv", "name\n秘密")
    path = geopackage(here / "land.gpkg", [wkb_polygon(square())])
    base = sqlite3.connect(path)
    base.executescript(
        f"""
        CREATE VIEW spy AS SELECT 1 AS fid, (SELECT geom FROM land) AS geom,
          load_extension('{here}/evil.so') AS name;
        PRAGMA writable_schema = ON;
        INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table', 'other',
          'other', 0, 'CREATE VIRTUAL TABLE other USING VirtualOGR(''{secret}'')');
        INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES
          ('spy', 'features', 'spy', 100000), ('other', 'features', 'other', 100000);
        INSERT INTO gpkg_geometry_columns VALUES ('spy', 'geom', 'POLYGON', 100000, 0, 0),
          ('other', 'geom', 'POLYGON', 100000, 0, 0);
        """
    )
    base.close()
    for layer in ("spy", "other"):
        error = refusal(path, layer=layer)
        assert error.code in ("file_damaged", "layer_missing")
        assert "秘密" not in str(error)

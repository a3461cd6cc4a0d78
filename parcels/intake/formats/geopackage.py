"""GeoPackage: SQLite with a declared coordinate system in every layer.

GDAL tells of layers, systems and attributes. Shapes are taken from their blobs by ourselves: GDAL
would hand curves on as flattened polygons, and stop at the first blob that it cannot read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyogrio

from parcels.intake.crs import Bounds
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.source import (
    GDAL_ERRORS,
    Layer,
    Opened,
    as_list,
    ask_gdal,
    read_with_gdal,
)
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused


def is_one(head: bytes) -> bool:
    return head.startswith(b"SQLite format 3\x00")


class GeoPackage:
    """The layers of one GeoPackage, read by GDAL under a name of ours that fixes the driver."""

    format = "GeoPackage"

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        try:
            listed = pyogrio.list_layers(path)
        except GDAL_ERRORS as error:
            raise Refused("file_damaged", detail=str(error)[:160]) from error
        self._layers = [
            Layer(str(name), int(ask_gdal(path, str(name))["features"]), str(geometry))
            for name, geometry in listed
            if geometry is not None
        ]

    def layers(self) -> list[Layer]:
        return self._layers

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        info = ask_gdal(self.path, name)
        layer = next(layer for layer in self._layers if layer.name == name)
        types = [str(kind) for kind in info["dtypes"]]
        return Opened(
            layer,
            list(zip([str(field) for field in info["fields"]], types, strict=True)),
            declared_crs=declared(info.get("crs")),
            bounds=finite_bounds(info.get("total_bounds")),
            encoding=None,
        )

    def batches(self, opened: Opened) -> Iterator[Raw]:
        layer = opened.layer
        with closing(open_database(self.path)) as database:
            shapes = blobs(database, layer.name)
            for rows, columns, _none in read_with_gdal(
                self.path, layer.name, layer.features, read_geometry=False
            ):
                lists = {name: as_list(values) for name, values in columns.items()}
                yield with_shapes(rows, lists, [next(shapes, None) for _row in rows])


# The envelope of a blob's header, by its code: none, xy, xyz, xym, xyzm.
ENVELOPE_BYTES = (0, 32, 48, 48, 64)
HEADER_BYTES = 8
EXTENDED = 0x20


def open_database(path: Path) -> sqlite3.Connection:
    """The file itself, for reading alone; what its schema would run is not trusted."""
    database = sqlite3.connect(f"file:{path.resolve().as_posix()}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def blobs(database: sqlite3.Connection, layer: str) -> Iterator[Any]:
    """The geometry column of a layer in the file's order, as GDAL reads its attributes."""
    try:
        found = database.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE lower(table_name) = lower(?)",
            [layer],
        ).fetchone()
        if found is None:
            raise Refused("no_layers")
        for (blob,) in database.execute(f"SELECT {quoted(found[0])} FROM {quoted(layer)}"):
            yield blob
    except sqlite3.Error as error:
        raise Refused("file_damaged", detail=str(error)[:160]) from error


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def with_shapes(rows: list[int], columns: dict[str, list[Any]], found: list[Any]) -> Raw:
    """Rows with the WKB of their blobs; those whose blob is none are refused one by one."""
    wkb = [None if blob is None else wkb_of(blob) for blob in found]
    good = [at for at, one in enumerate(wkb) if one != b""]
    return Raw(
        [rows[at] for at in good],
        {name: [values[at] for at in good] for name, values in columns.items()},
        [wkb[at] for at in good],
        [Reject(rows[at], "", "geometry_unreadable") for at, one in enumerate(wkb) if one == b""],
    )


def wkb_of(blob: Any) -> bytes:
    """The WKB in a GeoPackage blob (OGC 12-128r18, 2.1.3); empty when it is no such blob."""
    if not isinstance(blob, bytes) or len(blob) < HEADER_BYTES + 5 or blob[:2] != b"GP":
        return b""
    envelope = blob[3] >> 1 & 0x07
    if blob[3] & EXTENDED or envelope >= len(ENVELOPE_BYTES):
        return b""
    body = blob[HEADER_BYTES + ENVELOPE_BYTES[envelope] :]
    return body if len(body) >= 5 else b""


def declared(crs: str | None) -> str:
    """The layer's system; GeoPackage's "undefined" systems declare nothing."""
    text = crs or ""
    return "" if "ndefined" in text else text


def finite_bounds(bounds: Any) -> Bounds | None:
    """GDAL's bounds of a layer, or None for one without extent."""
    if bounds is None or not all(abs(float(value)) < 1e15 for value in bounds):
        return None
    west, south, east, north = (float(value) for value in bounds)
    return (west, south, east, north) if west <= east and south <= north else None


def open_source(path: Path, scratch: Path, limits: Limits) -> GeoPackage:
    link = scratch / "source.gpkg"
    link.symlink_to(path.resolve())
    return GeoPackage(link, limits)

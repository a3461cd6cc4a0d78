"""GeoPackage: SQLite with a declared coordinate system in every layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyogrio

from parcels.intake.crs import Bounds
from parcels.intake.features import Raw
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
        for rows, columns, wkb in read_with_gdal(
            self.path, opened.layer.name, opened.layer.features
        ):
            yield Raw(rows, {name: as_list(values) for name, values in columns.items()}, wkb)


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

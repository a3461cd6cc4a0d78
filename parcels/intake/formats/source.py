"""What a format module hands to the reader, and reading by GDAL for those that it knows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyogrio
import pyogrio.raw
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError

from parcels.intake.crs import Bounds
from parcels.intake.encodings import EncodingGuess
from parcels.intake.features import Raw
from parcels.intake.refusal import Refused

BATCH_FEATURES = 1000
# GDAL reaches a row of a GeoPackage by reading all rows before it: so many batches are read at once
# where there are no shapes to hold in memory.
BATCHES_AT_ONCE = 20
GDAL_ERRORS = (DataSourceError, DataLayerError, FeatureError, FieldError)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as people see it: name, number of features, kind of geometry."""

    name: str
    features: int
    geometry: str


@dataclass(slots=True)
class Opened:
    """One layer, ready to be read."""

    layer: Layer
    fields: list[tuple[str, str]]  # (name, type)
    declared_crs: str  # As the file writes it; empty when it does not.
    bounds: Bounds | None  # In the file's own numbers, first column first.
    encoding: EncodingGuess | None
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class Source(Protocol):
    """One file, whatever its format."""

    format: str

    def layers(self) -> list[Layer]:
        """All layers with features that could be land."""

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        """Choose a layer and an encoding (None: propose)."""

    def batches(self, opened: Opened) -> Iterator[Raw]:
        """The features in the file's order, rows from 1."""


def pick_layer(layers: list[Layer], wanted: str | None) -> Layer:
    """The layer named, else the one with most polygons, else the first."""
    if not layers:
        raise Refused("no_layers")
    if wanted is not None:
        for layer in layers:
            if layer.name == wanted:
                return layer
        names = "、".join(layer.name for layer in layers[:10])
        raise Refused("layer_missing", layer=wanted[:80], layers=names)
    return max(layers, key=lambda layer: ("Polygon" in layer.geometry, layer.features))


def as_list(values: NDArray[Any]) -> list[Any]:
    """A column as plain values: text, whole numbers, floats, ISO days; None where there is none."""
    if np.issubdtype(values.dtype, np.datetime64):
        return [None if np.isnat(value) else str(value)[:19] for value in values]
    return [plain(value) for value in values.tolist()]


def plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return None
    return str(value)


def ask_gdal(path: Path, layer: str | int | None, **options: Any) -> dict[str, Any]:
    """Name, count, bounds, fields, CRS of one layer, in words of ours when it fails."""
    try:
        answer: dict[str, Any] = pyogrio.read_info(path, layer=layer, force_total_bounds=True,
                                                   force_feature_count=True, **options)  # fmt: skip
    except GDAL_ERRORS as error:
        raise Refused("file_damaged", detail=str(error)[:160]) from error
    return answer


def read_with_gdal(
    path: Path, layer: str | int | None, count: int, **options: Any
) -> Iterator[tuple[list[int], dict[str, NDArray[Any]], list[bytes | None]]]:
    """Batches of (rows, columns, WKB) of one layer."""
    shapes = options.get("read_geometry", True)
    at_once = BATCH_FEATURES if shapes else BATCH_FEATURES * BATCHES_AT_ONCE
    for start in range(0, max(count, 0), at_once):
        try:
            meta, _ids, geometry, columns = pyogrio.raw.read(
                path, layer=layer, skip_features=start, max_features=at_once, **options
            )
        except GDAL_ERRORS as error:
            raise Refused("file_damaged", detail=str(error)[:160]) from error
        # Without a single column GDAL's answer does not say how many it passed.
        size = len(columns[0]) if columns else min(at_once, count - start)
        if geometry is not None:
            size = len(geometry)
        if not size:
            return
        named = dict(zip(meta["fields"], columns, strict=True))
        for low in range(0, size, BATCH_FEATURES):
            part = slice(low, min(low + BATCH_FEATURES, size))
            rows = list(range(start + 1 + part.start, start + 1 + part.stop))
            wkb = list(geometry[part]) if geometry is not None else [None] * len(rows)
            yield rows, {name: values[part] for name, values in named.items()}, wkb

"""What is written: features with plain values, and their shapes on the plane of the file."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import shapely
from pyproj import Transformer
from shapely import MultiPolygon

from parcels.exports.errors import ShapeNotWritable
from parcels.intake.crs import STORAGE_EPSG
from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.rings import Points, assemble, closed

Value = str | int | float | bool | Decimal | datetime.date | None
Plain = str | int | float | bool | None
# XML 1.0 and spreadsheets have no place for these, tables end at the first.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_FILE_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f]')

# Digits behind the point, the usual first; more only where fewer would make lines cross.
DECIMALS_M = (3, 4, 5, 6)
DECIMALS_DEGREES = (9, 10, 12)


class Feature(NamedTuple):
    """One row: its values by column, and its shape in EPSG:4490, longitude first."""

    properties: Mapping[str, Value]
    shape: MultiPolygon


@dataclass(frozen=True, slots=True)
class Maker:
    """Who hands the data over; only formats that ask for it say so."""

    unit: str = ""
    made_on: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One file to write, with every choice made."""

    features: Sequence[Feature]
    crs_epsg: int
    encoding: str
    layer: str
    maker: Maker


@dataclass(frozen=True, slots=True)
class Written:
    """What the format could not take as it was; empty when it took everything."""

    renamed: Mapping[str, str] = field(default_factory=dict)  # Column → its name in the file.
    shortened: tuple[str, ...] = ()  # Columns in which some text was cut.
    left_out: tuple[str, ...] = ()  # Columns for which the format has no place.


def clean(text: str) -> str:
    """Text without characters that a format would refuse or end at."""
    return _FORBIDDEN.sub("", text)


def plain(value: Value) -> Plain:
    """A value as all formats know it: days in ISO form, no NaN."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def columns_of(features: Sequence[Feature]) -> list[str]:
    """Every column, in the order in which they first appear."""
    return list(dict.fromkeys(name for feature in features for name in feature.properties))


def file_name(text: str) -> str:
    """A name that every system takes for a file."""
    return _FILE_NAME.sub("_", clean(text)).strip(" .")[:60]


@cache
def transformer(epsg: int) -> Transformer:
    """From EPSG:4490, longitude first, to the plane, easting first."""
    return Transformer.from_crs(f"EPSG:{STORAGE_EPSG}", f"EPSG:{epsg}", always_xy=True)


def _moved(shape: Any, epsg: int, direction: str) -> Any:
    change: Callable[..., Any] = transformer(epsg).transform
    return shapely.transform(
        shape,
        lambda points: np.column_stack(change(points[:, 0], points[:, 1], direction=direction)),
    )


def projected(shape: MultiPolygon, epsg: int) -> MultiPolygon:
    """The shape on the plane.

    A corner that lies on another ring's edge leaves it by a hair when edges become straight on
    another plane; such edges get a corner there.
    """
    if epsg == STORAGE_EPSG:
        return shape
    found = _moved(shape, epsg, "FORWARD")
    if not _moved(found, epsg, "INVERSE").is_valid:
        found = _moved(noded(shape), epsg, "FORWARD")
    return found  # type: ignore[no-any-return]


def noded(shape: MultiPolygon) -> MultiPolygon:
    """The same land with a corner wherever two of its rings touch."""
    faces = shapely.get_parts(
        shapely.polygonize(shapely.get_parts(shapely.unary_union(shape.boundary)).tolist())
    )
    inside = shapely.covers(shape, shapely.point_on_surface(faces))
    return MultiPolygon(faces[inside].tolist())


def boundary_rings(feature: Feature, row: int, epsg: int) -> tuple[list[Points], int]:
    """Rings with rounded numbers (closing point left out) and how many decimals they need.

    Each part's outer ring, clockwise from its north-western corner, then its holes.
    ShapeNotWritable when even the most decimals would not be read back as the same shape.
    """
    plane = projected(feature.shape, epsg)
    choices = DECIMALS_DEGREES if epsg == STORAGE_EPSG else DECIMALS_M
    for noding in (False, True):
        shape = projected(noded(feature.shape), epsg) if noding else plane
        for decimals in choices:
            rings = _rounded(shape, decimals)
            if _reads_alike(rings, feature.shape, epsg):
                return rings, decimals
    raise ShapeNotWritable(row=row)


def _rounded(shape: MultiPolygon, decimals: int) -> list[Points]:
    found: list[Points] = []
    for part in shapely.orient_polygons(shape, exterior_cw=True).geoms:
        for ring in (part.exterior, *part.interiors):
            points = np.round(shapely.get_coordinates(ring), decimals)[:-1]
            points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
            if len(points):
                start = int(np.argmax(points[:, 1] - points[:, 0]))
                points = np.roll(points, -start, axis=0)
            found.append(points)
    return found


def _reads_alike(rings: list[Points], shape: MultiPolygon, epsg: int) -> bool:
    """Whether a reader that knows only the rings finds the parts and holes again."""
    try:
        found = assemble([closed(ring) for ring in rings])
    except Fault:
        return False
    if epsg != STORAGE_EPSG:
        found = _moved(found, epsg, "INVERSE")
    if not found.is_valid:
        return False
    return bool(shapely.get_num_geometries(found) == shapely.get_num_geometries(shape))

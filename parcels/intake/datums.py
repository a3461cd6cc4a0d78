"""Older datums: seven parameters lead from their ellipsoids to CGCS2000, or nothing does.

Translations in metres, rotations in arc-seconds, scale in ppm, in this order, in the coordinate
frame (布尔莎) model: common practice of survey offices. PROJ without them is silently 100 m off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyproj import Transformer
from pyproj.exceptions import ProjError

from parcels.intake.refusal import Refused

KRASSOVSKY_M = 6378245.0
IAG75_M = 6378140.0
# Seven parameters move a point by 100 m or so; more means that they are for something else.
MOST_SHIFT_M = 1000.0
DEGREES = "+proj=unitconvert +xy_in=deg +xy_out=rad"


@dataclass(frozen=True, slots=True)
class Datum:
    """An older ellipsoid, from which seven parameters lead to CGCS2000."""

    name: str
    semi_major_m: float
    inverse_flattening: float

    @property
    def ellipsoid(self) -> str:
        return f"+a={self.semi_major_m} +rf={self.inverse_flattening}"


XIAN80 = Datum("西安 1980", IAG75_M, 298.257)
BEIJING54 = Datum("北京 1954", KRASSOVSKY_M, 298.3)


def gauss_kruger(meridian: float, easting_m: float) -> str:
    """A plane of the older datum; ``DEGREES`` stands for longitude and latitude."""
    return f"+inv +proj=tmerc +lat_0=0 +lon_0={meridian} +k=1 +x_0={easting_m} +y_0=0"


def helmert(datum: Datum, projection: str, given: Sequence[float]) -> str:
    """A PROJ pipeline from the numbers of a file to longitude, latitude of CGCS2000 in degrees."""
    ellipsoid = datum.ellipsoid if "tmerc" in projection else ""
    x, y, z, rx, ry, rz, scale = given
    return (
        "+proj=pipeline "
        f"+step {projection} {ellipsoid} +step +proj=cart {datum.ellipsoid} "
        f"+step +proj=helmert +x={x} +y={y} +z={z} +rx={rx} +ry={ry} +rz={rz} +s={scale} "
        "+convention=coordinate_frame "
        "+step +inv +proj=cart +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )


def check_shift(datum: Datum, projection: str, given: Sequence[float], point: Any) -> None:
    """Refuse parameters that move the land by more than any pair of datums differs."""
    written = ",".join(f"{value:g}" for value in given)
    moved = Transformer.from_pipeline(helmert(datum, projection, given))
    still = Transformer.from_pipeline(helmert(datum, projection, (0.0,) * 7))
    try:
        lon, lat = moved.transform(point[0], point[1], errcheck=True)
        lon_before, lat_before = still.transform(point[0], point[1], errcheck=True)
    except ProjError as error:
        raise Refused("survey_parameters_wrong", written=written) from error
    shift_m = 111_320 * math.hypot(
        (lon - lon_before) * math.cos(math.radians(lat)), lat - lat_before
    )
    if not shift_m <= MOST_SHIFT_M:
        raise Refused("survey_parameters_wrong", written=written)

"""Which coordinate system a file is in: known by its parameters, or guessed from its numbers.

Everything ends in EPSG:4490, longitude first. Names and codes are not believed: EPSG:4503, 4536 and
unnamed definitions of desktop programs describe the same plane (domain.md, "Coordinates").
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from parcels.intake.datums import (
    BEIJING54,
    DEGREES,
    XIAN80,
    Datum,
    check_shift,
    gauss_kruger,
    helmert,
)
from parcels.intake.refusal import Refused

STORAGE_EPSG = 4490
Bounds = tuple[float, float, float, float]

# (semi-major axis m, inverse flattening) of the ellipsoids that concern us.
GRS80 = (6378137.0, 298.257222101)
WGS84 = (6378137.0, 298.257223563)

CHINA: Bounds = (73.0, 3.0, 136.0, 54.0)
ILI: Bounds = (79.0, 42.0, 85.5, 45.8)

CHOICES: tuple[tuple[int, str], ...] = (
    (4490, "CGCS2000 经纬度 (4490)"),
    (4536, "CGCS2000 3° 带 81E (4536)"),
    (4515, "CGCS2000 3° 带 27 带号 (4515)"),
    (4503, "CGCS2000 6° 带 81E (4503)"),
    (4492, "CGCS2000 6° 带 14 带号 (4492)"),
    (4535, "CGCS2000 3° 带 78E (4535)"),
    (4537, "CGCS2000 3° 带 84E (4537)"),
    (4326, "WGS 84 经纬度 (4326)"),
    (32644, "WGS 84 / UTM 44N (32644)"),
    (3857, "Web 墨卡托 (3857)"),
    (2372, "西安 1980 3° 带 81E (2372)，须七参数"),
    (2351, "西安 1980 3° 带 27 带号 (2351)，须七参数"),
    (2424, "北京 1954 3° 带 81E (2424)，须七参数"),
    (2403, "北京 1954 3° 带 27 带号 (2403)，须七参数"),
)


def systems_as_json() -> list[dict[str, int | str]]:
    """What a person may choose from: EPSG code and label."""
    return [{"value": epsg, "label": label} for epsg, label in CHOICES]


@dataclass(frozen=True, slots=True)
class CrsGuess:
    """The coordinate system that a file is read in, and how sure that is."""

    epsg: int  # 0: a plane without a code, as the file defines it.
    name: str
    how: str  # declared | guessed | chosen
    definition: str  # What PROJ reads.
    swapped: bool = False  # Northing (or latitude) stands first.
    notices: tuple[str, ...] = ()
    older: tuple[Datum, str] | None = None  # An older datum and its projection.

    @property
    def certain(self) -> bool:
        return self.how != "guessed"

    @property
    def needs_question(self) -> bool:
        return self.how == "guessed"


def gauss_kruger_epsg(meridian: float, false_easting: float) -> int:
    """The registry's code of a CGCS2000 Gauss-Krüger plane, 0 when it has none."""
    if meridian % 3:
        return 0
    zone3, zone6 = round(meridian / 3), round((meridian + 3) / 6)
    if false_easting == 500_000 and 75 <= meridian <= 135:
        return 4534 + zone3 - 25
    if false_easting == zone3 * 1e6 + 500_000 and 25 <= zone3 <= 45:
        return 4513 + zone3 - 25
    if meridian % 6 == 3 and false_easting == zone6 * 1e6 + 500_000 and 13 <= zone6 <= 23:
        return 4491 + zone6 - 13
    return 0


def recognise(crs: CRS, *, how: str, seven: Sequence[float] = ()) -> CrsGuess:
    """The system by its parameters. Refused: other datums, and planes we cannot invert safely.

    ``seven`` parameters given by hand lead from an older datum (see ``datums``).
    """
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    ellipsoid = crs.ellipsoid
    if ellipsoid is None:
        raise Refused("crs_unknown", name=crs.name[:80])
    axis, flattening = ellipsoid.semi_major_metre, ellipsoid.inverse_flattening
    for datum in (BEIJING54, XIAN80):
        if abs(axis - datum.semi_major_m) < 0.5:
            return from_older(datum, crs, how=how, seven=seven)
    if abs(axis - GRS80[0]) > 0.001 or abs(flattening - GRS80[1]) > 1e-4:
        raise Refused("crs_unknown", name=crs.name[:80])
    is_wgs84 = abs(flattening - WGS84[1]) < 1e-7
    notices = ("wgs84_as_cgcs2000",) if is_wgs84 else ()
    if crs.prime_meridian is not None and abs(crs.prime_meridian.longitude) > 1e-9:
        raise Refused("crs_unknown", name=crs.name[:80])
    unit = math.radians(1) if crs.is_geographic else 1.0
    if any(abs(axis.unit_conversion_factor / unit - 1) > 1e-9 for axis in crs.axis_info[:2]):
        raise Refused("crs_unknown", name=crs.name[:80])
    if crs.is_geographic:
        epsg, name = (4326, "WGS 84") if is_wgs84 else (4490, "CGCS2000")
        return CrsGuess(epsg, name, how, f"EPSG:{STORAGE_EPSG}", notices=notices)
    if not crs.is_projected or crs.coordinate_operation is None:
        raise Refused("crs_unknown", name=crs.name[:80])
    operation = crs.coordinate_operation
    value: dict[str, Any] = {item.name: item.value for item in operation.params}
    if operation.method_name == "Transverse Mercator":
        meridian = value["Longitude of natural origin"]
        easting = value["False easting"]
        scale = value["Scale factor at natural origin"]
        definition = (
            f"+proj=tmerc +lat_0={value['Latitude of natural origin']} +lon_0={meridian} "
            f"+k={scale} +x_0={easting} +y_0={value['False northing']} +ellps=GRS80 +units=m "
            "+no_defs +type=crs"
        )
        if scale == 1 and value["False northing"] == 0 and value["Latitude of natural origin"] == 0:
            epsg = gauss_kruger_epsg(meridian, easting)
            return CrsGuess(epsg, crs.name, how, definition, notices=notices)
        return CrsGuess(crs.to_epsg() or 0, crs.name, how, definition, notices=notices)
    if operation.method_name == "Popular Visualisation Pseudo Mercator":
        return CrsGuess(crs.to_epsg() or 0, crs.name, how, "EPSG:3857", notices=notices)
    raise Refused("crs_unknown", name=crs.name[:80])


def from_older(datum: Datum, crs: CRS, *, how: str, seven: Sequence[float]) -> CrsGuess:
    """An older datum's system by seven parameters; refused without them, and in odd planes."""
    if not seven:
        raise Refused("crs_needs_seven_parameters", name=datum.name)
    projection = DEGREES
    if not crs.is_geographic:
        operation = crs.coordinate_operation
        if operation is None or operation.method_name != "Transverse Mercator":
            raise Refused("crs_unknown", name=crs.name[:80])
        value: dict[str, Any] = {item.name: item.value for item in operation.params}
        plain = (
            value["Latitude of natural origin"],
            value["Scale factor at natural origin"],
            value["False northing"],
        )
        if plain != (0, 1, 0):
            raise Refused("crs_unknown", name=crs.name[:80])
        projection = gauss_kruger(value["Longitude of natural origin"], value["False easting"])
    return CrsGuess(
        crs.to_epsg() or 0,
        crs.name,
        how,
        helmert(datum, projection, seven),
        notices=("seven_parameters_given",),
        older=(datum, projection),
    )


def check_seven(given: CrsGuess, bounds: Bounds | None, seven: Sequence[float]) -> None:
    """Refuse parameters that move the middle of the land too far for a change of datum."""
    if given.older is None or bounds is None:
        return
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    check_shift(*given.older, seven, middle[::-1] if given.swapped else middle)


def from_epsg(
    epsg: int, *, how: str, swapped: bool = False, seven: Sequence[float] = ()
) -> CrsGuess:
    """A system by its code, under the same tests as one that a file declares."""
    try:
        found = recognise(CRS.from_epsg(epsg), how=how, seven=seven)
    except CRSError as error:
        raise Refused("crs_unknown", name=f"EPSG:{epsg}") from error
    return replace(found, epsg=epsg, swapped=swapped)


def from_text(text: str, seven: Sequence[float] = ()) -> CrsGuess | None:
    """What a ``.prj``, a layer or a ``crs`` member declares; None when nobody can read it."""
    if not text.strip():
        return None
    found = re.search(r"EPSG:{1,2}(\d{4,6})\s*$", text.strip(), re.IGNORECASE)
    if "CRS84" in text:
        return from_epsg(4326, how="declared")
    try:
        crs = CRS.from_epsg(int(found[1])) if found else CRS.from_user_input(text)
    except CRSError:
        return None
    return recognise(crs, how="declared", seven=seven)


def within(bounds: Bounds, box: Bounds) -> bool:
    return (
        bounds[0] >= box[0] and bounds[1] >= box[1] and bounds[2] <= box[2] and bounds[3] <= box[3]
    )


def guess(bounds: Bounds) -> CrsGuess:
    """The likely system of unnamed numbers (domain.md, "Coordinates"); a person must confirm it."""
    west, south, east, north = bounds
    if max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 180:
        swapped = max(abs(west), abs(east)) <= 90 and min(south, north) > 70
        return from_epsg(STORAGE_EPSG, how="guessed", swapped=swapped)
    swapped = west >= 2e6 and east <= 6.2e6 and (south >= 1.2e7 or 1e5 <= south <= north < 1e6)
    easting = south if swapped else west
    zone = int(easting // 1e6)
    if 25 <= zone <= 45:
        return from_epsg(4513 + zone - 25, how="guessed", swapped=swapped)
    if 13 <= zone <= 23:
        return from_epsg(4491 + zone - 13, how="guessed", swapped=swapped)
    if 1e5 <= easting < 1e6:
        return from_epsg(4536, how="guessed", swapped=swapped)
    raise Refused("crs_missing")


def is_in_reach(given: CrsGuess, bounds: Bounds, box: Bounds) -> bool:
    """Whether the numbers, read in that system, lie in ``box``."""
    corners = np.array([[bounds[0], bounds[1]], [bounds[2], bounds[3]]], dtype=np.float64)
    west, south, east, north = np.concatenate([*to_storage(corners, given)])
    return within((west, south, east, north), box)


def in_order(given: CrsGuess, bounds: Bounds | None) -> CrsGuess:
    """Turned, northing first, when only so the numbers lie here.

    Ili is tried first: exchanged numbers of this plane still fall into the south of the country.
    """
    for box in (ILI, CHINA):
        for order in (given, replace(given, swapped=True)):
            if bounds is not None and is_in_reach(order, bounds, box):
                return order
    return given


def choose(
    *,
    declared: CrsGuess | None,
    chosen_epsg: int | None,
    bounds: Bounds | None,
    seven: Sequence[float] = (),
) -> CrsGuess:
    """The system to read in: a person's choice, else the declared one, else a guess."""
    if chosen_epsg is not None:
        return in_order(from_epsg(chosen_epsg, how="chosen", seven=seven), bounds)
    if declared is not None:
        # One wild vertex makes no plane of degrees: there every number would be large.
        if bounds is None or declared.epsg not in (4326, 4490) or min(bounds[:2]) <= 180:
            return in_order(declared, bounds)
        found = guess(bounds)
        return CrsGuess(
            found.epsg, found.name, "guessed", found.definition, found.swapped,
            ("crs_contradicts_numbers",),
        )  # fmt: skip
    if bounds is None:
        return from_epsg(STORAGE_EPSG, how="guessed")
    return guess(bounds)


@cache
def transformer(definition: str) -> Transformer | None:
    """From the system to 4490, longitude first; None when nothing is to be done."""
    if definition == f"EPSG:{STORAGE_EPSG}":
        return None
    if definition.startswith("+proj=pipeline"):
        return Transformer.from_pipeline(definition)
    # Web Mercator is inverted on its sphere to WGS 84, which is taken as CGCS2000 (centimetres).
    target = 4326 if definition == "EPSG:3857" else STORAGE_EPSG
    return Transformer.from_crs(definition, f"EPSG:{target}", always_xy=True)


def to_storage(points: NDArray[np.float64], given: CrsGuess) -> NDArray[np.float64]:
    """Points (n, 2) of the file → longitude, latitude in degrees; what cannot be is ``inf``."""
    first, second = (points[:, 1], points[:, 0]) if given.swapped else (points[:, 0], points[:, 1])
    change = transformer(given.definition)
    if change is None:
        return np.column_stack([first, second])
    lon, lat = change.transform(first, second, errcheck=False)
    return np.column_stack([lon, lat])

"""The coordinate systems that features are offered in (OGC API Features Part 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STORAGE_SRID = 4490


@dataclass(frozen=True, slots=True)
class Crs:
    """``swapped``: the registry puts latitude or northing first, while PostGIS keeps it second.

    ``first`` and ``second`` are the widest values of the two axes, in the order of the registry.
    """

    uri: str
    srid: int
    swapped: bool
    digits: int
    first: tuple[float, float]
    second: tuple[float, float]

    def shown(self, shape: str) -> str:
        """SQL of ``shape`` (stored in 4490) in this system and its axis order."""
        moved = shape if self.srid == STORAGE_SRID else f"ST_Transform({shape}, {self.srid})"
        return f"ST_FlipCoordinates({moved})" if self.swapped else moved


LONGITUDE, LATITUDE = (-180.0, 180.0), (-90.0, 90.0)
# CRS84 is longitude and latitude on WGS 84. CGCS2000 differs from it by less than what these
# generalised shapes hide, so that the same numbers serve, longitude first.
CRS84 = Crs(
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84", STORAGE_SRID, False, 7, LONGITUDE, LATITUDE
)
CGCS2000 = Crs(
    "http://www.opengis.net/def/crs/EPSG/0/4490", STORAGE_SRID, True, 7, LATITUDE, LONGITUDE
)
# 3-degree Gauss-Krüger, central meridian 81° E: northing, easting in metres.
GAUSS_KRUGER_81 = Crs(
    "http://www.opengis.net/def/crs/EPSG/0/4536", 4536, True, 3, (-1.0e7, 1.0e7), (-2.0e6, 3.0e6)
)
CRSES: Mapping[str, Crs] = {crs.uri: crs for crs in (CRS84, CGCS2000, GAUSS_KRUGER_81)}
STORAGE_CRS = CGCS2000

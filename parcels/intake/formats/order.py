"""Which of two numbers is the northing, told by their size: columns are often exchanged.

The survey's X is the northing, Y the easting (domain.md, "Coordinates"). In this country the two
never have the same size, so that each point can be judged alone.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from parcels.intake.crs import Bounds

Points = NDArray[np.float64]  # (n, 2)


class Kind(IntEnum):
    """What a number can be, by its size alone."""

    OTHER = 0
    NORTHING = 1
    EASTING = 2
    ZONED_EASTING = 3  # With the number of the zone before it: 27 517 531.840.
    LATITUDE = 4
    LONGITUDE = 5


RANGES = (
    (Kind.NORTHING, 2e6, 6.2e6),
    (Kind.EASTING, 1e5, 1e6),
    (Kind.ZONED_EASTING, 1.3e7, 4.6e7),
    (Kind.LATITUDE, 0.0, 60.0),
    (Kind.LONGITUDE, 70.0, 140.0),
)
NORTHERN = (Kind.NORTHING, Kind.LATITUDE)
EASTERN = (Kind.EASTING, Kind.ZONED_EASTING, Kind.LONGITUDE)
_IS_NORTHERN = np.isin(np.arange(len(Kind)), NORTHERN)
_IS_EASTERN = np.isin(np.arange(len(Kind)), EASTERN)


def kinds(values: NDArray[np.float64]) -> NDArray[np.int8]:
    """The kind of each number."""
    found = np.zeros(len(values), dtype=np.int8)
    for kind, low, high in RANGES:
        found[(values >= low) & (values < high)] = kind
    return found


def east_first(points: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Points given as (northing, easting) → (easting, northing), and which came the other way."""
    first, second = kinds(points[:, 0]), kinds(points[:, 1])
    exchanged = _IS_EASTERN[first] & _IS_NORTHERN[second]
    turned = np.where(exchanged[:, None], points, points[:, ::-1])
    return turned, exchanged


def are_placed(points: Points) -> NDArray[np.bool_]:
    """Which points (easting, northing) have numbers that both can be."""
    return np.asarray(
        _IS_EASTERN[kinds(points[:, 0])] & _IS_NORTHERN[kinds(points[:, 1])], dtype=np.bool_
    )


def usual(points: Points) -> tuple[Kind, Kind]:
    """The kinds that most points have, in the order of the columns."""
    pairs = zip(kinds(points[:, 0]).tolist(), kinds(points[:, 1]).tolist(), strict=True)
    [((first, second), _count)] = Counter(pairs).most_common(1)
    return Kind(first), Kind(second)


def are_of(points: Points, wanted: tuple[Kind, Kind]) -> NDArray[np.bool_]:
    """Which points have these kinds; a lost digit stands out."""
    found = np.column_stack([kinds(points[:, 0]), kinds(points[:, 1])])
    return np.asarray((found == np.array(wanted)).all(axis=1), dtype=np.bool_)


def usual_bounds(points: Points) -> Bounds | None:
    """Bounds of the points that are like most: one mistyped number must not decide the system."""
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    alike = points[are_of(points, usual(points))]
    (west, south), (east, north) = alike.min(axis=0), alike.max(axis=0)
    return float(west), float(south), float(east), float(north)

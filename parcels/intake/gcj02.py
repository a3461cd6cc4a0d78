"""GCJ-02, the shift of phone maps: how far it moves a place (domain.md, "Coordinates").

The published formula; here about 242 m to the east and 137 m to the north of the true place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_A = 6378245.0
_EE = 0.00669342162296594323
ROUNDS = 3  # Each brings the inverse a thousand times nearer; after two it is below a millimetre.
Floats = NDArray[np.float64]


def _offsets(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees that the shift adds to a true place."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    radians = np.radians(lat)
    magic = 1 - _EE * np.sin(radians) ** 2
    per_lat = (_A * (1 - _EE)) / (magic * np.sqrt(magic)) * np.pi / 180
    per_lon = _A / np.sqrt(magic) * np.cos(radians) * np.pi / 180
    return east / per_lon, north / per_lat


def shifted(points: Floats) -> Floats:
    """True places (n, 2) as a phone map writes them."""
    east, north = _offsets(points[:, 0], points[:, 1])
    return np.column_stack([points[:, 0] + east, points[:, 1] + north])


def unshifted(points: Floats) -> Floats:
    """The true places of points (n, 2) that a phone map wrote."""
    true = points.copy()
    for _round in range(ROUNDS):
        east, north = _offsets(true[:, 0], true[:, 1])
        true = np.column_stack([points[:, 0] - east, points[:, 1] - north])
    return true

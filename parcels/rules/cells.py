"""The cells of one fixed coarse grid, by which others' land is told to who may not see its border.

Decision 8: whatever is asked, and however often, only "is the middle of this cell inside" can be
learned. The public question 这里有什么 reads the same grid in SQL (``layers.stands_here``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

# Odd, so that no surveyed corner lies on the grid by chance.
ORIGIN_LON, ORIGIN_LAT = 0.0000371828182, 0.0000214159265
METRES_PER_LON, METRES_PER_LAT = 111_320.0, 111_132.0
LATITUDE = 44  # At which a degree of longitude is taken, all over.
# A larger shape is told by cells twice, four times … as wide: few grids, so that none is chosen at will.
MOST = 10_000
# (n, 2): column and row, counted from the origin.
Cells = NDArray[np.float64]


def size_deg(step_m: float) -> tuple[float, float]:
    """Width and height of a cell in degrees."""
    return step_m / (METRES_PER_LON * math.cos(math.radians(LATITUDE))), step_m / METRES_PER_LAT


def step_for(shape: shapely.Geometry, step_m: float) -> float:
    """The step, doubled until the shape's box has no more than ``MOST`` cells."""
    west, south, east, north = shapely.bounds(shape)
    wide, tall = size_deg(step_m)
    if ((east - west) / wide + 1) * ((north - south) / tall + 1) <= MOST:
        return step_m
    return step_for(shape, step_m * 2)


def inside(shape: shapely.Geometry, step_m: float) -> Cells:
    """The cells whose middle the shape covers."""
    west, south, east, north = shapely.bounds(shape)
    wide, tall = size_deg(step_m)
    columns = np.arange((west - ORIGIN_LON) // wide, (east - ORIGIN_LON) // wide + 1)
    rows = np.arange((south - ORIGIN_LAT) // tall, (north - ORIGIN_LAT) // tall + 1)
    every = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    found: Cells = every[covers_middle(shape, every, step_m)]
    return found


def covers_middle(shape: shapely.Geometry, cells: Cells, step_m: float) -> NDArray[np.bool_]:
    """For each cell, whether the shape covers its middle."""
    middles = _corner(cells + 0.5, step_m)
    shapely.prepare(shape)
    return shapely.intersects_xy(shape, middles[:, 0], middles[:, 1])


def squares(cells: Cells, step_m: float) -> shapely.Geometry:
    """The cells as one shape."""
    low, high = _corner(cells, step_m), _corner(cells + 1, step_m)
    return united(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))


def _corner(at: Cells, step_m: float) -> Cells:
    corner: Cells = np.array([ORIGIN_LON, ORIGIN_LAT]) + at * np.array(size_deg(step_m))
    return corner


def united(pieces: Sequence[shapely.Geometry] | NDArray[Any]) -> shapely.Geometry:
    """The union of polygons.

    Those that share their borders vertex by vertex, as titles of one survey do, are united by striking
    the edges that two of them have: twenty times as quick as a union that has to look for crossings.
    Where they do not, the result is no valid shape, or not of their area, and the union is made the
    long way.
    """
    try:
        made = shapely.coverage_union_all(pieces)
    except shapely.GEOSException:
        return shapely.union_all(pieces)
    whole = math.isclose(shapely.area(made), float(shapely.area(pieces).sum()), rel_tol=1e-9)
    return made if whole and shapely.is_valid(made) else shapely.union_all(pieces)

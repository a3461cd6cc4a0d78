"""The tiles of the mosaic's land, and of any other box."""

from __future__ import annotations

import math

from parcels.mosaic import EAST, NORTH, SOUTH, WEST


def tiles_over_city(zoom: int) -> list[tuple[int, int]]:
    """Columns and rows of the tiles that the mosaic touches."""
    return tiles_over(zoom, WEST, SOUTH, EAST, NORTH)


def tiles_over(
    zoom: int, west: float, south: float, east: float, north: float
) -> list[tuple[int, int]]:
    """Columns and rows of the tiles that a box touches."""

    def place(lon: float, lat: float) -> tuple[float, float]:
        side = 2**zoom
        up = math.asinh(math.tan(math.radians(lat)))
        return (lon + 180) / 360 * side, (1 - up / math.pi) / 2 * side

    (left, top), (right, low) = place(west, north), place(east, south)
    return [(x, y) for x in range(int(left), int(right) + 1) for y in range(int(top), int(low) + 1)]

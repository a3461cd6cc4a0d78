"""The tiles of the mosaic's land."""

from __future__ import annotations

import math

from parcels.mosaic import EAST, NORTH, SOUTH, WEST


def tiles_over_city(zoom: int) -> list[tuple[int, int]]:
    """Columns and rows of the tiles that the mosaic touches."""

    def place(lon: float, lat: float) -> tuple[float, float]:
        side = 2**zoom
        up = math.asinh(math.tan(math.radians(lat)))
        return (lon + 180) / 360 * side, (1 - up / math.pi) / 2 * side

    (west, north), (east, south) = place(WEST, NORTH), place(EAST, SOUTH)
    return [
        (x, y) for x in range(int(west), int(east) + 1) for y in range(int(north), int(south) + 1)
    ]

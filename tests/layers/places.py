"""Where things are on the map."""

from __future__ import annotations

from math import asinh, pi, radians, tan


def tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int, int]:
    """The tile of a place."""
    side = 2**zoom
    x = (lon + 180) / 360 * side
    y = (1 - asinh(tan(radians(lat))) / pi) / 2 * side
    return zoom, int(x), int(y)

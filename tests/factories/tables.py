"""Files of boundary points, as offices send them."""

from __future__ import annotations

from django.contrib.gis.geos import MultiPolygon
from pyproj import Transformer


def points_table(geom: MultiPolygon) -> bytes:
    """A CSV of the outer ring in EPSG:4536 that says nothing of its coordinate system."""
    metres = Transformer.from_crs(4490, 4536, always_xy=True).itransform(geom.coords[0][0])
    lines = [f"{at},1,{north:.3f},{east:.3f}" for at, (east, north) in enumerate(metres, start=1)]
    return "\n".join(["点号,地块号,X,Y", *lines]).encode()

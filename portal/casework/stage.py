"""What a page's small map of shapes needs; the land register's pages have their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse


def sketch_config(
    shapes: Sequence[dict[str, Any]],
    *,
    drawing: bool = False,
    places: Sequence[dict[str, Any]] = (),
    disputed: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Shapes (GeoJSON geometries, EPSG:4490), pinned places and disputed patches on the base map.

    ``drawing`` lets the reader mark a patch.
    """
    return {
        "basemap": {
            name: reverse("site:base-map", args=[name]) for name in ("counties", "city", "natural")
        },
        "tiandituKey": settings.TIANDITU_KEY,
        "shapes": _collection(shapes),
        "places": list(places),
        "disputed": _collection(disputed),
        "drawing": drawing,
    }


def _collection(shapes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": geometry} for geometry in shapes
        ],
    }

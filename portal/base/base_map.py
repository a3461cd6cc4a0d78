"""The schematic base map as shapes, for map sheets. Other shapes of Django become theirs here too."""

from __future__ import annotations

import shapely
from django.contrib.gis.geos import GEOSGeometry

from portal.base.map_sheet import BaseMap, Place
from portal.base.models import BaseMapFeature


def as_shape(geom: GEOSGeometry) -> shapely.Geometry:
    """A geometry of a model, as map sheets want it."""
    return shapely.from_wkb(bytes(geom.wkb))


def read_base_map() -> BaseMap:
    """The whole base map in one query; a sheet clips what it needs."""
    borders, rivers, lakes, places = [], [], [], []
    city = None
    for feature in BaseMapFeature.objects.order_by("pk"):
        shape = as_shape(feature.geom)
        kind = feature.properties.get("kind", "")
        if feature.layer == BaseMapFeature.Layer.COUNTY:
            borders.append((feature.label, shape))
        elif feature.layer == BaseMapFeature.Layer.CITY:
            city = shape
        elif kind == "river":
            rivers.append((feature.label, shape))
        elif kind == "lake":
            lakes.append((feature.label, shape))
        elif feature.geom.geom_type == "Point":
            places.append(Place(feature.label, *feature.geom.coords))
    return BaseMap(
        borders=tuple(borders),
        city=city,
        rivers=tuple(rivers),
        lakes=tuple(lakes),
        places=tuple(places),
    )

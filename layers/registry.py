"""Every layer of the map, as values: which rows, which fields, which zooms, for whom."""

from __future__ import annotations

from dataclasses import dataclass

from layers.cells import COARSEST_ZOOM, FINEST_ZOOM
from layers.errors import UnknownLayer


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. Its shape column and fields are an allow-list: nothing else leaves the database.

    ``shapes`` is the name under which shape changes are counted; two tiers of one thing share it.
    """

    name: str
    shapes: str
    title: str
    shape_column: str
    fields: dict[str, str]  # Name in the tile → type, for TileJSON.
    zoom_min: int
    zoom_max: int
    staff_only: bool = False
    zoom_policies: tuple[str, str] | None = None


PARCEL_FIELDS = {"uid": "String", "state": "String", "n": "Number", "area_m2": "Number"}
LAYERS = {
    layer.name: layer
    for layer in (
        # domain.md, "What the public may see": generalised shapes from one policy zoom to another.
        Layer(
            name="parcels",
            shapes="parcels",
            title="林地宗地（概化）",
            shape_column="geom_public",
            fields=PARCEL_FIELDS,
            zoom_min=10,
            zoom_max=16,
            zoom_policies=("public.parcel_zoom_min", "public.parcel_zoom_max"),
        ),
        Layer(
            name="parcels-staff",
            shapes="parcels",
            title="林地宗地",
            shape_column="geom",
            fields=PARCEL_FIELDS,
            zoom_min=COARSEST_ZOOM,
            zoom_max=18,
            staff_only=True,
        ),
    )
}
SUMMED_TO_ZOOM = FINEST_ZOOM


def layer_of(name: str) -> Layer:
    """The layer of that name."""
    if name not in LAYERS:
        raise UnknownLayer(layer=name)
    return LAYERS[name]

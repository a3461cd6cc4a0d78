"""Tables of the map alone: prepared shapes for low zooms, and what tells that shapes changed."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex

from portal.base.clock import PortalNow

WEB_MERCATOR_SRID = 3857  # For drawing only; nothing is ever measured in it.


class ShapeChange(models.Model):
    """One statement that changed shapes of a layer; their count is the layer's geometry version.

    A count of committed rows grows at each commit, and concurrent writers never wait for each
    other, as they would on a counter's row. Many rows are folded into the first, which counts them.
    """

    layer = models.CharField(max_length=20)
    changes = models.IntegerField(db_default=1)
    made_at = models.DateTimeField(db_default=PortalNow())

    class Meta:
        indexes = [models.Index(fields=["layer"], name="shape_change_by_layer")]

    def __str__(self) -> str:
        return f"{self.layer} {self.pk}"


class DirtyCell(models.Model):
    """A cell of the finest prepared zoom whose shapes changed since it was prepared."""

    x = models.IntegerField()
    y = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.x}/{self.y}"


class ParcelCell(models.Model):
    """The forest land of one grid cell at one zoom: united generalised shapes, count and area.

    A parcel belongs to the cell of its middle, so sums over cells are sums over parcels.
    """

    zoom = models.SmallIntegerField()
    x = models.IntegerField()
    y = models.IntegerField()
    parcels = models.IntegerField()
    area_m2 = models.FloatField()
    geom = models.MultiPolygonField(srid=WEB_MERCATOR_SRID, spatial_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="one_prepared_cell", fields=["zoom", "x", "y"])]

    def __str__(self) -> str:
        return f"{self.zoom}/{self.x}/{self.y}"


class CellRow(models.Model):
    """In which cell of the finest prepared zoom a row of a layer is counted at the low zooms.

    A row of its own for each: no two tickets share one, so that none waits for another's.
    """

    layer = models.CharField(max_length=20)
    row = models.BigIntegerField()  # The layer's key.
    x = models.IntegerField()
    y = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="one_cell_a_row", fields=["layer", "row"])]
        indexes = [models.Index(fields=["layer", "x", "y"], name="cell_rows_by_place")]

    def __str__(self) -> str:
        return f"{self.layer} {self.row}"


class TownshipArea(models.Model):
    """Forest land of one township: hull of its parcels' generalised shapes, count and area.

    Schematic: nobody gave the portal the townships' boundaries.
    """

    township_code = models.CharField(max_length=9, unique=True)
    parcels = models.IntegerField()
    area_m2 = models.FloatField()
    geom = models.MultiPolygonField(srid=4490, spatial_index=False)

    class Meta:
        indexes = [GistIndex(fields=["geom"], name="township_area_geom")]

    def __str__(self) -> str:
        return self.township_code


class VillageArea(models.Model):
    """Forest land of one village: how many parcels, and the box of their generalised shapes."""

    township_code = models.CharField(max_length=9, blank=True)
    village = models.CharField(max_length=100)
    parcels = models.IntegerField()
    box = models.PolygonField(srid=4490, spatial_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_area_a_village", fields=["township_code", "village"])
        ]
        indexes = [GistIndex(fields=["box"], name="village_area_box")]

    def __str__(self) -> str:
        return f"{self.township_code} {self.village}"

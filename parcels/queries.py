"""Reads of land and titles, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.gis.db import models
from django.contrib.gis.geos import GEOSGeometry

if TYPE_CHECKING:
    from parcels.models import Parcel, ParcelVersion  # noqa: F401


class ParcelQuerySet(models.QuerySet["Parcel"]):
    """Parcels."""

    def in_being(self) -> Self:
        """Not ended by a split or a merge."""
        return self.filter(ended_at__isnull=True)

    def of_unit_number(self, key: str) -> Self:
        """By normalised unit number."""
        return self.filter(unit_number_key=key).exclude(unit_number_key="")


class ParcelVersionQuerySet(models.QuerySet["ParcelVersion"]):
    """Shapes of parcels."""

    def standing(self) -> Self:
        """The shape in force of each parcel."""
        return self.filter(stands_from__isnull=False, stands_to__isnull=True)

    def overlapping(self, geom: GEOSGeometry) -> Self:
        """Interiors meet. Neighbours that only share a border do not count."""
        return self.filter(geom__bboverlaps=geom, geom__relate=(geom, "T********"))

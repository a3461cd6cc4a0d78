"""What the map knows in sum, read from its prepared cells."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Sum

from layers.cells import COARSEST_ZOOM
from layers.models import ParcelCell

M2_PER_HECTARE = 10_000
MU_PER_HECTARE = 15


@dataclass(frozen=True, slots=True)
class ForestSums:
    """All registered parcels together; the public may know these."""

    parcels: int
    area_m2: float

    @property
    def area_ha(self) -> float:
        return self.area_m2 / M2_PER_HECTARE

    @property
    def area_mu(self) -> float:
        return self.area_ha * MU_PER_HECTARE


def forest_sums() -> ForestSums:
    """A few rows are summed, however many parcels there are; as fresh as the low zooms."""
    found = ParcelCell.objects.filter(zoom=COARSEST_ZOOM).aggregate(
        parcels=Sum("parcels"), area_m2=Sum("area_m2")
    )
    return ForestSums(parcels=found["parcels"] or 0, area_m2=found["area_m2"] or 0.0)

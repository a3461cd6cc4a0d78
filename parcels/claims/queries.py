"""Reads of project areas, claims and exclusion areas, as sentences."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

from django.contrib.gis.db import models
from django.contrib.gis.geos import GEOSGeometry
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.errors import ClaimPeriodInvalid

if TYPE_CHECKING:
    from parcels.models import Claim, ExclusionArea, ProjectArea  # noqa: F401


def days(start: date, end: date) -> DateRange:
    """Inclusive days as they are stored: ``[start, end + 1)``.

    ClaimPeriodInvalid if reversed, or if no day follows the last one.
    """
    if end < start or end == date.max:
        raise ClaimPeriodInvalid(start=start, end=end)
    return DateRange(start, end + timedelta(days=1), "[)")


def last_day(period: DateRange) -> date | None:
    """The last of the inclusive days; None where the period is open above."""
    return None if period.upper is None else period.upper - timedelta(days=1)


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Claims."""

    def standing(self) -> Self:
        """Pending or live: those that a newcomer must know of."""
        return self.filter(state__in=["pending", "live"])

    def live(self) -> Self:
        """Those that hold their land."""
        return self.filter(state="live")

    def during(self, period: DateRange) -> Self:
        """Whose monitoring period shares a day with ``period``."""
        return self.filter(period__overlap=period)

    def overlapping(self, geom: GEOSGeometry) -> Self:
        """Interiors meet. Neighbours that only share a border do not count."""
        return self.filter(geom__bboverlaps=geom, geom__relate=(geom, "T********"))


class ExclusionAreaQuerySet(models.QuerySet["ExclusionArea"]):
    """Other programmes' projects and planned harvests."""

    def standing(self) -> Self:
        """Not replaced by a corrected row."""
        return self.filter(replaced_at__isnull=True)


class ProjectAreaQuerySet(models.QuerySet["ProjectArea"]):
    """Project areas."""

    def with_latest_number(self) -> Self:
        """Annotated with ``latest``, the number of the newest version."""
        return self.annotate(latest=models.Max("versions__number"))

"""Reads of tickets and blocks as sentences; usable from models without a cycle."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import ExpressionWrapper, Q, Sum
from django.db.models.functions import Lower, Upper

if TYPE_CHECKING:
    from tickets.registry.models import Block, CarbonTicket  # noqa: F401


def standing_at(moment: datetime | None) -> Q:
    """Opened and not closed at ``moment`` (now when None), the moment itself included."""
    if moment is None:
        return Q(closed_by__isnull=True)
    return Q(opened_at__lte=moment) & (Q(closed_at__isnull=True) | Q(closed_at__gt=moment))


class BlockQuerySet(models.QuerySet["Block"]):
    """Blocks."""

    def standing(self, at: datetime | None = None) -> Self:
        """Where the kilograms are, now or at a past moment."""
        return self.filter(standing_at(at))

    def free(self) -> Self:
        """Held, and no order lies on them."""
        return self.filter(closed_by__isnull=True, state="held", freezes__len=0)

    def quantity_kg(self) -> int:
        """Their sum."""
        length = ExpressionWrapper(Upper("kg") - Lower("kg"), models.BigIntegerField())
        found = self.aggregate(total=Sum(length))["total"]
        return int(found or 0)


class TicketQuerySet(models.QuerySet["CarbonTicket"]):
    """Tickets."""

    def standing(self, at: datetime | None = None) -> Self:
        """Issued and not closed."""
        return self.filter(standing_at(at))

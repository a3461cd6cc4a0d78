"""Reads of supervision."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, ExtractYear, TruncDate

from parcels.models import ProjectAreaVersion
from portal.base.clock import CITY_TIME, today
from tickets.market.models import RetailOrder
from tickets.offsets.models import OffsetRequest
from tickets.registry.models import FreezeOrder, LedgerEntry
from tickets.supervision.models import Complaint, Inspection, JusticeCase

# Requests of which nothing came.
NOT_OFFSET = (OffsetRequest.State.REFUSED, OffsetRequest.State.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class ComplaintFigures:
    """One line of the published statistics."""

    label: str
    received: int
    answered: int
    upheld: int
    in_time: int
    overdue: int


def complaint_figures(of: Q | None = None) -> list[ComplaintFigures]:
    """How many complaints of each topic (all, or those ``of``) came, were answered, upheld, in
    time; no words, no names."""
    answered = Q(state=Complaint.State.ANSWERED)
    rows = (
        Complaint.objects.filter(of or Q())
        .annotate(answered_on=TruncDate("answered_at", tzinfo=CITY_TIME))
        .values("topic")
        .annotate(
            received=Count("pk"),
            answered=Count("pk", filter=answered),
            upheld_count=Count("pk", filter=answered & Q(upheld=True)),
            in_time=Count("pk", filter=answered & Q(answered_on__lte=F("due_on"))),
            overdue=Count("pk", filter=~answered & Q(due_on__lt=today(), due_provisional=False)),
        )
        .order_by("topic")
    )
    found = {row["topic"]: row for row in rows}
    return [
        ComplaintFigures(
            str(topic.label),
            row["received"] if (row := found.get(topic.value)) else 0,
            row["answered"] if row else 0,
            row["upheld_count"] if row else 0,
            row["in_time"] if row else 0,
            row["overdue"] if row else 0,
        )
        for topic in Complaint.Topic
    ]


def freeze_order_of(inspection: Inspection) -> FreezeOrder | None:
    """What the approver laid on the ticket at the inspection's request: as much as was still there."""
    if inspection.freeze is None:
        return None
    laid = LedgerEntry.objects.filter(registration=inspection.freeze.key)
    return FreezeOrder.objects.filter(pk__in=laid.values("freeze_order")).first()


@dataclass(frozen=True, slots=True)
class JusticeFigures:
    """One year of eco-justice, without names."""

    year: int
    cases: int
    quantity_kg: int
    by_court: int


def served_cases() -> QuerySet[JusticeCase]:
    """Cases whose tonnes are offset, asked of a holder or bought on the market."""
    return JusticeCase.objects.filter(
        Q(request__state=OffsetRequest.State.SIGNED) | Q(order__state=RetailOrder.State.SETTLED)
    )


def settled_orders() -> QuerySet[RetailOrder]:
    """What visitors bought and what was retired for eco-justice from the list, the newest first."""
    return (
        RetailOrder.objects.filter(state=RetailOrder.State.SETTLED)
        .select_related("listing__ticket")
        .order_by("-ended_at", "-pk")
    )


def fallen_through() -> Q:
    """Of subscribed cases: ecology or the holder refused, or nobody paid; the approver ends them."""
    return Q(state=JusticeCase.State.SUBSCRIBED) & (
        Q(request__state__in=NOT_OFFSET) | Q(order__state__in=RetailOrder.UNSOLD)
    )


def justice_figures() -> list[JusticeFigures]:
    """Cases served and tonnes retired by year of the certificate."""
    rows = (
        served_cases()
        .annotate(
            signed_at=Coalesce("request__offset__signed_at", "order__offset__signed_at"),
            year=ExtractYear("signed_at", tzinfo=CITY_TIME),
        )
        .values("year")
        .annotate(
            cases=Count("pk"),
            kilograms=Sum("quantity_kg"),
            court=Count("pk", filter=Q(organ="court")),
        )
        .order_by("-year")
    )
    return [JusticeFigures(r["year"], r["cases"], r["kilograms"], r["court"]) for r in rows]


def forests_that_served() -> list[dict[str, Any]]:
    """GeoJSON features of the generalised outlines, with the tonnes they gave."""
    rows = (
        served_cases()
        .values("ticket__area_version")
        .annotate(kilograms=Sum("quantity_kg"), cases=Count("pk"))
        .order_by("ticket__area_version")
    )
    versions = ProjectAreaVersion.objects.in_bulk([row["ticket__area_version"] for row in rows])
    features = []
    for row in rows:
        shape = versions[row["ticket__area_version"]].geom_public
        if shape is None:
            continue
        features.append(
            {
                "type": "Feature",
                "id": str(versions[row["ticket__area_version"]].key),
                "properties": {"cases": row["cases"], "quantity_kg": row["kilograms"]},
                "geometry": json.loads(shape.json),
            }
        )
    return features

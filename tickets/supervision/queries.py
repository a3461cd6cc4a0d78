"""Reads of supervision."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate

from portal.base.clock import CITY_TIME, today
from tickets.supervision.models import Complaint


@dataclass(frozen=True, slots=True)
class ComplaintFigures:
    """One line of the published statistics."""

    label: str
    received: int
    answered: int
    upheld: int
    in_time: int
    overdue: int


def complaint_figures() -> list[ComplaintFigures]:
    """How many complaints of each topic came, were answered, upheld, in time; no words, no names."""
    answered = Q(state=Complaint.State.ANSWERED)
    rows = (
        Complaint.objects.annotate(answered_on=TruncDate("answered_at", tzinfo=CITY_TIME))
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

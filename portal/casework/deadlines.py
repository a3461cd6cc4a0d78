"""Working days in Asia/Shanghai, counted on the official calendar (article 8; domain.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from portal.base.clock import CITY_TIME, today
from portal.casework.errors import RegulationNotInForce
from portal.casework.models import CalendarYear, ClockStop, Regulation, ReviewStep, WorkingDay
from portal.casework.moves import StepStatus

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day, and whether it rests on a year without an official table."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """The clock stands still from the end of ``stopped_on`` to the end of ``resumed_on``."""

    stopped_on: date
    resumed_on: date

    def covers(self, day: date) -> bool:
        """As a receipt's own day does not count, the day of the answer does not either."""
        return self.stopped_on < day <= self.resumed_on


@dataclass(frozen=True, slots=True)
class Term:
    """How a step stands to its due day, for a page. A provisional day makes nothing late."""

    late: bool
    days_left: int | None


class Calendar:
    """The official tables as they stand now, read once."""

    def __init__(self) -> None:
        self.years = set(CalendarYear.objects.values_list("year", flat=True))
        self.days = dict(WorkingDay.objects.values_list("day", "works"))

    def works(self, day: date) -> bool:
        """By the table of the year; by the plain week where there is none."""
        return self.days.get(day, day.weekday() < SATURDAY)

    def known(self, day: date) -> bool:
        return day.year in self.years


def due_on(
    received: date,
    working_days: int,
    *,
    stops: Iterable[Stop] = (),
    calendar: Calendar | None = None,
) -> Deadline:
    """The last of ``working_days`` that begin the day after ``received``.

    Days within a stop do not count. The deadline is provisional as soon as one day that had to be
    judged lies in a year without an official table.
    """
    calendar = calendar or Calendar()
    stops = list(stops)
    day, left, provisional = received, working_days, not calendar.known(received)
    while left > 0:
        day += timedelta(days=1)
        provisional = provisional or not calendar.known(day)
        if calendar.works(day) and not any(stop.covers(day) for stop in stops):
            left -= 1
    return Deadline(day, provisional)


def working_days_between(
    received: date, until: date, *, stops: Iterable[Stop] = (), calendar: Calendar | None = None
) -> int:
    """How many working days have counted from the day after ``received`` to ``until`` inclusive."""
    calendar = calendar or Calendar()
    stops = list(stops)
    span = (received + timedelta(days=n) for n in range(1, (until - received).days + 1))
    return sum(
        1 for day in span if calendar.works(day) and not any(stop.covers(day) for stop in stops)
    )


def stops_of(rows: Iterable[ClockStop]) -> list[Stop]:
    """Rows as days; a stop that has not ended lasts until today."""
    return [
        Stop(
            row.stopped_at.astimezone(CITY_TIME).date(),
            row.resumed_at.astimezone(CITY_TIME).date() if row.resumed_at else today(),
        )
        for row in rows
    ]


def term_of(step: ReviewStep) -> Term:
    """Today's: only a step in hand is late, whatever day stands beside one that ended."""
    if step.due_on is None:
        return Term(late=False, days_left=None)
    days_left = (step.due_on - today()).days
    in_hand = step.status in (StepStatus.OPEN, StepStatus.PREPARED)
    return Term(late=in_hand and days_left < 0 and not step.due_provisional, days_left=days_left)


def regulation_in_force(on: date | None = None) -> Regulation:
    """The version in force on a day (today); RegulationNotInForce when there is none (article 25)."""
    day = on or today()
    found = (
        Regulation.objects.filter(valid_from__lte=day, valid_to__gte=day)
        .order_by("-valid_from")
        .first()
    )
    if found is None:
        raise RegulationNotInForce()
    return found


def latest_regulation() -> Regulation:
    """What rules the cases that are under way: the version in force, else the last one that was."""
    day = today()
    found = Regulation.objects.filter(valid_from__lte=day).order_by("-valid_from").first()
    if found is None:
        raise RegulationNotInForce()
    return found

"""Working days as domain.md gives them, and what a stop and an unknown year do to a deadline."""

from __future__ import annotations

from datetime import date

import chinese_calendar  # type: ignore[import-untyped]
import pytest

from portal.casework.deadlines import Calendar, Stop, due_on, regulation_in_force
from portal.casework.errors import RegulationNotInForce
from portal.casework.models import CalendarYear, WorkingDay

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 2, 10), date(2026, 3, 9)),
        (date(2026, 9, 18), date(2026, 10, 15)),
        (date(2026, 9, 30), date(2026, 10, 27)),
        (date(2026, 12, 10), date(2026, 12, 31)),
    ],
)
def test_the_fifteenth_working_day_is_the_one_of_the_official_calendar(
    received: date, due: date
) -> None:
    found = due_on(received, 15)
    assert found.day == due
    assert not found.provisional


def test_the_calendar_says_of_every_day_what_the_official_notices_say() -> None:
    calendar = Calendar()
    day = date(2020, 1, 1)
    while day.year <= 2026:
        assert calendar.works(day) == chinese_calendar.is_workday(day), day
        day = date.fromordinal(day.toordinal() + 1)


def test_days_of_a_stop_do_not_count_and_holidays_within_it_count_once() -> None:
    # Received on Friday 25 September 2026; stopped on the 28th, answered on 9 October, with the
    # national holiday (1 to 7 October) inside the stop.
    stop = Stop(date(2026, 9, 28), date(2026, 10, 9))
    assert due_on(date(2026, 9, 24), 1, stops=[stop]).day == date(2026, 9, 28)
    # The worked Saturday 10 October is the second day.
    assert due_on(date(2026, 9, 24), 2, stops=[stop]).day == date(2026, 10, 10)
    # A stop that covers only holidays costs nothing.
    idle = Stop(date(2026, 9, 30), date(2026, 10, 7))
    assert due_on(date(2026, 9, 18), 15, stops=[idle]).day == date(2026, 10, 15)


def test_a_deadline_that_reaches_a_year_without_a_table_is_provisional_until_it_is_loaded() -> None:
    found = due_on(date(2026, 12, 15), 15)
    assert found.provisional
    assert found.day == date(2027, 1, 5)
    year = CalendarYear.objects.create(year=2027, source="国务院办公厅通知（测试）")
    WorkingDay.objects.create(day=date(2027, 1, 1), calendar=year, works=False, name="元旦")
    loaded = due_on(date(2026, 12, 15), 15)
    assert not loaded.provisional
    assert loaded.day == date(2027, 1, 6)


def test_the_regulation_is_in_force_for_two_years_and_not_a_day_longer() -> None:
    assert regulation_in_force(date(2026, 1, 31)).version
    assert regulation_in_force(date(2028, 1, 30)).version
    for day in (date(2026, 1, 30), date(2028, 1, 31)):
        with pytest.raises(RegulationNotInForce):
            regulation_in_force(day)

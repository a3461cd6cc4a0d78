"""The demonstration's story: chapters in the order of their days, each told once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from portal.accounts.models import User
from portal.base.clock import CITY_TIME, machine_today, now
from portal.base.models import Installation
from portal.base.story import STORY_SPAN, Chapter, in_order
from portal.casework.deadlines import Calendar
from portal.journal.models import Seal
from portal.site.story import CHAPTERS, morning_of, tell_story
from tests.base.sessions import as_owner

Users = dict[str, User]


def test_every_chapter_has_its_own_name_and_a_day_after_the_land() -> None:
    names = [chapter.name for chapter in CHAPTERS]
    assert len(set(names)) == len(names)
    assert all(0 < chapter.days_ago < STORY_SPAN.days for chapter in CHAPTERS)
    assert all(one.days_ago >= other.days_ago for one, other in pairwise(CHAPTERS))


@pytest.mark.django_db
def test_a_chapter_begins_on_the_morning_of_a_working_day() -> None:
    calendar = Calendar()
    for chapter in CHAPTERS:
        moment = morning_of(chapter, calendar)
        wanted = machine_today() - timedelta(days=chapter.days_ago)
        assert moment.astimezone(CITY_TIME).hour == 10
        assert wanted <= moment.date() < machine_today()
        if moment.date() < machine_today() - timedelta(days=1):
            assert calendar.works(moment.date())


def test_a_story_goes_on_where_it_stopped_and_is_told_once(committed_db: str) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET clock_offset = %s", [-STORY_SPAN])
    told: list[tuple[str, datetime]] = []
    ready = False

    def first(users: Users, tell: object) -> None:
        told.append(("first", now()))

    def second(users: Users, tell: object) -> None:
        if not ready:
            raise ConnectionError
        told.append(("second", now()))

    chapters = in_order([Chapter(30, second)], [Chapter(400, first)])
    with pytest.raises(ConnectionError):
        tell_story({}, print, chapters)
    ready = True
    tell_story({}, print, chapters)
    tell_story({}, print, [*chapters, Chapter(1, second)])
    assert [name for name, _moment in told] == ["first", "second"]
    days: list[date] = [moment.astimezone(CITY_TIME).date() for _name, moment in told]
    assert days == [morning_of(chapter, Calendar()).date() for chapter in chapters]
    assert list(Seal.objects.order_by("day").values_list("day", flat=True)) == days
    assert Installation.objects.get().clock_offset == timedelta(0)

"""Telling the demonstration's story: every package's chapters in the order of their days.

How a chapter gets its date is said in ``portal.base.story``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

import parcels.demo
import portal.casework.demo
import tickets.accounting.demo
import tickets.finance.demo
import tickets.market.demo
import tickets.offsets.demo
import tickets.projects.demo
import tickets.registry.demo
import tickets.supervision.demo
from parcels.models import TitleReview
from portal.accounts.models import User
from portal.base.clock import CITY_TIME, advance_to, catch_up, machine_today
from portal.base.story import Chapter, in_order
from portal.base.transactions import write_transaction
from portal.casework.deadlines import Calendar
from portal.journal.models import Event
from portal.journal.operations import record_event, seal_day

SUBJECT_KIND, SUBJECT_KEY = "demonstration", "story"
ENDED = "ended"
MORNING = time(10, tzinfo=CITY_TIME)

# Of one day: what is drawn up, calculated, reviewed, issued, and then disposed of.
CHAPTERS = in_order(
    portal.casework.demo.CHAPTERS,
    parcels.demo.CHAPTERS,
    tickets.projects.demo.CHAPTERS,
    tickets.accounting.demo.CHAPTERS,
    tickets.projects.demo.REVIEW_CHAPTERS,
    tickets.registry.demo.CHAPTERS,
    tickets.offsets.demo.CHAPTERS,
    tickets.market.demo.CHAPTERS,
    tickets.finance.demo.CHAPTERS,
    tickets.supervision.demo.CHAPTERS,
)


def tell_story(
    users: dict[str, User],
    tell: Callable[[str], object],
    chapters: Sequence[Chapter] = CHAPTERS,
) -> None:
    """Play what has not been played, then let the clock show the machine's time.

    Each chapter is a transaction of its own, so that a start that was interrupted goes on where it
    stopped. A story is told once: chapters that a newer version of the portal brings do not come
    into an installation in which people have worked since.
    """
    events = Event.objects.filter(subject_kind=SUBJECT_KIND, subject_key=SUBJECT_KEY)
    told = set(events.values_list("facts__chapter", flat=True))
    if ENDED in told or (not told and TitleReview.objects.exists()):
        return
    calendar = Calendar()
    for chapter in chapters:
        if chapter.name not in told:
            _play(chapter, morning_of(chapter, calendar), users, tell)
    catch_up()
    _note(ENDED)


def morning_of(chapter: Chapter, calendar: Calendar) -> datetime:
    """Ten o'clock of the first working day on or after the chapter's date, yesterday at the latest."""
    present = machine_today()
    day, last = present - timedelta(days=chapter.days_ago), present - timedelta(days=1)
    while day < last and not calendar.works(day):
        day += timedelta(days=1)
    return datetime.combine(day, MORNING)


@write_transaction
def _play(
    chapter: Chapter, moment: datetime, users: dict[str, User], tell: Callable[[str], object]
) -> None:
    advance_to(moment)
    seal_day()
    chapter.play(users, tell)
    _note(chapter.name)


def _note(chapter: str) -> None:
    record_event(
        subject_kind=SUBJECT_KIND,
        subject_key=SUBJECT_KEY,
        verb="told",
        actor_key=None,
        facts={"chapter": chapter},
    )

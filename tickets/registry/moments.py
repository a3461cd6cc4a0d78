"""The moment that a reader asks the register for: between the first issue and now."""

from __future__ import annotations

from datetime import date, datetime

from django.utils.translation import gettext as _

from portal.base.clock import CITY_TIME, now
from tickets.registry.errors import InvalidMoment
from tickets.registry.models import LedgerEntry
from tickets.registry.queries import end_of_day

LONGEST = 60
LENGTH_OF_A_DAY = len("2026-05-01")


def parse_moment(text: str) -> datetime | None:
    """A day (its end in Shanghai) or an ISO 8601 moment, in the city's time unless it says another;
    None, which is now, for an empty text. InvalidMoment where there is nothing to read."""
    if text == "":
        return None
    wrong = InvalidMoment(reason=_("写作 2026-05-01 或 ISO 8601 时刻。"))
    if len(text) > LONGEST or not text.isascii():
        raise wrong
    is_day = len(text) == LENGTH_OF_A_DAY
    if not is_day and "T" not in text:
        raise wrong  # 20260501 would be the beginning of the day that 2026-05-01 means the end of.
    try:
        moment = end_of_day(date.fromisoformat(text)) if is_day else datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=CITY_TIME)
        day = moment.astimezone(CITY_TIME).date()
    except (ValueError, OverflowError) as error:
        raise wrong from error
    present = now()
    if day > present.astimezone(CITY_TIME).date() or (not is_day and moment > present):
        raise InvalidMoment(reason=_("还没有到的日子查不到。"))
    first = first_day()
    if first is not None and day < first:
        reason = _("登记自 {day} 开始，更早没有数据。").format(day=first.isoformat())
        raise InvalidMoment(reason=reason)
    return moment


def first_day() -> date | None:
    """The day of the first issue; None while the register is empty."""
    first = LedgerEntry.objects.order_by("pk").values_list("recorded_at", flat=True).first()
    return None if first is None else first.astimezone(CITY_TIME).date()

"""The one clock (design.md, guarantee 9): every stored time comes from SQL's ``portal_now()``."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import Func

CITY_TIME = ZoneInfo("Asia/Shanghai")


class PortalNow(Func):
    """``portal_now()`` as an expression, for ``db_default`` and queries."""

    function = "portal_now"
    template = "portal_now()"

    def __init__(self, **extra: Any) -> None:
        super().__init__(output_field=models.DateTimeField(), **extra)


def now() -> datetime:
    """The database's present moment, with the offset of a demonstration or test database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_now()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def today() -> date:
    """The present day in Asia/Shanghai, the only zone in which days are counted."""
    return now().astimezone(CITY_TIME).date()


def advance_clock(by: timedelta) -> datetime:
    """Move the clock of a demonstration or test database forward; the database refuses others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_clock_advance(%s)", [by])  # type: ignore[list-item]
        moment: datetime = cursor.fetchone()[0]
    return moment


def advance_to(moment: datetime) -> datetime:
    """Move the clock to ``moment``; a clock that is past it stays as it is."""
    return advance_clock(max(moment - now(), timedelta(0)))


def catch_up() -> datetime:
    """End a story that began in the past: from here on the clock shows the machine's time. One that
    is ahead of it stays so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT portal_clock_advance(greatest(-clock_offset, interval '0')) FROM base_installation"
        )
        moment: datetime = cursor.fetchone()[0]
    return moment


def machine_today() -> date:
    """The day in Asia/Shanghai without a demonstration's offset: when its story ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(CITY_TIME).date()

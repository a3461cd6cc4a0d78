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

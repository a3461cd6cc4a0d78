"""Monitoring periods as people and programs write them."""

from __future__ import annotations

from datetime import date

from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.errors import ClaimPeriodInvalid
from parcels.claims.queries import days
from parcels.rules.errors import PeriodMalformed


def parse_period(text: str) -> DateRange:
    """``2021-01-01/2025-12-31``, both days included; PeriodMalformed for anything else."""
    first, _slash, last = text.strip().partition("/")
    try:
        if len(first) != 10 or len(last) != 10:
            raise ValueError(text)
        return days(date.fromisoformat(first), date.fromisoformat(last))
    except (ValueError, OverflowError, ClaimPeriodInvalid) as error:
        raise PeriodMalformed(period=text) from error

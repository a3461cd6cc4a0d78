"""Numbers of a report as people read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django import template
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims import queries
from tickets.accounting.document import as_typed, number, stock_text
from tickets.accounting.equations import KG_PER_TONNE
from tickets.accounting.models import StratumSpecies

register = template.Library()


@register.filter
def last_day(period: DateRange) -> date | None:
    """The last of the inclusive days."""
    return queries.last_day(period)


@register.filter
def tonnes(quantity_kg: int) -> str:
    """Whole tonnes of kilograms."""
    return f"{quantity_kg // KG_PER_TONNE:,}"


@register.filter
def exact(value: Decimal | None, places: int = 4) -> str:
    """Grouped, with so many places."""
    return number(value, places)


@register.filter
def percent(value: Decimal | None, places: int = 2) -> str:
    """A fraction of one in per cent."""
    return "—" if value is None else f"{value * 100:,.{places}f}"


@register.filter
def plain(value: Decimal | None) -> str:
    """Without trailing zeros."""
    return "—" if value is None else f"{value.normalize():f}"


@register.filter
def typed(value: Decimal | None) -> str:
    """For the field of a form: as it was typed, empty where there is none."""
    return as_typed(value)


@register.filter
def begin_stock(row: StratumSpecies) -> str:
    """The stock at the beginning of the period."""
    return stock_text(row, end=False)


@register.filter
def end_stock(row: StratumSpecies) -> str:
    """The stock at the end of the period."""
    return stock_text(row, end=True)

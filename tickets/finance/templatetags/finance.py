"""What finance shows on other pages: amounts in yuan, and the insurances of a ticket."""

from __future__ import annotations

from typing import Any

from django import template

from tickets.finance.queries import insurance_of
from tickets.registry.models import CarbonTicket

register = template.Library()


@register.filter
def fen_as_yuan(fen: int) -> str:
    """``1,234.50``."""
    return f"{fen // 100:,}.{fen % 100:02d}"


@register.inclusion_tag("finance/_insurance.html")
def insurance_rows(ticket: CarbonTicket) -> dict[str, Any]:
    """The insurances that name the ticket."""
    return {"policies": insurance_of(ticket)}

"""How pages write money and tonnes."""

from __future__ import annotations

from django import template

from tickets.market.prices import yuan as yuan_text
from tickets.registry.quantities import tonnes as tonnes_text

register = template.Library()


@register.filter
def yuan(fen: int | None) -> str:
    """``1,500.00``; a dash where there is none."""
    return "—" if fen is None else yuan_text(fen)


@register.filter
def in_tonnes(quantity_kg: int | None) -> str:
    """``12.5``; a dash where there is none."""
    return "—" if quantity_kg is None else tonnes_text(quantity_kg)

"""Kilograms, money and hashes as pages show them."""

from __future__ import annotations

from django import template

from tickets.registry import quantities

register = template.Library()
FEN_PER_YUAN = 100
WHOLE = 1000


@register.filter
def tonnes(quantity_kg: int) -> str:
    """``3.2`` of 3200."""
    return quantities.tonnes(quantity_kg)


@register.filter
def yuan(amount_fen: int) -> str:
    """Fen as yuan with two places only where they are needed."""
    whole, rest = divmod(amount_fen, FEN_PER_YUAN)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"


@register.filter
def hex(value: bytes, letters: int) -> str:
    """The beginning of a hash."""
    return bytes(value).hex()[:letters]


@register.simple_tag
def widths(bars: list[tuple[str, str, int, str]]) -> list[tuple[str, str, str]]:
    """Place and width of each state on a line of a thousand units."""
    total = sum(kilograms for _s, _l, kilograms, _t in bars) or 1
    found, at = [], 0.0
    for state, _label, kilograms, _tonnes in bars:
        width = WHOLE * kilograms / total
        found.append((state, f"{at:.2f}", f"{width:.2f}"))
        at += width
    return found

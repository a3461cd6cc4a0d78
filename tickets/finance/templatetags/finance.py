"""Amounts in yuan."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def fen_as_yuan(fen: int) -> str:
    """``1,234.50``."""
    return f"{fen // 100:,}.{fen % 100:02d}"

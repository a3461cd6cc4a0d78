"""Months of the market as bars, in the numbers of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tickets.market.queries import Month

SHOWN, WIDTH, HEIGHT, GAP = 12, 720, 160, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One month: its rectangle and the price's point above it."""

    month: Month
    x: float
    y: float
    width: float
    height: float
    middle: float
    price_y: float


def month_bars(series: Sequence[Month]) -> list[Bar]:
    """The last twelve months; volume as the bar, mean price as the point, each to its own maximum."""
    shown = series[-SHOWN:]
    if not shown:
        return []
    most_kg = max(month.quantity_kg for month in shown)
    most_fen = max(month.price_fen_per_tonne for month in shown) or 1
    width = min(80.0, (WIDTH - GAP) / len(shown) - GAP)
    bars = []
    for place, month in enumerate(shown):
        x = GAP + place * (width + GAP)
        height = round((HEIGHT - 30) * month.quantity_kg / most_kg, 1)
        price_y = round(HEIGHT - (HEIGHT - 30) * month.price_fen_per_tonne / most_fen, 1)
        bars.append(
            Bar(month, round(x, 1), HEIGHT - height, round(width, 1), height,
                round(x + width / 2, 1), price_y)
        )  # fmt: skip
    return bars

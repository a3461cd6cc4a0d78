"""The market's prices and volumes by month, in the numbers of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tickets.market.prices import yuan
from tickets.market.queries import Month
from tickets.registry.quantities import tonnes

SHOWN, WIDTH, HEIGHT = 24, 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 64, 24, 30
FLOOR = HEIGHT - BOTTOM
LABELS_MAX = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A month: its volume's rectangle, and where its mean price is where something was dealt."""

    month: Month
    label: str
    x: float
    y: float
    width: float
    height: float
    middle: float
    price_y: float | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart, what it means for the price and for the volume."""

    y: float
    price: str
    volume: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws; ``line`` joins the prices."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    line: str


def price_chart(series: Sequence[Month]) -> Chart | None:
    """The last two years that something was dealt in; None where nothing was yet."""
    if not series:
        return None
    shown = _without_gaps(series)[-SHOWN:]
    most_kg = _round_top(max(month.quantity_kg for month in shown))
    most_fen = _round_top(max(month.price_fen_per_tonne for month in shown))
    room = (WIDTH - LEFT - RIGHT) / len(shown)
    width = min(48.0, room * 0.7)
    every = -(-len(shown) // LABELS_MAX)
    bars = []
    for place, month in enumerate(shown):
        middle = LEFT + (place + 0.5) * room
        height = (FLOOR - TOP) * month.quantity_kg / most_kg
        price = month.price_fen_per_tonne
        bars.append(
            Bar(
                month=month,
                label=f"{month.month:%Y-%m}" if place % every == 0 else "",
                x=round(middle - width / 2, 1),
                y=round(FLOOR - height, 1),
                width=round(width, 1),
                height=round(height, 1),
                middle=round(middle, 1),
                price_y=round(FLOOR - (FLOOR - TOP) * price / most_fen, 1) if price else None,
            )
        )
    return Chart(
        bars=tuple(bars),
        ticks=tuple(
            Tick(FLOOR - (FLOOR - TOP) * part / 4, yuan(most_fen * part // 4),
                 tonnes(most_kg * part // 4))
            for part in range(5)
        ),
        line=" ".join(f"{bar.middle},{bar.price_y}" for bar in bars if bar.price_y is not None),
    )  # fmt: skip


def _without_gaps(series: Sequence[Month]) -> list[Month]:
    """Every month from the first to the last: those without a deal are empty."""
    found = {month.month: month for month in series}
    first, last = min(found), max(found)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [
        found.get(day) or Month(day, 0, 0, 0, 0, 0)
        for number in range(first.month - 1, first.month - 1 + count)
        for day in (date(first.year + number // 12, number % 12 + 1, 1),)
    ]


def _round_top(value: int) -> int:
    """The next 4, 8, 12, 20 or 40 times a power of ten: four even steps lead to it."""
    size = 1
    while True:
        for top in (4, 8, 12, 20):
            if value <= top * size:
                return top * size
        size *= 10

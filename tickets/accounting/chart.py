"""The bar chart of a report, tCO₂ by stratum, as SVG: the same text for the same report."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from xml.etree import ElementTree as Xml

from django.utils.translation import gettext as _

WIDTH, BAR, GAP, LEFT, RIGHT, TOP, FOOT = 720, 20, 8, 96, 84, 10, 28
FONT = "WenQuanYi Micro Hei, Source Han Sans SC, Microsoft YaHei, sans-serif"
INK, GREY, GROWN, LOST = "#17211d", "#4b5b54", "#2f9e83", "#b5533c"
BARS_MOST = 40


def nice_step(reach: float) -> float:
    """1, 2 or 5 times a power of ten, so that four to ten steps fill ``reach``."""
    power = 10.0 ** (len(str(int(max(reach, 1)))) - 1)
    return next(step * power for step in (0.1, 0.2, 0.5, 1, 2, 5) if reach / (step * power) <= 8)


def bar_chart(bars: Sequence[tuple[str, Decimal]]) -> str:
    """One bar for each (code, tCO₂), losses to the left of the axis; beyond forty the rest as one."""
    shown = list(bars)
    if len(shown) > BARS_MOST:
        largest = sorted(shown, key=lambda bar: -abs(bar[1]))[: BARS_MOST - 1]
        kept = [bar for bar in shown if bar in largest]
        rest = sum((value for _code, value in shown), Decimal()) - sum(
            (value for _code, value in kept), Decimal()
        )
        shown = [*kept, (_("其余 {n} 层").format(n=len(shown) - len(kept)), rest)]
    low = min([0.0, *(float(value) for _code, value in shown)])
    high = max([0.0, *(float(value) for _code, value in shown)])
    span = (high - low) or 1.0
    height = TOP + len(shown) * (BAR + GAP) + FOOT
    scale = (WIDTH - LEFT - RIGHT) / span
    root = Xml.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "role": "img",
            "aria-label": _("各碳层固碳量柱状图"),
            "font-family": FONT,
            "font-size": "12",
        },
    )
    _grid(root, low, high, scale, height)
    for at, (code, value) in enumerate(shown):
        _bar(root, at, code, float(value), low, scale)
    return Xml.tostring(root, encoding="unicode")


def _x(value: float, low: float, scale: float) -> float:
    return LEFT + (value - low) * scale


def _grid(root: Xml.Element, low: float, high: float, scale: float, height: int) -> None:
    step = nice_step(high - low)
    at = -(-low // step) * step
    while at <= high + step * 1e-9:
        x = f"{_x(at, low, scale):.1f}"
        looks = {"stroke": "#d8ded8" if at else GREY, "stroke-width": "1"}
        Xml.SubElement(
            root, "line", {"x1": x, "x2": x, "y1": str(TOP - 4), "y2": str(height - FOOT), **looks}
        )
        label = Xml.SubElement(
            root, "text", {"x": x, "y": str(height - 10), "text-anchor": "middle", "fill": GREY}
        )
        label.text = f"{at:,.10g}"
        at += step
    unit = Xml.SubElement(
        root,
        "text",
        {"x": str(WIDTH - 4), "y": str(height - 10), "text-anchor": "end", "fill": GREY},
    )
    unit.text = "tCO₂"


def _bar(root: Xml.Element, at: int, code: str, value: float, low: float, scale: float) -> None:
    y = TOP + at * (BAR + GAP)
    zero, end = _x(0, low, scale), _x(value, low, scale)
    Xml.SubElement(
        root,
        "rect",
        {
            "x": f"{min(zero, end):.1f}", "y": str(y), "width": f"{abs(end - zero):.1f}",
            "height": str(BAR), "rx": "2", "fill": GROWN if value >= 0 else LOST,
        },
    )  # fmt: skip
    name = Xml.SubElement(
        root,
        "text",
        {"x": str(LEFT - 10), "y": str(y + BAR - 5), "text-anchor": "end", "fill": INK},
    )
    name.text = code
    said = Xml.SubElement(
        root,
        "text",
        {"x": f"{max(zero, end) + 6:.1f}", "y": str(y + BAR - 5), "fill": INK},
    )
    said.text = f"{value:,.1f}"

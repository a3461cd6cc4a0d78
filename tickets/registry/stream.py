"""The stream of an issuance's kilograms as SVG: one column an act, one band a ticket and state."""

from __future__ import annotations

import uuid
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import groupby
from xml.etree import ElementTree as Xml

from django.utils.translation import gettext as _

from portal.base.clock import CITY_TIME
from tickets.registry.moves import BlockState, EntryKind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import Flow

Lane = tuple[uuid.UUID, str]
COLUMNS_MOST = 40
TICKETS_MOST = 30
OTHERS = uuid.UUID(int=0)  # Stands for the tickets that are too many to be drawn each.
COLUMN_LEAST, SHEET, NAMES, WIDE, TOP, HEIGHT, GAP, LINES = 104, 1030, 220, 12, 46, 300, 12, 31
THINNEST = 1.5
# Also the colours of the map and of the bars on pages (frontend/src/styles/registry.css).
COLOURS = {
    "held": "#2f9e83",
    "listed": "#2b78b5",
    "pledged": "#c98a12",
    "offset": "#6b8f3a",
    "cancelled": "#8b9089",
}
ORDER = [state.value for state in BlockState]


def stream_svg(
    flows: Sequence[Flow], numbers: dict[uuid.UUID, str], *, subject: uuid.UUID | None = None
) -> str:
    """``numbers`` names the tickets. Heights are in proportion to kilograms; empty without flows.

    However many acts there were: alike ones in a row are one column, and the last columns are shown;
    and however many tickets: those that moved last are drawn each, and ``subject``.
    """
    acts = _alike_as_one(flows)
    if not acts:
        return ""
    order = [*dict.fromkeys(flow.to_ticket for flow in flows), OTHERS]
    columns, acts = _bundled(_balances(acts), acts[-COLUMNS_MOST:], subject)
    numbers = {**numbers, OTHERS: _("其他碳票")}
    total = max(sum(column.values()) for column in columns)
    boxes = [_stack(column, order, total) for column in columns]
    height = max(top + tall for column in boxes for top, tall in column.values()) + LINES / 2
    step = max(COLUMN_LEAST, (SHEET - NAMES) // max(1, len(columns) - 1))
    width = step * (len(columns) - 1) + NAMES
    root = Xml.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height:.0f}",
            "width": str(width),
            "height": f"{height:.0f}",
            "class": "stream",
            "role": "img",
            "aria-label": _("减排量流向图，逐步内容见登记事项表"),
        },
    )
    for index, moved in enumerate(acts):
        x = 10 + index * step
        _heading(root, x, moved[0])
        if index:
            _ribbons(root, x - step + WIDE, x, boxes[index - 1], boxes[index], columns[index - 1],
                     moved, total)  # fmt: skip
        for lane, (top, tall) in boxes[index].items():
            rect = Xml.SubElement(
                root,
                "rect",
                {
                    "x": str(x), "y": f"{top:.1f}", "width": str(WIDE), "height": f"{tall:.1f}",
                    "fill": COLOURS[lane[1]],
                },
            )  # fmt: skip
            Xml.SubElement(rect, "title").text = (
                f"{numbers.get(lane[0], '')} {BlockState(lane[1]).label} "
                f"{tonnes(columns[index][lane])} t"
            )
    x = 10 + (len(columns) - 1) * step + WIDE + 6
    for lane, (top, tall) in boxes[-1].items():
        words = f"{tonnes(columns[-1][lane])} t {BlockState(lane[1]).label}"
        _text(root, x, top + tall / 2 + 1, words, "end-name")
        _text(root, x, top + tall / 2 + 14, numbers.get(lane[0], ""), "end-number")
    return Xml.tostring(root, encoding="unicode")


def _alike_as_one(flows: Sequence[Flow]) -> list[list[Flow]]:
    """The flows act by act; acts in a row that go the same ways (an order of ten kilograms after the
    other) are added up under the last one's number and day."""
    acts: list[list[Flow]] = []
    for _entry, group in groupby(flows, key=lambda flow: flow.entry):
        moved = list(group)
        if acts and [_way(flow) for flow in acts[-1]] == [_way(flow) for flow in moved]:
            moved = [
                replace(flow, quantity_kg=before.quantity_kg + flow.quantity_kg)
                for before, flow in zip(acts.pop(), moved, strict=True)
            ]
        acts.append(moved)
    return acts


def _way(flow: Flow) -> tuple[object, ...]:
    return flow.kind, flow.from_ticket, flow.from_state, flow.to_ticket, flow.to_state


def _balances(acts: Sequence[Sequence[Flow]]) -> list[dict[Lane, int]]:
    """What lies where after each of the last acts."""
    columns: list[dict[Lane, int]] = []
    now: dict[Lane, int] = {}
    for left, moved in zip(range(len(acts), 0, -1), acts, strict=True):
        for flow in moved:
            if flow.from_ticket is not None:
                lane = (flow.from_ticket, flow.from_state)
                now[lane] = now.get(lane, 0) - flow.quantity_kg
            to = (flow.to_ticket, flow.to_state)
            now[to] = now.get(to, 0) + flow.quantity_kg
        if left <= COLUMNS_MOST:
            columns.append({lane: kilograms for lane, kilograms in now.items() if kilograms > 0})
    return columns


def _bundled(
    columns: list[dict[Lane, int]], acts: list[list[Flow]], subject: uuid.UUID | None
) -> tuple[list[dict[Lane, int]], list[list[Flow]]]:
    """Of too many tickets those that moved last as they are, and the others as one."""
    if len({ticket for column in columns for ticket, _state in column}) <= TICKETS_MOST:
        return columns, acts
    moved_last = dict.fromkeys(
        ticket
        for moved in reversed(acts)
        for flow in moved
        for ticket in (flow.from_ticket, flow.to_ticket)
    )
    drawn = set([*dict.fromkeys([subject, *moved_last])][:TICKETS_MOST])
    bundled: list[dict[Lane, int]] = []
    for column in columns:
        lanes: dict[Lane, int] = {}
        for (ticket, state), kilograms in column.items():
            lane = (ticket if ticket in drawn else OTHERS, state)
            lanes[lane] = lanes.get(lane, 0) + kilograms
        bundled.append(lanes)
    return bundled, [_drawn_alone(moved, drawn) for moved in acts]


def _drawn_alone(moved: Sequence[Flow], drawn: Set[uuid.UUID | None]) -> list[Flow]:
    """An act's flows between the tickets that are drawn each and all others, each way once."""
    ways: dict[tuple[object, ...], Flow] = {}
    for flow in moved:
        one = replace(
            flow,
            from_ticket=OTHERS
            if flow.from_ticket and flow.from_ticket not in drawn
            else flow.from_ticket,
            to_ticket=flow.to_ticket if flow.to_ticket in drawn else OTHERS,
        )
        before = ways.get(_way(one))
        ways[_way(one)] = one if before is None else replace(
            before, quantity_kg=before.quantity_kg + one.quantity_kg
        )  # fmt: skip
    return list(ways.values())


def _tall(kilograms: int, total: int) -> float:
    return max(THINNEST, HEIGHT * kilograms / total)


def _stack(
    column: dict[Lane, int], order: Sequence[uuid.UUID], total: int
) -> dict[Lane, tuple[float, float]]:
    """Each lane's upper edge and height, tickets in the order of opening."""
    place = {ticket: index for index, ticket in enumerate(order)}
    lanes = sorted(column, key=lambda lane: (place[lane[0]], ORDER.index(lane[1])))
    found: dict[Lane, tuple[float, float]] = {}
    top, middle = float(TOP), 0.0
    for lane in lanes:
        tall = _tall(column[lane], total)
        top = max(top, middle + LINES - tall / 2)  # Two lines of words stand beside each.
        found[lane] = (top, tall)
        middle = top + tall / 2
        top += tall + GAP
    return found


def _ribbons(
    root: Xml.Element,
    left: float,
    right: float,
    before: dict[Lane, tuple[float, float]],
    after: dict[Lane, tuple[float, float]],
    balance: dict[Lane, int],
    moved: Sequence[Flow],
    total: int,
) -> None:
    """From column to column: what stays in its lane, and what the act moved."""
    gone: dict[Lane, int] = {}
    ways: list[tuple[Lane, Lane, int, bool]] = []
    for flow in moved:
        if flow.from_ticket is None:
            continue
        lane = (flow.from_ticket, flow.from_state)
        gone[lane] = gone.get(lane, 0) + flow.quantity_kg
        ways.append((lane, (flow.to_ticket, flow.to_state), flow.quantity_kg, True))
    stays = [
        (lane, lane, kilograms - gone.get(lane, 0), False)
        for lane, kilograms in balance.items()
        if kilograms > gone.get(lane, 0) and lane in after
    ]
    out: dict[Lane, float] = {}
    into: dict[Lane, float] = {}
    for lane, to, kilograms, acted in sorted(
        [*stays, *ways], key=lambda way: (before[way[0]][0], after[way[1]][0])
    ):
        tall = _tall(kilograms, total)
        y1 = before[lane][0] + out.get(lane, 0)
        y2 = after[to][0] + into.get(to, 0)
        out[lane] = out.get(lane, 0) + tall
        into[to] = into.get(to, 0) + tall
        middle = (left + right) / 2
        way = (
            f"M{left:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {right:.1f} {y2:.1f}"
            f"V{y2 + tall:.1f}C{middle:.1f} {y2 + tall:.1f} {middle:.1f} {y1 + tall:.1f} "
            f"{left:.1f} {y1 + tall:.1f}Z"
        )
        Xml.SubElement(
            root,
            "path",
            {
                "d": way,
                "fill": COLOURS[to[1] if acted else lane[1]],
                "fill-opacity": "0.5" if acted else "0.2",
            },
        )


def _heading(root: Xml.Element, x: float, flow: Flow) -> None:
    _text(root, x, 16, str(EntryKind(flow.kind).label), "act-name")
    day = flow.recorded_at.astimezone(CITY_TIME).date().isoformat()
    _text(root, x, 32, f"{day} #{flow.entry}", "act-day")


def _text(root: Xml.Element, x: float, y: float, words: str, kind: str) -> None:
    Xml.SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": kind}).text = words

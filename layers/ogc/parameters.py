"""Query parameters of the OGC API, read at the border: inside, values are already right."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from layers.ogc.crs import CRS84, CRSES, STORAGE_SRID, Crs
from layers.ogc.errors import UnknownCrs
from layers.registry import Field, Layer
from portal.base.clock import CITY_TIME, now
from portal.base.parameters import BadParameter, only, parse_whole

LIMIT_DEFAULT = 100
LIMIT_MAX = 100_000
FORMATS = ("json", "html")
ITEM_PARAMETERS = ("f", "crs", "datetime")
LIST_PARAMETERS = ("f", "limit", "after", "bbox", "bbox-crs", "crs", "datetime")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
# Round the whole world no transformation of a box is straight: its sides are cut into pieces.
PIECE_M = 20_000


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box in its own coordinate system, x first as PostGIS keeps it."""

    west: float
    south: float
    east: float
    north: float
    srid: int


@dataclass(frozen=True, slots=True)
class Span:
    """What stood between two moments; both the same for an instant. ``since`` None: ever."""

    since: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for features."""

    limit: int = LIMIT_DEFAULT
    after: int = 0
    crs: Crs = CRS84
    box: Box | None = None
    span: Span | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)


def parse_list(request: HttpRequest, layer: Layer) -> Wanted:
    """The parameters of a collection's items."""
    fields = {one.name: one for one in layer.properties}
    given = only(request.GET, (*LIST_PARAMETERS, *fields))
    parse_format(given)
    return Wanted(
        limit=min(parse_whole(given, "limit", LIMIT_DEFAULT, least=1), LIMIT_MAX),
        after=parse_whole(given, "after", 0, least=0),
        crs=parse_crs(given, "crs"),
        box=parse_box(given),
        span=parse_span(given),
        filters={
            name: parse_filter(fields[name], value)
            for name, value in given.items()
            if name in fields
        },
    )


def parse_item(request: HttpRequest) -> Wanted:
    """The parameters of one item."""
    given = only(request.GET, ITEM_PARAMETERS)
    parse_format(given)
    return Wanted(crs=parse_crs(given, "crs"), span=parse_span(given))


def parse_format(given: Mapping[str, str]) -> None:
    if "f" in given and given["f"] not in FORMATS:
        raise BadParameter(parameter="f", reason=", ".join(FORMATS))


def parse_crs(given: Mapping[str, str], name: str) -> Crs:
    text = given.get(name)
    if text is None:
        return CRS84
    if text not in CRSES:
        raise UnknownCrs(parameter=name, allowed=", ".join(CRSES))
    return CRSES[text]


def parse_box(given: Mapping[str, str]) -> Box | None:
    """``bbox`` in the axis order of ``bbox-crs``; of six numbers the two heights say nothing."""
    crs = parse_crs(given, "bbox-crs")
    text = given.get("bbox")
    if text is None:
        return None
    parts = text.split(",")
    if not all(
        re.fullmatch(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", part, re.ASCII)
        for part in parts
    ):
        raise BadParameter(parameter="bbox", reason=_("应为逗号分隔的数字"))
    numbers = [float(part) for part in parts]
    if len(numbers) == 6:
        del numbers[5], numbers[2]
    if len(numbers) != 4:
        raise BadParameter(parameter="bbox", reason=_("应为四个或六个数字"))
    first_low, second_low, first_high, second_high = numbers
    if not all(map(math.isfinite, numbers)):
        raise BadParameter(parameter="bbox", reason=_("数字过大"))
    if first_low > first_high or second_low > second_high:
        raise BadParameter(parameter="bbox", reason=_("先写较小的角，后写较大的角"))
    for low, high, (least, most) in (
        (first_low, first_high, crs.first),
        (second_low, second_high, crs.second),
    ):
        if not (least <= low and high <= most):
            raise BadParameter(parameter="bbox", reason=_("超出坐标系范围"))
    if crs.swapped:
        return Box(second_low, first_low, second_high, first_high, crs.srid)
    return Box(first_low, second_low, first_high, second_high, crs.srid)


def parse_span(given: Mapping[str, str]) -> Span | None:
    """``datetime``: a moment, a day (its end in Asia/Shanghai), or an interval, open with ``..``.

    The future is not known: a moment or a beginning in it is refused, an end in it means now.
    """
    text = given.get("datetime")
    if text is None:
        return None
    sides = text.split("/")
    if len(sides) > 2 or (len(sides) == 1 and sides[0] in ("", "..")):
        raise BadParameter(parameter="datetime", reason=_("应为时刻、日期或 起/止"))
    present = now()
    if len(sides) == 1:
        begins = moment(sides[0], end_of_day=False)
        if begins > present:
            raise BadParameter(parameter="datetime", reason=_("在将来"))
        at = min(moment(sides[0], end_of_day=True), present)
        return Span(at, at)
    since = None if sides[0] in ("", "..") else moment(sides[0], end_of_day=False)
    at = present if sides[1] in ("", "..") else moment(sides[1], end_of_day=True)
    if since is not None and since > at:
        raise BadParameter(parameter="datetime", reason=_("起晚于止"))
    if since is not None and since > present:
        raise BadParameter(parameter="datetime", reason=_("在将来"))
    return Span(since, min(at, present))


def moment(text: str, *, end_of_day: bool) -> datetime:
    """RFC 3339, or a day of which the first or last microsecond is meant."""
    try:
        if DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time.min, CITY_TIME)
            return day + timedelta(days=1, microseconds=-1) if end_of_day else day
        if MOMENT.fullmatch(text.upper()):
            found = datetime.fromisoformat(text.upper())
            found.astimezone(CITY_TIME)  # Year 1 and 9999 leave the calendar here, not later.
            return found
    except (ValueError, OverflowError):
        pass
    raise BadParameter(parameter="datetime", reason=_("应为 RFC 3339 时刻或日期"))


def parse_filter(wanted: Field, text: str) -> Any:
    """The value of a property that features must have."""
    try:
        if wanted.kind == "date":
            if not DAY.fullmatch(text):
                raise ValueError(text)
            return date.fromisoformat(text)
        if wanted.kind == "string":
            return text
        if not re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", text, re.ASCII):
            raise ValueError(text)
        return int(text) if wanted.kind == "integer" else Decimal(text)
    except ValueError as error:
        raise BadParameter(parameter=wanted.name, reason=wanted.kind) from error


def box_sql(box: Box) -> str:
    """SQL of the box as a shape in storage coordinates, with the facts of ``box_facts``."""
    # A box without width is a line or a point, which ST_MakeEnvelope would not say.
    corners = "ST_Point(%(west)s, %(south)s), ST_Point(%(east)s, %(north)s)"
    envelope = f"ST_SetSRID(ST_Envelope(ST_MakeLine({corners})), {box.srid})"
    if box.srid == STORAGE_SRID:
        return envelope
    return f"ST_Transform(ST_Segmentize({envelope}, {PIECE_M}), {STORAGE_SRID})"


def box_facts(box: Box) -> dict[str, float]:
    return {"west": box.west, "south": box.south, "east": box.east, "north": box.north}

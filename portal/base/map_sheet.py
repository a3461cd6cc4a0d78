"""The SVG map sheet that certificates, filings and reports carry: shapes in, one picture out.

A pure function: the same input gives the same text, byte for byte, so a signed document can be made
again. Input is longitude and latitude in CGCS2000 (EPSG:4490); the sheet is drawn in Gauss-Krüger,
central meridian 81° E (EPSG:4536), grid north up, at a round scale; lengths on it are true.

``portal.base.base_map`` reads the schematic base map. The texts are the active language's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from xml.etree import ElementTree as Xml

import numpy as np
import pyproj
import shapely
from django.utils.translation import gettext as _
from shapely import Geometry

from portal.base.map_sheet_names import GREY, INK, Box, Frame, Names, distance, number, text

PLANE_SRID, DEGREES_SRID = 4536, 4490
SCALES = [
    scale * 10**power for power in (2, 3, 4, 5) for scale in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5)
]
FINEST_SCALE = 500
AROUND = 0.12  # Of the map's sides, left free around the subject.
EDGE_MM = 5.5  # The band of coordinates around the map.
FOOT_MM = 9.0  # Scale, bar, mark.
FONT = "WenQuanYi Micro Hei, Source Han Sans SC, Microsoft YaHei, sans-serif"
SMALL_MM = 1.6  # A part smaller than this on paper gets a ring around it.
CORNER_MM = 34  # What the corner's coordinates take of the upper edge.
FAR_PLACES, FAR_M = 3, 100_000
BAR_SHARE = 0.3  # Of the sheet's width.
LOCATOR_MM = 24.0
STRIPES_MM = 4.0  # All of a shape's shares once.
FINE_MM = 0.02  # Detail below this cannot be seen in print.

Role = Literal["subject", "part", "context", "conflict"]
# Fill, opacity, line, line width in mm.
LOOKS: dict[Role, tuple[str, str, str, str]] = {
    "context": ("#dfe7da", "0.7", "#8a9a8d", "0.15"),
    "subject": ("#5faa80", "0.55", "#0d4f43", "0.45"),
    "part": ("#8fc49a", "0.35", "#146b5a", "0.2"),
    "conflict": ("#d9534f", "0.55", "#a3241c", "0.35"),
}
WATER = "#8fbdd6"


@dataclass(frozen=True, slots=True)
class SheetShape:
    """One shape in EPSG:4490. The sheet is centred on the ``subject``s (on all when none is).

    ``shares``: colours and how much of it each has; it is painted in stripes of such widths.
    """

    geom: Geometry
    role: Role = "subject"
    label: str = ""
    shares: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A village, township or town by its name: where a reader knows the land from."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class BaseMap:
    """What lies under the shapes, in EPSG:4490. The borders are schematic."""

    borders: tuple[tuple[str, Geometry], ...] = ()
    city: Geometry | None = None
    rivers: tuple[tuple[str, Geometry], ...] = ()
    lakes: tuple[tuple[str, Geometry], ...] = ()
    places: tuple[Place, ...] = ()


class NothingToDraw(ValueError):
    """No shape, an empty one, or a sheet too small to hold a map."""


def map_sheet(
    *,
    shapes: Sequence[SheetShape],
    base: BaseMap | None = None,
    places: Sequence[Place] = (),
    width_mm: float,
    height_mm: float,
    approval_number: str = "",
    view: Geometry | None = None,
) -> str:
    """The sheet as SVG text of ``width_mm`` × ``height_mm``, one user unit a millimetre.

    It shows the ``view``, if there is one, and else what the subjects need.

    ``places`` come before the base map's own; those outside the map are named at its edge with
    their distance. Without an ``approval_number`` (审图号) the sheet says that it is a sketch.
    The root carries ``data-scale`` and ``data-west``/``data-north`` (metres, EPSG:4536, of the
    map's upper left corner at ``data-left``/``data-top`` mm), so that it can be measured again.
    """
    if not shapes or any(shapely.is_empty(item.geom) for item in shapes):
        raise NothingToDraw("a sheet needs at least one shape, and none may be empty")
    if width_mm < 40 or height_mm < 40:
        raise NothingToDraw("a sheet of less than 40 mm holds no map")
    base = base or BaseMap()
    flat = [(item, projected(item.geom)) for item in shapes]
    subjects = [geom for item, geom in flat if item.role == "subject"] or [
        geom for _i, geom in flat
    ]
    framed = subjects if view is None else [projected(view)]
    frame = frame_for(framed, width_mm, height_mm, around=AROUND if view is None else 0.0)
    root = Xml.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{number(width_mm)}mm",
            "height": f"{number(height_mm)}mm",
            "viewBox": f"0 0 {number(width_mm)} {number(height_mm)}",
            "font-family": FONT,
            "role": "img",
            "aria-label": _("项目位置图"),
            "data-scale": number(frame.scale),
            "data-west": number(frame.west_m),
            "data-north": number(frame.north_m),
            "data-left": number(frame.left_mm),
            "data-top": number(frame.top_mm),
        },
    )
    rectangle(root, 0, 0, width_mm, height_mm, fill="#ffffff")
    rectangle(root, frame.left_mm, frame.top_mm, frame.width_mm, frame.height_mm, fill="#fbfaf4")
    city = None if base.city is None else projected(base.city)
    locator = locator_box(frame, city, free_of=subjects if view is None else [])
    names = Names(frame, taken=[locator] if locator else [])
    draw_base(root, frame, base, names, free_of=shapely.box(*shapely.total_bounds(subjects)))
    draw_grid(root, frame)
    draw_shapes(root, frame, flat, names)
    draw_places(root, frame, [*places, *base.places], names)
    names.draw(root)
    rectangle(
        root, frame.left_mm, frame.top_mm, frame.width_mm, frame.height_mm,
        fill="none", stroke=INK, **{"stroke-width": "0.3"},
    )  # fmt: skip
    draw_corners(root, frame)
    draw_north(root, frame)
    if city is not None and locator is not None:
        draw_locator(root, frame, city, locator)
    draw_foot(root, frame, height_mm, approval_number)
    return Xml.tostring(root, encoding="unicode")


# --- where things lie -----------------------------------------------------------------------------
@lru_cache(maxsize=2)
def transformer(source: int, target: int) -> pyproj.Transformer:
    """Longitude or easting first, whatever the registry says."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def projected(geom: Geometry) -> Geometry:
    """Degrees → metres of the plane."""
    change = transformer(DEGREES_SRID, PLANE_SRID)
    return shapely.transform(
        shapely.force_2d(geom), lambda points: np.column_stack(change.transform(*points.T))
    )


def frame_for(
    subjects: Sequence[Geometry], width_mm: float, height_mm: float, *, around: float = AROUND
) -> Frame:
    """The finest round scale at which the subjects fit with some land around them."""
    west, south, east, north = shapely.total_bounds(np.array(subjects, dtype=object))
    map_width_mm = width_mm - 2 * EDGE_MM
    map_height_mm = height_mm - EDGE_MM - FOOT_MM - EDGE_MM / 2
    free = 1 - 2 * around
    needed = max(
        (east - west) * 1000 / (map_width_mm * free),
        (north - south) * 1000 / (map_height_mm * free),
        FINEST_SCALE,
    )
    scale = next((scale for scale in SCALES if scale >= needed), math.ceil(needed / 1e6) * 1e6)
    # A whole centimetre for the corner: the frame's numbers stay short and exact.
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    return Frame(
        left_mm=EDGE_MM,
        top_mm=EDGE_MM,
        width_mm=map_width_mm,
        height_mm=map_height_mm,
        west_m=round(middle_x - map_width_mm * scale / 2000, 2),
        north_m=round(middle_y + map_height_mm * scale / 2000, 2),
        scale=scale,
    )


def round_step(length: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above ``length``."""
    power = 10.0 ** math.floor(math.log10(length))
    return next(step * power for step in (5, 2, 1) if step * power <= length * (1 + 1e-9))


# --- drawing --------------------------------------------------------------------------------------
def rectangle(
    parent: Xml.Element, x: float, y: float, width: float, height: float, **looks: str
) -> None:
    place = {"x": number(x), "y": number(y), "width": number(width), "height": number(height)}
    Xml.SubElement(parent, "rect", {**place, **looks})


def line(parent: Xml.Element, points: Sequence[tuple[float, float]], **looks: str) -> None:
    way = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    Xml.SubElement(parent, "path", {"d": way, "fill": "none", **looks})


def way_of(frame: Frame, geom: Geometry) -> str:
    """The ``d`` of a path; detail that cannot be printed is left out."""
    thin = shapely.simplify(geom, FINE_MM * frame.scale / 1000)
    ways: list[str] = []
    for part in shapely.get_parts(thin):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for ring in rings:
            if ring.geom_type not in {"LineString", "LinearRing"}:
                continue
            points = frame.on_sheet(shapely.get_coordinates(ring))
            closed = part.geom_type == "Polygon"
            pairs = [f"{number(x)} {number(y)}" for x, y in (points[:-1] if closed else points)]
            if pairs:
                ways.append("M" + "L".join(pairs) + ("Z" if closed else ""))
    return "".join(ways)


def seen(frame: Frame, geom: Geometry) -> Geometry:
    """The part inside the map."""
    valid = geom if shapely.is_valid(geom) else shapely.make_valid(geom)
    return shapely.intersection(valid, frame.box())


def draw_base(
    root: Xml.Element, frame: Frame, base: BaseMap, names: Names, *, free_of: Geometry
) -> None:
    """Water, borders, and their names; a county's name keeps off the subject if it can."""
    group = Xml.SubElement(root, "g", {"data-layer": "base", "fill-rule": "evenodd"})
    for name, geom in base.lakes:
        if way := way_of(frame, inside := seen(frame, projected(geom))):
            looks = {"fill": "#cfe5ef", "stroke": WATER, "stroke-width": "0.2"}
            Xml.SubElement(group, "path", {"d": way, **looks})
            names.water(name, inside)
    for name, geom in base.rivers:
        if way := way_of(frame, inside := seen(frame, projected(geom))):
            looks = {"fill": "none", "stroke": WATER, "stroke-width": "0.7"}
            Xml.SubElement(group, "path", {"d": way, "stroke-linejoin": "round", **looks})
            names.water(name, inside)
    lands = [(name, projected(geom)) for name, geom in base.borders]
    # Neighbours share a border: drawn twice, its dashes would run together.
    border = shapely.union_all([seen(frame, shapely.boundary(flat)) for _name, flat in lands])
    if way := way_of(frame, shapely.line_merge(border)):
        looks = {"stroke": "#8d998f", "stroke-width": "0.25", "stroke-dasharray": "1.8 0.8 0.3 0.8"}
        Xml.SubElement(group, "path", {"d": way, "fill": "none", **looks})
    for name, flat in lands:
        inside = seen(frame, flat)
        beside = shapely.difference(inside, free_of)
        if not shapely.is_empty(inside):
            names.land(name, inside if shapely.is_empty(beside) else beside)


def draw_grid(root: Xml.Element, frame: Frame) -> None:
    """Thin lines of whole kilometres (or what is round at this scale), named at the edge."""
    step_m = round_step(frame.scale * frame.width_mm / 1000 / 2.5)
    group = Xml.SubElement(root, "g", {"data-layer": "grid", "data-step": number(step_m)})
    thin = {"stroke": "#c9cfc6", "stroke-width": "0.1"}
    small = {"size": 1.9, "fill": GREY}
    low, high = frame.top_mm, frame.top_mm + frame.height_mm
    left, right = frame.left_mm, frame.left_mm + frame.width_mm
    for at in multiples(frame.west_m, frame.east_m, step_m):
        x, _y = frame.point(at, frame.north_m)
        line(group, [(x, low), (x, high)], **thin)
        if left + CORNER_MM < x < right - 4:
            text(group, x, low - 1, number(at), **small, **{"text-anchor": "middle"})  # type: ignore[arg-type]
    for at in multiples(frame.south_m, frame.north_m, step_m):
        _x, y = frame.point(frame.west_m, at)
        line(group, [(left, y), (right, y)], **thin)
        if low + 14 < y < high - 14:
            turn = {
                "text-anchor": "middle",
                "transform": f"rotate(-90 {number(left - 1)} {number(y)})",
            }
            text(group, left - 1, y, number(at), **small, **turn)  # type: ignore[arg-type]


def multiples(low: float, high: float, step: float) -> Iterator[float]:
    first = math.ceil(low / step)
    for count in range(first, math.floor(high / step) + 1):
        yield count * step


def draw_shapes(
    root: Xml.Element, frame: Frame, flat: Sequence[tuple[SheetShape, Geometry]], names: Names
) -> None:
    """Context first, the subject above it, its parts, and conflicts on top."""
    order = {"context": 0, "subject": 1, "part": 2, "conflict": 3}
    group = Xml.SubElement(root, "g", {"data-layer": "shapes", "fill-rule": "evenodd"})
    for item, geom in sorted(flat, key=lambda pair: order[pair[0].role]):
        inside = seen(frame, geom)
        if shapely.is_empty(inside):
            continue
        fill, opacity, stroke, width = LOOKS[item.role]
        if item.shares:
            paint_shares(group, frame, inside, item.shares)
            fill = "none"
        looks = {"fill": fill, "fill-opacity": opacity, "stroke": stroke, "stroke-width": width}
        Xml.SubElement(
            group,
            "path",
            {
                "d": way_of(frame, inside),
                "data-role": item.role,
                "stroke-linejoin": "round",
                **looks,
            },
        )
        if item.role != "context":
            ring_small_parts(group, frame, inside, stroke)
        if item.label:
            names.shape(item.label, inside)


def paint_shares(
    group: Xml.Element, frame: Frame, geom: Geometry, shares: Sequence[tuple[str, float]]
) -> None:
    """Stripes whose widths are to each other as the shares: so are the painted areas."""
    west, south, east, north = shapely.bounds(geom).tolist()
    period_m = STRIPES_MM * frame.scale / 1000
    whole = sum(share for _colour, share in shares)
    begins = math.floor(west / period_m) * period_m
    for colour, share in shares:
        width_m = share / whole * period_m
        starts = np.arange(begins, east, period_m)
        bars = shapely.union_all(shapely.box(starts, south, starts + width_m, north))
        begins += width_m
        part = shapely.intersection(geom, bars)
        if not shapely.is_empty(part):
            looks = {"fill": colour, "fill-opacity": "0.88", "data-role": "share"}
            Xml.SubElement(group, "path", {"d": way_of(frame, part), **looks})


def ring_small_parts(group: Xml.Element, frame: Frame, geom: Geometry, stroke: str) -> None:
    """A part that paper would swallow is circled."""
    for part in shapely.get_parts(geom):
        west, south, east, north = part.bounds
        if max(east - west, north - south) * 1000 / frame.scale >= SMALL_MM:
            continue
        x, y = frame.point((west + east) / 2, (south + north) / 2)
        ring = {"cx": number(x), "cy": number(y), "r": number(SMALL_MM), "data-role": "ring"}
        Xml.SubElement(
            group, "circle", {**ring, "fill": "none", "stroke": stroke, "stroke-width": "0.25"}
        )


def draw_places(root: Xml.Element, frame: Frame, places: Sequence[Place], names: Names) -> None:
    """A dot and a name inside the map; the nearest ones outside at its edge, with distance."""
    group = Xml.SubElement(root, "g", {"data-layer": "places"})
    centre_x, centre_y = (frame.west_m + frame.east_m) / 2, (frame.south_m + frame.north_m) / 2
    far: list[tuple[float, float, Place]] = []
    for place in places:
        easting, northing = transformer(DEGREES_SRID, PLANE_SRID).transform(place.lon, place.lat)
        if frame.west_m < easting < frame.east_m and frame.south_m < northing < frame.north_m:
            x, y = frame.point(easting, northing)
            dot = {"cx": number(x), "cy": number(y), "r": "0.5", "fill": INK}
            Xml.SubElement(group, "circle", dot)
            names.place(place.name, x, y)
            continue
        east, north = easting - centre_x, northing - centre_y
        if (distance_m := math.hypot(east, north)) <= FAR_M:
            far.append((distance_m, math.atan2(north, east), place))
    for distance_m, direction, place in sorted(far, key=lambda item: item[0])[:FAR_PLACES]:
        names.beyond(place.name, distance_m, direction)


def draw_corners(root: Xml.Element, frame: Frame) -> None:
    """Longitude and latitude of the map's upper left and lower right corners."""
    back = transformer(PLANE_SRID, DEGREES_SRID)
    group = Xml.SubElement(root, "g", {"data-layer": "corners"})
    right, bottom = frame.left_mm + frame.width_mm, frame.top_mm + frame.height_mm
    for x, y, anchor, easting, northing in (
        (frame.left_mm, frame.top_mm - 1, "start", frame.west_m, frame.north_m),
        (right, bottom + 2.4, "end", frame.east_m, frame.south_m),
    ):
        lon, lat = back.transform(easting, northing)
        words = f"{degrees(lon)}E {degrees(lat)}N"
        text(group, x, y, words, size=1.9, fill=GREY, **{"text-anchor": anchor})


def degrees(value: float) -> str:
    """81°18′36″, rounded to the second."""
    seconds = round(value * 3600)
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}′{seconds % 60:02d}″"


def draw_north(root: Xml.Element, frame: Frame) -> None:
    """Grid north, which is up."""
    x, y = frame.left_mm + frame.width_mm - 6, frame.top_mm + 11
    group = Xml.SubElement(root, "g", {"data-layer": "north"})
    disc = {"cx": number(x), "cy": number(y - 2.6), "r": "5.2", "fill": "#ffffff"}
    Xml.SubElement(group, "circle", {**disc, "fill-opacity": "0.85"})
    for side, fill in ((-1, INK), (1, "#ffffff")):
        way = f"M{number(x)} {number(y - 4.6)}L{number(x + side * 1.7)} {number(y + 1.2)}L{number(x)} {number(y - 0.2)}Z"
        Xml.SubElement(
            group, "path", {"d": way, "fill": fill, "stroke": INK, "stroke-width": "0.2"}
        )
    text(group, x, y - 5.1, _("北"), size=2.4, **{"text-anchor": "middle"})


def locator_box(
    frame: Frame, city: Geometry | None, *, free_of: Sequence[Geometry] = ()
) -> Box | None:
    """Where the small map of the city goes: the first corner that hides nothing of the subjects, north's
    own left out. None when each would, and when the sheet itself shows most of the city.
    """
    if city is None or min(frame.width_mm, frame.height_mm) < LOCATOR_MM * 3:
        return None
    west, _south, east, _north = shapely.bounds(city)
    if frame.east_m - frame.west_m > (east - west) / 2:
        return None
    right, bottom = frame.left_mm + frame.width_mm, frame.top_mm + frame.height_mm
    corners = (
        (frame.left_mm, bottom - LOCATOR_MM),
        (right - LOCATOR_MM, bottom - LOCATOR_MM),
        (frame.left_mm, frame.top_mm),
    )
    side_m = LOCATOR_MM * frame.scale / 1000
    for left, top in corners:
        west_m = frame.west_m + (left - frame.left_mm) * frame.scale / 1000
        north_m = frame.north_m - (top - frame.top_mm) * frame.scale / 1000
        beneath = shapely.box(west_m, north_m - side_m, west_m + side_m, north_m)
        if not shapely.intersects(np.array(free_of, dtype=object), beneath).any():
            return left, top, left + LOCATOR_MM, top + LOCATOR_MM
    return None


def draw_locator(root: Xml.Element, frame: Frame, city: Geometry, box: Box) -> None:
    """The city's outline and where in it the sheet lies."""
    west, south, east, north = shapely.bounds(city)
    side_m = max(east - west, north - south) * 1.15
    inner = Frame(
        left_mm=box[0], top_mm=box[1], width_mm=LOCATOR_MM, height_mm=LOCATOR_MM,
        west_m=(west + east - side_m) / 2, north_m=(south + north + side_m) / 2,
        scale=side_m * 1000 / LOCATOR_MM,
    )  # fmt: skip
    group = Xml.SubElement(root, "g", {"data-layer": "locator"})
    thin = {"stroke": INK, "stroke-width": "0.2"}
    rectangle(group, box[0], box[1], LOCATOR_MM, LOCATOR_MM, fill="#ffffff", **thin)
    looks = {"fill": "#e3f1eb", "stroke": "#7d8f83", "stroke-width": "0.2"}
    Xml.SubElement(group, "path", {"d": way_of(inner, city), "fill-rule": "evenodd", **looks})
    x, y = inner.point((frame.west_m + frame.east_m) / 2, (frame.south_m + frame.north_m) / 2)
    width = max(1.4, frame.width_mm * frame.scale / inner.scale)
    height = max(1.4, frame.height_mm * frame.scale / inner.scale)
    red = {"fill": "none", "stroke": "#a3241c", "stroke-width": "0.4"}
    rectangle(group, x - width / 2, y - height / 2, width, height, **red)
    text(group, box[0] + 1, box[1] + 2.8, _("伊宁市"), size=2.1, fill=GREY)


def draw_foot(root: Xml.Element, frame: Frame, height_mm: float, approval_number: str) -> None:
    """Scale, bar, coordinate system, and 审图号 or the mark that this is a sketch."""
    group = Xml.SubElement(root, "g", {"data-layer": "foot"})
    top = frame.top_mm + frame.height_mm
    left, right = frame.left_mm, frame.left_mm + frame.width_mm
    length_m = round_step(frame.width_mm * BAR_SHARE * frame.scale / 1000)
    length_mm = length_m * 1000 / frame.scale
    bar_y = top + 5.2
    bar = Xml.SubElement(group, "g", {"data-layer": "scale-bar", "data-metres": number(length_m)})
    for quarter in range(4):
        fill = INK if quarter % 2 == 0 else "#ffffff"
        rectangle(
            bar, left + quarter * length_mm / 4, bar_y, length_mm / 4, 1,
            fill=fill, stroke=INK, **{"stroke-width": "0.15"},
        )  # fmt: skip
    for share in (0, 0.5, 1):
        anchor = "start" if share == 0 else "middle"
        words = distance(length_m * share) if share == 1 else _bare(length_m, share)
        text(
            bar, left + length_mm * share, bar_y - 0.7, words, size=2,
            **{"text-anchor": anchor},
        )  # fmt: skip
    text(group, left, bar_y + 3.4, f"1:{frame.scale:,.0f}".replace(",", " "), size=2.2)
    mark = _("审图号：{number}").format(number=approval_number) if approval_number else _("示意图")
    note = "" if approval_number else _("底图界线非法定界线")
    text(
        group, right, bar_y + 0.6, mark, size=2.8,
        **{"text-anchor": "end", "font-weight": "bold", "data-mark": "approved" if approval_number else "sketch"},
    )  # fmt: skip
    system = _("CGCS2000 3 度带高斯-克吕格投影，中央子午线 81°E")
    words = f"{note} · {system}" if note else system
    text(group, right, bar_y + 3.4, words, size=1.9, fill=GREY, **{"text-anchor": "end"})


def _bare(length_m: float, share: float) -> str:
    part = length_m * share
    return number(part / 1000) if length_m >= 1000 else number(part)

"""Names on a map sheet, and the frame that everything on it is placed by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

INK, GREY = "#17211d", "#5c6a62"
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """How the plane lies on the sheet: ``scale`` metres on the ground for one metre on paper."""

    left_mm: float
    top_mm: float
    width_mm: float
    height_mm: float
    west_m: float
    north_m: float
    scale: float

    @property
    def east_m(self) -> float:
        return self.west_m + self.width_mm * self.scale / 1000

    @property
    def south_m(self) -> float:
        return self.north_m - self.height_mm * self.scale / 1000

    def on_sheet(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Eastings and northings in metres → x, y in millimetres."""
        x = self.left_mm + (points[:, 0] - self.west_m) * 1000 / self.scale
        y = self.top_mm + (self.north_m - points[:, 1]) * 1000 / self.scale
        return np.column_stack([x, y])

    def point(self, easting_m: float, northing_m: float) -> tuple[float, float]:
        [[x, y]] = self.on_sheet(np.array([[easting_m, northing_m]]))
        return float(x), float(y)

    def box(self) -> Geometry:
        return shapely.box(self.west_m, self.south_m, self.east_m, self.north_m)


def number(value: float) -> str:
    """At most two digits after the point, none that say nothing."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def distance(metres: float) -> str:
    return f"{number(metres / 1000)} km" if metres >= 1000 else f"{number(metres)} m"


def text(
    parent: Xml.Element, x: float, y: float, words: str, *, size: float, **looks: str
) -> Xml.Element:
    """Words on the sheet; what XML cannot hold (control characters) is left out."""
    made = Xml.SubElement(
        parent,
        "text",
        {"x": number(x), "y": number(y), "font-size": number(size), "fill": INK, **looks},
    )
    made.text = "".join(sign for sign in words if sign.isprintable())
    return made


class Names:
    """Names that do not lie over each other: who is asked first stands, later ones move or go."""

    def __init__(self, frame: Frame, *, taken: list[Box]) -> None:
        self.frame = frame
        self.taken = taken
        self.wanted: list[tuple[int, str, list[tuple[float, float]], float, dict[str, str]]] = []

    def shape(self, words: str, geom: Geometry) -> None:
        at = shapely.point_on_surface(geom)
        x, y = self.frame.point(at.x, at.y)
        spots = [(x, y + 0.8), (x, y - 2.2), (x, y + 3.8), (x + 6, y + 0.8), (x - 6, y + 0.8)]
        self.wanted.append((0, words, spots, 2.4, {"font-weight": "bold", "data-name": "shape"}))

    def place(self, words: str, x: float, y: float) -> None:
        half = width_of(words, 2.3) / 2
        spots = [(x + half + 1, y + 0.8), (x - half - 1, y + 0.8), (x, y - 1.2), (x, y + 3)]
        self.wanted.append((1, words, spots, 2.3, {"data-name": "place"}))

    def beyond(self, words: str, distance_m: float, direction: float) -> None:
        """At the edge, where the line from the middle to the place leaves the map."""
        frame, arrow = self.frame, arrow_to(direction)
        label = f"{arrow} {words} {distance(round(distance_m, -2))}"
        half = width_of(label, 2.1) / 2
        middle_x = frame.left_mm + frame.width_mm / 2
        middle_y = frame.top_mm + frame.height_mm / 2
        east, south = math.cos(direction), -math.sin(direction)
        reach = min(
            (frame.width_mm / 2 - half - 1) / max(abs(east), 1e-9),
            (frame.height_mm / 2 - 2.5) / max(abs(south), 1e-9),
        )
        x, y = middle_x + east * reach, middle_y + south * reach + 0.8
        spots = [(x, y), (x, y + 3.2), (x, y - 3.2)]
        self.wanted.append((2, label, spots, 2.1, {"fill": GREY, "data-name": "beyond"}))

    def land(self, words: str, geom: Geometry) -> None:
        at = shapely.point_on_surface(geom)
        x, y = self.frame.point(at.x, at.y)
        looks = {"fill": "#7f8b83", "letter-spacing": "0.6", "data-name": "land"}
        spots = [(x, y), (x, y + 8), (x, y - 8), (x + 12, y), (x - 12, y)]
        self.wanted.append((3, words, spots, 2.8, looks))

    def water(self, words: str, geom: Geometry) -> None:
        if not words:
            return
        longest = max(shapely.get_parts(geom), key=lambda part: part.length)
        at = (
            shapely.line_interpolate_point(longest, 0.3, normalized=True)
            if longest.geom_type == "LineString"
            else shapely.point_on_surface(longest)
        )
        x, y = self.frame.point(at.x, at.y)
        looks = {"fill": "#3f7898", "data-name": "water"}
        self.wanted.append((4, words, [(x, y - 1), (x, y + 3)], 2.2, looks))

    def draw(self, root: Xml.Element) -> None:
        """The names that found a free spot, most important first."""
        group = Xml.SubElement(root, "g", {"data-layer": "names"})
        taken = [*self.taken, self.north_corner()]
        done: set[tuple[str, str]] = set()
        for _rank, words, spots, size, looks in sorted(self.wanted, key=lambda want: want[0]):
            key = (looks["data-name"], words)
            if looks["data-name"] in {"land", "water"} and key in done:
                continue
            for x, y in spots:
                box = box_of(words, x, y, size)
                if self.outside(box) or any(overlap(box, other) for other in taken):
                    continue
                taken.append(box)
                done.add(key)
                halo = {
                    "stroke": "#ffffff", "stroke-width": "0.6", "stroke-linejoin": "round",
                    "paint-order": "stroke", "text-anchor": "middle",
                }  # fmt: skip
                text(group, x, y, words, size=size, **{**halo, **looks})
                break

    def north_corner(self) -> Box:
        right = self.frame.left_mm + self.frame.width_mm
        return right - 12, self.frame.top_mm, right, self.frame.top_mm + 15

    def outside(self, box: Box) -> bool:
        frame = self.frame
        return (
            box[0] < frame.left_mm
            or box[1] < frame.top_mm
            or box[2] > frame.left_mm + frame.width_mm
            or box[3] > frame.top_mm + frame.height_mm
        )


def width_of(words: str, size: float) -> float:
    """About how wide words are: a Chinese sign is square, a Latin letter half of it."""
    return sum(size if ord(sign) > 0x2E80 else size * 0.56 for sign in words)


def box_of(words: str, x: float, y: float, size: float) -> Box:
    half = width_of(words, size) / 2 + 0.3
    return x - half, y - size, x + half, y + size * 0.3


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def arrow_to(direction: float) -> str:
    """One of eight arrows for an angle from the east, anticlockwise."""
    return "→↗↑↖←↙↓↘"[round(direction / (math.pi / 4)) % 8]

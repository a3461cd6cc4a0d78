"""KML, KMZ and their ovkml, ovkmz kin: a layer for each folder, altitudes dropped.

Read by ourselves over an XML parser that knows no DTD. Ovital's files name the system of each
object in ``OvCoordType``; its newer versions shift to GCJ-02, which no survey can be read from.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import shapely
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from parcels.intake.encodings import canonical
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.order import usual_bounds
from parcels.intake.formats.rings import Points, closed, is_closed
from parcels.intake.formats.source import BATCH_FEATURES, Layer, Opened
from parcels.intake.formats.text import head_text, read_text
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused

_ROOT = re.compile(r"<(?:\w+:)?kml[\s>]|<!DOCTYPE\s+kml", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*?\?>")
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
_POINTS = ("Point",)
_LINES = ("LineString", "LinearRing", "Track", "MultiTrack")
_SHAPES = ("Polygon", "MultiGeometry", *_POINTS, *_LINES, "Model")
_TEXT_CHARACTERS = 2000
_SHIFTED = re.compile(r"gcj|bd-?09|火星|百度", re.IGNORECASE)


def is_one(head: bytes) -> bool:
    return bool(_ROOT.search(head_text(head)))


@dataclass(slots=True)
class Placemark:
    """One feature: its texts, and its shape or why it has none."""

    properties: dict[str, str]
    wkb: bytes | None = None
    fault: Fault | None = None
    polygons: int = 0


@dataclass(slots=True)
class Folder:
    """One layer with what must be told about it."""

    around: Folder | None
    is_folder: bool  # Not the document: its name is for placemarks that lie in no folder.
    name: str = ""
    placemarks: list[Placemark] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)  # The first of each feature.
    systems: set[str] = field(default_factory=set)  # As OvCoordType names them, "" when it is not.
    has_altitude: bool = False
    rings_closed: int = 0

    def path(self) -> str:
        """The names of the folders down to this one."""
        above = self.around.path() if self.around and self.around.is_folder else ""
        own = self.name or ("未命名" if self.is_folder else "KML")
        return f"{above}/{own}" if above and self.is_folder else own


class Kml:
    """The folders of one document."""

    format = "KML"

    def __init__(self, path: Path, limits: Limits) -> None:
        self.limits = limits
        self.folders: dict[str, Folder] = {}
        seen: Counter[str] = Counter()
        for folder in _Reader(limits).read(decoded(path, limits)):
            name = folder.path()
            seen[name] += 1
            self.folders[name if seen[name] == 1 else f"{name} ({seen[name]})"] = folder

    def layers(self) -> list[Layer]:
        return [
            Layer(
                name,
                len(folder.placemarks),
                "Polygon" if any(found.polygons for found in folder.placemarks) else "Point",
            )
            for name, folder in self.folders.items()
        ]

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        folder = self.folders[name]
        columns = dict.fromkeys(key for found in folder.placemarks for key in found.properties)
        declared = "EPSG:4490" if folder.systems == {"CGCS2000"} else "EPSG:4326"
        points = np.array(folder.points or np.empty((0, 2)), dtype=np.float64)
        opened = Opened(
            next(layer for layer in self.layers() if layer.name == name),
            [(column, "str") for column in columns],
            declared,
            usual_bounds(points),
            None,
        )
        if folder.has_altitude:
            opened.notices.append(("altitude_dropped", {}))
        if folder.rings_closed:
            opened.notices.append(("rings_closed", {"n": folder.rings_closed}))
        if not folder.systems or "" in folder.systems:
            opened.notices.append(("may_be_gcj02", {}))
        return opened

    def batches(self, opened: Opened) -> Iterator[Raw]:
        placemarks = self.folders[opened.layer.name].placemarks
        names = [name for name, _kind in opened.fields]
        for start in range(0, len(placemarks), BATCH_FEATURES):
            raw = Raw([], {name: [] for name in names}, [])
            for row, found in enumerate(
                placemarks[start : start + BATCH_FEATURES], start=start + 1
            ):
                if found.fault is not None:
                    lon, lat = found.fault.place or (None, None)
                    raw.rejects.append(
                        Reject(
                            row, found.properties.get("name", ""), found.fault.code,
                            found.fault.params, lon, lat,
                        )
                    )  # fmt: skip
                    continue
                raw.rows.append(row)
                raw.wkb.append(found.wkb)
                for name, values in raw.columns.items():
                    values.append(found.properties.get(name))
            yield raw


def decoded(path: Path, limits: Limits) -> io.BytesIO:
    """The document as UTF-8 without its declaration: expat knows no GBK."""
    if path.stat().st_size > limits.text_bytes:
        raise Refused("text_too_large", limit_mib=limits.text_bytes // 1024**2)
    data = path.read_bytes()
    found = _DECLARED_ENCODING.search(data[:400])
    named = canonical(found[1].decode("ascii")) if found else None
    try:
        text = data.decode(named or "utf-8-sig")
    except UnicodeDecodeError:
        text, _guess = read_text(data, None)
    text = _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)
    return io.BytesIO(text.encode("utf-8", errors="replace"))


def local(tag: str) -> str:
    """An element's name without its namespace; there are four of KML in use."""
    return tag.rpartition("}")[2]


class _Reader:
    """One pass over the document; a placemark is forgotten when it was read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.found: list[Folder] = []
        self.open: list[tuple[Element, Folder]] = []  # Folders around the present element.
        self.systems: list[tuple[Element, str]] = []
        self.features = 0

    def read(self, stream: io.BytesIO) -> list[Folder]:
        above: list[Element] = []
        try:
            for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
                if event == "start":
                    if len(above) >= self.limits.nesting:
                        raise Refused("nested_too_deeply")
                    above.append(element)
                    self.start(element)
                else:
                    above.pop()
                    self.end(element, above[-1] if above else None)
        except DefusedXmlException as error:
            raise Refused("xml_forbidden") from error
        except ParseError as error:
            line, column = error.position
            raise Refused("xml_damaged", line=line, column=column) from error
        return [folder for folder in self.found if folder.placemarks]

    def start(self, element: Element) -> None:
        name = local(element.tag)
        if name in ("NetworkLink", "NetworkLinkControl"):
            raise Refused("kml_network_link")
        if name in ("kml", "Document", "Folder"):
            folder = Folder(self.open[-1][1] if self.open else None, name == "Folder")
            self.open.append((element, folder))
            self.found.append(folder)

    def end(self, element: Element, parent: Element | None) -> None:
        name = local(element.tag)
        if parent is None or not self.open:
            return
        if name == "name" and parent is self.open[-1][0]:
            self.open[-1][1].name = (element.text or "").strip()[:80]
        elif name == "OvCoordType" and local(parent.tag) != "Placemark":
            self.systems.append((parent, system_of(element)))
        elif name == "Placemark":
            self.add(element)
            parent.remove(element)
        elif element is self.open[-1][0]:
            self.open.pop()
            self.systems = [(of, system) for of, system in self.systems if of is not element]
            parent.remove(element)

    def add(self, element: Element) -> None:
        self.features += 1
        if self.features > self.limits.features:
            raise Refused("too_many_features", limit=self.limits.features)
        folder = self.open[-1][1]
        placemark = Placemark(properties_of(element))
        own = next((child for child in element if local(child.tag) == "OvCoordType"), None)
        around = self.systems[-1][1] if self.systems else ""
        system = around if own is None else system_of(own)
        try:
            shape = shape_of(element, folder, self.limits)
            if shape is not None:
                folder.points.append(tuple(shapely.get_coordinates(shape)[0].tolist()))
                placemark.polygons = 1
                # A feature alone names its system; points and labels do not matter.
                folder.systems.add(system)
                if _SHIFTED.search(system):
                    raise Fault("shifted_coordinates", list(folder.points.pop()), system=system)
                placemark.wkb = bytes(shapely.to_wkb(shape, byte_order=1))
        except Fault as fault:
            placemark.fault = fault
        folder.placemarks.append(placemark)


def system_of(element: Element) -> str:
    """What OvCoordType says: CGCS2000, WGS84, GCJ-02."""
    return (element.text or "").strip().upper()[:20]


def properties_of(element: Element) -> dict[str, str]:
    """Name, description and the extended data, as text."""
    found: dict[str, str] = {}
    for child in element:
        if local(child.tag) in ("name", "description") and child.text and child.text.strip():
            found[local(child.tag)] = child.text.strip()[:_TEXT_CHARACTERS]
    for child in element.iter():
        name = child.get("name")
        if name is None or local(child.tag) not in ("Data", "SimpleData"):
            continue
        value = child.text if local(child.tag) == "SimpleData" else child.findtext("{*}value")
        key = name if name not in ("name", "description") or name not in found else f"{name}_2"
        found[key] = (value or "").strip()[:_TEXT_CHARACTERS]
    return found


def shape_of(element: Element, folder: Folder, limits: Limits) -> Any:
    """The placemark's polygons; None when it has no geometry. Fault for anything else."""
    waiting = [child for child in element if local(child.tag) in _SHAPES]
    if not waiting:
        return None
    polygons: list[Any] = []
    others: dict[str, list[float] | None] = {}
    while waiting:
        child = waiting.pop(0)
        kind = local(child.tag)
        if kind == "MultiGeometry":
            waiting = [inner for inner in child if local(inner.tag) in _SHAPES] + waiting
        elif kind == "Polygon":
            polygons.append(polygon(child, folder, limits))
        else:
            others.setdefault(kind, first_place(child))
    if polygons and not others:
        return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    if polygons:
        raise Fault("geometry_is_collection", next(iter(others.values())))
    if not others:
        raise Fault("geometry_empty")
    place = next(iter(others.values()))
    if all(kind in _POINTS for kind in others):
        raise Fault("geometry_is_point", place)
    if all(kind in _LINES for kind in others):
        raise Fault("geometry_is_line", place)
    raise Fault("geometry_is_collection", place)


def polygon(element: Element, folder: Folder, limits: Limits) -> Any:
    outer = list(element.iterfind("{*}outerBoundaryIs/{*}LinearRing"))
    inner = list(element.iterfind("{*}innerBoundaryIs/{*}LinearRing"))
    if not outer:
        raise Fault("geometry_empty")
    if len(outer) > 1:
        raise Fault("geometry_unreadable", first_place(outer[0]))
    rings: list[Points] = []
    for ring in (*outer, *inner):
        points = positions(ring.findtext("{*}coordinates") or "", folder, limits)
        # Earth viewers close a ring by themselves, so files with open ones are common.
        if len(points) and not is_closed(points):
            folder.rings_closed += 1
        rings.append(closed(points))
    return shapely.Polygon(rings[0], rings[1:])


def positions(text: str, folder: Folder, limits: Limits) -> Points:
    """``lon,lat[,altitude]`` between spaces; some writers put spaces behind the commas too."""
    tokens = re.sub(r"\s*,\s*", ",", text).split()
    if len(tokens) > limits.vertices:
        raise Fault("too_many_vertices", vertices=len(tokens), limit=limits.vertices)
    points: list[tuple[float, float]] = []
    for token in tokens:
        place = list(points[-1]) if points else None
        parts = token.split(",")
        if len(parts) not in (2, 3):
            raise Fault("position_wrong", place)
        try:
            lon, lat = float(parts[0]), float(parts[1])
        except ValueError as error:
            raise Fault("position_wrong", place) from error
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise Fault("number_not_finite", place)
        folder.has_altitude |= len(parts) == 3 and bool(parts[2])
        points.append((lon, lat))
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def first_place(element: Element) -> list[float] | None:
    """Some position below the element, for the map."""
    for child in element.iter():
        if local(child.tag) in ("coordinates", "coord") and child.text:
            parts = re.split(r"[,\s]+", child.text.strip(), maxsplit=2)
            try:
                lon, lat = float(parts[0]), float(parts[1])
            except (ValueError, IndexError):
                return None
            return [lon, lat] if math.isfinite(lon) and math.isfinite(lat) else None
    return None


def open_source(path: Path, scratch: Path, limits: Limits) -> Kml:
    return Kml(path, limits)

"""报备坐标, the text format in which surveys of land are handed in ("Files people bring").

``[属性描述]`` names the plane, ``[地块坐标]`` holds for each plot one line that ends in ``@`` and
then ``点号,圈号,X,Y`` with X to the north. Programs and people write it in many ways; what can be
told from the numbers is told from them, and said.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from parcels.intake.crs import gauss_kruger_epsg
from parcels.intake.datums import BEIJING54, XIAN80, Datum, check_shift, gauss_kruger, helmert
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.order import (
    Kind,
    Points,
    are_of,
    are_placed,
    east_first,
    kinds,
    usual,
    usual_bounds,
)
from parcels.intake.formats.rings import assemble, closed, is_closed, loops
from parcels.intake.formats.source import BATCH_FEATURES, Layer, Opened
from parcels.intake.formats.text import head_text, read_text
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused

LAYER = "报备坐标"
COLUMNS = ("地块编号", "地块名称", "面积", "图幅号", "地块用途", "地类编码")
# A closing point may be written with one digit more or less than the first.
CLOSING_M = 0.0005
HECTARE_M2 = 10_000
ZONE_M = 1_000_000
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_SECTION = re.compile(r"^[\[【](.+?)[\]】]\s*$")
_SHAPES = ("面", "线", "点")
_POINT_FIELDS = 4
_PLOT_FIELDS = 6


@dataclass(slots=True)
class Plot:
    """One plot as written: its line, its fields, its points (ring, X, Y) and their lines."""

    line: int
    fields: list[str]
    rings: list[int] = field(default_factory=list)
    numbers: list[tuple[float, float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    fault: Fault | None = None
    turned: Points | None = None
    was_exchanged: bool = False
    area: tuple[float | None, bool] | None = None  # Hectares; whether written in square metres.

    def points(self) -> Points:
        """All points, (easting, northing); after the file was read."""
        if self.turned is None:
            written = np.array(self.numbers, dtype=np.float64).reshape(-1, 2)
            self.turned, exchanged = east_first(written)
            self.was_exchanged = bool(exchanged.any())
        return self.turned


@dataclass(frozen=True, slots=True)
class Plane:
    """In which numbers the points are handed on."""

    declared: str  # What the reader recognises; empty when the file does not say enough.
    zone: int | None = None
    prefixed: bool = False
    to_degrees: Transformer | None = None  # From an older datum.
    notices: tuple[tuple[str, dict[str, Any]], ...] = ()


def is_one(head: bytes) -> bool:
    text = head_text(head)
    if re.search(r"^[\[【](地块坐标|属性描述)[\]】]", text, re.MULTILINE):
        return True
    return bool(re.search(r"^\d+,[^\n]*,@\s*$", text, re.MULTILINE))


def plain(text: str) -> str:
    """Full-width digits, commas and brackets as half-width ones, without spaces around."""
    return unicodedata.normalize("NFKC", text).strip()


def number(text: str) -> float:
    """One decimal number; Fault for everything else."""
    wanted = text if text.isascii() else plain(text)
    if not _NUMBER.match(wanted):
        raise Fault("point_line_wrong")
    value = float(wanted)
    if not math.isfinite(value):
        raise Fault("number_not_finite")
    return value


class _Parser:
    """The lines of one file → header and plots."""

    def __init__(self) -> None:
        self.header: dict[str, str] = {}
        self.plots: list[Plot] = []

    def read(self, text: str) -> None:
        section = ""
        for line, raw in enumerate(text.splitlines(), start=1):
            written = raw.strip().strip("\x00\x1a")
            if not written:
                continue
            if found := _SECTION.match(written):
                section = found[1]
            elif "属性" in section and "=" in plain(written):
                key, _equals, value = plain(written).partition("=")
                self.header[key.strip()] = value.strip()
            else:
                cells = self.cells(written.rpartition("@")[0] or written)
                if "@" in written or len(cells) >= _PLOT_FIELDS:
                    section = ""  # Some files have no [地块坐标].
                    self.plots.append(Plot(line, cells))
                elif "属性" not in section:
                    self.add_point(line, written, cells)

    @staticmethod
    def cells(written: str) -> list[str]:
        # A full-width comma separates only where nothing else does: names may hold one.
        if written.count(",") < _POINT_FIELDS - 1:
            written = written.replace("，", ",")
        return [cell.strip() for cell in written.split(",")]

    def add_point(self, line: int, written: str, cells: list[str]) -> None:
        if not self.plots:
            self.plots.append(Plot(line, []))
        plot = self.plots[-1]
        try:
            if len(cells) < _POINT_FIELDS:
                raise Fault("point_line_wrong")
            ring, x, y = number(cells[1]), number(cells[2]), number(cells[3])
            if ring != int(ring):
                raise Fault("point_line_wrong")
        except Fault as fault:
            if plot.fault is None:
                last = np.array(plot.numbers[-1:], dtype=np.float64).reshape(-1, 2)
                before = east_first(last)[0].tolist()
                plot.fault = Fault(
                    fault.code, before[0] if before else None, line=line, text=written[:60]
                )
            return
        plot.rings.append(int(ring))
        plot.numbers.append((x, y))
        plot.lines.append(line)


def described(fields: list[str]) -> tuple[dict[str, str], str]:
    """The plot line by names, and its kind of shape. Seven fields lack the land class.

    ``点数,面积,编号,名称,面,图幅号,用途[,地类编码[,…]]``; a name may itself hold commas.
    """
    names = ("点数", "面积", "地块编号")
    found = dict(zip(names, fields, strict=False))
    # The fifth field, or a later one behind a name with commas; a name may itself be "面".
    candidates = [at for at, cell in enumerate(fields) if at >= 3 and cell in _SHAPES]
    shape_at = next((at for at in candidates if at >= 4), candidates[0] if candidates else None)
    if shape_at is None:
        found["地块名称"] = fields[3] if len(fields) > 3 else ""
        return found, "面"
    found["地块名称"] = ",".join(fields[3:shape_at])
    found.update(zip(("图幅号", "地块用途", "地类编码"), fields[shape_at + 1 :], strict=False))
    return found, fields[shape_at]


def datum_of(header: dict[str, str]) -> Datum | str:
    """The older datum, or ``cgcs2000``, ``wgs84``, or an empty text when it is not named."""
    written = header.get("坐标系", "").upper()
    if "2000" in written or "CGCS" in written:
        return "cgcs2000"
    if "WGS" in written:
        return "wgs84"
    if "80" in written or "西安" in written:
        return XIAN80
    if "54" in written or "北京" in written:
        return BEIJING54
    return ""


def seven_parameters(
    header: dict[str, str], datum: Datum, by_hand: tuple[float, ...]
) -> tuple[float, ...]:
    """Those given by hand, else those of the header (see ``datums``).

    Empty ones, and the seven zeros that programs put there, are none.
    """
    if by_hand:
        return by_hand
    cells = [cell.strip() for cell in re.split(r"[,;\s]+", header.get("转换参数", "").strip(", "))]
    try:
        values = tuple(number(cell) for cell in cells if cell)
    except Fault as fault:
        raise Refused("survey_parameters_wrong", written=header["转换参数"][:80]) from fault
    if not values or not any(values):
        raise Refused("crs_needs_seven_parameters", name=datum.name)
    if len(values) != 7:
        raise Refused("survey_parameters_wrong", written=header["转换参数"][:80])
    return values


def meridian_of(zone: int) -> float | None:
    """The central meridian; three- and six-degree zones of this country share no number."""
    if 25 <= zone <= 45:
        return 3.0 * zone
    if 13 <= zone <= 23:
        return 6.0 * zone - 3
    return None


def plane_of(header: dict[str, str], points: Points, by_hand: tuple[float, ...] = ()) -> Plane:
    """The plane from the header and the numbers. Points are (easting, northing).

    Refused: an older datum without seven parameters.
    """
    datum = datum_of(header)
    given = seven_parameters(header, datum, by_hand) if isinstance(datum, Datum) else ()
    notices: list[tuple[str, dict[str, Any]]] = []
    if len(points) and usual(points)[0] == Kind.LONGITUDE:
        if isinstance(datum, Datum):
            raise Refused("crs_needs_seven_parameters", name=datum.name)
        return Plane({"cgcs2000": "EPSG:4490", "wgs84": "EPSG:4326"}.get(datum, ""))
    eastings = points[:, 0] if len(points) else np.empty(0)
    zones = (eastings[kinds(eastings) == Kind.ZONED_EASTING] // ZONE_M).astype(int)
    zone = header_zone = whole_number(header.get("带号", ""))
    if len(zones):
        [(zone, _count)] = Counter(zones.tolist()).most_common(1)
        if header_zone is not None and header_zone != zone:
            notices.append(("zone_contradicts", {"written": header_zone, "zone": zone}))
    elif zone is not None and meridian_of(zone) is not None:
        notices.append(("zone_from_header", {"zone": zone}))
    meridian = meridian_of(zone) if zone is not None else None
    gauss = re.search(r"高斯|GAUSS|^$", header.get("投影类型", "").upper())
    if zone is None or meridian is None or not gauss:
        if isinstance(datum, Datum):
            raise Refused("survey_zone_missing", name=datum.name)
        return Plane("", notices=tuple(notices))
    easting_m = 500_000 + (zone * ZONE_M if len(zones) else 0)
    if isinstance(datum, Datum):
        projection = gauss_kruger(meridian, easting_m)
        if len(points):
            check_shift(datum, projection, given, np.median(points, axis=0))
        pipeline = Transformer.from_pipeline(helmert(datum, projection, given))
        notices.append(("seven_parameters_used", {"name": datum.name}))
        return Plane("EPSG:4490", zone, bool(len(zones)), pipeline, tuple(notices))
    if len(zones) and header_zone not in (None, zone):
        # The numbers propose a zone, and a person says whether it is theirs.
        return Plane("", zone, prefixed=True, notices=tuple(notices))
    declared = {
        "cgcs2000": f"EPSG:{gauss_kruger_epsg(meridian, easting_m)}",
        "wgs84": f"+proj=tmerc +lat_0=0 +lon_0={meridian} +k=1 +x_0={easting_m} +y_0=0 "
        "+ellps=WGS84 +units=m +no_defs +type=crs",
    }.get(datum, "")
    return Plane(declared, zone, bool(len(zones)), None, tuple(notices))


def whole_number(text: str) -> int | None:
    found = re.match(r"^\s*(\d{1,3})", plain(text))
    return int(found[1]) if found else None


class SurveyText:
    """One file of plots as one layer."""

    format = "报备坐标 TXT"
    by_hand: tuple[float, ...] = ()  # Seven parameters that a person gave; the header's else.

    def __init__(self, path: Path, limits: Limits) -> None:
        if path.stat().st_size > limits.text_bytes:
            raise Refused("text_too_large", limit_mib=limits.text_bytes // 1024**2)
        self.limits = limits
        self.data = path.read_bytes()
        self.plane = Plane("")
        self.parse(None)

    def parse(self, encoding: str | None) -> None:
        text, self.encoding = read_text(self.data, encoding)
        parser = _Parser()
        parser.read(text)
        self.header, self.plots = parser.header, parser.plots

    def layers(self) -> list[Layer]:
        return [Layer(LAYER, len(self.plots), "Polygon")]

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        if encoding is not None:
            self.parse(encoding)
        every = np.vstack([np.empty((0, 2)), *(plot.points() for plot in self.plots)])
        self.plane = plane_of(self.header, every, self.by_hand)
        opened = Opened(
            self.layers()[0],
            [(column, "float" if column == "面积" else "str") for column in COLUMNS],
            self.plane.declared,
            usual_bounds(self.handed_on(every)[0]),
            self.encoding,
            list(self.plane.notices),
        )
        if any(plot.was_exchanged for plot in self.plots):
            opened.notices.append(("xy_exchanged", {}))
        open_rings = in_square_metres = 0
        for plot in self.plots:
            if plot.fault is None:
                rings = self.rings_of(plot)
                open_rings += sum(not is_closed(ring, CLOSING_M) for ring in rings)
                plot.area = area_ha(plot, rings)
                in_square_metres += plot.area[1]
        if open_rings:
            opened.notices.append(("rings_closed", {"n": open_rings}))
        if in_square_metres:
            opened.notices.append(("area_in_square_metres", {"n": in_square_metres}))
        return opened

    def batches(self, opened: Opened) -> Iterator[Raw]:
        for start in range(0, len(self.plots), BATCH_FEATURES):
            raw = Raw([], {name: [] for name in COLUMNS}, [])
            for row, plot in enumerate(self.plots[start : start + BATCH_FEATURES], start=start + 1):
                self._add(raw, row, plot)
            yield raw

    def _add(self, raw: Raw, row: int, plot: Plot) -> None:
        written, _shape = described(plot.fields)
        try:
            shape = self.shape_of(plot)
        except Fault as fault:
            x, y = self.on_plane(fault.place) or (None, None)
            label = written.get("地块编号", "")
            raw.rejects.append(Reject(row, label, fault.code, fault.params, x, y))
            return
        raw.rows.append(row)
        raw.wkb.append(bytes(shapely.to_wkb(shape, byte_order=1)))
        for name, values in raw.columns.items():
            area = plot.area[0] if plot.area else None
            values.append(area if name == "面积" else written.get(name) or None)

    def on_plane(self, place: list[float] | None) -> list[float] | None:
        """The place of a fault, which is (easting, northing), in the numbers handed on."""
        if place is None:
            return None
        found: list[float] = self.handed_on(np.array([place]))[0][0].tolist()
        return found if np.isfinite(found).all() else None

    def handed_on(self, points: Points) -> tuple[Points, NDArray[np.bool_]]:
        """(easting, northing) with the zone before the easting where others have it, or degrees.

        Second answer: which points lie in another zone.
        """
        points = points.copy()
        found = kinds(points[:, 0])
        is_zoned = found == Kind.ZONED_EASTING
        zone = self.plane.zone or 0
        elsewhere = is_zoned & (points[:, 0] // ZONE_M != zone) & bool(zone)
        if self.plane.prefixed:
            points[found == Kind.EASTING, 0] += zone * ZONE_M
        if self.plane.to_degrees is not None:
            lon, lat = self.plane.to_degrees.transform(points[:, 0], points[:, 1], errcheck=False)
            points = np.column_stack([lon, lat])
        return points, elsewhere

    def rings_of(self, plot: Plot) -> list[Points]:
        """The rings as written, (easting, northing), each in the order of its points."""
        numbers = np.array(plot.rings)
        found: list[Points] = []
        for ring in dict.fromkeys(plot.rings):
            of_ring = plot.points()[numbers == ring]
            found.extend(of_ring[part] for part in loops(of_ring))
        return found

    def shape_of(self, plot: Plot) -> Any:
        """The plot's polygon in the numbers handed on. Fault: places are (easting, northing)."""
        written, kind = described(plot.fields)
        if plot.fault is not None:
            raise plot.fault
        if kind != "面":
            raise Fault("geometry_is_line" if kind == "线" else "geometry_is_point")
        if not plot.numbers:
            raise Fault("geometry_empty")
        if len(plot.numbers) > self.limits.vertices:
            raise Fault("too_many_vertices", vertices=len(plot.numbers), limit=self.limits.vertices)
        self.check_numbers(plot)
        rings = self.rings_of(plot)
        self.check_count(plot, written.get("点数", ""), rings)
        shape = assemble([closed(ring, CLOSING_M) for ring in rings])
        return shapely.transform(shape, lambda points: self.handed_on(points)[0])

    def check_numbers(self, plot: Plot) -> None:
        """A number that is neither a northing nor an easting lost a digit; a zone is the file's."""
        points = plot.points()
        _moved, elsewhere = self.handed_on(points)
        if elsewhere.any():
            at = int(np.argmax(elsewhere))
            raise Fault(
                "zone_differs", points[at].tolist(), line=plot.lines[at],
                zone=int(points[at, 0] // ZONE_M), expected=self.plane.zone,
            )  # fmt: skip
        if not self.plane.declared:
            return  # Numbers of an unnamed plane may be of any size.
        # All points of a plot have the zone before their easting, or none.
        fits = are_of(points, usual(points)) & are_placed(points)
        if not fits.all():
            at = int(np.argmin(fits))
            near = points[fits][0].tolist() if fits.any() else None
            x, y = plot.numbers[at]
            raise Fault("point_line_wrong", near, line=plot.lines[at], text=f"{x:.3f},{y:.3f}")

    def check_count(self, plot: Plot, stated: str, rings: list[Points]) -> None:
        """The count of the plot line, with or without closing points. Fault for another."""
        wanted = whole_number(stated)
        if wanted is None:
            return  # Some programs leave it empty.
        corners = sum(len(ring) - is_closed(ring, CLOSING_M) for ring in rings)
        if wanted not in (len(plot.numbers), corners, corners + len(rings)):
            raise Fault(
                "point_count_wrong", rings[0][0].tolist(), line=plot.line, stated=wanted,
                found=len(plot.numbers),
            )  # fmt: skip


def area_ha(plot: Plot, rings: list[Points]) -> tuple[float | None, bool]:
    """The written area in hectares, and whether it was written in square metres."""
    written, _kind = described(plot.fields)
    try:
        stated = number(written.get("面积", ""))
        mapped_m2 = float(shapely.area(assemble([closed(ring, CLOSING_M) for ring in rings])))
    except Fault:
        return None, False
    if 0.5 * mapped_m2 < stated < 2 * mapped_m2:
        return stated / HECTARE_M2, True
    return stated, False


def open_source(path: Path, scratch: Path, limits: Limits) -> SurveyText:
    return SurveyText(path, limits)

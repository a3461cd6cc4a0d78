"""Tables of boundary points (界址点成果表), XLSX and CSV: one row a point, the header by synonyms.

X is the northing. Numbers are taken as values only: a formula shows what another program computed,
and a number with a letter in it was typed by hand; both are rejected with their cell.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from defusedxml.common import DefusedXmlException

from parcels.intake.encodings import EncodingGuess
from parcels.intake.features import Raw, Reject
from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.order import (
    Kind,
    Points,
    are_of,
    east_first,
    kinds,
    usual,
    usual_bounds,
)
from parcels.intake.formats.rings import assemble, closed, loops
from parcels.intake.formats.source import BATCH_FEATURES, Layer, Opened
from parcels.intake.formats.text import head_text, read_text
from parcels.intake.gate import Limits
from parcels.intake.refusal import Refused

HEADER_ROWS = 20
MAX_COLUMNS = 64
MAX_ROWS = 1_048_576
NUMBER_CHARACTERS = 40  # A longer one may be infinite.
CSV_LAYER = "CSV"
DELIMITERS = (",", "\t", ";", "，")

PLOT, POINT, RING, NORTH, EAST, LAT, LON = (
    "plot", "point", "ring", "north", "east", "lat", "lon",
)  # fmt: skip
# What a heading says in words comes before what a bare letter says: 东坐标(X) is an easting.
WORDS: dict[str, tuple[str, ...]] = {
    PLOT: (
        "地块号", "地块编号", "地块", "宗地号", "宗地编号", "宗地代码", "图斑号", "图斑编号",
        "小班号", "plot", "plotno", "parcel", "parcelno",
    ),
    POINT: (
        "点号", "点名", "点编号", "界址点号", "界址点", "界址点编号", "拐点", "拐点号", "拐点编号",
        "桩号", "界桩号", "point", "pointno", "pointid",
    ),
    RING: ("圈号", "环号", "地块圈号", "界址圈号", "圈", "环", "ring", "ringno"),
    NORTH: (
        "纵坐标", "纵坐标x", "x纵坐标", "北坐标", "北坐标x", "x北坐标", "北", "北向", "northing",
        "north",
    ),
    EAST: (
        "横坐标", "横坐标y", "y横坐标", "东坐标", "东坐标y", "y东坐标", "东", "东向", "easting",
        "east",
    ),
    LAT: ("纬度", "北纬", "纬度b", "b纬度", "latitude", "lat"),
    LON: ("经度", "东经", "经度l", "l经度", "longitude", "lon", "lng", "long"),
}  # fmt: skip
LETTERS: dict[str, tuple[str, ...]] = {
    NORTH: ("x", "x坐标", "坐标x", "xcoord", "n"),
    EAST: ("y", "y坐标", "坐标y", "ycoord", "e"),
    LAT: ("b",),
    LON: ("l",),
}
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
# 81°18′02.5″, 81-18-02.5, 81:18:02.5, 东经81度18分2.5秒, 81°18.04′
_ANGLE = re.compile(
    r"^(?P<before>[EWNS东西南北][经纬]?)?\s*(?P<d>\d{1,3})\s*[°\-: ]\s*(?P<m>\d{1,2}(?:\.\d+)?)"
    r"\s*(?:['\-: ]\s*(?:(?P<s>\d{1,2}(?:\.\d+)?)\s*\"?)?)?\s*(?P<behind>[EWNS])?$",
    re.IGNORECASE,
)
_ANGLE_SIGNS = str.maketrans(
    {"°": "°", "º": "°", "˚": "°", "度": "°", "′": "'", "＇": "'", "’": "'", "‘": "'", "`": "'",
     "´": "'", "分": "'", "″": '"', "＂": '"', "”": '"', "“": '"', "秒": '"', "－": "-", "–": "-",
     "—": "-", "−": "-", "‐": "-", "：": ":"}
)  # fmt: skip
_BRACKETS = re.compile(r"[(\[【<](.*?)[)\]】>]")


class Formula(str):
    """A cell that holds a formula."""


def heading(value: Any) -> str:
    text = unicodedata.normalize("NFKC", str(value)).casefold()
    return re.sub(r"[\s_\-.:*]", "", text)


def role_of(value: Any) -> str | None:
    """What a column heading stands for, by words, else by letters; None for other columns."""
    if value is None or not str(value).strip():
        return None
    text = heading(value)
    inside = "".join(_BRACKETS.findall(text))
    forms = (_BRACKETS.sub("", text), re.sub(r"[()\[\]【】<>]", "", text), inside)
    for table in (WORDS, LETTERS):
        for form in forms:
            for role, words in table.items():
                if form in words:
                    return role
    return None


@dataclass(frozen=True, slots=True)
class Header:
    """Where the table begins and what its columns are."""

    row: int  # From 0.
    roles: dict[str, int]
    others: dict[int, str]  # Column → a name that no other has.

    @property
    def width(self) -> int:
        """How many columns matter."""
        return 1 + max(*self.roles.values(), *self.others)

    @property
    def coordinates(self) -> tuple[int, int]:
        """The columns of the northing or latitude, and of the easting or longitude."""
        if NORTH in self.roles:
            return self.roles[NORTH], self.roles[EAST]
        return self.roles[LAT], self.roles[LON]


def roles_in(row: Sequence[Any]) -> dict[str, int]:
    roles: dict[str, int] = {}
    for column, value in enumerate(row):
        if (role := role_of(value)) is not None:
            roles.setdefault(role, column)
    return roles


def is_header(roles: dict[str, int]) -> bool:
    return (NORTH in roles and EAST in roles) or (LAT in roles and LON in roles)


def find_header(rows: Sequence[Sequence[Any]]) -> Header | None:
    """The row of headings within the first rows; merged cells leave some in the row above."""
    for at, row in enumerate(rows[:HEADER_ROWS]):
        roles = roles_in(row)
        if not is_header(roles):
            continue
        above = rows[at - 1] if at else ()
        names: dict[int, str] = {}
        for column in range(max(len(row), len(above))):
            value = next(
                (cells[column] for cells in (row, above)
                 if column < len(cells) and cells[column] not in (None, "")), None,
            )  # fmt: skip
            if value is None:
                continue
            if column not in roles.values() and (role := role_of(value)) is not None:
                roles.setdefault(role, column)
            names[column] = " ".join(str(value).split())[:60]
        # A table may give both; and "b" or "l" need not be an angle.
        for unused in (LAT, LON) if {NORTH, EAST} <= roles.keys() else (NORTH, EAST):
            roles.pop(unused, None)
        taken = {column for role, column in roles.items() if role != PLOT}
        others: dict[int, str] = {}
        for column, name in names.items():
            if column not in taken:
                # Two columns of one name stay apart.
                others[column] = f"{name}_{column + 1}" if name in others.values() else name
        return Header(at, roles, others)
    return None


def coordinate(value: Any) -> float:
    """A number, or an angle in degrees, minutes and seconds. Fault names what is wrong."""
    if isinstance(value, Formula):
        raise Fault("cell_is_formula")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise Fault("cell_not_number", value=str(value))
        return float(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Fault("cell_empty")
    if not isinstance(value, str):
        raise Fault("cell_not_number", value=str(value)[:40])
    if len(value) < NUMBER_CHARACTERS and _NUMBER.match(value):
        return float(value)
    text = value.translate(_ANGLE_SIGNS).replace("''", '"')
    text = unicodedata.normalize("NFKC", text).strip()
    if text.startswith("="):
        raise Fault("cell_is_formula")
    if _NUMBER.match(text) or _THOUSANDS.match(text):
        number = float(text.replace(",", ""))
        if math.isfinite(number):
            return number
    if found := _ANGLE.match(text):
        return angle(found, value)
    raise Fault("cell_not_number", value=value.strip()[:40])


def angle(found: re.Match[str], written: str) -> float:
    degrees, minutes, seconds = int(found["d"]), float(found["m"]), float(found["s"] or 0)
    if minutes >= 60 or seconds >= 60:
        raise Fault("cell_angle_wrong", value=written.strip()[:40])
    side = ((found["before"] or found["behind"]) or "E")[0].upper()
    return (degrees + minutes / 60 + seconds / 3600) * (-1 if side in "WS西南" else 1)


def text_of(value: Any) -> str | None:
    """A cell as text: 45.0 is 45, as people see it."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip() or None


@dataclass(slots=True)
class Plot:
    """The points of one plot: ring, northing, easting and row of each, and its other cells."""

    label: str
    others: dict[str, str] = field(default_factory=dict)
    rings: list[str] = field(default_factory=list)
    numbers: list[tuple[float, float]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    fault: Fault | None = None

    def points(self) -> Points:
        return np.array(self.numbers, dtype=np.float64).reshape(-1, 2)


class Table:
    """One sheet: its header and its plots, read in one pass."""

    def __init__(self, header: Header, limits: Limits) -> None:
        self.header = header
        self.limits = limits
        self.plots: dict[str, Plot] = {}
        self.present: Plot | None = None
        self.points: Points = np.empty((0, 2))
        self.kinds = (Kind.OTHER, Kind.OTHER)  # Of most points; a lost digit stands out.

    def read(self, rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
        """Rows from 1, as spreadsheets count them."""
        for row, cells in rows:
            self.add(row, cells)
        filled = [plot.points() for plot in self.plots.values() if plot.numbers]
        if filled:
            self.points = east_first(np.vstack(filled))[0]
            self.kinds = usual(self.points)

    def value(self, cells: Sequence[Any], role: str) -> Any:
        column = self.header.roles.get(role)
        return cells[column] if column is not None and column < len(cells) else None

    def add(self, row: int, cells: Sequence[Any]) -> None:
        north, east = (
            cells[column] if column < len(cells) else None for column in self.header.coordinates
        )
        point, plot = text_of(self.value(cells, POINT)), text_of(self.value(cells, PLOT))
        if is_blank(north) and is_blank(east) and point is None:
            # An empty row, or a line of words: where no column tells plots apart, it does.
            if PLOT not in self.header.roles:
                self.present = None
            return
        if is_wordy(north) and is_header(roles_in(cells)):
            return  # Headings are repeated on each printed page.
        if point is None and plot is None and (is_blank(north) or is_blank(east)):
            return  # 制表人, 日期 and other words below the table.
        self.take(self.plot_at(plot), row, cells, north, east)

    def plot_at(self, label: str | None) -> Plot:
        """The plot of a row. Merged cells leave the number in the first row only."""
        if label is None and self.present is not None:
            return self.present
        key = label if label is not None else str(len(self.plots) + 1)
        self.present = self.plots.setdefault(key, Plot(key))
        return self.present

    def take(self, plot: Plot, row: int, cells: Sequence[Any], north: Any, east: Any) -> None:
        for column, name in self.header.others.items():
            found = text_of(cells[column]) if column < len(cells) else None
            if found is not None:
                plot.others.setdefault(name, found)
        if plot.fault is not None:
            return
        numbers: list[float] = []
        for column, value in zip(self.header.coordinates, (north, east), strict=True):
            try:
                numbers.append(coordinate(value))
            except Fault as fault:
                self.blame(plot, fault.code, row, column, **fault.params)
                return
        for role in (PLOT, RING):
            if isinstance(self.value(cells, role), Formula):
                self.blame(plot, "cell_is_formula", row, self.header.roles[role])
                return
        ring = text_of(self.value(cells, RING)) or (plot.rings[-1] if plot.rings else "1")
        if plot.numbers and plot.rings[-1] == ring and plot.numbers[-1] == (numbers[0], numbers[1]):
            self.blame(plot, "point_repeated", row, self.header.coordinates[0])
            return
        plot.rings.append(ring)
        plot.numbers.append((numbers[0], numbers[1]))
        plot.rows.append(row)

    def blame(self, plot: Plot, code: str, row: int, column: int, **params: Any) -> None:
        """The plot's first fault, with its cell as spreadsheets name it."""
        place = east_first(plot.points()[-1:])[0].tolist()
        cell = cell_name(column, row)
        plot.fault = Fault(code, place[0] if place else None, cell=cell, **params)

    def was_exchanged(self) -> bool:
        return any(
            bool(east_first(plot.points())[1].any()) for plot in self.plots.values() if plot.numbers
        )

    def shape_of(self, plot: Plot) -> Any:
        """The plot's polygon, easting or longitude first. Fault with cell or place."""
        if plot.fault is not None:
            raise plot.fault
        if len(plot.numbers) > self.limits.vertices:
            raise Fault("too_many_vertices", vertices=len(plot.numbers), limit=self.limits.vertices)
        points, _exchanged = east_first(plot.points())
        alike = are_of(points, self.kinds)
        if not alike.all():
            at = int(np.argmin(alike))
            near = points[alike][0].tolist() if alike.any() else None
            column, value = self.odd_one(plot, at)
            cell = cell_name(column, plot.rows[at])
            raise Fault("cell_out_of_line", near, cell=cell, value=value)
        rings = np.array(plot.rings)
        found: list[Points] = []
        for ring in dict.fromkeys(plot.rings):
            of_ring = points[rings == ring]
            found.extend(closed(of_ring[part]) for part in loops(of_ring))
        return assemble(found)

    def odd_one(self, plot: Plot, at: int) -> tuple[int, str]:
        """Which of the two numbers of a point is unlike the others: its column and its text."""
        [mine] = east_first(plot.points()[at : at + 1])[0]
        easting_is_odd = kinds(mine)[0] != self.kinds[0]
        north_column, east_column = self.header.coordinates
        value = mine[0] if easting_is_odd else mine[1]
        written_first = value == plot.numbers[at][0]
        return (north_column if written_first else east_column), f"{value:.10g}"


def is_wordy(value: Any) -> bool:
    """Text without a single digit: no coordinate, perhaps a heading."""
    return isinstance(value, str) and not any(sign.isdigit() for sign in value)


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class PointTables:
    """The sheets of a workbook that hold points, or one CSV."""

    def __init__(
        self, format: str, tables: dict[str, Table], encoding: EncodingGuess | None = None
    ) -> None:
        self.format = format
        self.tables = tables
        self.encoding = encoding

    def layers(self) -> list[Layer]:
        return [Layer(name, len(table.plots), "Polygon") for name, table in self.tables.items()]

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        table = self.tables[name]
        exchanged = table.was_exchanged()
        opened = Opened(
            Layer(name, len(table.plots), "Polygon"),
            [(column, "str") for column in self.columns(table)],
            declared_crs="",
            bounds=usual_bounds(table.points),
            encoding=self.encoding,
        )
        if exchanged:
            opened.notices.append(("xy_exchanged", {}))
        elif NORTH in table.header.roles:
            opened.notices.append(("axes_swapped", {}))
        return opened

    @staticmethod
    def columns(table: Table) -> list[str]:
        """All that is not a coordinate; the plots' own column even where the table has none."""
        names = list(dict.fromkeys(table.header.others.values()))
        return names if PLOT in table.header.roles else ["地块号", *names]

    def batches(self, opened: Opened) -> Iterator[Raw]:
        table = self.tables[opened.layer.name]
        plots = list(table.plots.values())
        names = [name for name, _kind in opened.fields]
        for start in range(0, len(plots), BATCH_FEATURES):
            raw = Raw([], {name: [] for name in names}, [])
            for row, plot in enumerate(plots[start : start + BATCH_FEATURES], start=start + 1):
                try:
                    shape = table.shape_of(plot)
                except Fault as fault:
                    x, y = fault.place or (None, None)
                    raw.rejects.append(Reject(row, plot.label, fault.code, fault.params, x, y))
                    continue
                raw.rows.append(row)
                raw.wkb.append(bytes(shapely.to_wkb(shape, byte_order=1)))
                for name, values in raw.columns.items():
                    values.append(plot.others.get(name, plot.label if name == "地块号" else None))
            yield raw


class Csv(PointTables):
    """A CSV, read anew when a person chooses another encoding."""

    def __init__(self, path: Path, limits: Limits) -> None:
        if path.stat().st_size > limits.text_bytes:
            raise Refused("text_too_large", limit_mib=limits.text_bytes // 1024**2)
        self.data = path.read_bytes()
        self.limits = limits
        super().__init__("CSV", {})
        self.parse(None)

    def parse(self, encoding: str | None) -> None:
        text, self.encoding = read_text(self.data, encoding)
        delimiter, header = delimiter_of(text) or (",", None)
        if header is None:
            raise Refused("table_header_missing", rows=HEADER_ROWS)
        table = Table(header, self.limits)
        try:
            table.read(
                (row, cells)
                for row, cells in enumerate(records(text, delimiter), start=1)
                if row > header.row + 1
            )
        except csv.Error as error:
            raise Refused("file_damaged", detail=str(error)[:160]) from error
        self.tables = {CSV_LAYER: table}

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        if encoding is not None:
            self.parse(encoding)
        return super().open_layer(name, encoding)


def records(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def delimiter_of(text: str) -> tuple[str, Header] | None:
    """The delimiter under which a header is found near the beginning."""
    for delimiter in DELIMITERS:
        first: list[list[str]] = []
        try:
            for cells in records(text, delimiter):
                first.append(cells)
                if len(first) >= HEADER_ROWS:
                    break
        except csv.Error:
            continue
        if (header := find_header(first)) is not None:
            return delimiter, header
    return None


def is_one(head: bytes) -> bool:
    text = head_text(head)
    return bool(text) and delimiter_of(text) is not None


def cell_name(column: int, row: int) -> str:
    """Column counted from nought and row from one, as spreadsheets name a cell."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(column + 1)}{row}"


def open_source(path: Path, scratch: Path, limits: Limits) -> PointTables:
    return Csv(path, limits)


def open_workbook(path: Path, scratch: Path, limits: Limits) -> PointTables:
    """A workbook whose archive has passed the gate."""
    import openpyxl  # Text tables, and every other kind of file, are read without it.

    if not openpyxl.DEFUSEDXML:  # pragma: no cover - a broken installation.
        raise ImportError("openpyxl must read XML through defusedxml")
    tables: dict[str, Table] = {}
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # A declared size is only a claim.
            first = [cells for _row, cells in islice(numbered(sheet, MAX_COLUMNS), HEADER_ROWS)]
            if (header := find_header(first)) is None:
                continue
            table = Table(header, limits)
            rows = numbered(sheet, header.width)
            table.read((row, cells) for row, cells in rows if row > header.row + 1)
            tables[sheet.title] = table
    except Exception as error:  # The library answers damage with whatever it stumbles over.
        reasons = [*causes(error)]
        if any(isinstance(reason, Refused | MemoryError) for reason in reasons):
            raise
        if any(isinstance(reason, DefusedXmlException) for reason in reasons):
            raise Refused("xml_forbidden") from error
        raise Refused("file_damaged", detail=type(error).__name__) from error
    if not tables:
        raise Refused("table_header_missing", rows=HEADER_ROWS)
    return PointTables("XLSX", tables)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__


def numbered(sheet: Any, width: int) -> Iterator[tuple[int, list[Any]]]:
    """Rows from 1 with plain values in so many columns; a formula is marked as one."""
    blank = None
    for row, cells in enumerate(sheet.iter_rows(max_col=width), start=1):
        if row > MAX_ROWS:
            return
        if cells is blank:  # Rows that a sheet leaves out are one object, up to a million times.
            yield row, []
            continue
        if all(cell.value is None for cell in cells):
            blank = cells
        yield row, [Formula(cell.value) if cell.data_type == "f" else cell.value for cell in cells]


def is_workbook(names: Iterable[str]) -> bool:
    """Whether the entries of an archive are those of an XLSX."""
    return "xl/workbook.xml" in set(names)

"""界址点成果表 as XLSX: one row a point, X to the north; no cell is ever a formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from parcels.exports.errors import TooManyRows
from parcels.exports.features import Feature, Job, Plain, Written, boundary_rings, columns_of, plain
from parcels.intake.crs import STORAGE_EPSG

MAX_ROWS = 1_048_576
TITLE_CHARACTERS = 31
# Spreadsheets keep fifteen digits of a number; longer codes must stay text.
EXACT = 10**15
PLOT = "地块号"
POINT_COLUMNS = {
    True: ("圈号", "点号", "经度", "纬度"),
    False: ("圈号", "点号", "X(纵坐标)", "Y(横坐标)"),
}
_NOT_IN_TITLES = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))


def write(path: Path, job: Job) -> Written:
    """One sheet. A plot's properties stand in its first row."""
    in_degrees = job.crs_epsg == STORAGE_EPSG
    # All that can be refused is refused before the book is opened, which could not be dropped.
    plots = [
        boundary_rings(feature, row, job.crs_epsg)[0]
        for row, feature in enumerate(job.features, start=1)
    ]
    rows = 1 + sum(len(ring) for rings in plots for ring in rings)
    if rows > MAX_ROWS:
        raise TooManyRows(rows=rows, limit=MAX_ROWS)
    numbers = plot_numbers(job.features)
    own = [name for name in columns_of(job.features) if name != PLOT]
    kept = {PLOT: PLOT}
    if PLOT in columns_of(job.features) and numbers is None:
        # Numbers that are not one for each plot cannot tell plots apart: ours do.
        kept[PLOT] = f"原{PLOT}"
        own.append(PLOT)
    book = Workbook(write_only=True)
    sheet = book.create_sheet(job.layer.translate(_NOT_IN_TITLES)[:TITLE_CHARACTERS] or PLOT)
    sheet.append(
        [cell(sheet, name) for name in (PLOT, *POINT_COLUMNS[in_degrees])]
        + [cell(sheet, plain(kept.get(name, name))) for name in own]
    )
    for row, (feature, rings) in enumerate(zip(job.features, plots, strict=True), start=1):
        properties = [cell(sheet, plain(feature.properties.get(name))) for name in own]
        number = numbers[row - 1] if numbers is not None else str(row)
        point = 0
        for at, ring in enumerate(rings, start=1):
            for x, y in ring.tolist():
                point += 1
                pair = (x, y) if in_degrees else (y, x)
                head = [cell(sheet, number), at, cell(sheet, f"J{point}"), *pair]
                sheet.append([*head, *properties] if point == 1 else head)
    book.save(path)
    return Written(renamed={} if kept[PLOT] == PLOT else kept)


def plot_numbers(features: Sequence[Feature]) -> list[str] | None:
    """The property 地块号 where every plot has one of its own; else None."""
    found = [text_of(plain(feature.properties.get(PLOT))) for feature in features]
    return found if all(found) and len(set(found)) == len(found) else None


def text_of(value: Plain) -> str:
    return "" if value is None else " ".join(str(value).split())


def cell(sheet: Any, value: Plain) -> Any:
    """A number as a number, everything else as text, whatever sign it begins with."""
    if isinstance(value, bool):
        value = "是" if value else "否"
    if value is None or (isinstance(value, int | float) and abs(value) < EXACT):
        return value
    if str(value)[:1].isalnum():
        return str(value)
    made = WriteOnlyCell(sheet, str(value))
    made.data_type = "s"  # The library takes "=…" for a formula.
    made.quotePrefix = True  # Excel would, too, when somebody edits the cell.
    return made

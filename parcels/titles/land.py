"""Where the land of a new title comes from: a file, a typed table of points, tapped parcels."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from parcels.imports.errors import ColumnMissing
from parcels.imports.staging import cell_text, township_code
from parcels.imports.uploads import receive_upload
from parcels.intake.columns import propose_mapping
from parcels.intake.errors import reject_message
from parcels.intake.gate import Limits
from parcels.intake.numbers import normalised
from parcels.intake.reader import Batch, Choices, Inspection, inspect_file, read_batches
from parcels.models import Parcel
from parcels.titles.errors import LandMissing, LandUnreadable, TapTooMuch, TooMuchLand

MOST_PARCELS = 200
# What a typed table may hold; a longer one is a file.
MOST_POINTS = 2000
HEADERS = {
    "degrees": ("地块号", "点号", "经度", "纬度"),
    "metres": ("地块号", "点号", "X(北)", "Y(东)"),
}


# The columns of a file that name a parcel, of those that an import knows.
PLACE_TARGETS = ("unit_number", "county_code", "township_code", "compartment", "subcompartment")


@dataclass(frozen=True, slots=True)
class Place:
    """What a new parcel is called: its unit number, and the compartment that it shares with others.

    By these the rules find a number that is used twice, and the gaps between neighbours.
    """

    unit_number: str = ""
    county_code: str = ""
    township_code: str = ""
    compartment: str = ""
    subcompartment: str = ""

    def as_columns(self) -> dict[str, str]:
        """As the register's parcels hold it."""
        return {
            "unit_number": self.unit_number[:40],
            "unit_number_key": normalised(self.unit_number)[:40],
            "county_code": self.county_code[:6],
            "township_code": self.township_code[:9],
            "compartment": self.compartment[:20],
            "subcompartment": self.subcompartment[:20],
        }

    def filled_from(self, other: Place) -> Place:
        """Itself, with what it leaves open as ``other`` has it."""
        mine = {name: value for name, value in asdict(self).items() if value}
        return replace(other, **mine)


@dataclass(frozen=True, slots=True)
class Land:
    """One piece of land put forward: a shape in EPSG:4490 and what it is called, or a parcel of the
    register.
    """

    wkb: bytes | None = None
    parcel: Parcel | None = None
    place: Place = Place()


def limits() -> Limits:
    return Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES)


def from_file(
    path: Path,
    *,
    choices: Choices,
    rows: Sequence[int] | None,
    mapping: Mapping[str, str] | None = None,
    headings: Sequence[str] = (),
) -> list[Land]:
    """The chosen features of a file (all when None), or the first reason why one is refused.

    ``mapping`` says which columns name them (proposed when None); ColumnMissing where it is wrong.
    ``headings`` are those of a typed table, whose cells have no letters.
    """
    wanted = None if rows is None else set(rows)
    found: list[Land] = []
    for batch in read_batches(path, choices=choices, limits=limits()):
        for reject in batch.rejects:
            if wanted is None or reject.row in wanted:
                raise LandUnreadable(
                    place=_("第 {row} 个图形").format(row=reject.row),
                    reason=reject_message(reject.code, _as_typed(reject.params, headings)),
                )
        columns = propose_mapping(batch.columns) if mapping is None else mapping
        found += [
            Land(wkb=wkb, place=place)
            for row, wkb, place in zip(batch.rows, batch.wkb, _places(batch, columns), strict=True)
            if wanted is None or row in wanted
        ]
        if len(found) > MOST_PARCELS:
            raise TooMuchLand(limit=MOST_PARCELS, count=len(found))
    if not found:
        raise LandMissing()
    return found


def _as_typed(params: Mapping[str, Any], headings: Sequence[str]) -> Mapping[str, Any]:
    """A cell of a typed table by its row and heading; its file has a row of headings above."""
    if not headings or "cell" not in params:
        return params
    column, row = coordinate_from_string(params["cell"])
    heading = headings[column_index_from_string(column) - 1]
    return {**params, "cell": _("第 {row} 行“{column}”").format(row=row - 1, column=heading)}


def _places(batch: Batch, mapping: Mapping[str, str]) -> Iterator[Place]:
    """What the columns of a batch call each feature."""
    cells = {}
    for target in PLACE_TARGETS:
        column = mapping.get(target)
        if column and batch.rows and column not in batch.columns:
            raise ColumnMissing(column=column)
        cells[target] = batch.columns[column] if column in batch.columns else repeat("")
    for row in islice(zip(*cells.values(), strict=False), len(batch.rows)):
        named = dict(zip(PLACE_TARGETS, map(cell_text, row), strict=True))
        township = township_code(named["county_code"][:6], named["township_code"])
        county = named["county_code"][:6] or township[:6]
        yield Place(**{**named, "county_code": county, "township_code": township})


def from_parcels(keys: Sequence[uuid.UUID]) -> list[Land]:
    """Registered parcels that were tapped on the map."""
    if not keys:
        raise LandMissing()
    if len(keys) > MOST_PARCELS:
        raise TooMuchLand(limit=MOST_PARCELS, count=len(keys))
    parcels = list(Parcel.objects.in_being().filter(key__in=keys).order_by("pk"))
    if len(parcels) != len(set(keys)):
        raise TapTooMuch()
    return [Land(parcel=parcel) for parcel in parcels]


@contextmanager
def points_as_file(points: Sequence[Sequence[str]], kind: str) -> Iterator[Path]:
    """A typed table as the file that it would be, so that one reader judges both.

    ``points`` are rows of plot, point, first and second number as typed; ``kind`` names the pair.
    """
    if not points:
        raise LandMissing()
    if len(points) > MOST_POINTS:
        raise TooMuchLand(limit=MOST_POINTS, count=len(points))
    scratch = Path(settings.UPLOAD_SCRATCH)
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / f"{uuid.uuid4().hex}.csv"
    try:
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(HEADERS[kind])
            writer.writerows(row[:4] for row in points)
        yield path
    finally:
        path.unlink(missing_ok=True)


def look(path: Path, choices: Choices) -> Inspection:
    return inspect_file(path, choices=choices, limits=limits())


__all__ = [
    "Choices",
    "Land",
    "Place",
    "from_file",
    "from_parcels",
    "look",
    "points_as_file",
    "receive_upload",
]

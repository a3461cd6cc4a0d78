"""What is filtered as a file, in the public tier: generalised outlines and what everyone may know."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import shapely
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from layers.ticket_map.columns import COLUMNS
from layers.ticket_map.errors import BadMapQuestion, NothingFiltered
from layers.ticket_map.filters import parse_filter
from layers.ticket_map.rows import MapRow, map_rows
from layers.ticket_map.views import row_of
from parcels.exports.writer import FORMATS, Feature, write_features
from parcels.models import ProjectAreaVersion
from portal.base.base_map import as_shape
from portal.base.clock import CITY_TIME, now

SHAPES = {"geojson": "geojson", "gpkg": "geopackage", "shp": "shapefile", "kml": "kml"}
CRSES = (4490, 4536)
# Format, system and name, as pages offer them.
OFFERED = (
    ("csv", "4490", "CSV"), ("xlsx", "4490", "XLSX"), ("geojson", "4490", "GeoJSON"),
    ("gpkg", "4490", "GeoPackage 4490"), ("gpkg", "4536", "GeoPackage 4536"),
    ("shp", "4490", "Shapefile GBK 4490"), ("shp", "4536", "Shapefile GBK 4536"),
    ("kml", "4490", "KML"),
)  # fmt: skip
# A spreadsheet takes a text that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format without shapes."""

    suffix: str
    content_type: str


TABLES: Mapping[str, TableFormat] = {
    "csv": TableFormat(".csv", "text/csv; charset=utf-8"),
    "xlsx": TableFormat(
        ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
}


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """``?format=`` csv, xlsx, geojson, gpkg, shp or kml; ``&crs=`` 4490 or 4536, and the filter."""
    wanted = parse_filter(request.GET, also=("format", "crs"))
    format = request.GET.get("format", "csv")
    if format not in TABLES and format not in SHAPES:
        offered = "、".join([*TABLES, *SHAPES])
        raise BadMapQuestion(
            parameter="format", reason=_("可选值：{offered}。").format(offered=offered)
        )
    crs = request.GET.get("crs", "4490")
    if crs not in map(str, CRSES):
        raise BadMapQuestion(
            parameter="crs", reason=_("可选值：{offered}。").format(offered="4490、4536")
        )
    found = map_rows(wanted)
    if not found:
        raise NothingFiltered()
    with tempfile.TemporaryDirectory(prefix="tickets-") as folder:
        path = Path(folder) / "tickets"
        suffix, content_type = write(path, found, format, int(crs))
        body = path.read_bytes()
    day = (wanted.at or now()).astimezone(CITY_TIME).date().isoformat()
    name = f"{_('伊宁市林业碳票')}-{day}{suffix}"
    headers = {"Cache-Control": "no-cache"}
    if header := content_disposition_header(True, name):
        headers["Content-Disposition"] = header
    return HttpResponse(body, content_type=content_type, headers=headers)


def write(path: Path, rows: Sequence[MapRow], format: str, crs_epsg: int) -> tuple[str, str]:
    """Suffix and content type of the file that was written."""
    if format in TABLES:
        (write_csv if format == "csv" else write_xlsx)(path, [row_of(row) for row in rows])
        return TABLES[format].suffix, TABLES[format].content_type
    chosen = FORMATS[SHAPES[format]]
    if crs_epsg not in chosen.systems:
        reason = _("{format} 只有 EPSG:4490。").format(format=chosen.label)
        raise BadMapQuestion(parameter="crs", reason=reason)
    shapes = public_shapes({row.facts.land for row in rows})
    features = [Feature(properties(row_of(row)), shapes[row.facts.land]) for row in rows]
    write_features(
        path, features=features, format=SHAPES[format], crs_epsg=crs_epsg, layer="tickets"
    )
    return chosen.suffix, chosen.content_type


def public_shapes(lands: set[UUID]) -> dict[UUID, shapely.MultiPolygon]:
    """The generalised outlines: the only ones that leave by this door."""
    found = ProjectAreaVersion.objects.filter(key__in=lands, geom_public__isnull=False)
    return {
        key: shapely.MultiPolygon(shapely.get_parts(as_shape(geom)).tolist())
        for key, geom in found.values_list("key", "geom_public")
        if geom is not None
    }


def properties(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: row[column.field] for column in COLUMNS}


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """UTF-8 with a mark, so that a spreadsheet reads the Chinese; no text becomes a formula."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([column.name for column in COLUMNS])
        for row in rows:
            writer.writerow([defused(row[column.field]) for column in COLUMNS])


def defused(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def write_xlsx(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Texts are written as texts: openpyxl takes one that begins with ``=`` for a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("tickets")
    sheet.append([column.name for column in COLUMNS])
    for row in rows:
        cells = []
        for column in COLUMNS:
            cell = WriteOnlyCell(sheet, value=row[column.field])
            if isinstance(row[column.field], str):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    book.save(path)

"""The door to writing: one table of formats, one function."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parcels.exports import geojson, kml, point_table, survey_txt, tables
from parcels.exports.errors import (
    CrsNotOffered,
    EncodingNotOffered,
    NothingToExport,
    UnknownExportFormat,
)
from parcels.exports.features import Feature, Job, Maker, Written, file_name
from parcels.intake.encodings import canonical

__all__ = ["FORMATS", "Feature", "Format", "Maker", "Written", "write_features"]

DEFAULT_LAYER = "宗地"
NOBODY = Maker()


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is offered; the first system and the first encoding are the usual ones."""

    label: str
    suffix: str
    content_type: str
    systems: tuple[int, ...]  # EPSG codes.
    encodings: tuple[str, ...]
    write: Callable[[Path, Job], Written]


FORMATS: dict[str, Format] = {
    "survey_txt": Format(
        "报备坐标 TXT", ".txt", "text/plain", tuple(survey_txt.ZONES), ("gb18030", "utf-8"),
        survey_txt.write,
    ),
    "shapefile": Format(
        "Shapefile（zip）", ".zip", "application/zip", (4490, 4536, 4515), ("gb18030", "utf-8"),
        tables.write_shapefile,
    ),
    "geopackage": Format(
        "GeoPackage", ".gpkg", "application/geopackage+sqlite3", (4490, 4536, 4515), ("utf-8",),
        tables.write_geopackage,
    ),
    "geojson": Format(
        "GeoJSON", ".geojson", "application/geo+json", (4490,), ("utf-8",), geojson.write
    ),
    "kml": Format(
        "KML", ".kml", "application/vnd.google-earth.kml+xml", (4490,), ("utf-8",), kml.write
    ),
    "point_table": Format(
        "界址点成果表 XLSX", ".xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (4515, 4536, 4490),
        ("utf-8",), point_table.write,
    ),
}  # fmt: skip


def write_features(
    path: Path,
    *,
    features: Sequence[Feature],
    format: str,
    crs_epsg: int | None = None,
    encoding: str | None = None,
    layer: str = DEFAULT_LAYER,
    maker: Maker = NOBODY,
) -> Written:
    """Write one file, whole or not at all. Shapes are valid MultiPolygons in EPSG:4490.

    ``crs_epsg`` and ``encoding`` are the format's usual ones when absent. Answers what the format
    could not take as it was. Refused (ExportRefused): a choice that the format does not offer, no
    features, more points than fit, a shape that its digits cannot tell.
    """
    chosen = FORMATS.get(format)
    if chosen is None:
        raise UnknownExportFormat(format=format, formats="、".join(FORMATS))
    epsg = crs_epsg if crs_epsg is not None else chosen.systems[0]
    if epsg not in chosen.systems:
        offered = "、".join(str(code) for code in chosen.systems)
        raise CrsNotOffered(format=chosen.label, epsg=epsg, offered=offered)
    wanted = canonical(encoding) if encoding is not None else chosen.encodings[0]
    if wanted is None or wanted not in chosen.encodings:
        offered = "、".join(chosen.encodings)
        raise EncodingNotOffered(format=chosen.label, encoding=encoding, offered=offered)
    if not features:
        raise NothingToExport()
    job = Job(features, epsg, wanted, file_name(layer) or DEFAULT_LAYER, maker)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        made = Path(folder) / f"export{chosen.suffix}"
        written = chosen.write(made, job)
        made.replace(path)
    return written

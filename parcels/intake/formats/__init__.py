"""One small module for each format. ``FORMATS`` is the whole list; content decides, not names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from parcels.intake.formats import (
    dxf_head,
    geojson,
    geopackage,
    kml,
    point_table,
    shapefile,
    survey_txt,
)
from parcels.intake.formats.source import Source
from parcels.intake.gate import Limits, head_of, unpack
from parcels.intake.refusal import Refused

Opener = Callable[[Path, Path, Limits], Source]


def _open_dxf(path: Path, scratch: Path, limits: Limits) -> Source:
    # The library for drawings takes as long to load as all else that a reader's process needs.
    from parcels.intake.formats import dxf

    return dxf.open_source(path, scratch, limits)


# (does this head belong to the format?, open it)
FORMATS: tuple[tuple[Callable[[bytes], bool], Opener], ...] = (
    (geopackage.is_one, geopackage.open_source),
    (survey_txt.is_one, survey_txt.open_source),  # Its "[" would look like JSON.
    (geojson.is_one, geojson.open_source),
    (kml.is_one, kml.open_source),
    (dxf_head.is_one, _open_dxf),
    (point_table.is_one, point_table.open_source),  # Last: any text may hold a heading.
)
_OTHERS = (
    (b"Rar!", "format_rar"),
    (b"7z\xbc\xaf\x27\x1c", "format_7z"),
    (b"\x1f\x8b", "format_gzip"),
    (b"AC10", "format_dwg"),
    (b"\x00\x00\x27\x0a", "shapefile_alone"),
    (b"%PDF", "format_pdf"),
    (b"\xd0\xcf\x11\xe0", "format_xls"),
    (b"OviO", "format_ovobj"),
)


def open_file(path: Path, scratch: Path, limits: Limits) -> Source:
    """The source behind ``path``; ``scratch`` is an empty folder of ours."""
    head = head_of(path)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _open_archive(path, scratch, limits)
    for is_one, opener in FORMATS:
        if is_one(head):
            return opener(path, scratch, limits)
    if path.suffix.lower() == ".zip":
        raise Refused("not_a_zip", name=path.name)
    for mark, code in _OTHERS:
        if head.startswith(mark):
            raise Refused(code, name=path.name)
    if path.suffix.lower() in (".csv", ".txt"):
        raise Refused("table_header_missing", rows=point_table.HEADER_ROWS)
    raise Refused("format_unknown", name=path.name)


def _open_archive(path: Path, scratch: Path, limits: Limits) -> Source:
    files = unpack(path, scratch, limits)
    suffixes = {Path(name).suffix.lower() for name in files}
    if suffixes & {".shp", ".dbf", ".shx"}:
        return shapefile.open_source(files, scratch, limits)
    if point_table.is_workbook(files):
        return point_table.open_workbook(path, scratch, limits)
    for unpacked in files.values():
        head = head_of(unpacked)
        for is_one, opener in FORMATS:
            if is_one(head):
                return opener(unpacked, scratch, limits)
    raise Refused("zip_without_layers", names="、".join(sorted(files)[:5]))

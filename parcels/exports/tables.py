"""Shapefile and GeoPackage, written by GDAL with types and names that we choose."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely

from parcels.exports.features import Feature, Job, Plain, Written, columns_of, plain, projected

NAME_BYTES = 10
TEXT_BYTES = 254
INT64 = 2**63
# dBASE's language byte and what .cpg says, by encoding. "GBK" is what desktop programs know.
LANGUAGE = {"gb18030": (0x4D, "GBK"), "utf-8": (0x00, "UTF-8")}
# An archive entry that shrinks more than this would look like a bomb to a careful reader.
MOST_RATIO = 100


def write_geopackage(path: Path, job: Job) -> Written:
    """One layer of MultiPolygons."""
    names = columns_of(job.features)
    _write(path, job, names, _columns(job.features, names), driver="GPKG", layer=job.layer)
    return Written()


def write_shapefile(path: Path, job: Job) -> Written:
    """The parts of one shapefile in a zip; names and texts cut to what dBASE holds."""
    names = columns_of(job.features)
    short = short_names(names, job.encoding)
    columns = _columns(job.features, names)
    shortened = []
    for name, values in zip(names, columns, strict=True):
        cut = [
            cut_text(value, TEXT_BYTES, job.encoding) if isinstance(value, str) else value
            for value in values
        ]
        if cut != values:
            shortened.append(name)
        values[:] = cut
    language, cpg = LANGUAGE[job.encoding]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        parts = Path(folder)
        _write(
            parts / "layer.shp", job, [short[name] for name in names], columns,
            driver="ESRI Shapefile", encoding=job.encoding.upper(), layer_options={"RESIZE": "YES"},
        )  # fmt: skip
        with (parts / "layer.dbf").open("r+b") as table:
            table.seek(29)
            table.write(bytes([language]))
        (parts / "layer.cpg").write_text(cpg, encoding="ascii")
        with zipfile.ZipFile(path, "w") as archive:
            for part in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                add(archive, f"{job.layer}{part}", (parts / f"layer{part}").read_bytes())
    return Written(
        renamed={name: found for name, found in short.items() if found != name},
        shortened=tuple(shortened),
    )


def add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """One entry, compressed unless a table of blanks would shrink to almost nothing."""
    is_blank = len(data) > MOST_RATIO * len(zlib.compress(data))
    archive.writestr(name, data, zipfile.ZIP_STORED if is_blank else zipfile.ZIP_DEFLATED)


def cut_text(text: str, size: int, encoding: str) -> str:
    """As many whole characters as fit into ``size`` bytes."""
    return text.encode(encoding)[:size].decode(encoding, errors="ignore")


def short_names(names: Sequence[str], encoding: str) -> dict[str, str]:
    """Column → a name of at most ten bytes that no other column has, case aside."""
    short: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        found = cut_text(name, NAME_BYTES, encoding) or "column"
        number = 1
        while found.casefold() in taken:
            number += 1
            end = f"_{number}"
            found = cut_text(name, NAME_BYTES - len(end), encoding) + end
        taken.add(found.casefold())
        short[name] = found
    return short


def _columns(features: Sequence[Feature], names: Sequence[str]) -> list[list[Plain]]:
    """Each column's values, of one type: whole numbers, numbers, or text."""
    columns = []
    for name in names:
        values = [plain(feature.properties.get(name)) for feature in features]
        values = [int(value) if isinstance(value, bool) else value for value in values]
        if any(isinstance(value, str) or _is_huge(value) for value in values):
            values = [None if value is None else str(value) for value in values]
        columns.append(values)
    return columns


def _is_huge(value: Plain) -> bool:
    return isinstance(value, int) and not -INT64 <= value < INT64


def _array(values: list[Plain]) -> tuple[Any, Any]:
    """A column as GDAL takes it, and where it is empty."""
    empty = np.array([value is None for value in values], dtype=bool)
    filled = [value for value in values if value is not None]
    if filled and all(isinstance(value, int) for value in filled):
        return np.array([0 if value is None else value for value in values], dtype=np.int64), empty
    if filled and not any(isinstance(value, str) for value in filled):
        return np.array([0 if v is None else v for v in values], dtype=np.float64), empty
    return np.array(values, dtype=object), None


def _write(
    path: Path, job: Job, names: Sequence[str], columns: list[list[Plain]], **options: Any
) -> None:
    arrays = [_array(values) for values in columns]
    shapes = [projected(feature.shape, job.crs_epsg) for feature in job.features]
    pyogrio.raw.write(
        path,
        np.array(shapely.to_wkb(shapes, output_dimension=2), dtype=object),
        [values for values, _empty in arrays],
        list(names),
        field_mask=[empty for _values, empty in arrays],
        geometry_type="MultiPolygon",
        crs=f"EPSG:{job.crs_epsg}",
        **options,
    )

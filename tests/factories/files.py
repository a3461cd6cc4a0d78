"""Files that people bring, and files that attackers bring, made on disk byte by byte.

Nothing of the portal is used here: what is written follows the formats' own specifications, so that
a mistake of the reader cannot hide behind the same mistake in the writer.
"""

from __future__ import annotations

import json
import sqlite3
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import CRS, Transformer

Ring = list[tuple[float, float]]

WEST, SOUTH = 81.30, 43.95
METRE_LON, METRE_LAT = 1 / 80_286.0, 1 / 111_112.0
SQUARES_APART_M = 200

# --- shapes -------------------------------------------------------------------------------------


def square(at: int = 0, side_m: float = 100) -> Ring:
    """A closed, counter-clockwise ring near the city; each ``at`` has a place of its own."""
    west = WEST + at % 100 * SQUARES_APART_M * METRE_LON
    south = SOUTH + at // 100 * SQUARES_APART_M * METRE_LAT
    east, north = west + side_m * METRE_LON, south + side_m * METRE_LAT
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def circle(vertices: int, radius_deg: float = 0.01) -> list[list[float]]:
    """A closed ring of so many vertices, the closing one not counted."""
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    lon, lat = WEST + radius_deg * np.cos(turn), SOUTH + radius_deg * np.sin(turn)
    points = np.round(np.column_stack([lon, lat]), 9).tolist()
    return [*points, points[0]]


def projected(points: Iterable[tuple[float, float]], system: int | str) -> Ring:
    """Longitude, latitude on CGCS2000 → easting, northing in ``system``."""
    change = Transformer.from_crs("EPSG:4490", system, always_xy=True)
    return [change.transform(lon, lat) for lon, lat in points]


def swapped(points: Iterable[tuple[float, float]]) -> Ring:
    """The survey's order: northing first."""
    return [(second, first) for first, second in points]


# --- well-known binary --------------------------------------------------------------------------


def wkb_ring(ring: Sequence[Sequence[float]]) -> bytes:
    numbers = np.asarray(ring, dtype="<f8")
    return struct.pack("<I", len(ring)) + numbers.tobytes()


def wkb_polygon(*rings: Sequence[Sequence[float]]) -> bytes:
    return struct.pack("<BII", 1, 3, len(rings)) + b"".join(wkb_ring(ring) for ring in rings)


def wkb_multipolygon(*polygons: bytes) -> bytes:
    return struct.pack("<BII", 1, 6, len(polygons)) + b"".join(polygons)


def wkb_line(ring: Sequence[Sequence[float]]) -> bytes:
    return struct.pack("<BI", 1, 2) + wkb_ring(ring)


def wkb_point(point: Sequence[float]) -> bytes:
    return struct.pack("<BIdd", 1, 1, *point)


def wkb_curve_polygon(ring: Sequence[Sequence[float]]) -> bytes:
    """CURVEPOLYGON (CIRCULARSTRING (…)): an odd number of points, arcs through every second."""
    arc = struct.pack("<BI", 1, 8) + wkb_ring(ring)
    return struct.pack("<BII", 1, 10, 1) + arc


def wkb_nested_collection(depth: int) -> bytes:
    return struct.pack("<BII", 1, 7, 1) * depth + wkb_point((WEST, SOUTH))


# --- GeoJSON ------------------------------------------------------------------------------------


def polygon(*rings: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(point) for point in ring] for ring in rings]}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(path: Path, features: Sequence[Any], *, crs: str | None = None) -> Path:
    """A FeatureCollection; ``crs`` is the name in the member of the 2008 format."""
    document: dict[str, Any] = {"type": "FeatureCollection", "features": list(features)}
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    return text_file(path, json.dumps(document, ensure_ascii=False))


def text_file(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# --- GeoPackage ---------------------------------------------------------------------------------

_GPKG = """
PRAGMA application_id = 0x47504B47;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
  description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT,
  description TEXT, last_change DATETIME NOT NULL DEFAULT '2026-01-01T00:00:00.000Z', min_x DOUBLE,
  min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT, m TINYINT);
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL);
"""


def geopackage(
    path: Path,
    shapes: Sequence[bytes | None],
    *,
    system: CRS | int | None = 4490,
    columns: Mapping[str, Sequence[str | None]] | None = None,
    layer: str = "land",
    kind: str = "GEOMETRY",
) -> Path:
    """One layer of WKB exactly as given, however odd; ``system`` None declares nothing."""
    columns = columns or {}
    base = sqlite3.connect(path)
    known = base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not known:
        base.executescript(_GPKG)
    srs = -1
    if system is not None:
        srs, crs = 100_000, CRS.from_user_input(system)
        base.execute(
            "INSERT OR REPLACE INTO gpkg_spatial_ref_sys VALUES (?, ?, 'NONE', ?, ?, NULL)",
            [crs.name, srs, srs, crs.to_wkt("WKT1_GDAL")],
        )
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
        "VALUES (?, 'features', ?, ?)",
        [layer, layer, srs],
    )
    base.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", [layer, kind, srs]
    )
    named = [f'"{name}"' for name in columns]
    base.execute(
        f'CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY, geom BLOB'
        + "".join(f", {name} TEXT" for name in named)
        + ")"
    )
    insert = (
        f'INSERT INTO "{layer}" ({", ".join(["geom", *named])}) '
        f"VALUES ({', '.join('?' * (1 + len(named)))})"
    )
    for at, wkb in enumerate(shapes):
        blob = None if wkb is None else b"GP\x00\x01" + struct.pack("<i", srs) + wkb
        base.execute(insert, [blob, *(column[at] for column in columns.values())])
    base.commit()
    base.close()
    return path


def geopackage_without_end(path: Path) -> Path:
    """One layer of it is a view that never stops: a reader works on it for ever."""
    geopackage(path, [wkb_polygon(square())], layer="one")
    base = sqlite3.connect(path)
    base.executescript(
        """
        CREATE VIEW endless AS
          WITH RECURSIVE count(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM count)
          SELECT x AS fid, (SELECT geom FROM one) AS geom FROM count;
        INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
          VALUES ('endless', 'features', 'endless', 100000);
        INSERT INTO gpkg_geometry_columns VALUES ('endless', 'geom', 'POLYGON', 100000, 0, 0);
        """
    )
    base.close()
    return path


# --- zip ----------------------------------------------------------------------------------------


def zip_of(path: Path, entries: Mapping[str, bytes], *, gbk_names: bool = False) -> Path:
    """Entries under names taken as they are; ``gbk_names`` writes them as Chinese Windows does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(_GbkName(name) if gbk_names else name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


class _GbkName(str):
    """Bytes of GB18030 without the UTF-8 flag: zipfile asks a name for its ASCII form first."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("gb18030")


def zip_with_link(path: Path, name: str, target: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, target)
    return path


def zip_with_password(path: Path, name: str, content: bytes, password: bytes = b"secret") -> Path:
    """One stored entry under the traditional encryption of PKZIP (APPNOTE 6.1)."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(value: int, byte: int) -> int:
        return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    def lock(byte: int) -> int:
        mask = keys[2] | 2
        locked = byte ^ ((mask * (mask ^ 1)) >> 8) & 0xFF
        update(byte)
        return locked

    for byte in password:
        update(byte)
    check = zlib.crc32(content)
    body = bytes(lock(byte) for byte in b"elevenbytes" + bytes([check >> 24]) + content)
    path.write_bytes(_one_entry(name.encode(), body, len(content), check, flags=1))
    return path


def zip_that_lies(path: Path, name: str, content: bytes, declared_bytes: int) -> Path:
    """One deflated entry that is larger than the archive says."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    path.write_bytes(_one_entry(name.encode(), body, declared_bytes, zlib.crc32(content), method=8))
    return path


def zip_of_many(path: Path, count: int, *, declared: int | None = None) -> Path:
    """``count`` empty entries; the end record may declare another number."""
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0x21, 0, 0, 0, 0, 0)
    listed = b"".join(_listed(b"%d.shp" % at, 0, 0, 0, 0, 0, 0) for at in range(count))
    path.write_bytes(local + listed + _end(declared or count, len(listed), len(local)))
    return path


def _one_entry(
    name: bytes, body: bytes, size: int, check: int, *, flags: int = 0, method: int = 0
) -> bytes:
    local = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 0x21, check, len(body), size, len(name), 0
    )
    listed = _listed(name, flags, method, check, len(body), size, 0)
    return local + name + body + listed + _end(1, len(listed), len(local + name + body))


def _listed(
    name: bytes, flags: int, method: int, check: int, packed: int, size: int, at: int
) -> bytes:
    numbers = (20, 20, flags, method, 0, 0x21, check, packed, size, len(name), 0, 0, 0, 0, 0, at)
    return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *numbers) + name


def _end(count: int, size: int, at: int) -> bytes:
    number = min(count, 0xFFFF)
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, size, at, 0)


# --- shapefile ----------------------------------------------------------------------------------


def shp_and_shx(shapes: Sequence[Sequence[Ring] | None]) -> tuple[bytes, bytes]:
    """Polygons as lists of rings (the outer one counter-clockwise here); None is a null shape."""
    records, index, at = b"", b"", 50
    extents = []
    for number, rings in enumerate(shapes, start=1):
        if rings is None:
            content = struct.pack("<i", 0)
        else:
            turned = [np.asarray(ring[::-1], dtype="<f8") for ring in rings]
            points = np.concatenate(turned)
            box = (*points.min(axis=0), *points.max(axis=0))
            extents.append(box)
            starts = np.cumsum([0, *(len(ring) for ring in turned[:-1])])
            content = struct.pack("<i4dii", 5, *box, len(turned), len(points))
            content += starts.astype("<i4").tobytes() + points.tobytes()
        words = len(content) // 2
        records += struct.pack(">ii", number, words) + content
        index += struct.pack(">ii", at, words)
        at += 4 + words
    low = np.min(extents, axis=0)[:2] if extents else (0, 0)
    high = np.max(extents, axis=0)[2:] if extents else (0, 0)

    def head(size: int) -> bytes:
        return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, 50 + size // 2) + struct.pack(
            "<ii8d", 1000, 5, *low, *high, 0, 0, 0, 0
        )

    return head(len(records)) + records, head(len(index)) + index


def dbf(
    fields: Sequence[tuple[bytes, int]], rows: Sequence[Sequence[bytes]], language: int = 0
) -> bytes:
    """A dBASE III table of character fields; cells are cut at the field's width, as programs do."""
    width = 1 + sum(size for _name, size in fields)
    start = 33 + 32 * len(fields)
    head = struct.pack("<BBBBIHH16xBBH", 3, 126, 1, 1, len(rows), start, width, 0, language, 0)
    described = b"".join(
        struct.pack("<11sc4xBB14x", name[:10], b"C", size, 0) for name, size in fields
    )
    cells = b"".join(
        b" "
        + b"".join(cell[:size].ljust(size) for cell, (_name, size) in zip(row, fields, strict=True))
        for row in rows
    )
    return head + described + b"\r" + cells + b"\x1a"


def shapefile_zip(
    path: Path,
    shapes: Sequence[Sequence[Ring] | None],
    *,
    fields: Sequence[tuple[str | bytes, int]] = (("BDCDYH", 28),),
    rows: Sequence[Sequence[str | bytes]] | None = None,
    encoding: str = "gb18030",
    prj: str | None = None,
    cpg: str | None = None,
    language: int = 0,
    leave_out: Sequence[str] = (),
    stem: str = "land",
    gbk_names: bool = False,
) -> Path:
    """A zipped shapefile; without ``rows`` each has its number in the first field."""
    if rows is None:
        rows = [[str(at), *([""] * (len(fields) - 1))] for at in range(1, len(shapes) + 1)]

    def raw(text: str | bytes) -> bytes:
        return text if isinstance(text, bytes) else text.encode(encoding)

    shp, shx = shp_and_shx(shapes)
    table = dbf(
        [(raw(name), size) for name, size in fields],
        [[raw(cell) for cell in row] for row in rows],
        language,
    )
    parts = {".shp": shp, ".shx": shx, ".dbf": table}
    if prj is not None:
        parts[".prj"] = prj.encode()
    if cpg is not None:
        parts[".cpg"] = cpg.encode()
    entries = {stem + part: content for part, content in parts.items() if part not in leave_out}
    return zip_of(path, entries, gbk_names=gbk_names)


# --- coordinate systems as desktop programs write them -------------------------------------------

CGCS2000, WGS84 = (6378137.0, 298.257222101), (6378137.0, 298.257223563)
XIAN80, BEIJING54 = (6378140.0, 298.257), (6378245.0, 298.3)


def degrees_prj(
    ellipsoid: tuple[float, float] = CGCS2000,
    *,
    name: str = "GCS_China_Geodetic_Coordinate_System_2000",
    unit: str = '"Degree",0.0174532925199433',
    prime: str = '"Greenwich",0.0',
) -> str:
    axis, flattening = ellipsoid
    return (
        f'GEOGCS["{name}",DATUM["D_{name}",SPHEROID["S_{name}",{axis},{flattening}]],'
        f"PRIMEM[{prime}],UNIT[{unit}]]"
    )


def plane_prj(
    ellipsoid: tuple[float, float] = CGCS2000,
    *,
    name: str = "CGCS2000_3_Degree_GK_CM_81E",
    method: str = "Gauss_Kruger",
    easting: float = 500_000,
    meridian: float = 81,
    unit: str = '"Meter",1.0',
    prime: str = '"Greenwich",0.0',
) -> str:
    """A Gauss-Krüger plane under any name, with any ellipsoid, unit and prime meridian."""
    return (
        f'PROJCS["{name}",{degrees_prj(ellipsoid, name="GCS_" + name, prime=prime)},'
        f'PROJECTION["{method}"],PARAMETER["False_Easting",{easting}],'
        f'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",{meridian}],'
        f'PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT[{unit}]]'
    )

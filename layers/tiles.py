"""One tile is one query."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from layers.cells import (
    CROWDED_FROM_PARCELS,
    CROWDED_FROM_ROWS,
    FINEST_GRID,
    FINEST_ZOOM,
    cells_a_side,
    grid_of,
    pixel_m,
)
from layers.errors import BadTileAddress
from layers.registry import Field, Layer, Present
from portal.base.statements import prepared_cursor

# A generalised shape leaves its exact one by less than this: the box that narrows a search is wider
# by it, so that the shown shape decides and the exact one never does.
PUBLIC_MARGIN_DEG = 0.002
# A cell may hold one parcel alone, whose exact area would help to find the exact line.
PUBLIC_AREA_STEP_M2 = 1000
# Of latitude in the tiles' projection at 44.5° N; a degree of longitude is shorter and is thinned less.
METRES_PER_DEGREE = 156_000
# The version stands beside the tile, so that address, tile and ETag are of one snapshot. It grows
# with each change of shapes and when a policy of the layer's zooms comes into force.
VERSION = """((SELECT coalesce(sum(changes), 0) FROM layers_shapechange WHERE layer = %(shapes)s)
 + (SELECT count(*) FROM base_policy WHERE code = ANY(%(policies)s)
      AND valid_from <= portal_now()))"""
ZOOM_ALLOWED = """(%(zoom_min_policy)s = '' OR %(z)s BETWEEN policy_number(%(zoom_min_policy)s)
                   AND policy_number(%(zoom_max_policy)s))"""

# A tile of the present version that the reader or the store has already is not made again, nor one
# for an address whose version has never been.
FRESH = """
SELECT present.version, CASE
  WHEN present.version < %(least)s OR present.version = ANY(%(known)s::bigint[]) THEN NULL ELSE (
  {tile}
) END FROM (SELECT {version} AS version) AS present
"""
# Neighbours' cells reach over the tile's edge: ``uid`` tells that they are the same.
SUMMED = f"""
SELECT ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT concat_ws('/', %(grid)s::int, x, y) AS uid, parcels AS n,
         (round(area_m2 / %(area_step)s) * %(area_step)s)::bigint AS area_m2,
         ST_AsMVTGeom(geom, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS geom
  FROM layers_parcelcell
  WHERE zoom = %(z)s AND x BETWEEN %(x)s * %(side)s - 1 AND (%(x)s + 1) * %(side)s
    AND y BETWEEN %(y)s * %(side)s - 1 AND (%(y)s + 1) * %(side)s AND {ZOOM_ALLOWED}
) AS tile WHERE geom IS NOT NULL
"""
CROWDED = """
SELECT coalesce(sum(parcels), 0) > %(crowded)s FROM layers_parcelcell
WHERE zoom = %(z)s AND x BETWEEN %(x)s * %(side)s AND (%(x)s + 1) * %(side)s - 1
  AND y BETWEEN %(y)s * %(side)s AND (%(y)s + 1) * %(side)s - 1
"""
# The squares of a tile with the sums of their rows; a square is itself a tile of the zoom ``grid``.
COUNTED = """
SELECT ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT concat_ws('/', %(grid)s::int, cell.x, cell.y) AS uid, {names},
         ST_AsMVTGeom(ST_TileEnvelope(%(grid)s, cell.x, cell.y),
                      ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 0, true) AS geom
  FROM ({cells}) AS cell {present}
) AS tile
"""
CELLS = """
SELECT place.x >> %(up)s::int AS x, place.y >> %(up)s::int AS y, {sums}
FROM {tables} JOIN layers_cellrow AS place ON place.layer = %(shapes)s AND place.row = {key}
{joined}
WHERE {rows} AND {inside} GROUP BY 1, 2
"""
INSIDE = """place.x BETWEEN %(x)s * %(span)s AND (%(x)s + 1) * %(span)s - 1
  AND place.y BETWEEN %(y)s * %(span)s AND (%(y)s + 1) * %(span)s - 1"""
CROWDED_ROWS = f"""
SELECT count(*) > %(crowded_rows)s FROM layers_cellrow AS place
WHERE place.layer = %(shapes)s AND {INSIDE}
"""
# Shapes are thinned to the tile's own resolution, before they are projected: fewer vertices to turn.
# What would vanish is a small square.
DETAIL = """
SELECT ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT {columns},
         coalesce(
           ST_AsMVTGeom(flat.shape, bounds.tile, 4096, 64, true),
           ST_AsMVTGeom(ST_Expand(ST_Centroid(flat.shape), %(half)s), bounds.tile, 4096, 64, true)
         ) AS geom
  FROM (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
               ST_Expand(ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.016), 4490),
                         %(margin)s) AS box
       ) AS bounds
  CROSS JOIN {tables}
  CROSS JOIN LATERAL (
    SELECT ST_Transform(ST_Simplify({shape}, %(thin)s, true), 3857) AS shape OFFSET 0
  ) AS flat
  WHERE {box} && bounds.box AND {rows} AND {allowed}
) AS tile WHERE geom IS NOT NULL
"""


def detail_query(layer: Layer, present: Present | None = None) -> str:
    """The layer's single shapes; with ``present`` what became of them besides."""
    columns = [f"({layer.uid})::text AS uid"]
    columns += [
        f"{in_mvt(one, f'({one.sql})')} AS {one.name}" for one in layer.fields if one.in_tile
    ]
    tables = layer.tables
    if present is not None:
        columns += [f"stood.{one.name}" for one in present.fields]
        tables = f"{tables} {present.joined(present.now)}"
    return DETAIL.format(
        columns=", ".join(columns),
        tables=tables,
        shape=layer.shape,
        box=layer.box,
        rows=layer.rows,
        allowed=ZOOM_ALLOWED,
    )


def in_mvt(field: Field, sql: str) -> str:
    """MVT knows texts and numbers."""
    return sql + {"date": "::text", "number": "::double precision"}.get(field.kind, "")


def counted_query(layer: Layer, present: Present | None = None) -> str:
    """The sums of the layer's rows by cells: each row is in one cell, and each cell in one tile."""

    def cells(fields: Collection[Field], joined: str = "") -> str:
        return CELLS.format(
            sums=", ".join(f"{field.sql} AS {field.name}" for field in fields),
            tables=layer.tables,
            key=layer.key,
            joined=joined,
            rows=layer.rows,
            inside=INSIDE,
        )

    names = [f"{in_mvt(field, f'cell.{field.name}')} AS {field.name}" for field in layer.sums]
    standing = ""
    if present is not None:
        names += [f"stood.{field.name}" for field in present.fields]
        blocks = cells(present.fields, f"JOIN {present.tables} ON {present.now}")
        standing = f"LEFT JOIN ({blocks}) AS stood ON stood.x = cell.x AND stood.y = cell.y"
    return COUNTED.format(names=", ".join(names), cells=cells(layer.sums), present=standing)


def tile_query(layer: Layer, z: int, present: Present | None = None) -> str:
    """Sums by cells or single shapes, as the zoom and what is there ask for."""
    summed = counted_query(layer, present) if layer.sums else SUMMED
    if z <= layer.summed_to_zoom:
        return summed
    detail = detail_query(layer, present)
    if layer.summed_to_zoom >= 0 and z == FINEST_ZOOM:
        crowded = CROWDED_ROWS if layer.sums else CROWDED
        return f"CASE WHEN ({crowded}) THEN ({summed}) ELSE ({detail}) END"
    return detail


def check_address(layer: Layer, z: int, x: int, y: int) -> None:
    """Refuse what no tile can have, without asking the database."""
    if not layer.zoom_min <= z <= layer.zoom_max:
        raise BadTileAddress(reason=f"z {layer.zoom_min}–{layer.zoom_max}")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise BadTileAddress(reason=f"x, y 0–{2**z - 1}")


def version_facts(layer: Layer) -> dict[str, Any]:
    return {"shapes": layer.shapes, "policies": list(layer.zoom_policies)}


def tile(
    layer: Layer, z: int, x: int, y: int, *, known: Collection[int] = (), least: int = 0
) -> tuple[int, bytes | None]:
    """(geometry version, MVT bytes) of one tile, both of one moment.

    No bytes when the version is one that is ``known``, or less than ``least``.
    """
    facts = {**tile_facts(layer, z, x, y), "known": list(known), "least": least}
    with cursor_for(z) as cursor:
        cursor.execute(FRESH.format(tile=tile_query(layer, z), version=VERSION), facts)
        version, body = cursor.fetchone()
    return version, None if body is None else bytes(body)


def tile_with_state(
    layer: Layer, present: Present, z: int, x: int, y: int, *, held: str
) -> tuple[str, bytes | None]:
    """(version of shapes and state, MVT bytes with the present state); no bytes when ``held``."""
    query = f"""SELECT now.version, CASE WHEN now.version = %(held)s THEN NULL ELSE (
  {tile_query(layer, z, present)}
) END FROM (SELECT {VERSION}::text || '.' || ({present.moved})::text AS version) AS now"""
    with cursor_for(z) as cursor:
        cursor.execute(query, {**tile_facts(layer, z, x, y), "held": held})
        version, body = cursor.fetchone()
    return version, None if body is None else bytes(body)


def cursor_for(z: int) -> AbstractContextManager[CursorWrapper]:
    """Shapes of a small tile are looked for alike everywhere, by a plan made once; cells of a large one
    are those of a few rows or of all of them: that is planned for each."""
    return prepared_cursor(binary=True) if z > FINEST_ZOOM else connection.cursor()


def tile_facts(layer: Layer, z: int, x: int, y: int) -> dict[str, Any]:
    """What the queries of one tile are filled with."""
    low, high = layer.zoom_policies or ("", "")
    pixel = pixel_m(z)
    return {
        **version_facts(layer),
        "name": layer.name,
        "z": z,
        "x": x,
        "y": y,
        "side": cells_a_side(z),
        "grid": grid_of(z),
        "up": FINEST_GRID - grid_of(z),
        "span": 2 ** max(0, FINEST_GRID - z),
        "crowded": CROWDED_FROM_PARCELS,
        "crowded_rows": CROWDED_FROM_ROWS,
        "area_step": 1 if layer.staff_only else PUBLIC_AREA_STEP_M2,
        "zoom_min_policy": low,
        "zoom_max_policy": high,
        "thin": (pixel / 2 if z < 14 else pixel / 4) / METRES_PER_DEGREE,
        "half": pixel / 2,
        "margin": 0.0 if layer.staff_only else PUBLIC_MARGIN_DEG,
    }


def geometry_version(layer: Layer) -> int:
    """How often the layer's shapes have changed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {VERSION}", version_facts(layer))
        version: int = cursor.fetchone()[0]
    return version


def zoom_range(layer: Layer) -> tuple[int, int]:
    """The zooms that are open now."""
    if not layer.zoom_policies:
        return layer.zoom_min, layer.zoom_max
    with connection.cursor() as cursor:
        cursor.execute("SELECT policy_number(%s), policy_number(%s)", layer.zoom_policies)
        low, high = cursor.fetchone()
    return max(layer.zoom_min, int(low)), min(layer.zoom_max, int(high))

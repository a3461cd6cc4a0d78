"""One tile is one query."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection

from layers.cells import CROWDED_FROM_PARCELS, FINEST_ZOOM, cells_a_side, pixel_m
from layers.errors import BadTileAddress
from layers.registry import Field, Layer, Present

# A generalised shape leaves its exact one by less than this: the box that narrows a search is wider
# by it, so that the shown shape decides and the exact one never does.
PUBLIC_MARGIN_DEG = 0.002
# Of latitude in the tiles' projection at 44.5° N; a degree of longitude is shorter and is thinned less.
METRES_PER_DEGREE = 156_000
# The version stands beside the tile, so that address, tile and ETag are of one snapshot. It grows
# with each change of shapes and when a policy of the layer's zooms comes into force.
VERSION = """((SELECT count(*) FROM layers_shapechange WHERE layer = %(shapes)s)
 + (SELECT count(*) FROM base_policy WHERE code = ANY(%(policies)s)
      AND valid_from <= portal_now()))"""
ZOOM_ALLOWED = """(%(zoom_min_policy)s = '' OR %(z)s BETWEEN policy_number(%(zoom_min_policy)s)
                   AND policy_number(%(zoom_max_policy)s))"""

# A tile of the present version that the reader or the store has already is not made again.
FRESH = """
SELECT present.version, CASE WHEN present.version = ANY(%(known)s) THEN NULL ELSE (
  {tile}
) END FROM (SELECT {version} AS version) AS present
"""
SUMMED = f"""
SELECT ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT parcels AS n, round(area_m2)::bigint AS area_m2,
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


def detail_query(layer: Layer, more: tuple[Field, ...] = ()) -> str:
    """The layer's single shapes."""
    columns = [f"({layer.uid})::text AS uid"]
    for field in (*layer.fields, *more):
        if field.in_tile:
            # MVT knows texts and numbers.
            cast = {"date": "::text", "number": "::double precision"}.get(field.kind, "")
            columns.append(f"({field.sql}){cast} AS {field.name}")
    return DETAIL.format(
        columns=", ".join(columns),
        tables=layer.tables,
        shape=layer.shape,
        box=layer.box,
        rows=layer.rows,
        allowed=ZOOM_ALLOWED,
    )


def tile_query(layer: Layer, z: int) -> str:
    """Sums by cells or single shapes, as the zoom and what is there ask for."""
    if z <= layer.summed_to_zoom:
        return SUMMED
    detail = detail_query(layer)
    if layer.summed_to_zoom >= 0 and z == FINEST_ZOOM:
        return f"CASE WHEN ({CROWDED}) THEN ({SUMMED}) ELSE ({detail}) END"
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
    layer: Layer, z: int, x: int, y: int, *, known: Collection[int] = ()
) -> tuple[int, bytes | None]:
    """(geometry version, MVT bytes) of one tile, both of one moment.

    No bytes when the version is one that is ``known``.
    """
    facts = {**tile_facts(layer, z, x, y), "known": list(known)}
    with connection.cursor() as cursor:
        cursor.execute(FRESH.format(tile=tile_query(layer, z), version=VERSION), facts)
        version, body = cursor.fetchone()
    return version, None if body is None else bytes(body)


def tile_with_state(
    layer: Layer, present: Present, z: int, x: int, y: int, *, held: str
) -> tuple[str, bytes | None]:
    """(version of shapes and state, MVT bytes with the present state); no bytes when ``held``."""
    query = f"""SELECT now.version, CASE WHEN now.version = %(held)s THEN NULL ELSE (
  {detail_query(layer, present.fields)}
) END FROM (SELECT {VERSION}::text || '.' || ({present.moved})::text AS version) AS now"""
    with connection.cursor() as cursor:
        cursor.execute(query, {**tile_facts(layer, z, x, y), "held": held})
        version, body = cursor.fetchone()
    return version, None if body is None else bytes(body)


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
        "crowded": CROWDED_FROM_PARCELS,
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

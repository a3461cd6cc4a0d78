"""One tile is one query."""

from __future__ import annotations

from typing import Any

from django.db import connection

from layers.cells import CELLS_PER_TILE_SIDE, pixel_m
from layers.errors import BadTileAddress
from layers.registry import SUMMED_TO_ZOOM, Layer

MAX_ZOOM = 22
# The version stands beside the tile, so that address, tile and ETag are of one snapshot.
VERSION = "(SELECT count(*) FROM layers_shapechange WHERE layer = %(shapes)s)"
ZOOM_ALLOWED = """(%(zoom_min_policy)s = '' OR %(z)s BETWEEN policy_number(%(zoom_min_policy)s)
                   AND policy_number(%(zoom_max_policy)s))"""

SUMMED = f"""
SELECT {VERSION}, ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT parcels AS n, round(area_m2)::bigint AS area_m2,
         ST_AsMVTGeom(geom, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS geom
  FROM layers_parcelcell
  WHERE zoom = %(z)s AND x BETWEEN %(x)s * %(side)s - 1 AND (%(x)s + 1) * %(side)s
    AND y BETWEEN %(y)s * %(side)s - 1 AND (%(y)s + 1) * %(side)s AND {ZOOM_ALLOWED}
) AS tile WHERE geom IS NOT NULL
"""


def detail_query(shape_column: str) -> str:
    """Single parcels: thinned to the tile's own resolution; what would vanish is a small square."""
    return f"""
SELECT {VERSION}, ST_AsMVT(tile, %(name)s, 4096, 'geom') FROM (
  SELECT parcel.key::text AS uid,
         CASE WHEN EXISTS (SELECT FROM parcels_verifiedtitle AS hold
                           WHERE hold.parcel_id = parcel.id AND hold.ended_at IS NULL)
              THEN 'verified' ELSE 'registered' END AS state,
         coalesce(
           ST_AsMVTGeom(ST_Simplify(flat.shape, %(thin)s, true), bounds.tile, 4096, 64, true),
           ST_AsMVTGeom(ST_Expand(ST_Centroid(flat.shape), %(half)s), bounds.tile, 4096, 64, true)
         ) AS geom
  FROM (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS tile,
               ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.016), 4490) AS box
       ) AS bounds
  JOIN parcels_parcelversion AS version ON version.geom && bounds.box
   AND version.stands_from IS NOT NULL AND version.stands_to IS NULL AND {ZOOM_ALLOWED}
  JOIN parcels_parcel AS parcel ON parcel.id = version.parcel_id
  CROSS JOIN LATERAL (SELECT ST_Transform(version.{shape_column}, 3857) AS shape OFFSET 0) AS flat
) AS tile WHERE geom IS NOT NULL
"""


def check_address(layer: Layer, z: int, x: int, y: int) -> None:
    """Refuse what no tile can have, without asking the database."""
    if not layer.zoom_min <= z <= min(layer.zoom_max, MAX_ZOOM):
        raise BadTileAddress(reason=f"z {layer.zoom_min}–{layer.zoom_max}")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise BadTileAddress(reason=f"x, y 0–{2**z - 1}")


def tile(layer: Layer, z: int, x: int, y: int) -> tuple[int, bytes]:
    """(geometry version, MVT bytes) of one tile, both of one moment."""
    low, high = layer.zoom_policies or ("", "")
    pixel = pixel_m(z)
    facts: dict[str, Any] = {
        "shapes": layer.shapes,
        "name": layer.name,
        "z": z,
        "x": x,
        "y": y,
        "side": CELLS_PER_TILE_SIDE,
        "zoom_min_policy": low,
        "zoom_max_policy": high,
        "thin": pixel / 2 if z < 14 else pixel / 4,
        "half": pixel / 2,
    }
    query = SUMMED if z <= SUMMED_TO_ZOOM else detail_query(layer.shape_column)
    with connection.cursor() as cursor:
        cursor.execute(query, facts)
        version, body = cursor.fetchone()
    return version, bytes(body)


def geometry_version(layer: Layer) -> int:
    """How often the layer's shapes have changed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {VERSION}", {"shapes": layer.shapes})
        version: int = cursor.fetchone()[0]
    return version


def zoom_range(layer: Layer) -> tuple[int, int]:
    """The zooms that are open now."""
    if layer.zoom_policies is None:
        return layer.zoom_min, layer.zoom_max
    with connection.cursor() as cursor:
        cursor.execute("SELECT policy_number(%s), policy_number(%s)", layer.zoom_policies)
        low, high = cursor.fetchone()
    return max(layer.zoom_min, int(low)), min(layer.zoom_max, int(high))

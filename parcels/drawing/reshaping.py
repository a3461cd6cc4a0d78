"""Edits that the browser leaves to PostGIS: exact shared borders, cuts, splits, repairs.

Cuts are made in the plane of EPSG:4536 on the grid that overlaps are compared on; vertices that
were there before come back with every digit, so that a border shared with a title stays shared.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import shapely
from django.contrib.gis.geos import Polygon
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import QuerySet

from parcels.drawing.errors import (
    DrawnShapeInvalid,
    LineDoesNotSplit,
    NothingChanged,
    NothingDrawn,
    NothingLeft,
    ParcelNotYours,
)
from parcels.intake.errors import reject_message
from parcels.intake.features import REASONS
from parcels.models import VerifiedTitle
from portal.base.models import STORAGE_SRID

SAME_VERTEX_DEG = 2e-9  # A fifth of a millimetre: twice the grid's own rounding.
CHANGED_M2 = 0.01
AROUND_DEG = 0.002
_REASON_AND_PLACE = "SELECT reason(found), ST_X(location(found)), ST_Y(location(found)) "

_UNITE = """
SELECT ST_AsBinary(ST_Multi(ST_CollectionExtract(ST_UnaryUnion(ST_Collect(piece.geom)), 3)))
FROM unnest(%(pieces)s::bytea[]) AS given (wkb),
     LATERAL ST_Dump(ST_GeomFromWKB(given.wkb, 4490)) AS piece
"""
_JOIN = """
SELECT ST_AsBinary(ST_Multi(ST_CollectionExtract(ST_Transform(
  ST_Union(ST_Transform(ST_GeomFromWKB(given.wkb, 4490), 4536), %(grid)s::float8), 4490), 3)))
FROM unnest(%(pieces)s::bytea[]) AS given (wkb)
"""
# What the candidate meets is united first; ``points`` are the vertices that may come back.
_CUT = """
WITH given AS (SELECT ST_GeomFromWKB(%(wkb)s, 4490) AS geom),
other AS (
  SELECT ST_Union(ST_Transform(part.geom, 4536), %(grid)s::float8) AS plane,
         ST_Collect(ST_Points(part.geom)) AS points
  FROM given, unnest(%(others)s::bytea[]) AS one (wkb),
       LATERAL (SELECT ST_GeomFromWKB(one.wkb, 4490) AS geom) AS part
  WHERE part.geom && given.geom
)
SELECT ST_AsBinary(ST_Multi(ST_CollectionExtract(ST_Transform({cut}, 4490), 3))),
       ST_AsBinary(other.points)
FROM given, other
"""
_INSIDE = _CUT.format(
    cut="ST_Intersection(ST_Transform(given.geom, 4536), other.plane, %(grid)s::float8)"
)
_OUTSIDE = _CUT.format(
    cut="CASE WHEN other.plane IS NULL THEN ST_Transform(given.geom, 4536) ELSE "
    "ST_Difference(ST_Transform(given.geom, 4536), other.plane, %(grid)s::float8) END"
)
_SPLIT = """
SELECT ST_AsBinary(ST_Multi(piece.geom))
FROM ST_Dump(ST_GeomFromWKB(%(wkb)s, 4490)) AS part,
     LATERAL ST_Dump(ST_Split(part.geom, ST_GeomFromWKB(%(line)s, 4490))) AS piece
ORDER BY part.path, piece.path
"""
_REPAIR = """
SELECT ST_AsBinary(ST_Multi(ST_CollectionExtract(
  ST_MakeValid(ST_GeomFromWKB(%(wkb)s, 4490), 'method=structure keepcollapsed=false'), 3)))
"""
# Claims of others in the period (in any without one) and what article 6 excludes, as far around as a
# public shape may lie from the exact one: whether that one is met is told on the own titles alone.
_IN_THE_WAY = """
SELECT ST_AsBinary(claim.geom), ST_AsBinary(claim.geom_coarse)
FROM (SELECT ST_Expand(ST_GeomFromWKB(%(wkb)s, 4490), %(reach)s) AS reach) AS given
JOIN LATERAL (
  SELECT claim.geom, version.geom_public AS geom_coarse, claim.key
  FROM parcels_claim AS claim
  JOIN parcels_projectareaversion AS version ON version.id = claim.version_id
  WHERE claim.geom && given.reach AND claim.state IN ('pending', 'live')
    AND version.area_id IS DISTINCT FROM %(area)s::bigint
    AND (%(period)s::daterange IS NULL OR claim.period && %(period)s::daterange)
  UNION ALL
  SELECT exclusion.geom, exclusion.geom_public, exclusion.key
  FROM parcels_exclusionarea AS exclusion
  WHERE exclusion.geom && given.reach AND exclusion.replaced_at IS NULL
    AND CASE WHEN exclusion.kind = 'harvest'
             THEN exclusion.method = 'clear_cut' AND exclusion.status <> 'ended'
                  AND (%(period)s::daterange IS NULL OR exclusion.period && %(period)s::daterange)
             ELSE exclusion.status <> 'ended' OR %(period)s::daterange IS NULL
                  OR exclusion.period && %(period)s::daterange END
) AS claim ON true
WHERE %(only)s::uuid IS NULL OR claim.key = %(only)s::uuid
"""
_COMPARE = """
WITH given AS (
  SELECT coalesce(ST_MakeValid(ST_GeomFromWKB(%(mine)s, 4490)), nothing) AS mine,
         coalesce(ST_MakeValid(ST_GeomFromWKB(%(theirs)s, 4490)), nothing) AS theirs
  FROM ST_GeomFromText('MULTIPOLYGON EMPTY', 4490) AS nothing
), found AS (
  SELECT ST_CollectionExtract(ST_Difference(theirs, mine), 3) AS more,
         ST_CollectionExtract(ST_Difference(mine, theirs), 3) AS less
  FROM given
)
SELECT CASE WHEN NOT ST_IsEmpty(more) THEN ST_AsGeoJSON(more, 9) END,
       CASE WHEN NOT ST_IsEmpty(less) THEN ST_AsGeoJSON(less, 9) END,
       ST_Area(more::geography), ST_Area(less::geography)
FROM found
"""
_GRID = "SELECT policy_number('overlap.grid_m')"


def require_valid(wkb: bytes | None) -> bytes:
    """NothingDrawn, or DrawnShapeInvalid with the reason in words and the place."""
    if wkb is None:
        raise NothingDrawn()
    shape = shapely.from_wkb(wkb)
    if shapely.is_empty(shape):
        raise NothingDrawn()
    if not shapely.is_valid(shape):
        reason, place = _fault(wkb)
        raise DrawnShapeInvalid(reason=reason, lon=place[0], lat=place[1])
    return wkb


def _fault(wkb: bytes) -> tuple[str, tuple[float, float]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _REASON_AND_PLACE + "FROM ST_IsValidDetail(ST_GeomFromWKB(%s, 4490)) AS found", [wkb]
        )
        text, lon, lat = cursor.fetchone()
    code = REASONS.get(text, "geometry_invalid")
    return reject_message(code, {"reason": text}).rstrip("。"), (round(lon, 6), round(lat, 6))


def unite(pieces: Sequence[bytes]) -> bytes:
    """The union of MultiPolygons; borders that both sides draw alike vanish without a trace."""
    found: bytes = _ask(_UNITE, {"pieces": [require_valid(piece) for piece in pieces]})[0]
    return _something(found)


def whole_parcels(
    *, keys: Sequence[uuid.UUID], titles: QuerySet[VerifiedTitle]
) -> list[tuple[uuid.UUID, bytes]]:
    """The exact shapes of picked parcels among ``titles``; ParcelNotYours for any other."""
    rows = titles.filter(parcel__key__in=list(keys)).values_list("parcel__key", "geom")
    found = {key: bytes(geom.wkb) for key, geom in rows}
    if len(found) < len(set(keys)):
        raise ParcelNotYours()
    return [(key, found[key]) for key in keys]


def add_parcels(wkb: bytes | None, parcels: Sequence[bytes]) -> bytes:
    """The drawing with whole parcels added."""
    return unite([*([] if wkb is None else [wkb]), *parcels])


def take_away(wkb: bytes, others: Sequence[bytes]) -> bytes | None:
    """The drawing less the other shapes; None when nothing is left."""
    return _cut(_OUTSIDE, require_valid(wkb), others)


def keep_within(wkb: bytes, others: Sequence[bytes]) -> bytes | None:
    """The drawing as far as the other shapes reach; None when nothing is left."""
    return _cut(_INSIDE, require_valid(wkb), others)


def trim_to_titles(wkb: bytes, titles: QuerySet[VerifiedTitle]) -> bytes:
    """Only what lies on the titles; NothingLeft, NothingChanged."""
    kept = keep_within(wkb, _shapes_near(wkb, titles))
    return _changed(wkb, kept)


def subtract_conflicts(
    wkb: bytes,
    *,
    titles: QuerySet[VerifiedTitle],
    period: DateRange | None,
    area_id: int | None,
    only: uuid.UUID | None,
) -> bytes:
    """The drawing less claims and exclusions in its way, or ``only`` one of them.

    On the user's own titles the exact line is cut; elsewhere the generalised one with its margin,
    so that drawing over a neighbour does not show the neighbour's exact vertices.
    """
    require_valid(wkb)
    with connection.cursor() as cursor:
        cursor.execute(
            _IN_THE_WAY,
            {"wkb": wkb, "area": area_id, "period": period, "only": only, "reach": AROUND_DEG},
        )
        rows = cursor.fetchall()
    if not rows:
        raise NothingChanged()
    own = _shapes_near(wkb, titles)
    at_home = keep_within(wkb, own) if own else None
    abroad = take_away(wkb, own) if own else wkb
    pieces = []
    if at_home is not None:
        pieces.append(take_away(at_home, [bytes(exact) for exact, _coarse in rows]))
    if abroad is not None:
        coarse = [_widened(bytes(public)) for _exact, public in rows]
        pieces.append(take_away(abroad, coarse))
    left = [piece for piece in pieces if piece is not None]
    return _changed(wkb, _joined(left))


def cut_out(wkb: bytes, hole: bytes) -> bytes:
    """The drawing with a hole, or with a bay where ``hole`` reaches over its border."""
    return _changed(wkb, take_away(wkb, [hole]))


def difference(mine: bytes | None, theirs: bytes | None) -> dict[str, Any]:
    """``more`` and ``less`` of ``theirs`` than ``mine``, as GeoJSON with areas; either may be
    invalid or nothing."""
    more, less, more_m2, less_m2 = _ask(_COMPARE, {"mine": mine, "theirs": theirs})
    return {
        "more": orjson.loads(more) if more else None,
        "less": orjson.loads(less) if less else None,
        "more_m2": more_m2,
        "less_m2": less_m2,
    }


def split_by_line(wkb: bytes, line: Sequence[tuple[float, float]]) -> list[bytes]:
    """The parts on either side of a line; LineDoesNotSplit when it does not go through."""
    before = shapely.get_num_geometries(shapely.from_wkb(require_valid(wkb)))
    drawn = shapely.to_wkb(shapely.LineString(line), byte_order=1)
    with connection.cursor() as cursor:
        cursor.execute(_SPLIT, {"wkb": wkb, "line": drawn})
        parts = [bytes(row[0]) for row in cursor.fetchall()]
    if len(parts) <= before:
        raise LineDoesNotSplit()
    return parts


def repair(wkb: bytes) -> bytes:
    """A valid shape of the same outline: loops are untied, holes outside are dropped."""
    return _something(_ask(_REPAIR, {"wkb": wkb})[0])


def area_m2_of(wkb: bytes) -> float:
    """Ellipsoidal."""
    found: float = _ask("SELECT ST_Area(ST_GeomFromWKB(%(wkb)s, 4490)::geography)", {"wkb": wkb})[0]
    return found


def _shapes_near(wkb: bytes, titles: QuerySet[VerifiedTitle]) -> list[bytes]:
    box = Polygon.from_bbox(shapely.total_bounds(shapely.from_wkb(wkb)).tolist())
    box.srid = STORAGE_SRID
    near = titles.filter(geom__bboverlaps=box)
    return [bytes(geom.wkb) for geom in near.values_list("geom", flat=True)]


def _widened(wkb: bytes) -> bytes:
    """A public shape with the margin by which the exact one may leave it."""
    found: bytes = _ask(
        "SELECT ST_AsBinary(ST_Multi(ST_Transform(ST_Buffer(ST_Transform("
        "ST_GeomFromWKB(%(wkb)s, 4490), 4536), policy_number('public.generalise_m')), 4490)))",
        {"wkb": wkb},
    )[0]
    return bytes(found)


def _cut(sql: str, wkb: bytes, others: Sequence[bytes]) -> bytes | None:
    grid = _ask(_GRID, {})[0]
    result, points = _ask(sql, {"wkb": wkb, "others": list(others), "grid": grid})
    if result is None:
        return None
    shape = shapely.from_wkb(bytes(result))
    if shapely.is_empty(shape):
        return None
    known = [shapely.get_coordinates(shapely.from_wkb(wkb))]
    if points is not None:
        known.append(shapely.get_coordinates(shapely.from_wkb(bytes(points))))
    restored = _with_known_vertices(shape, np.concatenate(known))
    return bytes(shapely.to_wkb(restored, byte_order=1))


def _with_known_vertices(shape: Any, known: Any) -> Any:
    """``shape`` with each vertex that was known before given back in every digit."""
    tree = shapely.STRtree(shapely.points(known))

    def known_or_same(coordinates: Any) -> Any:
        at, of = tree.query_nearest(
            shapely.points(coordinates), max_distance=SAME_VERTEX_DEG, all_matches=False
        )
        back = coordinates.copy()
        back[at] = known[of]
        return back

    restored = shapely.transform(shape, known_or_same)
    return restored if shapely.is_valid(restored) else shape


def _joined(pieces: Sequence[bytes]) -> bytes | None:
    """Pieces of one cut put together again on the grid of the cut."""
    if len(pieces) < 2:
        return pieces[0] if pieces else None
    grid = _ask(_GRID, {})[0]
    found = bytes(_ask(_JOIN, {"pieces": list(pieces), "grid": grid})[0])
    known = np.concatenate([shapely.get_coordinates(shapely.from_wkb(one)) for one in pieces])
    restored = _with_known_vertices(shapely.from_wkb(found), known)
    return bytes(shapely.to_wkb(restored, byte_order=1))


def _changed(before: bytes, after: bytes | None) -> bytes:
    if after is None:
        raise NothingLeft()
    if abs(area_m2_of(before) - area_m2_of(after)) < CHANGED_M2:
        raise NothingChanged()
    return after


def _something(wkb: Any) -> bytes:
    if wkb is None or shapely.is_empty(shapely.from_wkb(bytes(wkb))):
        raise NothingLeft()
    return bytes(wkb)


def _ask(sql: str, values: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row

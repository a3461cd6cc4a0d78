"""A drawing cut at the border of one's own titles: exact within, cells of a coarse grid beyond.

Beyond his own titles a user learns of others' land no more than everybody does of what stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import shapely
from django.db import connection

from parcels.rules import cells
from parcels.rules.engine import AREA_DIGITS, WIDTH_DIGITS
from portal.accounts.models import Mandate
from portal.accounts.queries import AnyUser, parties_acted_for, with_members
from portal.base.policy import policy_number

# Titles near the drawing first, then whose they are: a party may hold thousands elsewhere. Counted, so
# that the planner does not turn it round.
_OWN_TITLES = """
SELECT ST_AsBinary(near.geom)
FROM (
  SELECT hold.geom, hold.certificate_id, hold.parcel_id FROM parcels_verifiedtitle AS hold
  WHERE hold.geom && ST_GeomFromWKB(%(wkb)s, 4490)
    AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
  OFFSET 0
) AS near
WHERE (SELECT count(*) FROM parcels_right AS held
       WHERE held.certificate_id = near.certificate_id AND held.parcel_id = near.parcel_id
         AND held.kind = 'tree_ownership' AND held.party_id = ANY (%(parties)s::bigint[])) > 0
"""
COORDINATE_DIGITS = 8  # A millimetre.
# Cut in the plane, on the grid of overlaps; what is narrower than a millimetre is not beyond
# (``judged_land``).
_SPLIT = """
WITH given AS MATERIALIZED (
  SELECT ST_Transform(ST_GeomFromWKB(%(wkb)s, 4490), 4536) AS plane,
         ST_GeomFromWKB(%(wkb)s, 4490) AS geom,
         ST_Transform(ST_GeomFromWKB(%(cover)s, 4490), 4536) AS cover,
         policy_number('overlap.grid_m') AS grid_m
), beyond AS MATERIALIZED (
  SELECT land.* FROM given
  CROSS JOIN LATERAL uncovered_land(given.geom, given.cover, given.grid_m,
    policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m')) AS land
)
SELECT coalesce((SELECT json_agg(json_build_array(
         is_sliver, encode(ST_AsEWKB(shape), 'hex'), area_m2, mean_width_m)) FROM beyond), '[]')::text,
       CASE WHEN EXISTS (SELECT FROM beyond) THEN
         ST_AsBinary(ST_Multi(ST_CollectionExtract(ST_Transform(
           ST_Intersection(given.plane, given.cover, given.grid_m), 4490), 3)))
       END
FROM given
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a drawing lies beyond the own titles; ``shape`` is EWKB in EPSG:4490."""

    is_sliver: bool
    shape: bytes
    area_m2: float
    mean_width_m: float | None


@dataclass(frozen=True, slots=True)
class OwnLand:
    """A drawing as its owner's titles cut it. Nothing beyond: ``home`` and ``cells`` are None too.

    ``cells`` are those of ``step_m`` whose middle the drawing covers beyond the titles.
    """

    beyond: list[Part]
    home: bytes | None
    cells: bytes | None
    step_m: float


def split_at_own_titles(wkb: bytes, user: AnyUser) -> OwnLand:
    """A valid drawing (MultiPolygon, EPSG:4490) within and beyond the titles ``user`` may draw on."""
    drawing = shapely.from_wkb(wkb)
    titles = _own_titles(wkb, user)
    cover = cells.united(shapely.from_wkb(titles)) if titles else None
    step_m = cells.step_for(drawing, float(policy_number("here.step_m")))
    if cover is not None and shapely.covers(cover, drawing):
        return OwnLand([], None, None, step_m)
    with connection.cursor() as cursor:
        cover_wkb = None if cover is None else shapely.to_wkb(cover, byte_order=1)
        cursor.execute(_SPLIT, {"wkb": wkb, "cover": cover_wkb})
        beyond, home = cursor.fetchone()
    parts = [
        Part(
            is_sliver,
            bytes.fromhex(shape),
            round(area_m2, AREA_DIGITS),
            None if mean_width_m is None else round(mean_width_m, WIDTH_DIGITS),
        )
        for is_sliver, shape, area_m2, mean_width_m in orjson.loads(beyond)
    ]
    if not parts:
        return OwnLand([], None, None, step_m)
    return OwnLand(parts, _something(home), _cells_beyond(drawing, cover, step_m), step_m)


def _own_titles(wkb: bytes, user: AnyUser) -> list[bytes]:
    """WKB of the titles of ``titles_to_draw_on`` whose boxes meet the drawing's."""
    parties = list(
        with_members(parties_acted_for(user, Mandate.Scope.APPLY)).values_list("pk", flat=True)
    )
    if not parties:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OWN_TITLES, {"wkb": wkb, "parties": parties})
        return [bytes(title) for (title,) in cursor.fetchall()]


def _cells_beyond(
    drawing: shapely.Geometry, cover: shapely.Geometry | None, step_m: float
) -> bytes | None:
    found = cells.inside(drawing, step_m)
    if cover is not None:
        found = found[~cells.covers_middle(cover, found, step_m)]
    if not len(found):
        return None
    return bytes(shapely.to_wkb(_multi(cells.squares(found, step_m)), byte_order=1))


def cells_held(
    shapes: Sequence[bytes | None], *, wkb: bytes, step_m: float
) -> list[tuple[int, float, Any]]:
    """(place in ``shapes``, m² of the cells whose middle it covers, GeoJSON within the drawing);
    a shape that covers no middle is left out.
    """
    drawing, told = shapely.from_wkb(wkb), []
    for place, shape in enumerate(shapes):
        if shape is None:
            continue
        found = cells.inside(shapely.from_wkb(shape), step_m)
        if len(found):
            reached = shapely.intersection(cells.squares(found, step_m), drawing)
            shown = shapely.set_precision(
                _multi(reached), 10.0**-COORDINATE_DIGITS, mode="pointwise"
            )
            told.append((place, len(found) * step_m**2, orjson.loads(shapely.to_geojson(shown))))
    return told


def _multi(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a shape as one MultiPolygon."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    made: shapely.Geometry = shapely.multipolygons(polygons)
    return made


def _something(wkb: Any) -> bytes | None:
    if wkb is None or shapely.is_empty(shapely.from_wkb(bytes(wkb))):
        return None
    return bytes(wkb)

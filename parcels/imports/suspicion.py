"""Outlines that fit the register only after the shift of phone maps is taken back.

An outline fits where it and the parcels inside it cover the same land. A true outline fits as it
is; one in GCJ-02 lies some 280 m beside its parcels, and fits once it is moved back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
import shapely.geometry
from django.db import connection
from django.utils.translation import gettext as _

from parcels.imports.messages import problem_message
from parcels.intake.gcj02 import unshifted
from parcels.intake.reader import Inspection

OUTLINES_ASKED = 100  # A file is in one system: a sample tells.
PARCELS_INSIDE_MAX = 2000
FITS, BETTER_BY = 0.9, 0.2

# For each outline, as it is and moved back: shared land over all land of it and its parcels.
_FIT = """
SELECT outline.at, outline.moved, ST_Area(ST_Intersection(outline.geom, inside.geom))
         / ST_Area(ST_Union(outline.geom, inside.geom)) AS fit
FROM (
  SELECT given.at, given.moved, ST_MakeValid(ST_GeomFromWKB(given.wkb, 4490)) AS geom
  FROM unnest(%(at)s::int[], %(moved)s::boolean[], %(wkb)s::bytea[]) AS given (at, moved, wkb)
) AS outline
CROSS JOIN LATERAL (
  SELECT ST_Union(version.geom, 1e-9) AS geom, count(*) AS parcels
  FROM (
    SELECT version.geom FROM parcels_parcelversion AS version
    WHERE version.geom && outline.geom
      AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
      AND (%(record)s::bigint IS NULL OR version.record_id IS DISTINCT FROM %(record)s)
      AND (%(among)s::bigint[] IS NULL OR version.parcel_id = ANY (%(among)s))
      AND ST_Intersects(outline.geom, ST_PointOnSurface(version.geom))
    LIMIT %(most)s
  ) AS version
) AS inside
WHERE inside.parcels BETWEEN 1 AND %(most)s - 1
"""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An outline that fits after the shift: its row, and a place in it as the file has it."""

    row: int
    lon: float
    lat: float


def suspects_of_gcj02(
    cursor: Any,
    outlines: Iterable[tuple[int, bytes]],
    *,
    record: int | None = None,
    among: Sequence[int] | None = None,
) -> list[Suspect]:
    """Which (row, WKB) of the first outlines fit registered parcels only when moved back.

    Parcels of the import ``record`` itself do not count; ``among`` are the parcels that alone do.
    """
    asked: Sequence[tuple[int, bytes]] = list(outlines)[:OUTLINES_ASKED]
    if not asked:
        return []
    shapes = shapely.from_wkb([wkb for _row, wkb in asked])
    back = shapely.transform(shapes, unshifted)
    count = len(asked)
    cursor.execute(
        _FIT,
        {
            "at": [*range(count), *range(count)],
            "moved": [False] * count + [True] * count,
            "wkb": [*shapely.to_wkb(shapes).tolist(), *shapely.to_wkb(back).tolist()],
            "record": record,
            "among": None if among is None else list(among),
            "most": PARCELS_INSIDE_MAX,
        },
    )
    fits: dict[tuple[int, bool], float] = {(at, moved): fit for at, moved, fit in cursor.fetchall()}
    found = []
    for at, (row, _wkb) in enumerate(asked):
        moved = fits.get((at, True), 0.0)
        if moved >= FITS and moved - fits.get((at, False), 0.0) >= BETTER_BY:
            place = shapely.point_on_surface(shapes[at])
            found.append(Suspect(row, round(place.x, 7), round(place.y, 7)))
    return found


def shift_notices(found: Inspection) -> list[dict[str, str]]:
    """What an inspected file's preview tells, said before commit, so that a shifted file is not taken
    in at all.
    """
    outlines = [
        (feature["properties"]["row"], shapely.to_wkb(shapely.geometry.shape(feature["geometry"])))
        for feature in found.raw["preview"]["features"][:OUTLINES_ASKED]
    ]
    return notices_of_shift(outlines)


def notices_of_shift(
    outlines: Iterable[tuple[int, bytes]], *, among: Sequence[int] | None = None
) -> list[dict[str, str]]:
    """One notice with the rows that fit after the shift, or none."""
    with connection.cursor() as cursor:
        suspects = suspects_of_gcj02(cursor, outlines, among=among)
    if not suspects:
        return []
    return [
        {
            "code": "fits_after_gcj02_shift",
            "message": _("第 {rows} 行的图形{said}").format(
                rows="、".join(str(suspect.row) for suspect in suspects[:5])
                + ("…" if len(suspects) > 5 else ""),
                said=problem_message("fits_after_gcj02_shift", {}),
            ),
        }
    ]

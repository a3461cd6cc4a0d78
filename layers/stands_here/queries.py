"""The answer: from exact shapes, but only ever through the cells of one fixed coarse grid.

What is asked becomes a set of cells (those whose middle it covers), what stands there another (those
whose middle the exact shape covers). The answer depends on these sets alone, so that no series of
questions, however fine, learns more of a border than in which cells it runs. Shares are rounded on
top of that. Grid, rounding and the largest question are policy values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, Point
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext as _

from layers.stands_here.errors import PlaceInvalid, PlaceOutside, PlaceTooLarge
from parcels.claims.queries import last_day
from parcels.models import Claim, ExclusionArea
from parcels.rules.cells import (
    LATITUDE,
    METRES_PER_LAT,
    METRES_PER_LON,
    ORIGIN_LAT,
    ORIGIN_LON,
)
from portal.base.policy import policy_number
from tickets.registry.models import CarbonTicket

M2_PER_KM2 = 1_000_000
M2_PER_HA = 10_000
BOX_PER_AREA = 20  # A long thin question may not make the server walk through a county of cells.
ILI = (80.0, 42.0, 85.5, 45.5)
# The middle of each cell; the origin is odd, so that no surveyed corner lies on it by chance.
_GRID = f"""
WITH setting AS (
  SELECT policy_number('here.step_m') / {METRES_PER_LAT} AS tall,
         policy_number('here.step_m') / ({METRES_PER_LON} * cos(radians({LATITUDE}))) AS wide
), asked AS (
  SELECT ST_GeomFromEWKB(%(asked)s) AS geom
), cell AS MATERIALIZED (
  SELECT place.x, place.y
  FROM setting, asked, LATERAL (
    SELECT {ORIGIN_LON} + (i + 0.5) * setting.wide AS x,
           {ORIGIN_LAT} + (j + 0.5) * setting.tall AS y
    FROM generate_series(
           floor((ST_XMin(asked.geom) - {ORIGIN_LON}) / setting.wide)::bigint,
           floor((ST_XMax(asked.geom) - {ORIGIN_LON}) / setting.wide)::bigint) AS i,
         generate_series(
           floor((ST_YMin(asked.geom) - {ORIGIN_LAT}) / setting.tall)::bigint,
           floor((ST_YMax(asked.geom) - {ORIGIN_LAT}) / setting.tall)::bigint) AS j
  ) AS place
  WHERE ST_Intersects(asked.geom, ST_SetSRID(ST_MakePoint(place.x, place.y), 4490))
), inner_cell AS MATERIALIZED (
  SELECT x, y FROM cell
  UNION ALL
  -- Smaller than a cell: the cell that it lies in speaks for it.
  SELECT {ORIGIN_LON} + (floor((ST_X(at.point) - {ORIGIN_LON}) / setting.wide) + 0.5)
           * setting.wide,
         {ORIGIN_LAT} + (floor((ST_Y(at.point) - {ORIGIN_LAT}) / setting.tall) + 0.5)
           * setting.tall
  FROM setting, asked, LATERAL (SELECT ST_PointOnSurface(asked.geom) AS point) AS at
  WHERE NOT EXISTS (SELECT FROM cell)
), reach AS (
  SELECT ST_Expand(ST_SetSRID(ST_Extent(ST_MakePoint(inner_cell.x, inner_cell.y)), 4490)::geometry,
                   max(setting.wide)) AS box
  FROM inner_cell, setting
)
"""
_STANDING = (
    _GRID
    + """
, standing AS (
  SELECT 'claim' AS kind, claim.id, claim.geom
  FROM reach, parcels_claim AS claim
  WHERE claim.geom && reach.box AND claim.state IN ('pending', 'live')
    AND claim.period && %(period)s::daterange
  UNION ALL
  SELECT 'exclusion', exclusion.id, exclusion.geom
  FROM reach, parcels_exclusionarea AS exclusion
  WHERE exclusion.geom && reach.box AND exclusion.replaced_at IS NULL AND exclusion.kind <> 'harvest'
    AND (exclusion.status <> 'ended' OR exclusion.period && %(period)s::daterange)
)
SELECT standing.kind, standing.id, (SELECT count(*) FROM inner_cell),
       (SELECT count(*) FROM inner_cell
        WHERE ST_Intersects(standing.geom,
                            ST_SetSRID(ST_MakePoint(inner_cell.x, inner_cell.y), 4490))) AS held,
       EXISTS (SELECT FROM inner_cell, setting
               WHERE ST_Intersects(standing.geom, ST_MakeEnvelope(
                 inner_cell.x - setting.wide / 2, inner_cell.y - setting.tall / 2,
                 inner_cell.x + setting.wide / 2, inner_cell.y + setting.tall / 2, 4490)))
FROM standing
"""
)
_ANY_HELD = (
    _GRID
    + """
SELECT (SELECT count(*) FROM inner_cell),
       (SELECT count(*) FROM inner_cell
        WHERE EXISTS (
          SELECT FROM parcels_claim AS claim
          WHERE claim.id = ANY(%(claims)s)
            AND ST_Intersects(claim.geom, ST_SetSRID(ST_MakePoint(inner_cell.x, inner_cell.y), 4490))
        ) OR EXISTS (
          SELECT FROM parcels_exclusionarea AS exclusion
          WHERE exclusion.id = ANY(%(exclusions)s)
            AND ST_Intersects(exclusion.geom,
                              ST_SetSRID(ST_MakePoint(inner_cell.x, inner_cell.y), 4490))))
"""
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One project, or one of another programme, that holds some of the cells asked about."""

    kind: str
    kind_label: str
    number: str
    state_label: str
    begins_on: date
    ends_on: date | None
    share_percent: int
    claim_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``verdict``: free, edge (only cells that a border may run through) or claimed."""

    verdict: str
    share_percent: int
    area_ha: float
    step_m: float
    share_step_percent: int
    found: list[Standing]


def what_stands(place: GEOSGeometry, period: DateRange) -> Answer:
    """What holds ``place`` (a point or area in EPSG:4490) in ``period``.

    PlaceInvalid, PlaceOutside, PlaceTooLarge.
    """
    step_m = float(policy_number("here.step_m"))
    share_step = int(policy_number("here.share_step_percent"))
    area_m2 = _fitting_area_m2(place)
    asked = {"asked": bytes(place.ewkb), "period": period}
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, asked)
        rows = [row for row in cursor.fetchall() if row[3] or row[4]]
    claims = Claim.objects.in_bulk([row[1] for row in rows if row[0] == "claim"])
    exclusions = ExclusionArea.objects.in_bulk([row[1] for row in rows if row[0] == "exclusion"])
    found = [
        _standing(
            claims[pk] if kind == "claim" else exclusions[pk], _rounded(held, cells, share_step)
        )
        for kind, pk, cells, held, _touched in rows
    ]
    found.sort(key=lambda one: (-one.share_percent, one.kind, one.number))
    share = 0
    if any(row[3] for row in rows):
        with connection.cursor() as cursor:
            cursor.execute(
                _ANY_HELD, {**asked, "claims": list(claims), "exclusions": list(exclusions)}
            )
            cells, held = cursor.fetchone()
        share = _rounded(held, cells, share_step)
    return Answer(
        verdict="claimed" if share else "edge" if found else "free",
        share_percent=share,
        area_ha=round(area_m2 / M2_PER_HA, 1),
        step_m=step_m,
        share_step_percent=share_step,
        found=found,
    )


def _fitting_area_m2(place: GEOSGeometry) -> float:
    if place.empty or not place.valid:
        raise PlaceInvalid()
    west, south, east, north = place.extent
    if not (ILI[0] <= west and ILI[1] <= south and east <= ILI[2] and north <= ILI[3]):
        raise PlaceOutside()
    if isinstance(place, Point):
        return 0.0
    limit_km2 = float(policy_number("here.max_km2"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Area(geom::geography), ST_Area(ST_Envelope(geom)::geography) "
            "FROM ST_GeomFromEWKB(%s) AS geom",
            [bytes(place.ewkb)],
        )
        area_m2, box_m2 = cursor.fetchone()
    if area_m2 > limit_km2 * M2_PER_KM2 or box_m2 > BOX_PER_AREA * limit_km2 * M2_PER_KM2:
        raise PlaceTooLarge(limit_km2=f"{limit_km2:g}", area_km2=f"{area_m2 / M2_PER_KM2:.1f}")
    return float(area_m2)


def _rounded(held: int, cells: int, step: int) -> int:
    """To the policy's step; 100 only for all of it, and never 0 for some of it."""
    if not held:
        return 0
    if held == cells:
        return 100
    share = round(100 * held / cells / step) * step
    return min(max(share, step), 100 - step)


def _standing(row: Claim | ExclusionArea, share_percent: int) -> Standing:
    begins_on = row.period.lower
    assert begins_on is not None
    if isinstance(row, Claim):
        kind, label, state = "claim", _("本市林业碳票项目"), row.get_state_display()
    else:
        kind, label, state = "exclusion", row.get_kind_display(), row.get_status_display()
    return Standing(
        kind=kind,
        kind_label=str(label),
        number=row.number,
        state_label=str(state),
        begins_on=begins_on,
        ends_on=last_day(row.period),
        share_percent=share_percent,
        claim_id=row.pk if isinstance(row, Claim) else None,
    )


def tickets_of(claims: Iterable[int]) -> dict[int, list[str]]:
    """Numbers of the tickets on the land of each claim: those in circulation, else the last one."""
    found: dict[int, list[str]] = {}
    closed: dict[int, str] = {}
    rows = (
        CarbonTicket.objects.filter(issuance__filing__application__claim__in=list(claims))
        .order_by("opened_at", "number")
        .values_list("issuance__filing__application__claim", "number", "closed_at")
    )
    for claim, number, closed_at in rows:
        if closed_at is None:
            found.setdefault(claim, []).append(number)
        else:
            closed[claim] = number
    return {**{claim: [number] for claim, number in closed.items()}, **found}


def as_json(answer: Answer, tickets: dict[int, list[str]]) -> dict[str, Any]:
    """For the page and for programs; ``tickets`` are numbers by claim."""
    return {
        "verdict": answer.verdict,
        "share_percent": answer.share_percent,
        "area_ha": answer.area_ha,
        "step_m": answer.step_m,
        "share_step_percent": answer.share_step_percent,
        "found": [
            {
                "kind": one.kind,
                "kind_label": one.kind_label,
                "number": one.number,
                "state_label": one.state_label,
                "from": str(one.begins_on),
                "to": None if one.ends_on is None else str(one.ends_on),
                "share_percent": one.share_percent,
                "tickets": [
                    {"number": number, "url": f"/tickets/{number}/"}
                    for number in tickets.get(one.claim_id or 0, [])
                ],
            }
            for one in answer.found
        ],
    }


def claims_of(found: Iterable[Standing]) -> list[int]:
    """Keys of rows of the claims among what was found."""
    return [one.claim_id for one in found if one.claim_id is not None]

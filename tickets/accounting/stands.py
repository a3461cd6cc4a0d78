"""Strata from the stands of the forest inventory: the shape, the species and the growing stock."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import connection
from django.utils.translation import gettext as _

from parcels.claims.queries import last_day
from parcels.models import Stand
from portal.accounts.models import User
from portal.base.clock import today
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from tickets.accounting.errors import StandsUnusable, SurveyYearWrong
from tickets.accounting.models import STORAGE_SRID, AccountingReport, ParameterSet, Stratum
from tickets.accounting.operations import SpeciesInput, StratumInput, add_strata
from tickets.accounting.orchards import ORCHARD

VOLUME_STEP = Decimal("0.0001")
# So much of a stratum must have been surveyed at the beginning, or its stock is left open.
COVERED_AT_LEAST = 0.99

# Each stand's part of the area that no stratum holds yet.
_FREE_PARTS = """
SELECT stand.id, ST_AsBinary(part.geom), ST_Area(part.geom::geography)
FROM parcels_stand AS stand
JOIN parcels_projectareaversion AS area ON area.id = %(area)s
CROSS JOIN LATERAL (
  SELECT ST_Multi(ST_CollectionExtract(ST_Difference(
    ST_Intersection(stand.geom, area.geom),
    coalesce((SELECT ST_Union(held.geom) FROM accounting_stratum AS held
              WHERE held.report_id = %(report)s AND held.geom && stand.geom),
             ST_SetSRID('POLYGON EMPTY'::geometry, 4490))), 3)) AS geom) AS part
WHERE stand.id = ANY(%(stands)s) AND NOT ST_IsEmpty(part.geom)
  AND ST_Area(part.geom::geography) > policy_number('overlap.sliver_area_m2')
ORDER BY stand.id
"""
# The stock that an earlier survey found on a shape, and how much of the shape it covered.
_EARLIER_STOCK = """
SELECT sum(part.area_m2 * stand.growing_stock_m3_per_ha), sum(part.area_m2),
       min(stand.growing_stock_m3_per_ha), max(stand.growing_stock_m3_per_ha)
FROM parcels_stand AS stand
CROSS JOIN LATERAL (
  SELECT ST_Area(ST_Intersection(stand.geom, %(shape)s::geometry)::geography) AS area_m2) AS part
WHERE stand.survey_year = %(year)s AND stand.replaced_at IS NULL
  AND stand.geom && %(shape)s::geometry AND ST_Intersects(stand.geom, %(shape)s::geometry)
  AND stand.growing_stock_m3_per_ha IS NOT NULL AND part.area_m2 > 1
"""
# The years in which stands on the area's land were surveyed; one that only touches it is a neighbour's.
_SURVEYED = """
SELECT DISTINCT stand.survey_year FROM parcels_stand AS stand
JOIN parcels_projectareaversion AS area ON area.id = %s
WHERE stand.replaced_at IS NULL AND stand.geom && area.geom
  AND ST_Intersects(land_sieve(area.geom), stand.geom)
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class SurveyYears:
    """The two surveys of a monitoring period; None where the area's stands know none within
    ``reach`` years (policy).
    """

    begin: int | None
    end: int | None
    reach: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stand that did not become a stratum, and why."""

    stand_number: str
    reason: str


@dataclass(frozen=True, slots=True)
class Picked:
    """What came of a choice of stands."""

    strata: list[Stratum]
    left_out: list[LeftOut]


@dataclass(slots=True)
class _Part:
    stand: Stand
    parameter_set: ParameterSet
    geom: GEOSGeometry
    area_m2: float


def proposed_set(species: str, sets: Sequence[ParameterSet]) -> ParameterSet | None:
    """The first set in rank that names the species of an inventory."""
    named = [found for found in sets if species.strip() in found.species_names]
    return min(named, key=lambda found: (found.rank, found.code), default=None)


def survey_years_of(report: AccountingReport) -> SurveyYears:
    """Of the years in which the area's land was surveyed, the nearest to the period's last day, and
    of those before it the nearest to its first day, neither further than policy says: a survey of
    another time tells nothing of the stock then. Of two as near, the earlier one.
    """
    reach = int(policy_number("inventory.survey_reach_years"))
    with connection.cursor() as cursor:
        cursor.execute(_SURVEYED, [report.area_version_id])
        years = [year for (year,) in cursor.fetchall()]
    last = last_day(report.period)
    assert last is not None
    end = _nearest(last.year, years, reach)
    earlier = [year for year in years if end is not None and year < end]
    begin = _nearest(report.period.lower.year, earlier, reach)
    return SurveyYears(begin, end, reach)


def _nearest(wanted: int, years: Sequence[int], reach: int) -> int | None:
    near = [year for year in years if abs(year - wanted) <= reach]
    return min(near, key=lambda year: abs(year - wanted), default=None)


@write_transaction
def pick_stands(
    *,
    report: AccountingReport,
    stands: Sequence[Stand],
    begin_year: int | None,
    merge: bool,
    seen: int,
    actor: User,
) -> Picked:
    """Make strata of stands of the end year, with the stock of ``begin_year`` where it was surveyed.

    SurveyYearWrong for stands or a beginning of any other year than the period's two.
    ``merge`` puts stands of one species and origin into one stratum, their stock weighted by area.
    A stand without parameters, outside the area, or an orchard that the method does not count is
    left out and said so; StandsUnusable when nothing remains.
    """
    _require_survey_years(report, stands, begin_year)
    sets = list(ParameterSet.objects.in_force(today()))
    by_id = {stand.pk: stand for stand in stands}
    left_out: list[LeftOut] = []
    parts: list[_Part] = []
    shapes = _free_parts(report, by_id)
    for stand in by_id.values():
        chosen = proposed_set(stand.species, sets)
        if stand.pk not in shapes:
            reason = _("不在项目范围内，或已属于其他碳层")
        elif chosen is None:
            reason = _("没有树种“{species}”的参数集").format(species=stand.species or "—")
        elif stand.forest_purpose.startswith(ORCHARD) and not report.method.counts_orchards:
            reason = _("经济林，现行方法不计入")
        else:
            parts.append(_Part(stand, chosen, *shapes[stand.pk]))
            continue
        left_out.append(LeftOut(stand.stand_number, reason))
    if not parts:
        shown = "；".join(f"{one.stand_number} {one.reason}" for one in left_out[:5])
        raise StandsUnusable(reasons=shown or _("没有选择小班"))
    groups: dict[tuple[object, ...], list[_Part]] = {}
    for part in parts:
        kind = (part.parameter_set.pk, _origin(part.stand))
        groups.setdefault(kind if merge else (part.stand.pk,), []).append(part)
    codes = _free_codes(report, len(groups))
    strata = [
        _stratum(code, group, begin_year)
        for code, group in zip(codes, groups.values(), strict=True)
    ]
    made = add_strata(report=report, strata=strata, seen=seen, actor=actor)
    return Picked(made, left_out)


def _require_survey_years(
    report: AccountingReport, stands: Sequence[Stand], begin_year: int | None
) -> None:
    years = survey_years_of(report)
    others = {one.survey_year for one in stands} - {years.end}
    if others or begin_year not in (None, years.begin):
        raise SurveyYearWrong(begin=years.begin or "—", end=years.end or "—")


def _free_parts(
    report: AccountingReport, by_id: dict[int, Stand]
) -> dict[int, tuple[GEOSGeometry, float]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _FREE_PARTS,
            {"area": report.area_version_id, "report": report.pk, "stands": list(by_id)},
        )
        return {
            pk: (GEOSGeometry(memoryview(shape), srid=STORAGE_SRID), area_m2)
            for pk, shape, area_m2 in cursor.fetchall()
        }


def _stratum(code: str, parts: list[_Part], begin_year: int | None) -> StratumInput:
    geom = parts[0].geom
    for part in parts[1:]:
        geom = geom.union(part.geom)
    if isinstance(geom, Polygon):
        geom = MultiPolygon(geom, srid=STORAGE_SRID)
    assert isinstance(geom, MultiPolygon)
    begin = _earlier_stock(geom, begin_year) if begin_year is not None else None
    species = SpeciesInput(parts[0].parameter_set, begin, _present_stock(parts))
    return StratumInput(
        code, _origin(parts[0].stand), geom, [species], [part.stand for part in parts]
    )


def _present_stock(parts: list[_Part]) -> Decimal | None:
    """The stands' stock weighted by area, to the fourth decimal of the inventory's own numbers."""
    stocks = [part.stand.growing_stock_m3_per_ha for part in parts]
    known = [stock for stock in stocks if stock is not None]
    if len(known) < len(stocks):
        return None
    if min(known) == max(known):
        return known[0]
    weights = [Decimal(part.area_m2) for part in parts]
    total = sum((stock * weight for stock, weight in zip(known, weights, strict=True)), Decimal())
    return (total / sum(weights, Decimal())).quantize(VOLUME_STEP)


def _earlier_stock(geom: MultiPolygon, year: int) -> Decimal | None:
    """None where the survey of that year does not cover the shape."""
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER_STOCK, {"shape": geom.hexewkb.decode(), "year": year})
        weighted, covered_m2, least, most = cursor.fetchone()
        cursor.execute("SELECT ST_Area(%s::geometry::geography)", [geom.hexewkb.decode()])
        area_m2 = cursor.fetchone()[0]
    if covered_m2 is None or covered_m2 < COVERED_AT_LEAST * area_m2:
        return None
    if least == most:
        return Decimal(least)
    return (Decimal(weighted) / Decimal(covered_m2)).quantize(VOLUME_STEP)


def _origin(stand: Stand) -> Stratum.Origin:
    """起源 1x is natural, 2x planted."""
    return Stratum.Origin.PLANTED if stand.origin.startswith("2") else Stratum.Origin.NATURAL


def _free_codes(report: AccountingReport, count: int) -> list[str]:
    """The lowest serial numbers that no stratum of the report bears."""
    taken = set(Stratum.objects.filter(report=report).values_list("code", flat=True))
    free = (f"{serial}" for serial in itertools.count(1) if f"{serial}" not in taken)
    return list(itertools.islice(free, count))

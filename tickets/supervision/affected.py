"""Tonnes of an affected part: its share of area in each stratum, rounded up to kilograms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.contrib.gis.geos import MultiPolygon
from django.db import connection

from tickets.accounting.models import AccountingReport
from tickets.projects.models import Filing

# Areas are ellipsoidal; a share is exact to the square centimetre on a project of any size.
_CENTIMETRES = Decimal(10) ** 4
_STRATA = """
SELECT code, ST_Area(geom::geography),
       ST_Area(ST_Intersection(geom, ST_GeomFromEWKB(%(shape)s))::geography)
FROM accounting_stratum WHERE report_id = %(report)s ORDER BY id
"""
_AREA = """
SELECT '', ST_Area(geom::geography),
       ST_Area(ST_Intersection(geom, ST_GeomFromEWKB(%(shape)s))::geography)
FROM parcels_projectareaversion WHERE id = %(version)s
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A stratum: its weight in the issued tonnes, its area, and how much of it is affected."""

    weight: Decimal
    area_m2: Decimal
    affected_m2: Decimal


def kilograms_of(quantity_kg: int, parts: Sequence[Part]) -> int:
    """``quantity_kg`` · Σ weight · affected / area over Σ weight, rounded up once, at the end.

    Never more than ``quantity_kg``; 0 when nothing is affected.
    """
    total = sum((part.weight for part in parts), Decimal(0))
    if not total:
        return 0
    share = sum(
        (
            part.weight * min(part.affected_m2, part.area_m2) / part.area_m2
            for part in parts
            if part.area_m2
        ),
        Decimal(0),
    )
    kilograms = (quantity_kg * share / total).quantize(Decimal(1), rounding=ROUND_CEILING)
    return min(int(kilograms), quantity_kg)


def affected_kg(filing: Filing, quantity_kg: int, shape: MultiPolygon) -> int:
    """How much of an issuance stands on ``shape``: by the strata of the signed report; by area
    where the report was made elsewhere."""
    report = AccountingReport.objects.filter(
        key=filing.accounting_result.report_key, state=AccountingReport.State.SIGNED
    ).first()
    weights: dict[str, Decimal] = {}
    if report is not None and report.content:
        for stratum in json.loads(report.content)["strata"]:
            # A stratum that lost carbon gave no tonnes that could be frozen.
            weights[stratum["code"]] = max(Decimal(stratum["co2_change_t"]), Decimal(0))
    values: dict[str, Any] = {"shape": shape.ewkb, "version": filing.area_version_id}
    with connection.cursor() as cursor:
        if report is not None and weights:
            cursor.execute(_STRATA, {**values, "report": report.pk})
        else:
            cursor.execute(_AREA, values)
            weights = {"": Decimal(1)}
        parts = [
            Part(weights.get(code, Decimal(0)), _square(area), _square(affected))
            for code, area, affected in cursor.fetchall()
        ]
    return kilograms_of(quantity_kg, parts)


def _square(area_m2: float) -> Decimal:
    return (Decimal(area_m2) * _CENTIMETRES).quantize(Decimal(1)) / _CENTIMETRES

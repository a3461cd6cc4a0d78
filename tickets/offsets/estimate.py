"""What an event or an office emits: amounts times factors, whole kilograms upwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from portal.base.clock import today
from tickets.offsets.errors import EstimateEmpty
from tickets.offsets.models import EmissionFactor


@dataclass(frozen=True, slots=True)
class Line:
    """One factor with its amount and what it makes."""

    factor: EmissionFactor
    amount: Decimal
    emission_kg: Decimal


def factors_in_force(on: date | None = None) -> list[EmissionFactor]:
    """The newest version of each factor that is valid on a day."""
    return list(
        EmissionFactor.objects.filter(valid_from__lte=on or today())
        .order_by("code", "-version")
        .distinct("code")
    )


def estimate(amounts: Mapping[str, Decimal | None]) -> tuple[list[Line], int]:
    """Lines and the sum in whole kilograms, rounded up once. EstimateEmpty when nothing is given."""
    lines = [
        Line(factor, amount, factor.kg_per_unit * amount)
        for factor in factors_in_force()
        if (amount := amounts.get(factor.code))
    ]
    if not lines:
        raise EstimateEmpty()
    total = sum((line.emission_kg for line in lines), Decimal(0))
    return lines, int(total.to_integral_value(ROUND_CEILING))

"""Equation 6 of domain.md: the relative uncertainty of stratified plots and its discount.

Source: CCER family (reliability 90 %, two-sided, n − I degrees of freedom); stratified random
sampling after Cochran, Sampling Techniques, ch. 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache

WORKING = Context(prec=40)
ZERO, ONE, TWO = Decimal(), Decimal(1), Decimal(2)
# Two-sided 90 %: five per cent in each tail.
PROBABILITY = Decimal("0.90")
NORMAL_QUANTILE = Decimal("1.644853626951472714863848907991632136083")
MANY_DEGREES = 2000  # From here on the expansion is right to 15 digits.
ENOUGH = Decimal("1e-15")
PLOTS_AT_LEAST = 2


@dataclass(frozen=True, slots=True)
class PlotStratum:
    """The plots of one stratum: their values in one unit, and the stratum's area in hectares."""

    area_ha: Decimal
    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Equation 6 with its parts. ``u`` is a fraction of one."""

    plots: int
    strata: int
    mean: Decimal
    standard_error: Decimal
    t: Decimal
    u: Decimal


@dataclass(frozen=True, slots=True)
class DiscountStep:
    """Up to the uncertainty ``u_max`` (a fraction of one, included) the discount is ``discount``."""

    u_max: Decimal
    discount: Decimal


def stratified_uncertainty(strata: Sequence[PlotStratum]) -> Uncertainty:
    """u = t(0.90; n − I) · SE / mean.

    mean = Σ w·ȳ and SE² = Σ w²·s²/n over strata, w the stratum's share of area. ValueError when a
    stratum has fewer than two plots, or area or mean are not positive.
    """
    if not strata or any(len(stratum.values) < PLOTS_AT_LEAST for stratum in strata):
        raise ValueError("two plots in each stratum")
    with localcontext(WORKING):
        whole = sum((stratum.area_ha for stratum in strata), ZERO)
        if whole <= 0:
            raise ValueError("the strata have no area")
        mean = variance = ZERO
        for stratum in strata:
            n = len(stratum.values)
            weight = stratum.area_ha / whole
            own_mean = sum(stratum.values, ZERO) / n
            spread = sum(((value - own_mean) ** 2 for value in stratum.values), ZERO) / (n - 1)
            mean += weight * own_mean
            variance += weight**2 * spread / n
        if mean <= 0:
            raise ValueError("the mean is not positive")
        error = variance.sqrt()
        plots = sum(len(stratum.values) for stratum in strata)
        t = t_quantile(plots - len(strata))
        return Uncertainty(plots, len(strata), mean, error, t, t * error / mean)


def discount_of(u: Decimal, steps: Sequence[DiscountStep]) -> Decimal | None:
    """DR(u): the first step that reaches ``u``; None above the last: more plots are needed."""
    return next((step.discount for step in steps if u <= step.u_max), None)


@lru_cache(maxsize=1024)
def t_quantile(degrees: int) -> Decimal:
    """Student's t with P(−t < T < t) = 0.90, to 15 digits; ``degrees`` is at least 1."""
    if degrees < 1:
        raise ValueError("at least one degree of freedom")
    with localcontext(WORKING):
        if degrees > MANY_DEGREES:
            return _expanded(degrees)
        low, high = ZERO, Decimal(1)
        while _within(high, degrees) < PROBABILITY:
            low, high = high, high * 2
        while high - low > ENOUGH * high:
            middle = (low + high) / 2
            if _within(middle, degrees) < PROBABILITY:
                low = middle
            else:
                high = middle
        return +((low + high) / 2)


def _expanded(degrees: int) -> Decimal:
    """Abramowitz & Stegun 26.7.5: from the normal quantile, for many degrees of freedom."""
    x = NORMAL_QUANTILE
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum((term / Decimal(degrees) ** n for n, term in enumerate(terms, start=1)), ZERO)


def _within(t: Decimal, degrees: int) -> Decimal:
    """P(−t < T < t), Abramowitz & Stegun 26.7.3 (odd) and 26.7.4 (even degrees of freedom)."""
    sine = t / (degrees + t * t).sqrt()
    cosine_squared = degrees / (degrees + t * t)
    if degrees % 2 == 0:
        term = total = ONE
        for k in range(1, degrees // 2):
            term *= cosine_squared * (2 * k - 1) / (2 * k)
            total += term
        return sine * total
    angle = _arctangent(t / Decimal(degrees).sqrt())
    total = ZERO
    if degrees > 1:
        term = total = cosine_squared.sqrt()
        for k in range(1, (degrees - 1) // 2):
            term *= cosine_squared * (2 * k) / (2 * k + 1)
            total += term
    return TWO / _pi() * (angle + sine * total)


def _arctangent(x: Decimal) -> Decimal:
    """Halved until small, then the series."""
    halvings = 0
    while x > Decimal("0.1"):
        x = x / (1 + (1 + x * x).sqrt())
        halvings += 1
    square, power, total, n = x * x, x, ZERO, 1
    while abs(power) > Decimal("1e-38"):
        total += power / n
        power, n = -power * square, n + 2
    return total * TWO**halvings


@lru_cache(maxsize=1)
def _pi() -> Decimal:
    """Machin's formula."""
    return 4 * (4 * _arctangent(ONE / 5) - _arctangent(ONE / 239))

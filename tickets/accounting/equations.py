"""The stock-difference equations of domain.md as pure functions on ``Decimal``.

Sources: IPCC 2006 Guidelines, vol. 4, ch. 2 (stock-difference method, eq. 2.8) and the CCER family
of forestry methodologies (volume method). Symbols are those of domain.md:

    V growing stock m³/ha · D basic wood density t/m³ · BEF biomass expansion factor ·
    R root-to-shoot ratio · CF carbon fraction tC/t · A area ha · C carbon stock tC/ha

Nothing is rounded on the way: every function works in ``EXACT``, and the one rounding, to whole
tonnes, is done by ``whole_tonnes`` from the exact numerator over 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

# Wide enough for every product of inputs that the register can hold; only ÷ 12 does not end.
EXACT = Context(prec=100)
CO2_MASS, CARBON_MASS = Decimal(44), Decimal(12)
MU_PER_HECTARE = Decimal(15)
KG_PER_TONNE = 1000
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class CarbonFactors:
    """What turns a cubic metre of growing stock into carbon; one row of a parameter set."""

    wood_density_t_per_m3: Decimal
    expansion_factor: Decimal
    root_ratio: Decimal
    carbon_fraction: Decimal


@dataclass(frozen=True, slots=True)
class SpeciesStock:
    """One species of a stratum: its carbon stock per hectare at both dates, in tC/ha."""

    carbon_begin_t_per_ha: Decimal
    carbon_end_t_per_ha: Decimal


@dataclass(frozen=True, slots=True)
class StratumInput:
    """A stratum: its counted area in hectares and the species that stand on it."""

    area_ha: Decimal
    species: tuple[SpeciesStock, ...]


@dataclass(frozen=True, slots=True)
class StratumResult:
    """Equations 1 and 2 for one stratum: carbon in tC/ha and tC, carbon dioxide in tCO₂."""

    carbon_begin_t_per_ha: Decimal
    carbon_end_t_per_ha: Decimal
    carbon_change_t: Decimal
    co2_change_t: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """What stands between removals and tonnes: in tCO₂, the last two as fractions of one."""

    baseline_t: Decimal
    leakage_t: Decimal
    deficit_brought_t: Decimal
    discount: Decimal
    risk: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """Every intermediate value; tCO₂ but for ``quantity_t``, whole tonnes, and the deficit."""

    strata: tuple[StratumResult, ...]
    removals_t: Decimal  # G
    net_t: Decimal  # N
    creditable_t: Decimal  # E
    quantity_t: int
    deficit_carried_t: Decimal

    @property
    def quantity_kg(self) -> int:
        return self.quantity_t * KG_PER_TONNE


def volume_per_hectare(volume_m3_per_mu: Decimal) -> Decimal:
    """蓄积/亩 → m³/ha: 1 ha = 15 亩."""
    with localcontext(EXACT):
        return volume_m3_per_mu * MU_PER_HECTARE


def carbon_density(volume_m3_per_ha: Decimal, factors: CarbonFactors) -> Decimal:
    """Equation 1: C = V · D · BEF · (1 + R) · CF, in tC/ha (volume method)."""
    with localcontext(EXACT):
        return (
            volume_m3_per_ha
            * factors.wood_density_t_per_m3
            * factors.expansion_factor
            * (ONE + factors.root_ratio)
            * factors.carbon_fraction
        )


def carbon_of_biomass(above_ground_t_per_ha: Decimal, factors: CarbonFactors) -> Decimal:
    """Equation 1 from biomass: C = B · (1 + R) · CF, in tC/ha, B above-ground biomass t/ha."""
    with localcontext(EXACT):
        return above_ground_t_per_ha * (ONE + factors.root_ratio) * factors.carbon_fraction


def co2_of_carbon(carbon_t: Decimal) -> Decimal:
    """tC → tCO₂ by the fraction 44/12 (not 3.667)."""
    with localcontext(EXACT):
        return carbon_t * CO2_MASS / CARBON_MASS


def stratum_change(stratum: StratumInput) -> StratumResult:
    """Equation 2: ΔCO₂ = (C(t2) − C(t1)) · A · 44/12. A mixed stratum is the sum of its species."""
    with localcontext(EXACT):
        begin = sum((s.carbon_begin_t_per_ha for s in stratum.species), Decimal())
        end = sum((s.carbon_end_t_per_ha for s in stratum.species), Decimal())
        change = (end - begin) * stratum.area_ha
        return StratumResult(begin, end, change, co2_of_carbon(change))


def net_removals(removals_t: Decimal, terms: Terms) -> Decimal:
    """Equation 4: N = G − baseline − leakage, less the deficit that an earlier period left, tCO₂."""
    with localcontext(EXACT):
        return removals_t - terms.baseline_t - terms.leakage_t - terms.deficit_brought_t


def creditable(net_t: Decimal, terms: Terms) -> Decimal:
    """Equation 5: E = N · (1 − DR) · (1 − K), in tCO₂. A net loss is not made smaller by it."""
    if net_t <= 0:
        return net_t
    with localcontext(EXACT):
        return net_t * (ONE - terms.discount) * (ONE - terms.risk)


def whole_tonnes(carbon_change_t: Decimal, terms: Terms) -> int:
    """floor(E), the one rounding, from the exact numerator over 12; 0 when E ≤ 0.

    Taken from E itself, a product like 3.33…·0.9 would floor to 2.
    """
    with localcontext(EXACT):
        taken_off = terms.baseline_t + terms.leakage_t + terms.deficit_brought_t
        twelve_n = carbon_change_t * CO2_MASS - taken_off * CARBON_MASS
        if twelve_n <= 0:
            return 0
        return int(twelve_n * (ONE - terms.discount) * (ONE - terms.risk) // CARBON_MASS)


def calculate(strata: Iterable[StratumInput], terms: Terms) -> Result:
    """Equations 1 to 5. G is the sum over strata (equation 3): harvest and mortality are in the
    stock difference already and are not taken off again."""
    changes = tuple(stratum_change(stratum) for stratum in strata)
    with localcontext(EXACT):
        carbon = sum((change.carbon_change_t for change in changes), Decimal())
        removals = co2_of_carbon(carbon)
        net = net_removals(removals, terms)
    return Result(
        strata=changes,
        removals_t=removals,
        net_t=net,
        creditable_t=creditable(net, terms),
        quantity_t=whole_tonnes(carbon, terms),
        deficit_carried_t=max(-net, Decimal()),
    )


def tonnes_per_hectare_and_year(co2_t: Decimal, area_ha: Decimal, days: int) -> Decimal:
    """The yearly rate of one hectare, tCO₂/(ha·year), a year being 365.25 days."""
    if area_ha <= 0 or days <= 0:
        return Decimal()
    with localcontext(EXACT):
        return co2_t * Decimal("365.25") / (area_ha * days)


def split_by_share(total: int, shares: Sequence[int]) -> list[int]:
    """``total`` indivisible units over integer shares by largest remainder, in the list's order.

    Each part is the floor of its exact share; what is left goes, one unit each, to the largest
    remainders, the earlier of equals first. The parts sum to ``total``.
    """
    whole = sum(shares)
    if whole <= 0 or total < 0 or min(shares) < 0:
        raise ValueError("shares are not negative, not all zero, and the total is not negative")
    parts = [total * share // whole for share in shares]
    remainders = [total * share % whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: (-remainders[at], at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts

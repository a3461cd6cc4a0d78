"""From the rows of a report to its result: every intermediate value, alternatives, flags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

import orjson
from django.db.models import Prefetch
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from parcels.models import Stand
from portal.base.clock import today
from portal.base.policy import policies_in_force
from tickets.accounting.equations import (
    EXACT,
    CarbonFactors,
    Result,
    SpeciesStock,
    StratumInput,
    StratumResult,
    Terms,
    calculate,
    carbon_density,
    carbon_of_biomass,
    tonnes_per_hectare_and_year,
)
from tickets.accounting.models import (
    AccountingReport,
    ParameterSet,
    Standing,
    Stratum,
    StratumSpecies,
)
from tickets.accounting.orchards import orchards_under
from tickets.accounting.uncertainty import (
    PLOTS_AT_LEAST,
    DiscountStep,
    PlotStratum,
    Uncertainty,
    discount_of,
    stratified_uncertainty,
)

PERCENT = Decimal(100)
POLICIES = "accounting."
STEPS = (1, 2, 3)
# Within a tenth of fifteen-fold: a stock per 亩 stands beside one per hectare.
UNIT_TRAP = (Decimal("13.5"), Decimal("16.5"))


@dataclass(frozen=True, slots=True)
class Flag:
    """Something out of the ordinary. ``grave`` ones need the verifier's words before signing."""

    code: str
    message: str | Promise
    facts: Mapping[str, Any]
    grave: bool

    def __str__(self) -> str:
        return str(self.message).format_map(self.facts)


@dataclass(frozen=True, slots=True)
class SpeciesLine:
    """Equation 1 for one species of a stratum, with all that went into it."""

    row: StratumSpecies
    stock: SpeciesStock


@dataclass(frozen=True, slots=True)
class StratumLine:
    """Equation 2 for one stratum."""

    stratum: Stratum
    species: tuple[SpeciesLine, ...]
    result: StratumResult
    yearly_t_per_ha: Decimal

    @property
    def origin(self) -> str:
        return self.stratum.get_origin_display()


@dataclass(frozen=True, slots=True)
class Alternative:
    """What the report would give with another parameter set of a species group in use."""

    chosen: ParameterSet
    other: ParameterSet
    removals_chosen_t: Decimal  # Of the strata parts that use the chosen set.
    removals_other_t: Decimal
    quantity_t: int  # The whole report's, with the other set.

    @property
    def difference_percent(self) -> Decimal | None:
        if not self.removals_chosen_t:
            return None
        return (self.removals_other_t / self.removals_chosen_t - 1) * PERCENT


@dataclass(slots=True)
class Calculation:
    """A report worked through. ``result`` is None while something is missing (``missing``)."""

    report: AccountingReport
    lines: list[StratumLine] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)
    policy: dict[str, Decimal] = field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    u: Decimal | None = None
    discount: Decimal | None = None
    terms: Terms | None = None
    result: Result | None = None
    area_ha: Decimal = Decimal()
    mapped_ha: Decimal = Decimal()

    @property
    def grave(self) -> list[Flag]:
        return [flag for flag in self.flags if flag.grave]

    @property
    def u_limit_percent(self) -> Decimal:
        return self.policy[f"u_step{STEPS[-1]}_percent"]

    @property
    def too_uncertain(self) -> bool:
        """More plots are needed: no discount covers this uncertainty."""
        return self.u is not None and self.discount is None

    @property
    def reported_differs(self) -> bool:
        """The uploaded report states other tonnes than the calculation (blocks the filing)."""
        stated = self.report.quantity_t_reported
        return self.result is not None and stated is not None and stated != self.result.quantity_t


def policy_values() -> dict[str, Decimal]:
    """The accounting policies in force now, by what follows the dot."""
    found = policies_in_force().filter(code__startswith=POLICIES)
    return {row.code.removeprefix(POLICIES): row.value for row in found if row.value is not None}


def factors_of(row: ParameterSet) -> CarbonFactors:
    return CarbonFactors(
        row.wood_density_t_per_m3, row.expansion_factor, row.root_ratio, row.carbon_fraction
    )


def stock_of(row: StratumSpecies, factors: CarbonFactors) -> SpeciesStock | None:
    """Carbon at both dates by volume or by biomass; None while a volume is open."""
    if row.basis == StratumSpecies.Basis.TREES:
        assert row.biomass_begin_t_per_ha is not None
        assert row.biomass_end_t_per_ha is not None
        return SpeciesStock(
            carbon_of_biomass(row.biomass_begin_t_per_ha, factors),
            carbon_of_biomass(row.biomass_end_t_per_ha, factors),
        )
    begin, end = row.volume_begin_m3_per_ha, row.volume_end_m3_per_ha
    if begin is None or end is None:
        return None
    return SpeciesStock(carbon_density(begin, factors), carbon_density(end, factors))


def strata_of(report: AccountingReport) -> list[Stratum]:
    """The strata with species, sets and the stands they were picked from, in three queries.

    The shapes stay in the database: 200 of them would cost more than the whole calculation.
    """
    species = StratumSpecies.objects.select_related("parameter_set", "equation")
    stands = Stand.objects.only("growing_stock_m3_per_ha", "survey_year", "stand_number")
    return list(
        Stratum.objects.filter(report=report)
        .defer("geom")
        .prefetch_related(Prefetch("species", species), Prefetch("stands", stands))
        .order_by("pk")
    )


def work_through(
    report: AccountingReport, *, policy: Mapping[str, Decimal] | None = None
) -> Calculation:
    """Calculate a report from its rows. A signed one takes the policy values it was signed under."""
    made = Calculation(report=report, policy=dict(policy or policy_values()))
    strata = strata_of(report)
    days = (report.period.upper - report.period.lower).days
    inputs: list[StratumInput] = []
    for stratum in strata:
        lines = _species_lines(stratum, made)
        if lines is None:
            continue
        inputs.append(StratumInput(stratum.area_ha_counted, tuple(one.stock for one in lines)))
        made.lines.append(StratumLine(stratum, lines, StratumResult(*[Decimal()] * 4), Decimal()))
    made.area_ha = sum((stratum.area_ha_counted for stratum in strata), Decimal())
    made.mapped_ha = Decimal(sum(stratum.area_m2 for stratum in strata)) / 10_000
    if not strata:
        made.missing.append(str(_("还没有碳层")))
    _set_terms(made, strata)
    if made.missing or made.terms is None:
        return made
    made.result = calculate(inputs, made.terms)
    made.lines = [
        StratumLine(
            line.stratum,
            line.species,
            change,
            tonnes_per_hectare_and_year(change.co2_change_t, line.stratum.area_ha_counted, days),
        )
        for line, change in zip(made.lines, made.result.strata, strict=True)
    ]
    made.alternatives = list(_alternatives(made))
    made.flags = list(_flags(made, days))
    return made


def _species_lines(stratum: Stratum, made: Calculation) -> tuple[SpeciesLine, ...] | None:
    if stratum.area_ha_counted <= 0:
        made.missing.append(str(_("碳层 {code} 的面积（不足 1 平方米）")).format(code=stratum.code))
        return None
    lines = []
    for row in stratum.species.all():
        stock = stock_of(row, factors_of(row.parameter_set))
        if stock is None:
            made.missing.append(str(_("碳层 {code} 的蓄积")).format(code=stratum.code))
            return None
        lines.append(SpeciesLine(row, stock))
    if not lines:
        made.missing.append(str(_("碳层 {code} 的树种")).format(code=stratum.code))
        return None
    return tuple(lines)


def _set_terms(made: Calculation, strata: list[Stratum]) -> None:
    """The uncertainty, its discount, and what is taken off."""
    report = made.report
    if report.uncertainty_basis == AccountingReport.Basis.STATED:
        if report.uncertainty_stated_percent is None:
            made.missing.append(str(_("不确定性")))
            return
        made.u = report.uncertainty_stated_percent / PERCENT
    else:
        plots = _plot_strata(report, strata, made)
        if plots is None:
            return
        made.uncertainty = stratified_uncertainty(plots)
        made.u = made.uncertainty.u
    steps = [
        DiscountStep(
            made.policy[f"u_step{n}_percent"] / PERCENT,
            made.policy[f"dr_step{n}_percent"] / PERCENT,
        )
        for n in STEPS
    ]
    made.discount = discount_of(made.u, steps)
    if made.discount is None:
        return
    made.terms = Terms(
        report.baseline_t,
        report.leakage_t,
        report.deficit_brought_t,
        made.discount,
        made.policy["risk_percent"] / PERCENT,
    )


def _plot_strata(
    report: AccountingReport, strata: list[Stratum], made: Calculation
) -> list[PlotStratum] | None:
    """The plots' carbon (tC/ha at the end of the period) by stratum."""
    values: dict[int, dict[str, Decimal]] = {stratum.pk: {} for stratum in strata}
    rows = Stratum.objects.filter(report=report).values_list(
        "pk", "plots__plot_number", "plots__volume_m3_per_ha", "plots__biomass_t_per_ha",
        "plots__parameter_set_id",
    )  # fmt: skip
    sets = {row.pk: factors_of(row) for row in ParameterSet.objects.all()}
    for pk, plot, volume, biomass, parameter_set in rows:
        if plot is None:
            continue
        factors = sets[parameter_set]
        if volume is not None:
            carbon = carbon_density(volume, factors)
        else:
            assert biomass is not None  # A plot has one value: the database's own check.
            carbon = carbon_of_biomass(biomass, factors)
        values[pk][plot] = values[pk].get(plot, Decimal()) + carbon
    few = [stratum.code for stratum in strata if len(values[stratum.pk]) < PLOTS_AT_LEAST]
    if any(stratum.area_ha_counted <= 0 for stratum in strata):
        return None  # Said already.
    if few or not strata:
        text = str(_("样地：碳层 {codes} 不足 {n} 个")).format(
            codes="、".join(few[:8]) or "—", n=PLOTS_AT_LEAST
        )
        made.missing.append(text)
        return None
    if not any(any(own.values()) for own in values.values()):
        made.missing.append(str(_("样地：蓄积全部为零")))
        return None
    return [
        PlotStratum(stratum.area_ha_counted, tuple(values[stratum.pk].values()))
        for stratum in strata
    ]


def _alternatives(made: Calculation) -> Iterable[Alternative]:
    """For each set in use the other sets of its group that are in force."""
    used = {one.row.parameter_set_id: one.row.parameter_set for one in _species(made)}
    in_force = list(ParameterSet.objects.in_force(today()))
    assert made.terms is not None
    for chosen in sorted(used.values(), key=lambda row: (row.group, row.rank)):
        for other in in_force:
            if other.group != chosen.group or other.code == chosen.code:
                continue
            factors = factors_of(other)
            yield Alternative(
                chosen,
                other,
                _removals(made, chosen, None),
                _removals(made, chosen, factors),
                calculate(_inputs(made, chosen, factors, others=True), made.terms).quantity_t,
            )


def _species(made: Calculation) -> Iterable[SpeciesLine]:
    return (one for line in made.lines for one in line.species)


def _inputs(
    made: Calculation, chosen: ParameterSet, factors: CarbonFactors | None, *, others: bool
) -> list[StratumInput]:
    """Strata with ``factors`` in the place of the chosen set's; other species kept or left out."""
    inputs = []
    for line in made.lines:
        stocks = []
        for one in line.species:
            if one.row.parameter_set_id != chosen.pk:
                if others:
                    stocks.append(one.stock)
                continue
            swapped = one.stock if factors is None else stock_of(one.row, factors)
            assert swapped is not None  # The chosen set gave one as well.
            stocks.append(swapped)
        inputs.append(StratumInput(line.stratum.area_ha_counted, tuple(stocks)))
    return inputs


def _removals(made: Calculation, chosen: ParameterSet, factors: CarbonFactors | None) -> Decimal:
    assert made.terms is not None
    return calculate(_inputs(made, chosen, factors, others=False), made.terms).removals_t


def _flags(made: Calculation, days: int) -> Iterable[Flag]:
    """What is out of the ordinary, stratum by stratum, then the whole."""
    limit = made.policy["plausible_t_per_ha_year"]
    high = made.policy["volume_high_m3_per_ha"]
    for line in made.lines:
        code = line.stratum.code
        if line.yearly_t_per_ha > limit:
            yield Flag(
                "rate_implausible",
                _("碳层 {code} 年固碳 {rate} tCO₂/公顷，超过 {limit}。"),
                {"code": code, "rate": f"{line.yearly_t_per_ha:.1f}", "limit": f"{limit:f}"},
                grave=True,
            )
        if line.result.carbon_change_t < 0:
            yield Flag("stock_falls", _("碳层 {code} 的碳储量下降。"), {"code": code}, grave=False)
        for one in line.species:
            yield from _volume_flags(code, one.row, line.stratum, high, made.policy)
            if one.row.parameter_set.standing == Standing.PROXY:
                yield Flag(
                    "parameters_are_proxy",
                    _("碳层 {code} 采用代用参数集“{name}”：须经主管部门确认，并与对照参数集比较。"),
                    {"code": code, "name": one.row.parameter_set.name},
                    grave=False,
                )
    if not made.report.method.counts_orchards:
        for code, area_m2 in orchards_under(made.report):
            yield Flag(
                "orchard_counted",
                _("碳层 {code} 有 {hectares} 公顷在最近一次调查中为经济林，现行方法不计入。"),
                {"code": code, "hectares": f"{area_m2 / 10_000:.4f}"},
                grave=True,
            )
    if made.mapped_ha - made.area_ha >= Decimal("0.0005"):
        yield Flag(
            "counted_on_certificates",
            _("证载面积小于图上面积：按较小者计 {counted} 公顷（图上 {mapped} 公顷）。"),
            {"counted": f"{made.area_ha:.4f}", "mapped": f"{made.mapped_ha:.4f}"},
            grave=False,
        )


def _volume_flags(
    code: str, row: StratumSpecies, stratum: Stratum, high: Decimal, policy: Mapping[str, Decimal]
) -> Iterable[Flag]:
    begin, end = row.volume_begin_m3_per_ha, row.volume_end_m3_per_ha
    if begin is None or end is None:
        return
    facts = {"code": code, "begin": f"{begin.normalize():f}", "end": f"{end.normalize():f}"}
    least, most = UNIT_TRAP
    if begin and end and (least <= end / begin <= most or least <= begin / end <= most):
        yield Flag(
            "unit_differs_between_dates",
            _("碳层 {code} 期初 {begin}、期末 {end} m³/公顷，相差约 15 倍：可能一处按亩填写。"),
            facts, grave=True,
        )  # fmt: skip
    if max(begin, end) > high:
        yield Flag(
            "volume_high",
            _("碳层 {code} 蓄积 {volume} m³/公顷，高于 {high}：请核对单位（亩 × 15）。"),
            {"code": code, "volume": f"{max(begin, end).normalize():f}", "high": f"{high:f}"},
            grave=True,
        )
    surveyed = [
        stand.growing_stock_m3_per_ha
        for stand in stratum.stands.all()
        if stand.growing_stock_m3_per_ha
    ]
    if not surveyed or len(list(stratum.species.all())) > 1:
        return
    mean = sum(surveyed, Decimal()) / len(surveyed)
    facts["survey"] = f"{mean:.1f}"
    if end and (least <= mean / end <= most or least <= end / mean <= most):
        yield Flag(
            "looks_like_mu",
            _("碳层 {code} 期末 {end} m³/公顷与小班调查 {survey} 相差约 15 倍：可能误填了每亩蓄积。"),
            facts, grave=True,
        )  # fmt: skip
    elif abs(end - mean) > mean * policy["inventory_percent"] / PERCENT:
        yield Flag(
            "differs_from_inventory",
            _("碳层 {code} 期末 {end} m³/公顷，小班调查为 {survey}。"),
            facts, grave=False,
        )  # fmt: skip


def parameters_digest(made: Calculation) -> bytes:
    """SHA-256 over the hashes of method, sets and equations in use and the policy values."""
    used: dict[str, str] = {f"method:{made.report.method.code}": made.report.method.sha256}
    for one in _species(made):
        chosen = one.row.parameter_set
        used[f"set:{chosen.code}:{chosen.version}"] = chosen.sha256
        if one.row.equation is not None:
            used[f"equation:{one.row.equation.code}"] = one.row.equation.sha256
    used.update({f"policy:{code}": f"{value:f}" for code, value in made.policy.items()})
    return hashlib.sha256(orjson.dumps(used, option=orjson.OPT_SORT_KEYS)).digest()


def exact(value: Decimal) -> str:
    """All the digits that there are, without an exponent."""
    with localcontext(EXACT):
        return f"{value:f}"

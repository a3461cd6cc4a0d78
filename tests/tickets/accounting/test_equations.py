"""The worked example of domain.md to the last digit, and what the equations promise."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.accounting.biomass import Tree, TreeEquation, biomass_t_per_ha, tree_biomass_kg
from tickets.accounting.equations import (
    CarbonFactors,
    SpeciesStock,
    StratumInput,
    Terms,
    calculate,
    carbon_density,
    carbon_of_biomass,
    split_by_share,
    volume_per_hectare,
)
from tickets.accounting.uncertainty import (
    MANY_DEGREES,
    DiscountStep,
    PlotStratum,
    discount_of,
    stratified_uncertainty,
    t_quantile,
)

D = Decimal
POPULUS = CarbonFactors(D("0.378"), D("1.446"), D("0.227"), D("0.496"))
PICEA = CarbonFactors(D("0.342"), D("1.734"), D("0.224"), D("0.521"))
SCHRENKIANA = CarbonFactors(D("0.342"), D("1.3313"), D("0.2722"), D("0.49"))
ULMUS = CarbonFactors(D("0.598"), D("1.671"), D("0.621"), D("0.497"))
STEPS = (
    DiscountStep(D("0.10"), D("0")),
    DiscountStep(D("0.20"), D("0.06")),
    DiscountStep(D("0.30"), D("0.11")),
)


def terms(baseline: str = "50", u: str = "0.08", leakage: str = "0", deficit: str = "0") -> Terms:
    discount = discount_of(D(u), STEPS)
    assert discount is not None
    return Terms(D(baseline), D(leakage), D(deficit), discount, D("0.1"))


def stratum(area: str, begin: str, end: str, factors: CarbonFactors) -> StratumInput:
    stock = SpeciesStock(carbon_density(D(begin), factors), carbon_density(D(end), factors))
    return StratumInput(D(area), (stock,))


WORKED = [
    stratum("40", "60", "95", POPULUS),
    stratum("25.5", "180", "195", PICEA),
    stratum("12.2667", "30", "38.4", ULMUS),
]


def shown(value: Decimal) -> str:
    return f"{value:.4f}"


def test_the_worked_example_to_the_last_digit() -> None:
    result = calculate(WORKED, terms())
    changes = [shown(change.co2_change_t) for change in result.strata]
    assert changes == ["1707.5986", "530.3923", "304.1554"]
    assert shown(result.removals_t) == "2542.1463"
    assert shown(result.net_t) == "2492.1463"
    assert shown(result.creditable_t) == "2242.9317"
    assert (result.quantity_t, result.quantity_kg) == (2242, 2_242_000)
    assert result.deficit_carried_t == 0


@pytest.mark.parametrize(("u", "tonnes"), [("0.08", 2242), ("0.10", 2242), ("0.12", 2108)])
def test_the_discount_follows_the_uncertainty(u: str, tonnes: int) -> None:
    assert calculate(WORKED, terms(u=u)).quantity_t == tonnes


def test_above_the_last_step_there_is_no_discount_but_more_plots() -> None:
    assert discount_of(D("0.31"), STEPS) is None
    assert discount_of(D("0.30"), STEPS) == D("0.11")


def test_the_local_spruce_gives_a_quarter_less_than_the_national() -> None:
    local = calculate([stratum("25.5", "180", "195", SCHRENKIANA)], terms("0")).removals_t
    national = calculate([stratum("25.5", "180", "195", PICEA)], terms("0")).removals_t
    assert round(local / national - 1, 2) == D("-0.25")


@pytest.mark.parametrize("baseline", ["2542.2", "3000"])
def test_without_removals_nothing_is_issued_and_the_deficit_is_carried(baseline: str) -> None:
    result = calculate(WORKED, terms(baseline))
    assert result.quantity_t == 0
    assert result.deficit_carried_t == -result.net_t > 0
    later = calculate(WORKED, terms("0", deficit=str(result.deficit_carried_t)))
    assert later.net_t == later.removals_t - result.deficit_carried_t


def test_a_product_of_twelfths_is_floored_exactly() -> None:
    """36.66… t · 0.9 is 33 t; in decimals it would be 32.99…"""
    third = SpeciesStock(D(0), D("10"))
    assert calculate([StratumInput(D(1), (third,))], terms("0")).quantity_t == 33


def test_volumes_per_mu_are_fifteen_times_as_much_per_hectare() -> None:
    assert carbon_density(volume_per_hectare(D("4")), POPULUS) == carbon_density(D(60), POPULUS)


areas = st.decimals("0.0001", "100000", places=4)
volumes = st.decimals("0", "2000", places=3)
factors = st.sampled_from([POPULUS, PICEA, SCHRENKIANA, ULMUS])


@given(areas, areas, volumes, volumes, factors)
def test_splitting_a_stratum_in_two_changes_nothing(
    one: Decimal, two: Decimal, begin: Decimal, end: Decimal, kind: CarbonFactors
) -> None:
    whole = calculate([stratum(str(one + two), str(begin), str(end), kind)], terms())
    parts = calculate(
        [stratum(str(area), str(begin), str(end), kind) for area in (one, two)], terms()
    )
    assert whole.removals_t == parts.removals_t
    assert whole.creditable_t == parts.creditable_t
    assert whole.quantity_t == parts.quantity_t


@given(areas, volumes, volumes, volumes, factors)
def test_more_growth_never_gives_fewer_tonnes(
    area: Decimal, begin: Decimal, end: Decimal, more: Decimal, kind: CarbonFactors
) -> None:
    less = calculate([stratum(str(area), str(begin), str(end), kind)], terms())
    larger = calculate([stratum(str(area), str(begin), str(end + more), kind)], terms())
    assert larger.quantity_t >= less.quantity_t
    assert larger.creditable_t >= less.creditable_t


@given(areas, volumes, volumes, factors, st.decimals("0", "1", places=4))
def test_mixed_stands_are_the_sum_of_their_species(
    area: Decimal, begin: Decimal, end: Decimal, kind: CarbonFactors, share: Decimal
) -> None:
    pure = calculate([stratum(str(area), str(begin), str(end), kind)], terms())
    stocks = tuple(
        SpeciesStock(carbon_density(begin * part, kind), carbon_density(end * part, kind))
        for part in (share, 1 - share)
    )
    assert calculate([StratumInput(area, stocks)], terms()).removals_t == pure.removals_t


def test_2242_tonnes_are_split_by_largest_remainder() -> None:
    assert split_by_share(2242, [5000, 3333, 1667]) == [1121, 747, 374]


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 10_000), min_size=1, max_size=60).filter(lambda shares: sum(shares)),
)
def test_shares_by_largest_remainder_lose_nothing_and_miss_by_less_than_one(
    total: int, shares: list[int]
) -> None:
    parts = split_by_share(total, shares)
    assert sum(parts) == total
    whole = sum(shares)
    for part, share in zip(parts, shares, strict=True):
        assert abs(part * whole - total * share) < whole


# Two-sided 90 %, from printed tables (three decimals).
@pytest.mark.parametrize(
    ("degrees", "t"),
    [
        (1, "6.314"),
        (2, "2.920"),
        (5, "2.015"),
        (10, "1.812"),
        (29, "1.699"),
        (30, "1.697"),
        (120, "1.658"),
        (1000, "1.646"),
    ],
)
def test_students_t_is_that_of_the_tables(degrees: int, t: str) -> None:
    assert f"{t_quantile(degrees):.3f}" == t


def test_students_t_falls_with_the_degrees_of_freedom() -> None:
    found = [t_quantile(degrees) for degrees in range(1, 40)]
    assert all(before > after for before, after in pairwise(found))


def test_students_t_has_no_step_where_the_expansion_begins() -> None:
    exact, expanded = t_quantile(MANY_DEGREES), t_quantile(MANY_DEGREES + 1)
    before = t_quantile(MANY_DEGREES - 1) - exact
    assert 0 < exact - expanded < before
    assert exact - expanded == pytest.approx(before, rel=D("0.01"))
    assert f"{t_quantile(10**9):.8f}" == "1.64485363"


def test_the_uncertainty_of_two_strata_by_hand() -> None:
    """w = 0.8, 0.2; means 10, 20; s² = 1, 4 (n = 3 each): mean 12, SE² = 0.64/3 + 0.04·4/3."""
    found = stratified_uncertainty(
        [PlotStratum(D(40), (D(9), D(10), D(11))), PlotStratum(D(10), (D(18), D(20), D(22)))]
    )
    assert (found.plots, found.strata, found.mean) == (6, 2, D(12))
    assert f"{found.standard_error:.6f}" == "0.516398"
    assert f"{found.u:.5f}" == f"{D('2.13184678') * D('0.51639778') / 12:.5f}"


@pytest.mark.parametrize("values", [(), (D(1),), (D(0), D(0))])
def test_too_few_plots_or_no_stock_have_no_uncertainty(values: tuple[Decimal, ...]) -> None:
    with pytest.raises(ValueError, match="plots|mean"):
        stratified_uncertainty([PlotStratum(D(1), values)])


def test_biomass_of_trees_by_diameter_and_height() -> None:
    """W = D² · H / e³ for a = −3, b = 2, c = 1; a hectare holds 1/0.06 of a 600 m² plot."""
    equation = TreeEquation(D(-3), D(2), D(1), D(5), D(60))
    one = tree_biomass_kg(Tree(D(20), D(12)), equation)
    assert f"{one:.4f}" == f"{D(20) ** 2 * 12 / D(3).exp():.4f}"
    per_ha = biomass_t_per_ha([one] * 30, D(600))
    assert f"{per_ha:.6f}" == f"{one * 30 / 1000 / D('0.06'):.6f}"
    assert carbon_of_biomass(D(100), POPULUS) == D(100) * D("1.227") * D("0.496")
    with pytest.raises(ValueError, match="diameter"):
        tree_biomass_kg(Tree(D(61), D(12)), equation)
    with pytest.raises(ValueError, match="height"):
        tree_biomass_kg(Tree(D(20)), equation)

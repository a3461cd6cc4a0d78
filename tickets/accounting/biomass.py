"""Biomass of single trees by diameter and height, summed up to tonnes per hectare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

WORKING = Context(prec=40)
KG_PER_TONNE, M2_PER_HECTARE = Decimal(1000), Decimal(10_000)


@dataclass(frozen=True, slots=True)
class TreeEquation:
    """ln W = a + b·ln D + c·ln H: W above-ground biomass kg, D breast-height diameter cm, H m.

    ``c`` is 0 where the equation takes no height. Valid for diameters between the two bounds.
    """

    a: Decimal
    b: Decimal
    c: Decimal
    diameter_cm_min: Decimal
    diameter_cm_max: Decimal


@dataclass(frozen=True, slots=True)
class Tree:
    """One measured tree; the height is needed where the equation takes it."""

    diameter_cm: Decimal
    height_m: Decimal | None = None


def tree_biomass_kg(tree: Tree, equation: TreeEquation) -> Decimal:
    """W = e^(a + b·ln D + c·ln H), in kg. ValueError outside the equation's diameters."""
    if not equation.diameter_cm_min <= tree.diameter_cm <= equation.diameter_cm_max:
        raise ValueError("diameter outside the equation")
    with localcontext(WORKING):
        logarithm = equation.a + equation.b * tree.diameter_cm.ln()
        if equation.c:
            if tree.height_m is None or tree.height_m <= 0:
                raise ValueError("the equation takes a height")
            logarithm += equation.c * tree.height_m.ln()
        return logarithm.exp()


def biomass_t_per_ha(biomass_kg: Iterable[Decimal], plot_area_m2: Decimal) -> Decimal:
    """The trees of one plot as tonnes per hectare: B = Σ W / 1000 · 10000 / plot area."""
    with localcontext(WORKING):
        return sum(biomass_kg, Decimal()) / KG_PER_TONNE * M2_PER_HECTARE / plot_area_m2

"""Kilograms: read at the border, split without losing one, shown in tonnes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from tickets.registry.errors import InvalidQuantity

KG_PER_TONNE = 1000
# A city's forests will not bind a teratonne; a number that long was mistyped.
LIMIT_KG = 10**15
_TONNES = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?")
_KILOGRAMS = re.compile(r"[1-9][0-9]{0,14}")


def parse_tonnes(text: str) -> int:
    """Kilograms of a text in tonnes: plain digits, at most three places; InvalidQuantity otherwise."""
    found = _TONNES.fullmatch(text.strip(" "))
    if found is None:
        raise InvalidQuantity(text=text[:40])
    return require_quantity(int(Decimal(found[0]) * KG_PER_TONNE), said=text)


def parse_kilograms(text: str) -> int:
    """Kilograms of a text in whole kilograms; InvalidQuantity otherwise."""
    if _KILOGRAMS.fullmatch(text.strip(" ")) is None:
        raise InvalidQuantity(text=text[:40])
    return require_quantity(int(text), said=text)


def require_quantity(quantity_kg: object, *, said: object = None) -> int:
    """A positive whole number of kilograms, the last gate before the ledger."""
    if (
        not isinstance(quantity_kg, int)
        or isinstance(quantity_kg, bool)
        or not 0 < quantity_kg <= LIMIT_KG
    ):
        raise InvalidQuantity(text=str(quantity_kg if said is None else said)[:40])
    return quantity_kg


def tonnes(quantity_kg: int) -> str:
    """``12``, ``3.2``, ``0.001``: as people read it, nothing rounded."""
    whole, rest = divmod(quantity_kg, KG_PER_TONNE)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


def split_by_shares(total_kg: int, numerators: Sequence[int]) -> list[int]:
    """Whole kilograms by largest remainder, in the order of the list (domain.md, "Shares").

    The sum is exactly ``total_kg``; equal remainders go to whoever stands first.
    """
    denominator = sum(numerators)
    # Units are indivisible in the registry, so floats never take part.
    parts = [total_kg * numerator // denominator for numerator in numerators]
    rests = [total_kg * numerator % denominator for numerator in numerators]
    order = sorted(range(len(parts)), key=lambda place: (-rests[place], place))
    for place in order[: total_kg - sum(parts)]:
        parts[place] += 1
    return parts

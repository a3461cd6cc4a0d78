"""Money of the market: fen and fen per tonne as integers, and the one place that rounds."""

from __future__ import annotations

import re

from tickets.market.errors import DealTooSmall, InvalidPrice
from tickets.registry.quantities import KG_PER_TONNE

FEN_PER_YUAN = 100
# 10 million yuan a tonne: far above any market, far below the column.
LIMIT_FEN = 10**9
BASIS_POINTS = 10_000
_YUAN = re.compile(r"(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?")


def parse_yuan(text: str, *, zero: bool = False) -> int:
    """Fen of a text in yuan: plain digits, at most two places; 0 only where it means "none"."""
    found = _YUAN.fullmatch(text.strip(" "))
    if found is None:
        raise InvalidPrice(text=text[:40])
    fen = int(found[1]) * FEN_PER_YUAN + int((found[2] or ".0")[1:].ljust(2, "0"))
    if fen == 0 and zero:
        return 0
    return require_price(fen, said=text)


def require_price(price_fen: object, *, said: object = None) -> int:
    """A positive whole number of fen, the last gate before the tables."""
    if (
        not isinstance(price_fen, int)
        or isinstance(price_fen, bool)
        or not 0 < price_fen <= LIMIT_FEN
    ):
        raise InvalidPrice(text=str(price_fen if said is None else said)[:40])
    return price_fen


def amount_of(price_fen_per_tonne: int, quantity_kg: int) -> int:
    """What so many kilograms cost, in fen, half a fen rounded up: the only rounding of the market.

    The database checks every trade against the same formula.
    """
    return (price_fen_per_tonne * quantity_kg + KG_PER_TONNE // 2) // KG_PER_TONNE


def require_amount(price_fen_per_tonne: int, quantity_kg: int) -> int:
    """``amount_of`` a deal: DealTooSmall when it rounds to nothing, for which no receipt can be found."""
    amount = amount_of(price_fen_per_tonne, quantity_kg)
    if amount == 0:
        raise DealTooSmall()
    return amount


def premium_of(
    floor_fen_per_tonne: int, quantity_kg: int, amount_fen: int, share_bp: int
) -> tuple[int, int]:
    """What the first resale under a contract brings above the floor, and the owner's part, in fen.

    The part is rounded down. What the later ones bring is reckoned with those before them
    (``market_premium_due``), so that the fractions of many lots are the owner's, too.
    """
    premium = max(0, amount_fen - amount_of(floor_fen_per_tonne, quantity_kg))
    return premium, premium * share_bp // BASIS_POINTS


def yuan(fen: int) -> str:
    """``140,845.00``: as people read it, nothing rounded."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{sign}{whole:,}.{rest:02d}"

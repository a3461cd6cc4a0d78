"""Who holds a right together, and in which shares: numerators over one denominator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parcels.titles.errors import CoOwnerTwice, CoOwnerUnknown, SharesNotWhole
from portal.accounts.models import Party
from portal.accounts.queries import checked_party
from portal.base.errors import InvalidInput

MOST_SHARES = 1_000_000
MOST_CO_OWNERS = 200


@dataclass(frozen=True, slots=True)
class CoOwner:
    """Another holder as the paper names it; with its full number, the party checked under it.

    ``key`` is of a party that holds the right already and keeps it, with another share perhaps.
    """

    name: str
    share: int
    identity_number: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """The registering party's share, the denominator of all, and who holds the rest."""

    own: int = 1
    of: int = 1
    others: Sequence[CoOwner] = ()


SOLE = Shares()


def check_shares(shares: Shares) -> None:
    """Positive shares that sum to the whole exactly; InvalidInput or SharesNotWhole otherwise."""
    if len(shares.others) > MOST_CO_OWNERS:
        raise InvalidInput(field="co_owners", reason=len(shares.others))
    every = [shares.own, *(other.share for other in shares.others)]
    if not 1 <= shares.of <= MOST_SHARES or min(every) < 1:
        raise InvalidInput(field="share", reason=f"{min(every)}/{shares.of}")
    if sum(every) != shares.of:
        raise SharesNotWhole(sum=sum(every), of=shares.of)


def holders(party: Party, shares: Shares, present: Sequence[Party] = ()) -> list[tuple[Party, int]]:
    """Each holder with its numerator, the registering party first.

    Who is named without a number becomes a party known by name only, never merged by its name;
    a number is found whole or not at all, and only together with the name it was checked under.
    ``present`` are those who hold the right already.
    """
    check_shares(shares)
    found = [(party, shares.own)]
    for other in shares.others:
        holder = _holder(other, present)
        if holder in [one for one, _share in found]:
            raise CoOwnerTwice(name=holder.name)
        found.append((holder, other.share))
    return found


def _holder(other: CoOwner, present: Sequence[Party]) -> Party:
    name = other.name.strip()
    if other.key:
        kept = next((one for one in present if str(one.key) == other.key), None)
        if kept is None:
            raise InvalidInput(field="co_owners", reason=name)
        return kept
    if not name:
        raise InvalidInput(field="co_owners", reason="")
    if other.identity_number.strip():
        checked = checked_party(number=other.identity_number, name=name)
        if checked is None:
            raise CoOwnerUnknown(name=name)
        return checked
    return Party.objects.create(kind=Party.Kind.NAME_ONLY, name=name[:200])

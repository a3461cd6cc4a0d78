"""Who may act for whom at the counter, in an office, for a party."""

from __future__ import annotations

from portal.accounts.errors import MandateMissing, OfficeMissing
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for, may_administer, may_check_identities


def require_administrator(actor: User) -> None:
    """Raises OfficeMissing."""
    if not may_administer(actor):
        raise OfficeMissing()


def require_counter(actor: User | None) -> None:
    """Whoever registers others needs the forestry counter; one registers oneself without an actor.

    Raises OfficeMissing.
    """
    if actor is not None and not may_check_identities(actor):
        raise OfficeMissing()


def require_authority(actor: User, party: Party) -> None:
    """Acts for the party in all matters, or works at the counter; raises MandateMissing."""
    if acts_for(actor, party, Mandate.Scope.ALL):
        return
    if may_check_identities(actor):
        return
    raise MandateMissing(party=str(party.key))

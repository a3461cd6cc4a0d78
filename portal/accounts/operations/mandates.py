"""Who stands for whom."""

from __future__ import annotations

from datetime import date

from portal.accounts.documents import Scan
from portal.accounts.errors import (
    MandateDocumentMissing,
    MandateEnded,
    MandateMissing,
    PartyNotChecked,
    SamePerson,
)
from portal.accounts.models import IdentityCheck, IdentityDocument, Mandate, Party, User
from portal.accounts.operations.authority import require_authority
from portal.accounts.operations.records import keep_scan, record
from portal.accounts.queries import acts_for, may_check_identities
from portal.base.clock import now
from portal.base.transactions import write_transaction


@write_transaction
def give_mandate(
    *,
    party: Party,
    user: User,
    scope: Mandate.Scope,
    valid_from: date,
    actor: User,
    valid_to: date | None = None,
    document: Scan | None = None,
    quantity_kg_max: int | None = None,
    price_fen_per_tonne_min: int | None = None,
) -> Mandate:
    """Let ``user`` act for ``party`` in a matter, from day to day (both included).

    Whoever acts for the party in all matters, or a forestry clerk who holds the paper in hand and
    adds its scan. Raises PartyNotChecked, SamePerson, MandateMissing, MandateDocumentMissing,
    MandateTermsWrong.
    """
    if party.checked_at is None:
        raise PartyNotChecked()
    if user == actor:
        raise SamePerson()
    own = acts_for(actor, party, Mandate.Scope.ALL)
    if not own:
        require_authority(actor, party)
        if document is None:
            raise MandateDocumentMissing()
    mandate = Mandate.objects.create(
        user=user,
        party=party,
        scope=scope,
        valid_from=valid_from,
        valid_to=valid_to,
        quantity_kg_max=quantity_kg_max,
        price_fen_per_tonne_min=price_fen_per_tonne_min,
        document=keep_scan(document, IdentityDocument.Kind.MANDATE, party, actor),
        given_by=actor,
    )
    record(
        "party",
        party.key,
        "give_mandate",
        actor,
        mandate=str(mandate.key),
        user=str(user.key),
        scope=scope,
        valid_from=valid_from.isoformat(),
        valid_to=valid_to.isoformat() if valid_to else None,
        quantity_kg_max=quantity_kg_max,
        price_fen_per_tonne_min=price_fen_per_tonne_min,
        document_sha256=document.sha256.hex() if document else None,
    )
    return mandate


@write_transaction
def end_mandate(*, mandate: Mandate, actor: User) -> Mandate:
    """The mandate ends now: by the mandated, by who acts in all matters, or by a forestry clerk.

    A natural person's mandate for themselves is ended by that person or a clerk alone: whom they
    mandated cannot shut them out. Raises MandateEnded, MandateMissing.
    """
    mandate = Mandate.objects.select_for_update(of=("self",)).get(pk=mandate.pk)
    if mandate.ended_at is not None:
        raise MandateEnded()
    if mandate.user != actor:
        if _is_principal(mandate) and not may_check_identities(actor):
            raise MandateMissing()
        require_authority(actor, mandate.party)
    _end(mandate, actor)
    return mandate


@write_transaction
def end_mandates_of(*, party: Party, actor: User) -> None:
    """All that a party gave end now, since it has ceased; whether ``actor`` may is the caller's gate."""
    standing = Mandate.objects.select_for_update().filter(party=party, ended_at__isnull=True)
    for mandate in standing.order_by("pk"):
        _end(mandate, actor)


def _end(mandate: Mandate, actor: User) -> None:
    mandate.ended_at = now()
    mandate.ended_by = actor
    mandate.save(update_fields=["ended_at", "ended_by"])
    record("party", mandate.party.key, "end_mandate", actor, mandate=str(mandate.key))


def _is_principal(mandate: Mandate) -> bool:
    return (
        mandate.party.kind == Party.Kind.PERSON
        and IdentityCheck.objects.filter(
            party=mandate.party,
            applicant=mandate.user,
            state=IdentityCheck.State.ACCEPTED,
        ).exists()
    )

"""From a filing to tickets (articles 8 and 9). No fee is asked."""

from __future__ import annotations

from collections.abc import Sequence

from parcels.models import Claim
from portal.accounts.models import User
from portal.base.transactions import write_transaction
from portal.casework.deadlines import regulation_in_force
from tickets.projects.models import Filing
from tickets.registry.errors import (
    AlreadyIssued,
    ClaimNotFiled,
    IssuedTooMuch,
    WrongRegistration,
)
from tickets.registry.ledger import Draft, issued_piece, write_entry
from tickets.registry.models import Issuance, LedgerEntry, Registration
from tickets.registry.moves import EntryKind
from tickets.registry.operations.registrations import (
    Kind,
    Owners,
    Part,
    begin_decision,
    end_decision,
    parts_of,
    prepare,
)
from tickets.registry.operations.transfers import require_acting
from tickets.registry.quantities import require_quantity, split_by_shares
from tickets.registry.queries import shares_due

ARTICLE = "第八条"


@write_transaction
def prepare_issue(
    *,
    filing: Filing,
    asked_by: User,
    actor: User,
    quantity_kg: int | None = None,
    separately: bool = False,
    materials: Sequence[tuple[str, bytes]] = (),
) -> Registration:
    """On the owner's request, to the applicants (or who took their place) by their shares: one ticket
    that they own together, or (``separately``) one for each by largest remainder. ``quantity_kg``
    None is all that was signed.

    Raises MandateMissing, AlreadyIssued, IssuedTooMuch, ClaimNotFiled, PartyUnknown, PartyMerged,
    RegulationNotInForce.
    """
    regulation_in_force()
    wanted_kg = require_quantity(filing.quantity_kg if quantity_kg is None else quantity_kg)
    if wanted_kg > filing.quantity_kg:
        raise IssuedTooMuch()
    _require_claim(filing)
    if Issuance.objects.filter(filing=filing).exists():
        raise AlreadyIssued()
    shares = shares_due(filing)
    require_acting(asked_by, [party for party, _numerator in shares])
    together = Owners(tuple(shares), filing.application.share_denominator).require_right()
    parts = [Part(together, wanted_kg)]
    if separately:
        amounts = split_by_shares(wanted_kg, [numerator for _party, numerator in shares])
        parts = [
            Part(Owners.sole(party), amount)
            for (party, _numerator), amount in zip(shares, amounts, strict=True)
            if amount
        ]
    return prepare(
        Kind.ISSUE,
        actor=actor,
        asked_by=asked_by,
        parts=parts,
        materials=materials,
        filing=filing,
        quantity_kg=wanted_kg,
    )


@write_transaction
def issue_tickets(*, registration: Registration, actor: User) -> LedgerEntry:
    """The issuance with its first tickets; land and uniqueness report are fixed to them for ever."""
    wanted = begin_decision(registration, actor, {Kind.ISSUE})
    if wanted.filing is None:
        raise WrongRegistration()
    regulation_in_force()  # Article 25: after its end nothing new is issued.
    filing = wanted.filing
    claim = _require_claim(filing)
    issuance = Issuance.objects.create(filing=filing, quantity_kg=wanted.quantity_kg or 0)
    draft, low = Draft(), 0
    draft.said = {"filing": str(filing.key), "claim": str(claim.key), "kg": issuance.quantity_kg}
    for part in parts_of(wanted):
        quantity_kg = require_quantity(part.quantity_kg)
        ticket = draft.open_ticket(
            part.owners.keys,
            denominator=part.owners.denominator,
            area=filing.area_version.key,
            report=filing.uniqueness_report.key,
        )
        draft.move([issued_piece(low, low + quantity_kg, ticket)])
        low += quantity_kg
    entry = write_entry(
        draft,
        kind=EntryKind.ISSUE,
        issuance_id=issuance.pk,
        actor=actor,
        article=ARTICLE,
        registration=wanted.key,
        document_sha256=bytes.fromhex(filing.content_sha256),
    )
    end_decision(wanted, actor)
    return entry


def _require_claim(filing: Filing) -> Claim:
    claim = filing.application.claim
    if claim is None or claim.filed_at is None or claim.state != Claim.State.LIVE:
        raise ClaimNotFiled()
    return claim

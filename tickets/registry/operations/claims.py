"""The end of a filed claim: its whole issuance was cancelled and nothing of it ever offset."""

from __future__ import annotations

from django.utils.translation import gettext as _

from parcels.claims.operations import end_filed_claim
from parcels.models import Claim
from portal.accounts.models import User
from portal.base.transactions import write_transaction
from tickets.registry.errors import IssuanceNotCancelled, WrongRegistration
from tickets.registry.ledger import hold, quantity_of, standing_pieces
from tickets.registry.models import Issuance, Registration
from tickets.registry.moves import BlockState
from tickets.registry.operations.registrations import (
    Kind,
    Paper,
    begin_decision,
    end_decision,
    prepare,
)


@write_transaction
def prepare_end_claim(
    *, issuance: Issuance, document: Paper, reason: str, actor: User
) -> Registration:
    """Forestry's own decision, with number and document; asked again when it is decided."""
    document.require(_("终止土地占用的决定"))
    _require_cancelled(issuance)
    return prepare(
        Kind.END_CLAIM, actor=actor, document=document, issuance=issuance, reason=reason.strip()
    )


@write_transaction
def end_claim_of_cancelled_issuance(*, registration: Registration, actor: User) -> Claim:
    """The land is free for its period again. No kilogram moves, so no entry is written.

    The trigger ``filed_claim_ends_with_its_whole_issuance`` asks the blocks and this very decision
    again, whoever writes the claim.
    """
    wanted = begin_decision(registration, actor, {Kind.END_CLAIM})
    if wanted.issuance_id is None:
        raise WrongRegistration()
    issuance = Issuance.objects.select_related("filing__application__claim").get(
        pk=wanted.issuance_id
    )
    hold(issuance.pk)
    _require_cancelled(issuance)
    end_decision(wanted, actor)
    claim = issuance.filing.application.claim
    assert claim is not None  # Nothing is issued on unclaimed land.
    return end_filed_claim(claim=claim, decision=wanted.document_number, actor=actor)


def _require_cancelled(issuance: Issuance) -> None:
    """IssuanceNotCancelled unless every kilogram of it is cancelled; offset ones never move."""
    pieces = standing_pieces(issuance_id=issuance.pk)
    gone = [piece for piece in pieces if piece.state is BlockState.CANCELLED]
    left_kg = quantity_of(pieces) - quantity_of(gone)
    if left_kg or not pieces:
        raise IssuanceNotCancelled(left=left_kg)

"""Reversal and revocation by order (articles 7 and 21; domain.md, "Reversal and revocation")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import Party, User
from portal.accounts.queries import people_acting_for
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.answering import Answering, Line, answering
from tickets.registry.errors import (
    CancelReasonGone,
    NothingToCancel,
    OrderedTooMuch,
    WrongRegistration,
)
from tickets.registry.ledger import Draft, Piece, hold, write_entry
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    Cause,
    Debt,
    Issuance,
    Registration,
)
from tickets.registry.moves import LIVE_STATES, BlockState, EntryKind
from tickets.registry.operations.registrations import (
    Kind,
    Paper,
    begin_decision,
    end_decision,
    prepare,
    quantity_or_none,
    sha256_of,
)
from tickets.registry.quantities import split_by_shares, tonnes

Reason = Cancellation.Reason
# Of false materials, of inspections; otherwise forestry's charge of registering and cancelling.
ARTICLES = {
    Reason.REVOCATION: "第七条",
    Reason.INSPECTION: "第二十一条",
    Reason.FIRE: "第三条",
    Reason.COURT: "第三条",
}


@write_transaction
def prepare_cancellation(
    *,
    issuance: Issuance,
    reason: Cancellation.Reason,
    document: Paper,
    text: str,
    actor: User,
    quantity_kg: int | None = None,
    effective_on: date | None = None,
) -> Registration:
    """By order, with organ and number; ``quantity_kg`` None revokes the whole issuance.

    Raises DocumentMissing, InvalidQuantity, OrderedTooMuch.
    """
    document.require(_("核减或撤销决定"), authority=True)
    wanted = quantity_or_none(quantity_kg)
    before = issuance.cancellations.aggregate(kg=Sum("ordered_kg"))["kg"] or 0
    if wanted is not None and wanted > issuance.quantity_kg - before:
        raise OrderedTooMuch(wanted=wanted, free=max(0, issuance.quantity_kg - before))
    return prepare(
        Kind.CANCEL,
        actor=actor,
        document=document,
        issuance=issuance,
        quantity_kg=wanted,
        cancel_reason=reason,
        reason=text.strip(),
        effective_on=effective_on,
    )


@write_transaction
def cancel_blocks(*, registration: Registration, actor: User) -> Cancellation:
    """Kilograms of the project's owners: free ones first, highest numbers first, then a debt.

    Owners who have tickets of their own, issued or divided so, answer each for theirs, and heirs in
    their place. What buyers hold in good faith stays theirs (of a revocation no applicant is one), and
    so does what secures a loan.

    Raises NothingToCancel when everything was ordered before, OrderedTooMuch when less is left than is
    ordered now, CancelReasonGone.
    """
    wanted = begin_decision(registration, actor, {Kind.CANCEL})
    if wanted.issuance_id is None:
        raise WrongRegistration()
    if wanted.cancel_reason not in Reason.values:
        raise CancelReasonGone()
    issuance = Issuance.objects.get(pk=wanted.issuance_id)
    hold(issuance.pk)
    reach = answering(issuance, revoked=wanted.cancel_reason == Reason.REVOCATION)
    ordered_kg = _ordered(wanted, sum(reach.open_kg.values()))
    cause = Cause.objects.create(kind=Cause.Kind.CANCELLED)
    draft = Draft()
    missing = _take_from_all(draft, reach, ordered_kg, cause)
    draft.keep(reach.left)
    missing_kg = sum(missing.values())
    cancellation = Cancellation.objects.create(
        cause=cause,
        number=draw_number(NumberKind.CANCELLATION),
        issuance=issuance,
        reason=wanted.cancel_reason,
        ordered_kg=ordered_kg,
        cancelled_kg=ordered_kg - missing_kg,
        authority=wanted.authority,
        document_number=wanted.document_number,
        text=wanted.reason,
    )
    _note_debts(cancellation, missing)
    if cancellation.cancelled_kg:
        _close_emptied(draft, reach.left)
        write_entry(
            draft,
            kind=EntryKind.CANCEL,
            issuance_id=issuance.pk,
            actor=actor,
            article=ARTICLES[Reason(wanted.cancel_reason)],
            effective_on=wanted.effective_on,
            cause=cause.pk,
            registration=wanted.key,
            document_sha256=sha256_of(wanted),
        )
    record_event(
        subject_kind="cancellation",
        subject_key=cause.pk,
        verb="ordered",
        actor_key=actor.key,
        facts={"number": cancellation.number, "kg": ordered_kg, "missing": missing_kg},
    )
    end_decision(wanted, actor)
    _tell_of_cancellation(cancellation, missing)
    return cancellation


def _ordered(wanted: Registration, open_kg: int) -> int:
    """How much is ordered of what is still answered for: all of it when not said."""
    ordered_kg = wanted.quantity_kg or open_kg
    if ordered_kg == 0:
        raise NothingToCancel()
    if ordered_kg > open_kg:
        raise OrderedTooMuch(wanted=ordered_kg, free=open_kg)
    return ordered_kg


def _take_from_all(
    draft: Draft, reach: Answering, ordered_kg: int, cause: Cause
) -> dict[Line, int]:
    """From each line a part of the sum in the lines' own proportion, so never more than it still
    answers for; what was not found of each."""
    due = split_by_shares(ordered_kg, list(reach.open_kg.values()))
    return {
        line: due_kg - _take(draft, reach, line, due_kg, cause)
        for line, due_kg in zip(reach.open_kg, due, strict=True)
    }


def _take(draft: Draft, reach: Answering, line: Line, due_kg: int, cause: Cause) -> int:
    """Take at most ``due_kg`` of what answers for a line; how much was found.

    Its own first, then what its owners gave away together before they divided their ticket.
    """
    taken_kg = 0
    for within in (reach.held[one.ticket] for one in (line, *line.above)):
        while within and taken_kg < due_kg:
            piece = within.pop()
            excess_kg = piece.quantity_kg - (due_kg - taken_kg)
            if excess_kg > 0:
                cut = piece.low + excess_kg
                within.append(replace(piece, high=cut))
                piece = replace(piece, low=cut)
            draft.move([piece], state=BlockState.CANCELLED, because=cause.pk, freezes=())
            taken_kg += piece.quantity_kg
    return taken_kg


def _note_debts(cancellation: Cancellation, missing: Mapping[Line, int]) -> None:
    """What could not be found is owed by each line's owners in their shares, or by who succeeded."""
    owed: dict[int, int] = {}
    for line, missing_kg in missing.items():
        parts = split_by_shares(missing_kg, [owner.numerator for owner in line.owners])
        for owner, part_kg in zip(line.owners, parts, strict=True):
            debtor = owner.places[-1]
            owed[debtor] = owed.get(debtor, 0) + part_kg
    Debt.objects.bulk_create(
        Debt(cancellation=cancellation, party_id=debtor, quantity_kg=owed_kg)
        for debtor, owed_kg in owed.items()
        if owed_kg
    )


def _close_emptied(draft: Draft, left: Iterable[Piece]) -> None:
    """Tickets on which the cancellation leaves nothing live end with it."""
    alive = {piece.ticket for piece in left if piece.state in LIVE_STATES}
    touched = {piece.ticket for piece in draft.opens}
    for ticket in sorted(touched - alive, key=str):
        draft.close_ticket(ticket, CarbonTicket.ClosedBecause.CANCELLED)


def _tell_of_cancellation(cancellation: Cancellation, lines: Iterable[Line]) -> None:
    """The project's owners, and those who took their place, read why, how much, and what is owed."""
    parties = {place for line in lines for owner in line.owners for place in owner.places}
    said = _("{reason}（{authority} {document}）：核减 {cancelled} 吨").format(
        reason=cancellation.get_reason_display(),
        authority=cancellation.authority,
        document=cancellation.document_number,
        cancelled=tonnes(cancellation.cancelled_kg),
    )
    missing_kg = cancellation.ordered_kg - cancellation.cancelled_kg
    if missing_kg:
        said += _("，不足的 {tonnes} 吨记为欠缴").format(tonnes=tonnes(missing_kg))
    tell(
        users=people_acting_for(Party.objects.filter(pk__in=parties)),
        subject=_("减排量核减：{number}").format(number=cancellation.number),
        body=f"{said}。{cancellation.text}",
        link=reverse("projects:filing", args=[cancellation.issuance.filing.number]),
    )

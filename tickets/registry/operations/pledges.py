"""Pledge, release and enforcement (articles 15 and 18), confirmed by the finance office."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.utils.translation import gettext as _

from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for
from portal.base.clock import today
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event
from tickets.registry.access import owners_of
from tickets.registry.errors import (
    BlockNotFree,
    NotThePledgee,
    PledgeEnded,
    PledgeTermsWrong,
    PledgeToSelf,
)
from tickets.registry.ledger import (
    Draft,
    Piece,
    hold,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    CarbonTicket,
    Cause,
    LedgerEntry,
    Pledge,
    PledgeWaiver,
    Registration,
)
from tickets.registry.moves import BlockState, EntryKind
from tickets.registry.operations.registrations import (
    NO_PAPER,
    Kind,
    Owners,
    Paper,
    PaperConsent,
    Part,
    begin_decision,
    end_decision,
    hold_open_ticket,
    parts_of,
    prepare,
    quantity_or_none,
    require_holder,
    sha256_of,
)
from tickets.registry.quantities import require_quantity
from tickets.registry.queries import succeeding, tickets_securing
from tickets.registry.ranks import Rank, before_it, next_to_enter, rank_of

ARTICLE = "第十八条"


@write_transaction
def prepare_pledge(
    *,
    ticket: CarbonTicket,
    quantity_kg: int,
    pledgee: Party,
    amount_fen: int,
    begins_on: date,
    ends_on: date,
    external_number: str,
    asked_by: User,
    actor: User,
    behind: Pledge | None = None,
    document: Paper = NO_PAPER,
    consents: Sequence[PaperConsent] = (),
    materials: Sequence[tuple[str, bytes]] = (),
) -> Registration:
    """Holder and bank ask for it. ``behind`` names the pledge it ranks after: it waits for it.

    Raises InvalidQuantity, PledgeTermsWrong, PledgeToSelf, PartyUnknown, PledgeEnded, BlockNotFree.
    """
    require_quantity(quantity_kg)
    if amount_fen <= 0 or not external_number.strip():
        raise PledgeTermsWrong()
    _require_term(begins_on, ends_on)
    require_holder(pledgee)
    if pledgee in owners_of(ticket):
        raise PledgeToSelf()
    if behind is None:
        free = quantity_of(piece for piece in standing_pieces(ticket=ticket.pk) if piece.is_free)
        if free < quantity_kg:
            raise BlockNotFree(wanted=quantity_kg, free=free)
    else:
        _require_room(behind, quantity_kg)
    return prepare(
        Kind.PLEDGE,
        actor=actor,
        asked_by=asked_by,
        consents=consents,
        materials=materials,
        document=document,
        ticket=ticket,
        pledge=behind,
        quantity_kg=quantity_kg,
        pledgee=pledgee,
        amount_fen=amount_fen,
        begins_on=begins_on,
        ends_on=ends_on,
        external_number=external_number.strip(),
    )


@write_transaction
def pledge_blocks(*, registration: Registration, actor: User) -> Pledge:
    """The kilograms secure the loan from now on; a later rank waits as a row (no entry yet)."""
    wanted = begin_decision(registration, actor, {Kind.PLEDGE})
    ticket, held = hold_open_ticket(wanted)
    quantity_kg = require_quantity(wanted.quantity_kg)
    assert wanted.pledgee is not None
    assert wanted.begins_on is not None
    assert wanted.ends_on is not None
    _require_term(wanted.begins_on, wanted.ends_on)
    behind = wanted.pledge
    if behind is not None:
        _require_room(behind, quantity_kg)
    pledge = Pledge.objects.create(
        cause=Cause.objects.create(kind=Cause.Kind.PLEDGED),
        ticket=ticket,
        pledgee=require_holder(wanted.pledgee),
        rank=1 if behind is None else behind.rank + 1,
        behind=behind,
        quantity_kg=quantity_kg,
        amount_fen=wanted.amount_fen or 0,
        begins_on=wanted.begins_on,
        ends_on=wanted.ends_on,
        external_number=wanted.external_number,
    )
    if behind is None:
        draft = Draft()
        taken, left = draft.take(held.pieces, quantity_kg)
        draft.move(taken, state=BlockState.PLEDGED, because=pledge.pk)
        draft.keep(left)
        write_entry(
            draft,
            kind=EntryKind.PLEDGE,
            issuance_id=ticket.issuance_id,
            actor=actor,
            article=ARTICLE,
            cause=pledge.pk,
            registration=wanted.key,
            document_sha256=sha256_of(wanted),
        )
    else:
        _record(pledge, "waits", actor, behind=str(behind.pk), kg=str(quantity_kg))
    end_decision(wanted, actor)
    return pledge


@write_transaction
def prepare_release(
    *,
    pledge: Pledge,
    asked_by: User,
    actor: User,
    quantity_kg: int | None = None,
    document: Paper = NO_PAPER,
) -> Registration:
    """All of it, what it still waits for too, or a part of what it holds; only the pledgee asks.

    Raises NotThePledgee, PledgeEnded, BlockNotFree.
    """
    wanted = quantity_or_none(quantity_kg)
    _require_pledgee(pledge, asked_by)
    if wanted is not None or not rank_of(pledge).waiting_kg:
        _require_standing(pledge, wanted or 1)
    return prepare(
        Kind.RELEASE,
        actor=actor,
        asked_by=asked_by,
        document=document,
        ticket=tickets_securing([pledge])[pledge.pk],
        pledge=pledge,
        quantity_kg=wanted,
    )


@write_transaction
def release_pledge(*, registration: Registration, actor: User) -> LedgerEntry | None:
    """Kilograms back to their ticket; those that a later rank waits for pass to it at once.

    None when the pledge only waited: no kilogram moves, its place in the ranks is given up.
    """
    wanted = begin_decision(registration, actor, {Kind.RELEASE})
    pledge = _pledge_of(wanted)
    hold(pledge.ticket.issuance_id)
    own = rank_of(pledge)
    if wanted.quantity_kg is None and own.waiting_kg:
        PledgeWaiver.objects.create(pledge=pledge, registration=wanted)
        _record(pledge, "waived", actor, kg=str(own.waiting_kg))
    entry = None
    if own.standing_kg or not own.waiting_kg:
        entry = _give_back(pledge, wanted, actor)
    end_decision(wanted, actor)
    return entry


def _give_back(pledge: Pledge, wanted: Registration, actor: User) -> LedgerEntry:
    pieces = _require_standing(pledge, wanted.quantity_kg or 1)
    released_kg = wanted.quantity_kg or quantity_of(pieces)
    draft = Draft()
    taken, left = draft.take(pieces, released_kg, fits=_unfrozen)
    follower = next_to_enter(pledge)
    # What stays under this pledge still secures it; the next rank enters with what it waits for.
    if follower is not None:
        entering, taken = draft.take(taken, min(released_kg, follower.waiting_kg), fits=_unfrozen)
        draft.move(entering, because=follower.pledge.pk)
    draft.move(taken, state=BlockState.HELD, because=None)
    draft.keep(left)
    return write_entry(
        draft,
        kind=EntryKind.RELEASE,
        issuance_id=pledge.ticket.issuance_id,
        actor=actor,
        article="第十五条",
        cause=pledge.pk,
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )


@write_transaction
def prepare_enforcement(
    *,
    pledge: Pledge,
    to: Owners,
    document: Paper,
    asked_by: User,
    actor: User,
    quantity_kg: int | None = None,
    effective_on: date | None = None,
) -> Registration:
    """By a decision (court, or the notary's deed) the pledged kilograms become somebody's."""
    document.require(_("实现质权的裁判或公证文书"), authority=True)
    wanted = quantity_or_none(quantity_kg)
    _require_pledgee(pledge, asked_by)
    to.require_right()
    _require_standing(pledge, wanted or 1)
    return prepare(
        Kind.ENFORCE,
        actor=actor,
        asked_by=asked_by,
        parts=[Part(to, wanted)],
        document=document,
        ticket=tickets_securing([pledge])[pledge.pk],
        pledge=pledge,
        quantity_kg=wanted,
        effective_on=effective_on,
    )


@write_transaction
def enforce_pledge(*, registration: Registration, actor: User) -> LedgerEntry:
    """Pledged kilograms to a new ticket of whom the decision names."""
    wanted = begin_decision(registration, actor, {Kind.ENFORCE})
    pledge = _pledge_of(wanted)
    hold(pledge.ticket.issuance_id)
    [part] = parts_of(wanted)
    pieces = _require_standing(pledge, wanted.quantity_kg or 1)
    # Where it stands now: a correction or a reissue took it to another ticket.
    ticket = CarbonTicket.objects.get(pk=pieces[0].ticket)
    on_ticket = standing_pieces(ticket=ticket.pk)
    draft = Draft()
    taken, left = draft.take(
        on_ticket,
        wanted.quantity_kg or quantity_of(pieces),
        fits=lambda piece: piece.because == pledge.pk and not piece.freezes,
    )
    child = draft.open_ticket(
        part.owners.keys, denominator=part.owners.denominator, parent=ticket.pk
    )
    draft.move(taken, ticket=child, state=BlockState.HELD, because=None)
    draft.keep(left)
    if not left:
        draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.TRANSFERRED)
    entry = write_entry(
        draft,
        kind=EntryKind.ENFORCE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article=ARTICLE,
        effective_on=wanted.effective_on,
        cause=pledge.pk,
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


def _pledge_of(registration: Registration) -> Pledge:
    assert registration.pledge_id is not None
    return Pledge.objects.select_related("ticket").get(pk=registration.pledge_id)


def _require_term(begins_on: date, ends_on: date) -> None:
    """PledgeTermsWrong for a loan that is over already, or begins long after its registration (policy
    ``registry.pledge_begins_days``)."""
    latest = today() + timedelta(days=int(policy_number("registry.pledge_begins_days")))
    if ends_on < max(begins_on, today()) or begins_on > latest:
        raise PledgeTermsWrong()


def _require_room(behind: Pledge, quantity_kg: int) -> None:
    """PledgeEnded, BlockNotFree: a later rank secures at most what the one before it does."""
    before: Rank | None = before_it(behind)
    if before is None:
        raise PledgeEnded()
    room_kg = before.standing_kg + before.waiting_kg
    if room_kg < quantity_kg:
        raise BlockNotFree(wanted=quantity_kg, free=room_kg)


def _unfrozen(piece: Piece) -> bool:
    return not piece.freezes


def _require_pledgee(pledge: Pledge, user: User) -> None:
    if not acts_for(user, succeeding(pledge.pledgee), Mandate.Scope.DISPOSE):
        raise NotThePledgee()


def _require_standing(pledge: Pledge, quantity_kg: int) -> list[Piece]:
    pieces = standing_pieces(because=pledge.pk)
    if not pieces:
        raise PledgeEnded()
    if quantity_of(pieces) < quantity_kg:
        raise BlockNotFree(wanted=quantity_kg, free=quantity_of(pieces))
    return pieces


def _record(pledge: Pledge, verb: str, actor: User, **facts: str) -> None:
    record_event(
        subject_kind="pledge", subject_key=pledge.pk, verb=verb, actor_key=actor.key, facts=facts
    )

"""Correction, change and the end of a used-up ticket (articles 10 and 17)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.accounts.models import Party, PartyNumber, User
from portal.accounts.operations import change_number, rename_party
from portal.base.transactions import write_transaction
from tickets.registry.access import pledgees_of
from tickets.registry.errors import (
    NothingToChange,
    NothingToCorrect,
    NotUsedUp,
    OwnersDiffer,
    PledgeeNotAgreed,
    TicketClosed,
    TicketFrozen,
)
from tickets.registry.ledger import (
    Draft,
    Piece,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    CarbonTicket,
    FormerName,
    LedgerEntry,
    Registration,
    TicketShare,
)
from tickets.registry.moves import LIVE_STATES, EntryKind
from tickets.registry.operations.freezes import shares_of
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
    sha256_of,
)
from tickets.registry.operations.transfers import require_paper
from tickets.registry.queries import changes_shares


# --- change and correction (article 10) ---------------------------------------------------------
@write_transaction
def prepare_change(
    *,
    ticket: CarbonTicket,
    document: Paper,
    reason: str,
    actor: User,
    to: Owners | None = None,
    renamed: Party | None = None,
    new_name: str = "",
    asked_by: User | None = None,
    consents: Sequence[PaperConsent] = (),
    paper: Registration.Paper = Registration.Paper.ELECTRONIC,
) -> Registration:
    """An owner's new name or the form of co-ownership, no property passing: the same owners, with
    other shares (None: as they are).

    Other shares need an unfrozen ticket and the consent of whom it secures a loan too; data alone are
    registered promptly, whatever lies on the ticket. Over another denominator the shares are said by
    a new ticket. Raises DocumentMissing, InvalidShares, OwnersDiffer, TicketFrozen, PaperOutstanding.
    """
    document.require(_("变更依据"))
    present = _present_owners(ticket)
    to = to or present
    to.require_right()
    _require_same_owners(ticket, to)
    if renamed is not None and renamed.pk not in to.ids:
        raise OwnersDiffer()
    others = not to.says(present)
    if (renamed is None) != (not new_name.strip()) or not (renamed or others):
        raise NothingToChange()
    if to.denominator != ticket.share_denominator:
        require_paper(ticket, paper)
    if others:
        _require_unfrozen(standing_pieces(ticket=ticket.pk))
    return prepare(
        Kind.CHANGE,
        actor=actor,
        asked_by=asked_by,
        parts=[Part(to)],
        consents=consents,
        document=document,
        ticket=ticket,
        reason=reason.strip(),
        renamed=renamed,
        new_name=" ".join(new_name.split())[:200],
        paper=paper,
    )


@write_transaction
def change_shares(*, registration: Registration, actor: User) -> LedgerEntry:
    """The owners stay; their shares, or only the name of one, are noted anew."""
    wanted = begin_decision(registration, actor, {Kind.CHANGE})
    ticket, held = hold_open_ticket(wanted)
    [part] = parts_of(wanted)
    _require_same_owners(ticket, part.owners)
    if changes_shares(wanted):
        _require_unfrozen(held.pieces)
        agreed = set(wanted.consents.values_list("party", flat=True))
        if missing := [bank for bank in pledgees_of(ticket) if bank.pk not in agreed]:
            raise PledgeeNotAgreed(names="、".join(bank.name for bank in missing))
    draft = Draft()
    kind = EntryKind.CHANGE
    if part.owners.denominator == ticket.share_denominator:
        draft.write_shares(ticket.pk, part.owners.keys)
    else:  # A ticket's denominator never changes: a new ticket says the new one.
        kind = EntryKind.CORRECT
        _pass_on(
            draft, ticket, _correctable(held.pieces), part.owners.keys, part.owners.denominator
        )
    entry = write_entry(
        draft,
        kind=kind,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    if wanted.renamed is not None:
        FormerName.objects.create(
            party=wanted.renamed, name=wanted.renamed.name, registration=wanted
        )
        rename_party(party=wanted.renamed, name=wanted.new_name, because=wanted.key, actor=actor)
    end_decision(wanted, actor)
    return entry


@write_transaction
def prepare_renumbering(
    *,
    ticket: CarbonTicket,
    number: PartyNumber,
    document: Paper,
    reason: str,
    actor: User,
    asked_by: User | None = None,
    consents: Sequence[PaperConsent] = (),
) -> Registration:
    """An owner's identity number or credit code has changed: the party stays who it is, on all of its
    tickets, and its former number is kept. Raises DocumentMissing, OwnersDiffer, TicketClosed.
    """
    document.require(_("证件号码变更证明"))
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    if number.party_id not in _present_owners(ticket).ids:
        raise OwnersDiffer()
    return prepare(
        Kind.RENUMBER,
        actor=actor,
        asked_by=asked_by,
        consents=consents,
        document=document,
        ticket=ticket,
        reason=reason.strip(),
        renamed=number.party,
        new_number=number,
    )


@write_transaction
def renumber_owner(*, registration: Registration, actor: User) -> LedgerEntry:
    """The party has its new number; the register notes the act, shares and kilograms staying."""
    wanted = begin_decision(registration, actor, {Kind.RENUMBER})
    ticket, _held = hold_open_ticket(wanted)
    assert wanted.new_number is not None
    draft = Draft()
    draft.write_shares(ticket.pk, shares_of(ticket))
    entry = write_entry(
        draft,
        kind=EntryKind.CHANGE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    change_number(number=wanted.new_number, because=wanted.key, actor=actor)
    end_decision(wanted, actor)
    return entry


@write_transaction
def prepare_correction(
    *,
    ticket: CarbonTicket,
    reason: str,
    document: Paper,
    actor: User,
    paper: Registration.Paper = Registration.Paper.ELECTRONIC,
) -> Registration:
    """The face was wrong: a new ticket takes its place, kilograms and owners unchanged.

    Raises DocumentMissing, NothingToCorrect, TicketFrozen, PaperOutstanding.
    """
    document.require(_("更正依据"))
    _correctable(standing_pieces(ticket=ticket.pk))
    require_paper(ticket, paper)
    return prepare(
        Kind.CORRECT,
        actor=actor,
        document=document,
        ticket=ticket,
        reason=reason.strip(),
        paper=paper,
    )


@write_transaction
def correct_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """What is live passes to a ticket of a new number; the wrong one is closed."""
    wanted = begin_decision(registration, actor, {Kind.CORRECT})
    ticket, held = hold_open_ticket(wanted)
    live = _correctable(held.pieces)
    draft = Draft()
    _pass_on(draft, ticket, live, shares_of(ticket), ticket.share_denominator)
    entry = write_entry(
        draft,
        kind=EntryKind.CORRECT,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


# --- the end of a used-up ticket (article 17) ---------------------------------------------------
@write_transaction
def prepare_close(
    *,
    ticket: CarbonTicket,
    actor: User,
    document: Paper = NO_PAPER,
    paper: Registration.Paper = Registration.Paper.ELECTRONIC,
) -> Registration:
    """When nothing live is left on it: NotUsedUp, PaperOutstanding."""
    _require_used_up(ticket)
    require_paper(ticket, paper)
    return prepare(Kind.CLOSE, actor=actor, document=document, ticket=ticket, paper=paper)


@write_transaction
def close_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """Forestry cancels the used-up ticket; its land stays claimed for its period for ever."""
    wanted = begin_decision(registration, actor, {Kind.CLOSE})
    ticket, _held = hold_open_ticket(wanted)
    _require_used_up(ticket)
    draft = Draft()
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.USED_UP)
    entry = write_entry(
        draft,
        kind=EntryKind.CLOSE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十七条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


def _pass_on(
    draft: Draft,
    ticket: CarbonTicket,
    live: Sequence[Piece],
    shares: Sequence[tuple[uuid.UUID, int]],
    denominator: int,
) -> None:
    """What is live to a ticket of a new number; the former one is closed."""
    child = draft.open_ticket(shares, denominator=denominator, parent=ticket.pk)
    draft.move(live, ticket=child)
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.CORRECTED)


def _correctable(pieces: Sequence[Piece]) -> list[Piece]:
    """What is live, for a new ticket to take over; its orders are lifted first."""
    _require_unfrozen(pieces)
    live = [piece for piece in pieces if _is_live(piece)]
    if not live:
        raise NothingToCorrect()
    return live


def _require_unfrozen(pieces: Sequence[Piece]) -> None:
    if any(piece.freezes for piece in pieces):
        raise TicketFrozen()


def _is_live(piece: Piece) -> bool:
    return piece.state in LIVE_STATES


def _require_used_up(ticket: CarbonTicket) -> None:
    left = quantity_of(piece for piece in standing_pieces(ticket=ticket.pk) if _is_live(piece))
    if left:
        raise NotUsedUp(left=left)


def _present_owners(ticket: CarbonTicket) -> Owners:
    shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
    return Owners(
        tuple(
            (share.party, share.numerator)
            for share in shares.select_related("party").order_by("place")
        ),
        ticket.share_denominator,
    )


def _require_same_owners(ticket: CarbonTicket, to: Owners) -> None:
    present = set(
        TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True).values_list(
            "party", flat=True
        )
    )
    if present != to.ids:
        raise OwnersDiffer()

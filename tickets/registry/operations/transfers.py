"""Transfer and division (articles 10, 15 and 16)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.errors import MandateMissing
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for_any
from portal.base.transactions import write_transaction
from tickets.registry.access import owners_of
from tickets.registry.errors import (
    BlockNotFree,
    CoOwnerLosesShare,
    DivisionToOthers,
    InvalidSplit,
    PaperOutstanding,
    PartyMerged,
    TicketClosed,
    TicketNotWhole,
    TransferToSelf,
    WrongRegistration,
)
from tickets.registry.ledger import (
    Draft,
    Piece,
    freest_first,
    hold_ticket,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    CarbonTicket,
    FreezeOrder,
    LedgerEntry,
    Registration,
    TicketShare,
)
from tickets.registry.moves import LIVE_STATES, BlockState, EntryKind
from tickets.registry.operations.registrations import (
    NO_PAPER,
    SEEN_BY_THE_CLERK,
    Kind,
    Owners,
    Paper,
    PaperConsent,
    Part,
    begin_decision,
    end_decision,
    open_ticket_of,
    parts_of,
    prepare,
    quantity_or_none,
    sha256_of,
)
from tickets.registry.operations.successions import note_merger
from tickets.registry.quantities import require_quantity, split_by_shares
from tickets.registry.queries import outstanding_prints, succeeding

TRANSFERS = frozenset(
    {Kind.SALE, Kind.GIFT, Kind.INHERITANCE, Kind.MERGER, Kind.COMPANY_DIVISION, Kind.COURT}
)
# By law into the place of one owner, whose consent nobody can ask.
SUCCESSIONS = frozenset({Kind.INHERITANCE, Kind.MERGER})


def _document_of(kind: Registration.Kind) -> str:
    """What the transfer stands on, by kind."""
    return {
        Kind.SALE: _("公共资源交易中心的成交确认书"),
        Kind.GIFT: _("赠与合同"),
        Kind.INHERITANCE: _("继承公证书或生效法律文书"),
        Kind.MERGER: _("公司合并文件"),
        Kind.COMPANY_DIVISION: _("公司分立文件"),
        Kind.COURT: _("生效裁判文书"),
    }[kind]


@write_transaction
def prepare_transfer(
    *,
    kind: Registration.Kind,
    ticket: CarbonTicket,
    to: Owners,
    document: Paper,
    actor: User,
    quantity_kg: int | None = None,
    effective_on: date | None = None,
    asked_by: User | None = None,
    consents: Sequence[PaperConsent] = (),
    paper: Registration.Paper = Registration.Paper.ELECTRONIC,
    materials: Sequence[tuple[str, bytes]] = (),
) -> Registration:
    """Of part or (``quantity_kg`` None) all of a ticket. A sale stands on the trading centre's
    confirmation, which the database holds to one deal, a court's transfer on its decision with the day
    it took effect.

    Raises DocumentMissing, ConfirmationUsed, InvalidQuantity, InvalidShares, PartyUnknown, PartyMerged,
    TransferToSelf, CoOwnerLosesShare, BlockNotFree, TicketClosed, PaperOutstanding.
    """
    if kind not in TRANSFERS:
        raise WrongRegistration()
    document.require(_document_of(kind), authority=kind is Kind.COURT)
    wanted = quantity_or_none(quantity_kg)
    to.require_right()
    require_another(owners_of(ticket), to)
    _require_one_ceding(kind, ticket, to)
    _require_enough(ticket, kind, wanted)
    if kind is not Kind.COURT and _takes_all(ticket, wanted):
        require_paper(ticket, paper)
    return prepare(
        kind,
        actor=actor,
        asked_by=asked_by,
        parts=[Part(to, wanted)],
        consents=consents,
        materials=materials,
        document=document,
        ticket=ticket,
        quantity_kg=wanted,
        effective_on=effective_on,
        paper=paper,
    )


def _executed(wanted: Registration, ticket: CarbonTicket) -> set[uuid.UUID]:
    """The freezes of the court whose decision this is."""
    if wanted.kind != Kind.COURT:
        return set()
    orders = FreezeOrder.objects.filter(
        kind=FreezeOrder.Kind.COURT, issuance=ticket.issuance_id, authority=wanted.authority
    )
    return set(orders.values_list("pk", flat=True))


@write_transaction
def transfer(*, registration: Registration, actor: User) -> LedgerEntry:
    """Kilograms to a new ticket of the transferee; a ticket that keeps none is closed."""
    wanted = begin_decision(registration, actor, TRANSFERS)
    ticket = open_ticket_of(wanted)
    held = hold_ticket(ticket)
    [part] = parts_of(wanted)
    if set(held.owners) == part.owners.ids:
        raise TransferToSelf()
    held.require_open()
    kind = Registration.Kind(wanted.kind)
    ceding = _require_one_ceding(kind, ticket, part.owners)
    # A court's part falls on collateral only where nothing else is left.
    pieces = freest_first(held.pieces, executed=_executed(wanted, ticket))
    fits = _fits(kind)
    quantity_kg = wanted.quantity_kg or quantity_of(piece for piece in pieces if fits(piece))
    if quantity_kg == 0:
        raise BlockNotFree(wanted=1, free=0)
    draft = Draft()
    taken, left = draft.take(pieces, quantity_kg, fits=fits)
    child = draft.open_ticket(
        part.owners.keys, denominator=part.owners.denominator, parent=ticket.pk
    )
    draft.move(taken, ticket=child, state=BlockState.HELD, because=None)
    draft.keep(left)
    if not left:
        draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.TRANSFERRED)
    entry = write_entry(
        draft,
        kind=EntryKind.COURT if kind is Kind.COURT else EntryKind.TRANSFER,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        effective_on=wanted.effective_on,
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    if kind is Kind.MERGER:
        note_merger(wanted, ceding, part.owners, actor)
    end_decision(wanted, actor)
    return entry


@write_transaction
def prepare_division(
    *,
    ticket: CarbonTicket,
    actor: User,
    parts: Sequence[Part] = (),
    asked_by: User | None = None,
    consents: Sequence[PaperConsent] = (),
    paper: Registration.Paper = Registration.Paper.ELECTRONIC,
    document: Paper = NO_PAPER,
) -> Registration:
    """One child for each owner by largest remainder, or the parts that the owners agreed on.

    Raises TicketNotWhole, InvalidSplit, DivisionToOthers, PaperOutstanding.
    """
    total_kg = quantity_of(standing_pieces(ticket=ticket.pk))
    agreed = list(parts) or _parts_by_shares(ticket, total_kg)
    for part in agreed:
        part.owners.require_right()
        require_quantity(part.quantity_kg)
    _require_whole(standing_pieces(ticket=ticket.pk), agreed)
    _require_among({owner.pk for owner in owners_of(ticket)}, agreed)
    require_paper(ticket, paper)
    return prepare(
        Kind.DIVIDE,
        actor=actor,
        asked_by=asked_by,
        parts=agreed,
        consents=consents,
        document=document,
        ticket=ticket,
        paper=paper,
    )


@write_transaction
def divide_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """The ticket closes, its children open, and their sum is exact."""
    wanted = begin_decision(registration, actor, {Kind.DIVIDE})
    ticket = open_ticket_of(wanted)
    held = hold_ticket(ticket)
    parts = parts_of(wanted)
    held.require_open()
    left = held.pieces
    _require_whole(left, parts)
    _require_among(set(held.owners), parts)
    draft = Draft()
    for part in parts:
        child = draft.open_ticket(
            part.owners.keys, denominator=part.owners.denominator, parent=ticket.pk
        )
        taken, left = draft.take(left, require_quantity(part.quantity_kg))
        draft.move(taken, ticket=child)
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.DIVIDED)
    entry = write_entry(
        draft,
        kind=EntryKind.DIVIDE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十六条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    end_decision(wanted, actor)
    return entry


# --- what both ask ------------------------------------------------------------------------------
def require_another(owners: Sequence[Party], to: Owners) -> None:
    """TransferToSelf when the transferees are the owners; both are checked parties, not names."""
    if {owner.pk for owner in owners} == to.ids:
        raise TransferToSelf()


def require_paper(ticket: CarbonTicket, paper: Registration.Paper) -> None:
    """What is printed comes back or is marked before its ticket closes, with the registration or by
    itself; what is lost is reissued first. A court's transfer and a settled trade need nobody's
    paper: the register prevails."""
    printed = outstanding_prints(ticket).count()
    if printed and paper not in SEEN_BY_THE_CLERK:
        raise PaperOutstanding(count=printed)


def require_paper_to_list(ticket: CarbonTicket, quantity_kg: int) -> None:
    """PaperOutstanding where a trade of so much more on the list may close a printed ticket: no paper
    stops it once the buyer has paid (article 16)."""
    if not outstanding_prints(ticket).exists():
        return
    unlisted = (p for p in standing_pieces(ticket=ticket.pk) if p.state is not BlockState.LISTED)
    if quantity_of(unlisted) == quantity_kg:
        require_paper(ticket, Registration.Paper.ELECTRONIC)


def require_acting(user: User, owners: Sequence[Party]) -> None:
    """MandateMissing unless ``user`` acts for one of the owners."""
    if not acts_for_any(user, owners, Mandate.Scope.APPLY):
        raise MandateMissing()


def _fits(kind: Registration.Kind) -> Any:
    if kind is Kind.COURT:
        return lambda piece: piece.state in LIVE_STATES
    return lambda piece: piece.is_free


def _require_enough(ticket: CarbonTicket, kind: Registration.Kind, quantity_kg: int | None) -> None:
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    fits = _fits(kind)
    free = quantity_of(piece for piece in standing_pieces(ticket=ticket.pk) if fits(piece))
    if free < (quantity_kg or 1):
        raise BlockNotFree(wanted=quantity_kg or 1, free=free)


def _takes_all(ticket: CarbonTicket, quantity_kg: int | None) -> bool:
    """Whether a transfer of so much (None: of all that is free) leaves nothing on the ticket."""
    pieces = standing_pieces(ticket=ticket.pk)
    free_kg = quantity_of(piece for piece in pieces if piece.is_free)
    return (quantity_kg or free_kg) == quantity_of(pieces)


def _parts_by_shares(ticket: CarbonTicket, total_kg: int) -> list[Part]:
    shares = list(
        TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
        .select_related("party")
        .order_by("place")
    )
    amounts = split_by_shares(total_kg, [share.numerator for share in shares])
    return [
        Part(Owners.sole(share.party), amount)
        for share, amount in zip(shares, amounts, strict=True)
        if amount
    ]


def _require_whole(pieces: Sequence[Piece], parts: Sequence[Part]) -> None:
    if not pieces or not all(piece.is_free for piece in pieces):
        raise TicketNotWhole()
    found = sum(part.quantity_kg or 0 for part in parts)
    if found != quantity_of(pieces):
        raise InvalidSplit(found=found, wanted=quantity_of(pieces))


def _require_among(owners: set[int], parts: Sequence[Part]) -> None:
    """A division passes nothing to others: that is a transfer, with its document (article 15)."""
    if any(not part.owners.ids <= owners for part in parts):
        raise DivisionToOthers()


def ceding_owners(ticket: CarbonTicket, to: Owners) -> list[Party]:
    """The owners whose share of the ticket ``to`` takes or lessens."""
    kept = {party.pk: Fraction(numerator, to.denominator) for party, numerator in to.shares}
    shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
    return [
        share.party
        for share in shares.select_related("party").order_by("place")
        if kept.get(share.party_id, 0) < Fraction(share.numerator, ticket.share_denominator)
    ]


def _require_one_ceding(kind: Registration.Kind, ticket: CarbonTicket, to: Owners) -> list[Party]:
    """An heir and a successor body come into one owner's place; the others, who are not asked, keep
    what is theirs (domain.md, "Shares"). Several that have ceased are followed at once, each by who is
    recorded in its place. Nobody is answered for other kinds.

    CoOwnerLosesShare; PartyMerged where another is recorded in that owner's place.
    """
    if kind not in SUCCESSIONS:
        return []
    ceding = ceding_owners(ticket, to)
    if len(ceding) > 1 and not _follow_all(ticket, to):
        raise CoOwnerLosesShare(names="、".join(party.name for party in ceding))
    for former in ceding:
        successor = succeeding(former)
        if successor != former and successor.pk not in to.ids:
            raise PartyMerged(name=former.name, successor=successor.name)
    return ceding


def _follow_all(ticket: CarbonTicket, to: Owners) -> bool:
    """Whether each share of the ticket goes to who is in its owner's place now, and to nobody else."""
    due: dict[int, Fraction] = {}
    shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
    for share in shares.select_related("party"):
        holder = succeeding(share.party).pk
        part = Fraction(share.numerator, ticket.share_denominator)
        due[holder] = due.get(holder, Fraction(0)) + part
    return due == {party.pk: Fraction(part, to.denominator) for party, part in to.shares}

"""Requests: a clerk prepares, an approver decides, and the decision writes the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.operations import erase_proposed_number
from portal.accounts.queries import people_acting_for
from portal.base.clock import PortalNow
from portal.base.statements import columns_of, prepared_cursor, row_as, width_of
from portal.base.transactions import write_transaction
from portal.casework.errors import OwnMatter
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.access import disposed_for, may_dispose, parties_asked, require_office
from tickets.registry.errors import (
    ConsentMissing,
    ConsentOfAStranger,
    DocumentMissing,
    InvalidShares,
    PartyMerged,
    PartyUnknown,
    RegistrationDecided,
    SamePerson,
    WrongRegistration,
)
from tickets.registry.ledger import HeldTicket, hold_ticket, quantity_of, standing_pieces
from tickets.registry.models import (
    Allotment,
    AllotmentShare,
    CarbonTicket,
    Consent,
    PartySuccession,
    PrintReturn,
    Registration,
    RegistrationMaterial,
    TicketPrint,
)
from tickets.registry.moves import LIVE_STATES, EntryKind
from tickets.registry.operations.orders import take_off_order
from tickets.registry.quantities import require_quantity
from tickets.registry.queries import marks_due, outstanding_prints

Kind = Registration.Kind
DEFAULT_DENOMINATOR = 10_000
# What became of the paper, where somebody must have had it in hand.
SEEN_BY_THE_CLERK = (Registration.Paper.SURRENDERED, Registration.Paper.MARKED)
LARGEST_DENOMINATOR = 2**31 - 1  # Of the column.
# Articles 3 and 18: pledges are the finance office's, everything else forestry's.
OFFICES = {
    kind: Department.FINANCE
    if kind in (Kind.PLEDGE, Kind.RELEASE, Kind.ENFORCE)
    else Department.FORESTRY
    for kind in Kind
}
# What the owners must agree to: all of them, of a new name alone whose it is. A court's decision
# stands instead of consent, an heir and a successor body follow by law, and orders ask nobody.
ASKING_OWNERS = frozenset(
    {
        Kind.SALE, Kind.GIFT, Kind.COMPANY_DIVISION, Kind.DIVIDE, Kind.PLEDGE, Kind.CHANGE,
        Kind.RENUMBER,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns a ticket: parties with numerators over one denominator, in the ticket's order."""

    shares: tuple[tuple[Party, int], ...]
    denominator: int = DEFAULT_DENOMINATOR

    @classmethod
    def sole(cls, party: Party) -> Owners:
        return cls(((party, 1),), 1)

    @property
    def keys(self) -> list[tuple[uuid.UUID, int]]:
        return [(party.key, numerator) for party, numerator in self.shares]

    @property
    def ids(self) -> set[int]:
        """The primary keys of the parties."""
        return {party.pk for party, _numerator in self.shares}

    def says(self, other: Owners) -> bool:
        """Whether each owner has the same numerator over the same denominator."""
        return (set(self.shares), self.denominator) == (set(other.shares), other.denominator)

    def require_right(self) -> Owners:
        """InvalidShares unless they sum to the whole; PartyUnknown, PartyMerged."""
        self.require_whole()
        require_holders(party for party, _numerator in self.shares)
        return self

    def require_whole(self) -> None:
        """InvalidShares unless they sum to the whole, each party once, over what a column can hold."""
        numbers = [numerator for _party, numerator in self.shares]
        if (
            not numbers
            or len(self.ids) != len(numbers)
            or any(
                not isinstance(number, int) or isinstance(number, bool) or number <= 0
                for number in [*numbers, self.denominator]
            )
            or sum(numbers) != self.denominator
            or self.denominator > LARGEST_DENOMINATOR
        ):
            raise InvalidShares(found=sum(numbers), wanted=self.denominator)


@dataclass(frozen=True, slots=True)
class Part:
    """So many kilograms to these owners."""

    owners: Owners
    quantity_kg: int | None = None


@dataclass(frozen=True, slots=True)
class PaperConsent:
    """An owner's agreement on paper, by its hash."""

    party: Party
    document_sha256: bytes


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that a request stands on: who issued it, its number, its hash."""

    number: str = ""
    sha256: bytes | None = None
    authority: str = ""

    def require(self, what: str, *, authority: bool = False) -> None:
        """DocumentMissing unless number and hash are there (and who issued it)."""
        if not self.number.strip() or self.sha256 is None or len(self.sha256) != 32:
            raise DocumentMissing(what=what)
        if authority and not self.authority.strip():
            raise DocumentMissing(what=what)


NO_PAPER = Paper()


def require_holder(party: Party) -> Party:
    """A checked party that is still itself: PartyUnknown, PartyMerged."""
    require_holders([party])
    return party


def require_holders(parties: Iterable[Party]) -> None:
    """``require_holder`` for each, in one query."""
    asked = list(parties)
    successors = dict(
        PartySuccession.objects.filter(former__in=asked).values_list("former", "successor__name")
    )
    for party in asked:
        _require_holding(party, successors.get(party.pk))


def _require_holding(party: Party, successor: str | None) -> None:
    if party.checked_at is None or party.kind == Party.Kind.NAME_ONLY:
        raise PartyUnknown(name=party.name)
    if successor is not None:
        raise PartyMerged(name=party.name, successor=successor)


# --- preparing ----------------------------------------------------------------------------------
def prepare(
    kind: Registration.Kind,
    *,
    actor: User,
    asked_by: User | None = None,
    parts: Sequence[Part] = (),
    consents: Sequence[PaperConsent] = (),
    materials: Sequence[tuple[str, bytes]] = (),
    document: Paper = NO_PAPER,
    **wanted: Any,
) -> Registration:
    """A request row with its parts, consents and materials; the theme's own function has checked it."""
    require_office(actor, Role.CLERK, OFFICES[kind])
    registration = Registration.objects.create(
        kind=kind,
        department=OFFICES[kind],
        asked_by=asked_by,
        prepared_by=actor,
        authority=document.authority.strip(),
        document_number=document.number.strip(),
        document_sha256=document.sha256,
        **wanted,
    )
    allotments = Allotment.objects.bulk_create(
        Allotment(
            registration=registration,
            place=place,
            quantity_kg=part.quantity_kg,
            denominator=part.owners.denominator,
        )
        for place, part in enumerate(parts)
    )
    AllotmentShare.objects.bulk_create(
        AllotmentShare(allotment=allotment, place=at, party=party, numerator=numerator)
        for allotment, part in zip(allotments, parts, strict=True)
        for at, (party, numerator) in enumerate(part.owners.shares)
    )
    RegistrationMaterial.objects.bulk_create(
        RegistrationMaterial(registration=registration, title=title, sha256=sha256)
        for title, sha256 in materials
    )
    if registration.ticket is not None and kind in ASKING_OWNERS:
        _note_consents(registration, asked_by, consents, actor)
    refuse_own_matter(registration, actor)
    _record(registration, "prepared", actor, kind=str(kind))
    if kind in ASKING_OWNERS:
        _tell_who_is_asked(registration)
    return registration


def _tell_who_is_asked(registration: Registration) -> None:
    """Whose consent is still missing, by those who may give it."""
    agreed = set(registration.consents.values_list("party", flat=True))
    lacking = [party for party in parties_asked(registration) if party.pk not in agreed]
    if registration.ticket is None or not lacking:
        return
    tell(
        users=people_acting_for(lacking, Mandate.Scope.DISPOSE),
        subject=_("{kind}等待您同意：{ticket}").format(
            kind=registration.get_kind_display(), ticket=registration.ticket.number
        ),
        body=_("各持有人（变更份额的，还有质权人）都同意后才能登记。"),
        link=reverse("registry:registration", args=[registration.key]),
    )


def is_own_matter(registration: Registration, user: User) -> bool:
    """Whether the user acts for a party of it today: nobody handles an own application (domain.md)."""
    with prepared_cursor() as cursor:
        cursor.execute("SELECT registry_acts_in(%s, %s)", [user.pk, registration.pk])
        return bool(cursor.fetchone()[0])


def refuse_own_matter(registration: Registration, actor: User) -> None:
    """OwnMatter for who acts for a party of it."""
    if is_own_matter(registration, actor):
        raise OwnMatter()


def _note_consents(
    registration: Registration,
    asked_by: User | None,
    consents: Sequence[PaperConsent],
    actor: User,
) -> None:
    papers = {consent.party.pk: consent.document_sha256 for consent in consents}
    wanted_kg = _disposed_kg(registration)
    asked = parties_asked(registration)
    if not set(papers) <= {party.pk for party in asked}:
        raise ConsentOfAStranger()
    Consent.objects.bulk_create(
        Consent(
            registration=registration, party=party, given_by=actor, document_sha256=papers[party.pk]
        )
        for party in asked
        if party.pk in papers
    )
    if asked_by is None:
        return
    others = [party for party in asked if party.pk not in papers]
    disposed = disposed_for(others, asked_by, wanted_kg)
    Consent.objects.bulk_create(
        Consent(registration=registration, party=party, given_by=asked_by)
        for party in others
        if party.pk in disposed
    )


def _disposed_kg(registration: Registration) -> int:
    """How many kilograms a mandate must reach for: at least one, all that is live when not said."""
    if registration.quantity_kg is not None:
        return registration.quantity_kg
    assert registration.ticket is not None
    pieces = standing_pieces(ticket=registration.ticket.pk)
    return max(1, quantity_of(piece for piece in pieces if piece.state in LIVE_STATES))


@write_transaction
def give_consent(*, registration: Registration, party: Party, actor: User) -> Consent:
    """An owner or a bank agrees in the portal, by somebody whose mandate reaches so far."""
    waiting, _missing, _own_matter = _take_up(registration, actor)
    if party not in parties_asked(waiting):
        raise ConsentMissing(count=1)
    if not may_dispose(party, actor, _disposed_kg(waiting)):
        raise ConsentMissing(count=1)
    consent, _made = Consent.objects.get_or_create(
        registration=waiting, party=party, defaults={"given_by": actor}
    )
    _record(waiting, "consented", actor, party=str(party.key))
    return consent


# --- deciding -----------------------------------------------------------------------------------
_TAKE_UP = f"""
SELECT found.missing, registry_acts_in(%s, (found.registration).id), {columns_of(Registration, "(found.registration)")},
       {columns_of(CarbonTicket, "(found.ticket)")}
FROM registry_take_up(%s) AS found
"""


def _take_up(registration: Registration, actor: User) -> tuple[Registration, int, bool]:
    """The request, locked, its ticket's issuance held; how many owners have not agreed (none where
    the act's own entry asks them), and whether ``actor`` acts for a party of it.

    RegistrationDecided when it waits no more.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_TAKE_UP, [actor.pk, registration.pk])
        missing, own_matter, *values = cursor.fetchone()
    own = width_of(Registration)
    found = row_as(Registration, values[:own])
    if found.ticket_id is not None:
        found.ticket = row_as(CarbonTicket, values[own:])
    if found.state != Registration.State.PREPARED:
        raise RegistrationDecided()
    return found, missing, own_matter


def begin_decision(
    registration: Registration, actor: User, kinds: Collection[Registration.Kind]
) -> Registration:
    """Lock the request and ask whether this approver may decide it now.

    RegistrationDecided, WrongRegistration, OfficeMissing (asked again at this moment), SamePerson,
    OwnMatter, ConsentMissing (of a transfer and a division by ``write_entry``).
    """
    found, missing, own_matter = _take_up(registration, actor)
    if found.kind not in kinds:
        raise WrongRegistration()
    _require_approver(found, actor, own_matter)
    if missing and found.kind in ASKING_OWNERS:
        raise ConsentMissing(count=missing)
    return found


def _require_approver(registration: Registration, actor: User, own_matter: bool) -> None:
    require_office(actor, Role.APPROVER, Department(registration.department))
    if actor.pk in (registration.prepared_by_id, registration.asked_by_id):
        raise SamePerson()
    if own_matter:
        raise OwnMatter()


_PARTS = f"""
SELECT allotment.place, allotment.quantity_kg, allotment.denominator, share.numerator,
       successor.name, {columns_of(Party, "party")}
FROM registry_allotment AS allotment
JOIN registry_allotmentshare AS share ON share.allotment_id = allotment.id
JOIN accounts_party AS party ON party.id = share.party_id
LEFT JOIN registry_partysuccession AS succession ON succession.former_id = party.id
LEFT JOIN accounts_party AS successor ON successor.id = succession.successor_id
WHERE allotment.registration_id = %s ORDER BY allotment.place, share.place
"""


def parts_of(registration: Registration) -> list[Part]:
    """Who gets how much; the owners are asked again whether they can hold."""
    with prepared_cursor() as cursor:
        cursor.execute(_PARTS, [registration.pk])
        rows = cursor.fetchall()
    found: list[Part] = []
    for (_place, quantity_kg, denominator), group in groupby(rows, key=lambda row: row[:3]):
        shares: list[tuple[Party, int]] = []
        for _place, _quantity, _denominator, numerator, successor, *values in group:
            party = row_as(Party, values)
            _require_holding(party, successor)
            shares.append((party, numerator))
        owners = Owners(tuple(shares), denominator)
        owners.require_whole()
        found.append(Part(owners, quantity_kg))
    return found


_APPROVE = """
UPDATE registry_registration SET state = 'approved', decided_by_id = %s, decided_at = portal_now()
WHERE id = %s
"""


def end_decision(registration: Registration, actor: User) -> None:
    """The act is in the ledger; the request says who approved it, and what its clerk had in hand of
    the paper is outstanding no more, though the ticket stands."""
    with prepared_cursor() as cursor:
        cursor.execute(_APPROVE, [actor.pk, registration.pk])
    if registration.ticket is not None and registration.paper in SEEN_BY_THE_CLERK:
        note_returned(
            registration.ticket,
            outstanding_prints(registration.ticket).filter(made_at__lte=registration.prepared_at),
            state=PrintReturn.State(registration.paper),
            taken_by=registration.prepared_by,
            taken_at=registration.prepared_at,
        )
        _tell_marks_due(registration.ticket, registration.prepared_by)


def _tell_marks_due(ticket: CarbonTicket, clerk: User) -> None:
    """What was registered after the clerk had the paper in hand is to be marked on it still."""
    due = marks_due(ticket)
    if not due:
        return
    acts = dict.fromkeys(f"{EntryKind(entry.kind).label} #{entry.pk}" for _printing, entry in due)
    tell(
        users=[clerk],
        subject=_("纸质碳票还有事项待批注：{ticket}").format(ticket=ticket.number),
        body=_(
            "受理核对纸质碳票之后又登记了：{acts}。请持有人带来纸质碳票，批注后在碳票页面登记。"
        ).format(acts="、".join(acts)),
        link=reverse("registry:ticket", args=[ticket.number]),
    )


def note_returned(
    ticket: CarbonTicket,
    prints: Iterable[TicketPrint],
    *,
    state: PrintReturn.State,
    taken_by: User,
    taken_at: datetime | None = None,
) -> list[PrintReturn]:
    """These papers came back or were marked, as a clerk saw, now or when the request was prepared; none
    when none was outstanding."""
    found = [
        PrintReturn.objects.create(
            printing=printing, state=state, taken_by=taken_by, taken_at=taken_at or PortalNow()
        )
        for printing in prints
    ]
    if found:
        record_event(
            subject_kind="ticket",
            subject_key=ticket.pk,
            verb="paper_taken_in",
            actor_key=taken_by.key,
            facts={"prints": [one.printing.number for one in found], "state": str(state)},
        )
    return found


@write_transaction
def reject_registration(*, registration: Registration, reason: str, actor: User) -> Registration:
    """Not registered, for a reason; nothing in the ledger moves, but what an inspection froze before
    the decision is free again."""
    found, _missing, own_matter = _take_up(registration, actor)
    _require_approver(found, actor, own_matter)
    if not reason.strip():
        raise ReasonMissing()
    if found.kind == Kind.FREEZE and found.order is not None:
        take_off_order(found.order, actor, article="第二十一条", registration=found.key)
    Registration.objects.filter(pk=found.pk).update(
        state=Registration.State.REJECTED,
        decided_by=actor,
        decided_at=PortalNow(),
        decision_reason=reason.strip(),
    )
    if found.new_number is not None:
        erase_proposed_number(number=found.new_number, actor=actor)
    _record(found, "rejected", actor)
    found.refresh_from_db()
    return found


def open_ticket_of(registration: Registration) -> CarbonTicket:
    """The ticket that the request is about."""
    if registration.ticket is None:
        raise WrongRegistration()
    return registration.ticket


def hold_open_ticket(registration: Registration) -> tuple[CarbonTicket, HeldTicket]:
    """The ticket that the request is about, and how it stands while its issuance is held.

    TicketClosed unless it stands now.
    """
    ticket = open_ticket_of(registration)
    held = hold_ticket(ticket)
    held.require_open()
    return ticket, held


def sha256_of(registration: Registration) -> bytes | None:
    """The hash of the document that it stands on."""
    found = registration.document_sha256
    return None if found is None else bytes(found)


def quantity_or_none(quantity_kg: int | None) -> int | None:
    """A quantity that may be left out."""
    return None if quantity_kg is None else require_quantity(quantity_kg)


def _record(registration: Registration, verb: str, actor: User, **facts: str) -> None:
    record_event(
        subject_kind="registration",
        subject_key=registration.key,
        verb=verb,
        actor_key=actor.key,
        facts=facts,
    )

"""What owners and banks ask for: asked, agreed to by the bank, taken up by a clerk or returned."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Max

from portal.accounts.errors import OfficeMissing, ReasonMissing
from portal.accounts.models import Mandate, Party, Role, User
from portal.accounts.operations import erase_proposed_number
from portal.accounts.queries import acts_for, acts_for_any, has_role, people_acting_for
from portal.base.clock import now, today
from portal.base.errors import NotFound
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.errors import OwnMatter
from portal.casework.notices import publish_notice, tell
from portal.journal.operations import record_event
from tickets.registry.access import owners_of, require_office
from tickets.registry.errors import (
    BankNotAgreed,
    ListedNotPrinted,
    MarksMovedOn,
    NothingToMark,
    NotPrinted,
    NotThePledgee,
    PaperNotSeen,
    PaperTakenIn,
    RegistrationDecided,
)
from tickets.registry.face.paper import face_pdf
from tickets.registry.ledger import hold_ticket
from tickets.registry.models import (
    CarbonTicket,
    FreezeOrder,
    LedgerEntry,
    LossNotice,
    PrintedFace,
    PrintMark,
    PrintReturn,
    Registration,
    TicketPrint,
    TicketRequest,
)
from tickets.registry.moves import BlockState
from tickets.registry.operations.registrations import (
    OFFICES,
    SEEN_BY_THE_CLERK,
    Kind,
    note_returned,
)
from tickets.registry.queries import (
    marks_due,
    orders_in_force,
    outstanding_prints,
    pledgees_touched,
    with_successors,
)

SUBJECT = "ticket_request"
NOTICE_DAYS = 15
State = TicketRequest.State


@write_transaction
def ask_registration(
    *,
    kind: Registration.Kind,
    typed: dict[str, Any],
    uploads: Sequence[tuple[str, Upload]],
    actor: User,
    pledgee: Party | None = None,
    **subject: Any,
) -> TicketRequest:
    """Keep what was asked with its files. Whether ``actor`` may ask is the page's gate."""
    request = TicketRequest.objects.create(
        kind=kind,
        department=OFFICES[kind],
        typed=typed,
        asked_by=actor,
        pledgee=pledgee,
        **subject,
    )
    for slot, upload in uploads:
        add_document(
            subject_kind=SUBJECT, subject_key=request.key, kind=slot, upload=upload, actor=actor
        )
    if (
        kind is Kind.PLEDGE
        and pledgee is not None
        and acts_for(actor, pledgee, Mandate.Scope.APPLY)
    ):
        TicketRequest.objects.filter(pk=request.pk).update(agreed_by=actor, agreed_at=now())
    request.refresh_from_db()
    _record(request, "asked", actor, kind=str(kind))
    return request


@write_transaction
def agree_to_pledge(*, request: TicketRequest, actor: User) -> TicketRequest:
    """The bank agrees to the pledge that the holder asks for (article 18)."""
    waiting = _lock_waiting(request)
    if waiting.pledgee is None or not acts_for(actor, waiting.pledgee, Mandate.Scope.APPLY):
        raise NotThePledgee()
    TicketRequest.objects.filter(pk=waiting.pk).update(agreed_by=actor, agreed_at=now())
    _record(waiting, "agreed", actor)
    waiting.refresh_from_db()
    return waiting


@write_transaction
def take_up(
    *,
    request: TicketRequest,
    prepare: Callable[[], Registration],
    actor: User,
    paper_seen: bool = False,
) -> Registration:
    """The clerk prepares the registration that was asked for; ``prepare`` is its own operation.

    PaperNotSeen when the applicant says that the paper came back or was marked and the clerk does
    not (``paper_seen``; domain.md, "Paper").
    """
    waiting = _lock_waiting(request)
    require_office(actor, Role.CLERK, OFFICES[Kind(waiting.kind)])
    if waiting.kind == Kind.PLEDGE and waiting.agreed_at is None:
        raise BankNotAgreed()
    registration = prepare()
    if (
        registration.paper in SEEN_BY_THE_CLERK
        and waiting.asked_by_id != actor.pk
        and not paper_seen
    ):
        raise PaperNotSeen()
    TicketRequest.objects.filter(pk=waiting.pk).update(
        state=State.TAKEN, answered_by=actor, answered_at=now(), registration=registration
    )
    _record(
        waiting, "taken", actor, registration=str(registration.key), paper=str(registration.paper)
    )
    return registration


def paper_of(request: TicketRequest) -> Registration.Paper:
    """What the applicant says of the paper: a damaged one comes back with the notice."""
    if request.typed.get("loss_reason") == LossNotice.Reason.DAMAGED:
        return Registration.Paper.SURRENDERED
    return Registration.Paper(request.typed.get("paper") or "")


@write_transaction
def return_request(*, request: TicketRequest, reason: str, actor: User) -> TicketRequest:
    """Not taken up, for a reason that the applicant reads."""
    waiting = _lock_waiting(request)
    require_office(actor, Role.CLERK, OFFICES[Kind(waiting.kind)])
    if not reason.strip():
        raise ReasonMissing()
    _answer(waiting, State.RETURNED, actor, reason.strip())
    tell(
        users=[waiting.asked_by],
        subject=f"{waiting.get_kind_display()}：{State.RETURNED.label}",
        body=reason.strip(),
        link=f"/requests/{waiting.key}/",
    )
    return waiting


@write_transaction
def withdraw_request(*, request: TicketRequest, actor: User) -> TicketRequest:
    """Whoever asked takes it back while it waits."""
    waiting = _lock_waiting(request)
    if waiting.asked_by_id != actor.pk:
        raise NotFound()
    _answer(waiting, State.WITHDRAWN, actor, "")
    return waiting


def tell_decision(registration: Registration, subject: str, link: str) -> None:
    """A message to who asked, to those who act for the ticket's owners, and to the bank whose
    collateral it touched — but of a freeze, which finance tells it of once as long as it lies."""
    users = [registration.asked_by] if registration.asked_by else []
    freezes = registration.kind in (Kind.FREEZE, Kind.LOSS)
    parties = [] if freezes else with_successors(pledgees_touched(registration))
    parties += filter(None, (registration.former, registration.successor))
    said = [registration.decision_reason]
    if registration.ticket is not None:
        parties += owners_of(registration.ticket)
        said.insert(0, registration.ticket.number)
    users += people_acting_for(parties)
    tell(users=users, subject=subject, body=" · ".join(filter(None, said)) or subject, link=link)


def publish_end(*, ticket: CarbonTicket, title: str, text: str, actor: User) -> None:
    """The public notice of a ticket that ends (article 17)."""
    publish_notice(
        kind="cancellation",
        title=title,
        text=text,
        closes_on=today() + timedelta(days=NOTICE_DAYS),
        subject_kind="ticket",
        subject_key=ticket.pk,
        actor=actor,
        shape=ticket.area_version.geom_public,
    )


@write_transaction
def print_ticket(
    *, ticket: CarbonTicket, as_of: LedgerEntry, address: str, actor: User
) -> TicketPrint:
    """A numbered printing of the face as it stands after an entry (article 16), kept as it is.

    NotPrinted once the ticket has ended, or while its loss is published (article 10);
    ListedNotPrinted while kilograms of it stand on the trading centre's list.
    """
    if not (
        has_role(actor, Role.CLERK, OFFICES[Kind.ISSUE])
        or acts_for_any(actor, owners_of(ticket), Mandate.Scope.VIEW)
    ):
        raise OfficeMissing()
    # Drawn before the issuance is held: it takes a second, in which others go on.
    number = _next_print(ticket)
    pdf = face_pdf(ticket, as_of=as_of, address=address, print_number=number)
    held = hold_ticket(ticket)  # Two printings get their numbers one after the other.
    if not held.is_open or any(
        order.kind == FreezeOrder.Kind.LOSS for order in orders_in_force(ticket)
    ):
        raise NotPrinted()
    if any(piece.state is BlockState.LISTED for piece in held.pieces):
        raise ListedNotPrinted()
    if number != _next_print(ticket):  # Another was printed meanwhile.
        number = _next_print(ticket)
        pdf = face_pdf(ticket, as_of=as_of, address=address, print_number=number)
    made = TicketPrint.objects.create(ticket=ticket, number=number, as_of=as_of, made_by=actor)
    face = PrintedFace.objects.create(printing=made, pdf=pdf, sha256=hashlib.sha256(pdf).digest())
    record_event(
        subject_kind="ticket",
        subject_key=ticket.pk,
        verb="printed",
        actor_key=actor.key,
        facts={"print": made.number, "sha256": face.sha256.hex()},
    )
    return made


def _next_print(ticket: CarbonTicket) -> int:
    return (ticket.prints.aggregate(last=Max("number"))["last"] or 0) + 1


@write_transaction
def take_in_paper(
    *, ticket: CarbonTicket, state: PrintReturn.State, actor: User
) -> list[PrintReturn]:
    """Forestry's clerk has the outstanding papers in hand: kept, or marked and given back (article 16).

    Raises OfficeMissing, OwnMatter, PaperTakenIn when none is outstanding.
    """
    require_office(actor, Role.CLERK, OFFICES[Kind.ISSUE])
    if acts_for_any(actor, owners_of(ticket), Mandate.Scope.VIEW):
        raise OwnMatter()
    hold_ticket(ticket)
    found = note_returned(ticket, outstanding_prints(ticket), state=state, taken_by=actor)
    if not found:
        raise PaperTakenIn()
    return found


@write_transaction
def mark_paper(
    *, ticket: CarbonTicket, shown: Collection[tuple[int, int]], actor: User
) -> list[PrintMark]:
    """Forestry's clerk wrote what was ``shown`` as due, by the papers' numbers and the acts', on the
    papers, which stay with their holder.

    Raises OfficeMissing, OwnMatter, NothingToMark, MarksMovedOn.
    """
    require_office(actor, Role.CLERK, OFFICES[Kind.ISSUE])
    if acts_for_any(actor, owners_of(ticket), Mandate.Scope.VIEW):
        raise OwnMatter()
    hold_ticket(ticket)
    due = marks_due(ticket)
    if not due:
        raise NothingToMark()
    if {(printing.number, entry.pk) for printing, entry in due} != set(shown):
        raise MarksMovedOn()
    marks = [
        PrintMark.objects.create(printing=printing, entry=entry, marked_by=actor)
        for printing, entry in due
    ]
    record_event(
        subject_kind="ticket",
        subject_key=ticket.pk,
        verb="paper_marked",
        actor_key=actor.key,
        facts={"marks": [[mark.printing.number, mark.entry_id] for mark in marks]},
    )
    return marks


def _lock_waiting(request: TicketRequest) -> TicketRequest:
    found = (
        TicketRequest.objects.select_for_update(of=("self",))
        .select_related("pledgee", "asked_by")
        .get(pk=request.pk)
    )
    if found.state != State.WAITING:
        raise RegistrationDecided()
    return found


def _answer(request: TicketRequest, state: TicketRequest.State, actor: User, answer: str) -> None:
    TicketRequest.objects.filter(pk=request.pk).update(
        state=state, answered_by=actor, answered_at=now(), answer=answer
    )
    if request.new_number is not None:
        erase_proposed_number(number=request.new_number, actor=actor)
    _record(request, state.value, actor)
    request.refresh_from_db()


def _record(request: TicketRequest, verb: str, actor: User, **facts: str) -> None:
    key: uuid.UUID = request.key
    record_event(subject_kind=SUBJECT, subject_key=key, verb=verb, actor_key=actor.key, facts=facts)

"""What a registration is about, found by what the address names, and who may ask for it."""

from __future__ import annotations

import uuid
from typing import Any

from portal.accounts.models import Mandate, Role, User
from portal.accounts.queries import acts_for, has_role
from portal.base.errors import NotFound
from tickets.projects.access import access_filing
from tickets.projects.models import ApplicationShare, Filing
from tickets.registry.access import access_ticket, owners_of
from tickets.registry.acts import Act
from tickets.registry.models import (
    CarbonTicket,
    FreezeOrder,
    Issuance,
    LossNotice,
    Pledge,
    TicketRequest,
)
from tickets.registry.operations.registrations import OFFICES


def find_subject(act: Act, name: str) -> Any:
    """By a ticket's or filing's number, or by the key of a pledge, order or notice; NotFound."""
    if act.subject == "ticket":
        return access_ticket(name)
    if act.subject == "filing":
        return access_filing(name)
    if act.subject == "issuance":
        found: Any = Issuance.objects.filter(filing=access_filing(name)).first()
    else:
        try:
            key = uuid.UUID(name)
        except ValueError:
            raise NotFound() from None
        found = {
            "pledge": Pledge.objects.select_related("ticket", "pledgee").filter(pk=key),
            "order": FreezeOrder.objects.select_related("ticket").filter(pk=key),
            "notice": LossNotice.objects.select_related("ticket").filter(key=key),
        }[act.subject].first()
    if found is None:
        raise NotFound()
    return found


def subject_name(act: Act, subject: Any) -> str:
    """As the address of the form names it."""
    if act.subject in ("ticket", "filing"):
        return str(subject.number)
    if act.subject == "issuance":
        return str(subject.filing.number)
    return str(subject.key if act.subject == "notice" else subject.pk)


def subject_of(act: Act, request: TicketRequest) -> Any:
    """What a request is about."""
    return getattr(request, act.subject)


def ticket_of(act: Act, subject: Any) -> CarbonTicket | None:
    """The ticket that it concerns, if it is one."""
    if isinstance(subject, CarbonTicket):
        return subject
    if act.subject in ("pledge", "order", "notice"):
        ticket: CarbonTicket | None = subject.ticket
        return ticket
    return None


def is_clerk(act: Act, user: User) -> bool:
    return has_role(user, Role.CLERK, OFFICES[act.kind])


def require_may_ask(act: Act, subject: Any, user: User) -> None:
    """NotFound unless the user is a clerk of the office or one whose right it is."""
    if is_clerk(act, user):
        return
    if act.office_only:
        raise NotFound()
    if act.by_pledgee:
        if acts_for(user, subject.pledgee, Mandate.Scope.APPLY):
            return
        raise NotFound()
    if isinstance(subject, Filing):
        parties = [
            share.party
            for share in ApplicationShare.objects.filter(
                application=subject.application
            ).select_related("party")
        ]
    else:
        ticket = ticket_of(act, subject)
        parties = owners_of(ticket) if ticket is not None else []
    if not any(acts_for(user, party, Mandate.Scope.APPLY) for party in parties):
        raise NotFound()

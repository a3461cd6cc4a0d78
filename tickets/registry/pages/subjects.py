"""What a registration is about, found by what the address names, and who may ask for it."""

from __future__ import annotations

import uuid
from typing import Any

from portal.accounts.models import Mandate, Party, Role, User
from portal.accounts.queries import acts_for_any, has_role
from portal.base.errors import NotFound
from tickets.projects.access import access_filing
from tickets.projects.models import Filing
from tickets.registry.access import access_ticket, owners_of
from tickets.registry.acts import Act
from tickets.registry.models import (
    CarbonTicket,
    FreezeOrder,
    Issuance,
    LossNotice,
    LossObjection,
    Pledge,
    TicketRequest,
)
from tickets.registry.operations.registrations import OFFICES
from tickets.registry.operations.transfers import SUCCESSIONS
from tickets.registry.queries import shares_due, succeeding, with_successors


def find_subject(act: Act, name: str) -> Any:
    """By a ticket's or filing's number, or by the key of a pledge, order, notice, objection or of a
    successor; NotFound."""
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
            "objection": LossObjection.objects.select_related("notice__ticket").filter(key=key),
            "successor": Party.objects.filter(key=key, checked_at__isnull=False),
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
    return str(subject.key if act.subject in ("notice", "objection", "successor") else subject.pk)


def subject_of(act: Act, request: TicketRequest) -> Any:
    """What a request is about."""
    return getattr(request, act.subject)


def ticket_of(act: Act, subject: Any) -> CarbonTicket | None:
    """The ticket that it concerns, if it is one."""
    if isinstance(subject, CarbonTicket):
        return subject
    if act.subject == "objection":
        subject = subject.notice
    if act.subject in ("pledge", "order", "notice", "objection"):
        ticket: CarbonTicket | None = subject.ticket
        return ticket
    return None


def serves(act: Act, subject: Any, user: User) -> bool:
    """Whether the user handles it as the office's clerk: not where it is an own matter."""
    if not has_role(user, Role.CLERK, OFFICES[act.kind]):
        return False
    return not acts_for_any(user, applicants_of(act, subject), Mandate.Scope.VIEW)


def applicants_of(act: Act, subject: Any) -> list[Party]:
    """Whose right it is to ask: the pledgee or who is in its place, the filing's owners, who comes into
    somebody's place, the ticket's owners."""
    if act.by_pledgee:
        return [succeeding(subject.pledgee)]
    if isinstance(subject, Party):
        return [subject]
    if isinstance(subject, Filing):
        return [party for party, _numerator in shares_due(subject)]
    ticket = ticket_of(act, subject)
    owners = owners_of(ticket) if ticket is not None else []
    return with_successors(owners) if act.kind in SUCCESSIONS else owners


def require_may_ask(act: Act, subject: Any, user: User) -> None:
    """NotFound unless the user is a clerk of the office or one whose right it is."""
    if serves(act, subject, user):
        return
    if act.office_only:
        raise NotFound()
    if not acts_for_any(user, applicants_of(act, subject), Mandate.Scope.APPLY):
        raise NotFound()

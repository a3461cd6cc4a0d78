"""Gates of supervision; absent and forbidden answer alike."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet

from portal.accounts.models import Department, Mandate, Role
from portal.accounts.queries import (
    AnyUser,
    acts_for,
    has_role,
    open_grants,
    parties_acted_for,
    works_in,
)
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from tickets.registry.access import acts_for_an_owner, owners_of
from tickets.registry.models import TicketShare
from tickets.supervision.models import Complaint, Inspection, InspectionQuerySet, JusticeCase


def departments_of(user: AnyUser) -> list[Department]:
    """The departments that the user serves now."""
    return [Department(where) for where in dict.fromkeys(w for _role, w in open_grants(user) if w)]


def may_handle(user: AnyUser, complaint: Complaint) -> bool:
    """Whether the user serves the handling department — and neither the accused one as well nor an
    owner of the ticket that it is about."""
    served = {department.value for department in departments_of(user)}
    if complaint.department not in served or complaint.accused in served:
        return False
    return complaint.ticket is None or not acts_for_an_owner(user, complaint.ticket)


def handled_by(user: AnyUser) -> QuerySet[Complaint]:
    """The complaints of which ``may_handle`` is true."""
    served = departments_of(user)
    return (
        Complaint.objects.filter(department__in=served)
        .exclude(accused__in=served)
        .exclude(ticket__in=_own_tickets(user))
    )


def _own_tickets(user: AnyUser) -> QuerySet[TicketShare, Any]:
    """The keys of the tickets for an owner of which the user acts."""
    own = TicketShare.objects.filter(party__in=parties_acted_for(user), closed_by__isnull=True)
    return own.values_list("ticket")


def access_complaint(key: uuid.UUID, user: AnyUser) -> Complaint:
    """A complaint for the department that handles it; the auditor may read, without the name."""
    found = Complaint.objects.select_related("ticket").filter(key=key).first()
    if found is None:
        raise NotFound()
    if may_handle(user, found):
        return found
    if has_role(user, Role.AUDITOR):
        return found
    raise NotFound()


def access_own_complaint(code: str) -> Complaint:
    """A complaint, for who holds its code."""
    parsed = parse_code(code)
    found = Complaint.objects.filter(code=parsed).first() if parsed else None
    if found is None:
        raise NotFound()
    return found


def access_complaint_desk(user: AnyUser) -> list[Department]:
    """The gate to the list of complaints: whoever serves a department."""
    served = departments_of(user)
    if not served:
        raise NotFound()
    return served


def may_inspect(user: AnyUser) -> bool:
    """Whether the user serves forestry, whose matter inspections are, or audits."""
    return works_in(user, Department.FORESTRY) or has_role(user, Role.AUDITOR)


def access_inspections(user: AnyUser) -> None:
    """The gate to the list of inspections."""
    if not may_inspect(user):
        raise NotFound()


def inspections_for(user: AnyUser) -> InspectionQuerySet:
    """Those that the user may read: of no ticket of an owner for whom he acts."""
    access_inspections(user)
    return Inspection.objects.exclude(ticket__in=_own_tickets(user))


def access_inspection(key: uuid.UUID, user: AnyUser) -> Inspection:
    """One inspection, for forestry and the auditor, unless he acts for an owner."""
    access_inspections(user)
    found = (
        Inspection.objects.select_related("ticket__area_version__area", "inspector", "freeze")
        .filter(key=key)
        .first()
    )
    if found is None or acts_for_an_owner(user, found.ticket):
        raise NotFound()
    return found


_SHOWN = (
    "ticket__area_version__area", "request__offset", "order__offset", "listing", "pool",
)  # fmt: skip


def may_read_justice(user: AnyUser) -> bool:
    """Justice and ecology, who carry it out, and the auditor."""
    if works_in(user, Department.JUSTICE):
        return True
    if works_in(user, Department.ECOLOGY):
        return True
    return has_role(user, Role.AUDITOR)


def access_justice_papers(key: uuid.UUID, user: AnyUser) -> JusticeCase:
    """A case with its papers, for those who carry it out."""
    found = JusticeCase.objects.select_related(*_SHOWN).filter(key=key).first()
    if found is None:
        raise NotFound()
    if not may_read_justice(user):
        raise NotFound()
    return found


def may_give(user: AnyUser, case: JusticeCase) -> bool:
    """Whether the holder is asked, and the user disposes of the ticket for one of its owners."""
    return case.listing_id is None and any(
        acts_for(user, owner, Mandate.Scope.DISPOSE) for owner in owners_of(case.ticket)
    )


def access_justice_case(key: uuid.UUID, user: AnyUser) -> JusticeCase:
    """A case, also for the holder who is asked for tonnes: without papers and without the name."""
    found = JusticeCase.objects.select_related(*_SHOWN).filter(key=key).first()
    if found is None:
        raise NotFound()
    if may_read_justice(user):
        return found
    if found.state in ("confirmed", "subscribed") and may_give(user, found):
        return found
    raise NotFound()

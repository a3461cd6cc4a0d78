"""Gates to offset requests and certificates; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from portal.accounts.models import Department, Mandate, Role
from portal.accounts.queries import AnyUser, acts_for, has_role, is_staff_reader, works_in
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from tickets.offsets.models import Offset, OffsetRequest
from tickets.registry.access import owners_of


def access_offset_request(key: uuid.UUID, user: AnyUser) -> OffsetRequest:
    """A request, for ecology, the auditor, who asked, and the ticket's owners."""
    found = (
        OffsetRequest.objects.select_related("ticket", "beneficiary", "asked_by", "prepared_by")
        .filter(key=key)
        .first()
    )
    if found is None:
        raise NotFound()
    if works_in(user, Department.ECOLOGY):
        return found
    if has_role(user, Role.AUDITOR):
        return found
    if found.asked_by_id == user.pk:
        return found
    if any(acts_for(user, owner, Mandate.Scope.VIEW) for owner in owners_of(found.ticket)):
        return found
    raise NotFound()


def access_offset(number: str) -> Offset:
    """A certificate; everyone may know that it exists."""
    found = (
        Offset.objects.select_related("ticket__issuance__filing", "beneficiary", "request")
        .filter(number=number.strip().upper())
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def access_offset_of(cause: uuid.UUID) -> Offset:
    """The certificate of what the register calls a cause."""
    found = Offset.objects.filter(pk=cause).first()
    if found is None:
        raise NotFound()
    return found


def find_offset(code: str) -> Offset | None:
    """The certificate that a code of ``/v/`` means."""
    parsed = parse_code(code)
    return Offset.objects.filter(code=parsed).first() if parsed else None


def may_read_paper(offset: Offset, user: AnyUser) -> bool:
    """The PDF is for who asked, the owners, and the departments."""
    if is_staff_reader(user):
        return True
    if offset.request is not None and offset.request.asked_by_id == user.pk:
        return True
    return any(acts_for(user, owner, Mandate.Scope.VIEW) for owner in owners_of(offset.ticket))

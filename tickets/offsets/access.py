"""Gates to offset requests and certificates; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import AnyUser, acts_for, has_role, is_staff_reader, works_in
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from tickets.offsets.models import Offset, OffsetRequest
from tickets.registry.access import may_dispose, owners_of
from tickets.registry.errors import MandateTooSmall


def access_offset_request(key: uuid.UUID, user: AnyUser) -> OffsetRequest:
    """A request, for ecology, the auditor, who asked, and the ticket's owners."""
    found = (
        OffsetRequest.objects.select_related("ticket", "beneficiary", "asked_by", "prepared_by")
        .filter(key=key)
        .first()
    )
    if found is None:
        raise NotFound()
    if may_read_offset_request(found, user):
        return found
    raise NotFound()


def may_read_offset_request(found: OffsetRequest, user: AnyUser) -> bool:
    """Whether ``access_offset_request`` would open it, for pages that link to it."""
    if works_in(user, Department.ECOLOGY):
        return True
    if has_role(user, Role.AUDITOR):
        return True
    if found.asked_by_id == user.pk:
        return True
    return any(acts_for(user, owner, Mandate.Scope.VIEW) for owner in owners_of(found.ticket))


def owners_lacking(request: OffsetRequest) -> list[Party]:
    """Present owners without a consent by a mandate that reaches so far today; the newest counts."""
    given = {
        one.party_id: one.given_by
        for one in request.consents.select_related("given_by").order_by("pk")
    }
    return [
        owner
        for owner in owners_of(request.ticket)
        if owner.pk not in given or not _reaches(owner, given[owner.pk], request.quantity_kg)
    ]


def may_agree(request: OffsetRequest, user: AnyUser) -> bool:
    """Whether the request waits for an owner for whom ``user`` disposes."""
    return request.state in OffsetRequest.OPEN and any(
        acts_for(user, owner, Mandate.Scope.DISPOSE) for owner in owners_lacking(request)
    )


def _reaches(owner: Party, user: User, quantity_kg: int) -> bool:
    try:
        return may_dispose(owner, user, quantity_kg)
    except MandateTooSmall:
        return False


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

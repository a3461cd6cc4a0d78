"""Gates to offset requests and certificates; absent and forbidden answer alike."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from portal.accounts.models import Department, Mandate, Party, Role
from portal.accounts.queries import (
    SCOPES_INCLUDING,
    AnyUser,
    acts_for_any,
    all_mandates_in_force,
    has_role,
    is_staff_reader,
    works_in,
)
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from tickets.offsets.models import Offset, OffsetConsent, OffsetRequest
from tickets.registry.access import owners_of
from tickets.registry.models import CarbonTicket, TicketShare


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
    return found.asked_by_id == user.pk or reads_requests_on(found.ticket, user)


def reads_requests_on(ticket: CarbonTicket, user: AnyUser) -> bool:
    """Whether the user may read whatever is asked for on the ticket: ecology, the auditor, its owners."""
    return (
        works_in(user, Department.ECOLOGY)
        or has_role(user, Role.AUDITOR)
        or acts_for_any(user, owners_of(ticket), Mandate.Scope.VIEW)
    )


def owners_lacking(request: OffsetRequest) -> list[Party]:
    """Present owners without a consent by a mandate that reaches so far today; the newest counts."""
    return lacking_of([request])[request.pk]


def lacking_of(requests: Sequence[OffsetRequest]) -> dict[int, list[Party]]:
    """``owners_lacking`` of each, in three queries however many requests and owners there are."""
    owners: dict[uuid.UUID, list[Party]] = {}
    for share in (
        TicketShare.objects.filter(
            ticket__in={one.ticket_id for one in requests}, closed_by__isnull=True
        )
        .select_related("party")
        .order_by("place")
    ):
        owners.setdefault(share.ticket_id, []).append(share.party)
    consents = OffsetConsent.objects.filter(request__in=requests).order_by("pk")
    given = {
        (request, party): giver
        for request, party, giver in consents.values_list("request", "party", "given_by")
    }
    limits: dict[tuple[int, int], list[int | None]] = {}
    for party, giver, limit in (
        all_mandates_in_force()
        .filter(
            user__in=set(given.values()),
            user__is_active=True,
            party__in={party for _request, party in given},
            scope__in=SCOPES_INCLUDING[Mandate.Scope.DISPOSE],
        )
        .values_list("party", "user", "quantity_kg_max")
    ):
        limits.setdefault((party, giver), []).append(limit)

    def has_agreed(owner: Party, request: OffsetRequest) -> bool:
        giver = given.get((request.pk, owner.pk), 0)
        return any(
            limit is None or limit >= request.quantity_kg
            for limit in limits.get((owner.pk, giver), ())
        )

    return {
        one.pk: [owner for owner in owners.get(one.ticket_id, ()) if not has_agreed(owner, one)]
        for one in requests
    }


def may_agree(request: OffsetRequest, user: AnyUser) -> bool:
    """Whether the request waits for an owner for whom ``user`` disposes."""
    return request.state in OffsetRequest.OPEN and acts_for_any(
        user, owners_lacking(request), Mandate.Scope.DISPOSE
    )


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
    return acts_for_any(user, owners_of(offset.ticket), Mandate.Scope.VIEW)

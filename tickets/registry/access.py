"""Gates of the register: one for each object; absent and forbidden answer alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import (
    SCOPES_INCLUDING,
    AnyUser,
    acts_for_any,
    has_role,
    is_staff_reader,
    mandates_for,
    mandates_in_force,
    parties_acted_for,
    works_in,
)
from portal.base.errors import NotFound
from portal.casework.errors import OwnMatter
from tickets.registry.errors import ConsentMissing, MandateTooSmall
from tickets.registry.models import (
    CarbonTicket,
    Consent,
    PartySuccession,
    Registration,
    TicketRequest,
    TicketShare,
)
from tickets.registry.queries import (
    bodies_acted_for,
    changes_shares,
    own_tickets,
    succeeding,
    successions_of,
    with_successors,
)
from tickets.registry.ranks import ranks_on


def access_ticket(number: str) -> CarbonTicket:
    """A ticket by its number; everyone may know that it exists."""
    ticket = (
        CarbonTicket.objects.select_related(
            "issuance__filing__application__project", "area_version", "uniqueness_report"
        )
        .filter(number=number.strip().upper())
        .first()
    )
    if ticket is None:
        raise NotFound()
    return ticket


def access_held_ticket(number: str, user: AnyUser) -> CarbonTicket:
    """A ticket with all its particulars: for its owners, the mandated and those who serve."""
    ticket = access_ticket(number)
    if not may_see_exactly(ticket, user):
        raise NotFound()
    return ticket


def may_see_exactly(ticket: CarbonTicket, user: AnyUser) -> bool:
    """Whether the particulars are open to ``user``: who serves, and who acts for an owner."""
    return is_staff_reader(user) or acts_for_an_owner(user, ticket)


def access_own_ticket(number: str, user: AnyUser) -> CarbonTicket:
    """An open ticket of a party that ``user`` acts for."""
    ticket = own_tickets(user).filter(number=number.strip().upper()).first()
    if ticket is None:
        raise NotFound()
    return ticket


def access_registration(key: uuid.UUID, user: AnyUser) -> Registration:
    """A request, for its department, the auditor, who asked for it, the ticket's owners and whoever
    else must agree."""
    found = (
        Registration.objects.select_related(
            "ticket",
            "prepared_by",
            "decided_by",
            "new_number__party",
            "objection",
            "former",
            "successor",
        )
        .filter(key=key)
        .first()
    )
    if found is None:
        raise NotFound()
    if may_read_registration(found, user):
        return found
    raise NotFound()


def may_read_registration(found: Registration, user: AnyUser) -> bool:
    """Whether ``access_registration`` would open it, for pages that link to it."""
    if works_in(user, Department(found.department)) or has_role(user, Role.AUDITOR):
        return True
    if found.asked_by_id is not None and found.asked_by_id == user.pk:
        return True
    concerned = [*(owners_of(found.ticket) if found.ticket else ()), *parties_asked(found)]
    concerned += with_successors(filter(None, (found.former, found.successor)))
    return acts_for_any(user, concerned, Mandate.Scope.VIEW)


def access_succession(key: uuid.UUID, user: AnyUser) -> PartySuccession:
    """By the former party's key: for those who serve and for who acts for one of its two sides."""
    found = successions_visible_to(user).filter(former__key=key).first()
    if found is None:
        raise NotFound()
    return found


def successions_visible_to(user: AnyUser) -> QuerySet[PartySuccession]:
    """All of them for those who serve; of those that ended in a party, for who acts for it."""
    if is_staff_reader(user):
        return successions_of()
    return successions_of(bodies_acted_for(user))


def readable_registrations(keys: Iterable[uuid.UUID | None], user: AnyUser) -> set[uuid.UUID]:
    """Which of these decided requests ``access_registration`` would open, however many they are."""
    found = Registration.objects.filter(key__in=[key for key in keys if key is not None])
    if not isinstance(user, User):
        return set()
    if not has_role(user, Role.AUDITOR):
        mine = parties_acted_for(user)
        owned = TicketShare.objects.filter(party__in=mine, closed_by__isnull=True)
        found = found.filter(
            Q(asked_by=user)
            | Q(department__in=[one for one in Department if works_in(user, one)])
            | Q(ticket__in=owned.values("ticket"))
            | Q(former__in=mine)
            | Q(successor__in=bodies_acted_for(user))
            | Q(pk__in=Consent.objects.filter(party__in=mine).values("registration"))
        )
    return set(found.values_list("key", flat=True))


def owners_of(ticket: CarbonTicket) -> list[Party]:
    """The present owners, in the order of the ticket."""
    return list(
        Party.objects.filter(
            ticket_shares__ticket=ticket, ticket_shares__closed_by__isnull=True
        ).order_by("ticket_shares__place")
    )


def acts_for_an_owner(user: AnyUser, ticket: CarbonTicket) -> bool:
    """Whether the user acts today, in whatever matter, for a present owner."""
    return acts_for_any(user, owners_of(ticket), Mandate.Scope.VIEW)


def refuse_own_ticket(ticket: CarbonTicket, actor: User) -> None:
    """OwnMatter for who acts for an owner: nobody handles an own application (domain.md)."""
    if acts_for_an_owner(actor, ticket):
        raise OwnMatter()


def require_office(actor: User, role: Role, department: Department | None = None) -> None:
    """OfficeMissing unless the actor holds the office at this very moment."""
    if not has_role(actor, role, department):
        raise OfficeMissing()


def require_disposal(ticket: CarbonTicket, user: User, quantity_kg: int) -> None:
    """``user`` disposes of kilograms of the ticket for every owner, within the mandates' limits.

    ConsentMissing says how many owners are not represented; MandateTooSmall names the limit.
    """
    owners = owners_of(ticket)
    disposed = disposed_for(owners, user, quantity_kg)
    if len(disposed) < len(owners):
        raise ConsentMissing(count=len(owners) - len(disposed))


def disposed_for(owners: Sequence[Party], user: User, quantity_kg: int) -> set[int]:
    """The owners (primary keys) of whose kilograms a mandate lets ``user`` dispose up to so many, in
    one query; MandateTooSmall where one reaches for less only."""
    mandates = mandates_in_force(user).filter(
        party__in=owners, scope__in=SCOPES_INCLUDING[Mandate.Scope.DISPOSE]
    )
    limits: dict[int, list[int | None]] = {}
    for party, limit in mandates.values_list("party", "quantity_kg_max"):
        limits.setdefault(party, []).append(limit)
    return {party for party, found in limits.items() if _reaches(found, quantity_kg)}


def may_dispose(owner: Party, user: User, quantity_kg: int) -> bool:
    """Whether a mandate lets ``user`` dispose of so much; MandateTooSmall when only less."""
    mandates = mandates_for(user, owner, Mandate.Scope.DISPOSE)
    limits = list(mandates.values_list("quantity_kg_max", flat=True))
    return bool(limits) and _reaches(limits, quantity_kg)


def _reaches(limits: Sequence[int | None], quantity_kg: int) -> bool:
    if any(limit is None or limit >= quantity_kg for limit in limits):
        return True
    raise MandateTooSmall(
        limit=max(limit for limit in limits if limit is not None), wanted=quantity_kg
    )


def access_request(key: uuid.UUID, user: AnyUser) -> TicketRequest:
    """What was asked for: for its office, the auditor, who asked, the bank, the ticket's owners."""
    found = (
        TicketRequest.objects.select_related(
            "ticket",
            "filing",
            "issuance__filing",
            "pledge",
            "order",
            "notice",
            "objection__notice__ticket",
            "asked_by",
            "pledgee",
            "new_number",
            "successor",
        )
        .filter(key=key)
        .first()
    )
    if found is None:
        raise NotFound()
    if may_read_request(found, user):
        return found
    raise NotFound()


def may_read_request(found: TicketRequest, user: AnyUser) -> bool:
    """Whether ``access_request`` would open it, for pages that link to it."""
    if works_in(user, Department(found.department)) or has_role(user, Role.AUDITOR):
        return True
    if found.asked_by_id == user.pk:
        return True
    sides = [party for party in (found.pledgee, found.successor) if party is not None]
    if acts_for_any(user, sides, Mandate.Scope.VIEW):
        return True
    return found.ticket is not None and acts_for_an_owner(user, found.ticket)


def parties_asked(registration: Registration) -> list[Party]:
    """Whose consent counts: the owners, and where shares change the banks whom the ticket secures;
    of a new name or number alone whose it is. Once decided: the owners and who agreed.
    """
    if registration.ticket is None:
        return []
    asked = owners_of(registration.ticket)
    if registration.state != Registration.State.PREPARED:
        asked += Party.objects.filter(pk__in=registration.consents.values("party"))
    elif registration.kind in (Registration.Kind.CHANGE, Registration.Kind.RENUMBER):
        if not changes_shares(registration):
            return [party for party in asked if party.pk == registration.renamed_id]
        asked += pledgees_of(registration.ticket)
    return list(dict.fromkeys(asked))


def pledgees_of(ticket: CarbonTicket) -> list[Party]:
    """The banks for whose loans kilograms of the ticket stand, and those of later ranks that wait; for
    one that merged the one in its place."""
    standing = [rank.pledge for rank in ranks_on(ticket) if not rank.has_ended]
    return list(dict.fromkeys(succeeding(pledge.pledgee) for pledge in standing))


def may_dispose_any(registration: Registration, user: AnyUser) -> list[Party]:
    """Those asked who have not agreed yet and for whom the user may."""
    agreed = set(registration.consents.values_list("party", flat=True))
    disposing = parties_acted_for(user, Mandate.Scope.DISPOSE)
    mine = set(disposing.values_list("pk", flat=True)) - agreed
    return [party for party in parties_asked(registration) if party.pk in mine]


def access_ticket_key(key: uuid.UUID, user: AnyUser) -> CarbonTicket:
    """Documents of a ticket are for its owners, the mandated and those who serve."""
    number = CarbonTicket.objects.filter(pk=key).values_list("number", flat=True).first()
    if number is None:
        raise NotFound()
    return access_held_ticket(number, user)

"""Who may draw what: gates to project areas and to the exact titles under them."""

from __future__ import annotations

import uuid

from django.db.models import Exists, OuterRef, QuerySet

from parcels.models import ProjectArea, Right, RightKind, VerifiedTitle
from portal.accounts.models import Mandate, Party
from portal.accounts.queries import (
    AnyUser,
    acts_for,
    is_staff_reader,
    parties_acted_for,
    with_members,
)
from portal.base.errors import NotFound

APPLY = Mandate.Scope.APPLY


def access_project_area(key: uuid.UUID, user: AnyUser) -> ProjectArea:
    """An area, for those who may draw it: who acts for its party, or made it for nobody yet."""
    area = ProjectArea.objects.select_related("party").filter(key=key).first()
    if area is None:
        raise NotFound()
    if area.party is not None and acts_for(user, area.party, APPLY):
        return area
    if area.party is None and area.made_by == user:
        return area
    raise NotFound()


def access_area_reader(key: uuid.UUID, user: AnyUser) -> ProjectArea:
    """An area with its exact shape, for those who may draw it and for the departments."""
    area = ProjectArea.objects.select_related("party").filter(key=key).first()
    if area is None:
        raise NotFound()
    if is_staff_reader(user):
        return area
    return access_project_area(key, user)


def applicants_of(user: AnyUser) -> QuerySet[Party]:
    """The checked parties in whose name ``user`` may apply (articles 5 and 7)."""
    return parties_acted_for(user, APPLY).filter(checked_at__isnull=False).order_by("name", "pk")


def access_applicant(key: uuid.UUID, user: AnyUser) -> Party:
    """One of them."""
    party = applicants_of(user).filter(key=key).first()
    if party is None:
        raise NotFound()
    return party


def holders_for(party: Party) -> list[int]:
    """Whose titles count as the applicant's own: keys of rows, for the rules."""
    one = Party.objects.filter(pk=party.pk)
    return sorted(with_members(one).values_list("pk", flat=True))


def titles_of_parties(parties: QuerySet[Party]) -> QuerySet[VerifiedTitle]:
    """Standing verified tree ownership of these holders (article 5)."""
    held = Right.objects.filter(
        certificate=OuterRef("certificate"),
        parcel=OuterRef("parcel"),
        kind=RightKind.TREE_OWNERSHIP,
        party__in=parties.values("pk"),
    )
    return VerifiedTitle.objects.filter(
        Exists(held), ended_at__isnull=True, kind=RightKind.TREE_OWNERSHIP
    )


def titles_to_draw_on(user: AnyUser) -> QuerySet[VerifiedTitle]:
    """The exact titles that ``user`` may see and draw on: own, mandated, members'."""
    return titles_of_parties(with_members(parties_acted_for(user, APPLY)))

"""Reads about who may do what, and who stands for whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from portal.accounts.errors import IdentityNumberWrong, MandateMissing
from portal.accounts.identity import parse_body_number, parse_person_number
from portal.accounts.models import (
    STAFF_ROLES,
    Department,
    IdentityCheck,
    Mandate,
    Party,
    PartyLink,
    PartyMember,
    Role,
    RoleGrant,
    SignedInSession,
    User,
)
from portal.base.clock import PortalNow, today
from portal.base.secrets import fingerprint
from portal.base.statements import prepared_cursor

AnyUser = User | AnonymousUser

# A matter → the scopes of a mandate that include it.
SCOPES_INCLUDING: dict[Mandate.Scope, frozenset[Mandate.Scope]] = {
    Mandate.Scope.ALL: frozenset({Mandate.Scope.ALL}),
    Mandate.Scope.APPLY: frozenset({Mandate.Scope.ALL, Mandate.Scope.APPLY}),
    Mandate.Scope.DISPOSE: frozenset({Mandate.Scope.ALL, Mandate.Scope.DISPOSE}),
    Mandate.Scope.VIEW: frozenset(Mandate.Scope),
}
# Who compares a holder's number with a document (article 3).
UNMASKING_DEPARTMENTS = (Department.FORESTRY, Department.NATURAL_RESOURCES)


# --- roles --------------------------------------------------------------------------------------
_OPEN_GRANTS = """
SELECT role, department FROM accounts_rolegrant, LATERAL portal_now() AS present
WHERE user_id = %s AND valid_from <= present AND (valid_to IS NULL OR valid_to > present)
"""


def open_grants(user: AnyUser) -> list[tuple[Role, str]]:
    """The (role, department) pairs that ``user`` holds now; read anew each time, never cached."""
    if not isinstance(user, User) or not user.is_active:
        return []
    with prepared_cursor() as cursor:
        cursor.execute(_OPEN_GRANTS, [user.pk])
        return [(Role(role), department) for role, department in cursor.fetchall()]


def officers(role: Role, department: Department | None = None) -> QuerySet[User]:
    """Whoever holds an office now, for messages and lists; one person once."""
    grants = RoleGrant.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=PortalNow()),
        role=role,
        valid_from__lte=PortalNow(),
    )
    if department is not None:
        grants = grants.filter(department=department.value)
    return User.objects.filter(is_active=True, pk__in=grants.values("user")).order_by("pk")


def has_role(user: AnyUser, role: Role, department: Department | None = None) -> bool:
    """Whether the grant is open now, in that department where one is named."""
    return any(
        held is role and (department is None or where == department.value)
        for held, where in open_grants(user)
    )


def works_in(user: AnyUser, department: Department) -> bool:
    """Whether ``user`` is a clerk or approver of the department now."""
    return any(where == department.value for _, where in open_grants(user))


def is_staff_reader(user: AnyUser) -> bool:
    """Whether ``user`` sees exact shapes, names and numbers because of an office held now."""
    return any(role in STAFF_ROLES for role, _ in open_grants(user))


def may_administer(user: AnyUser) -> bool:
    """Whether ``user`` grants roles: an administrator, or the first one (``createsuperuser``)."""
    if not user.is_active:
        return False
    return user.is_superuser or has_role(user, Role.ADMINISTRATOR)


def may_check_identities(user: AnyUser) -> bool:
    """Whether ``user`` decides who is who and links names: the forestry department."""
    return works_in(user, Department.FORESTRY)


def may_unmask(user: AnyUser) -> bool:
    """Whether ``user`` may see a full identity number, with a reason."""
    return any(works_in(user, department) for department in UNMASKING_DEPARTMENTS)


# --- parties and mandates -----------------------------------------------------------------------
def standing_links() -> QuerySet[PartyLink]:
    """The links of names to checked parties that have not been ended."""
    return PartyLink.objects.filter(ended_at__isnull=True)


def with_members(parties: QuerySet[Party]) -> QuerySet[Party]:
    """The parties, the members of those that are collectives, and the names linked to either."""
    members = PartyMember.objects.filter(collective__in=parties, ended_at__isnull=True)
    linked = standing_links().filter(checked__in=members.values("member"))
    own = standing_links().filter(checked__in=parties)
    every = parties.values("pk").union(
        members.values("member"), linked.values("name_only"), own.values("name_only")
    )
    return Party.objects.filter(pk__in=every)


def standing_party(party: Party) -> Party:
    """The checked party that a name-only one is linked to; otherwise the party itself."""
    link = standing_links().select_related("checked").filter(name_only=party).first()
    return link.checked if link else party


def checked_party(*, number: str, name: str) -> Party | None:
    """The checked party of exactly this identity number and name; never by a part of either."""
    digests = []
    for parse in (parse_person_number, parse_body_number):
        try:
            digests.append(fingerprint(parse(number).lookup_text))
        except IdentityNumberWrong:
            continue
    return Party.objects.filter(
        identity_digest__in=digests, name=name, checked_at__isnull=False
    ).first()


def names_of(party: Party) -> QuerySet[Party]:
    """The party and every name-only one linked to it: whose rights are this party's rights."""
    linked = standing_links().filter(checked=party).values("name_only")
    own = Party.objects.filter(pk=party.pk).values("pk")
    return Party.objects.filter(pk__in=own.union(linked))


def mandates_in_force(user: AnyUser) -> QuerySet[Mandate]:
    """By which ``user`` acts today. A party whose identity was not accepted gives none."""
    if not isinstance(user, User) or not user.is_active:
        return Mandate.objects.none()
    return all_mandates_in_force().filter(user=user)


def all_mandates_in_force() -> QuerySet[Mandate]:
    """Those of anybody; whether his account is open is asked beside."""
    day = today()
    return Mandate.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=day),
        ended_at__isnull=True,
        valid_from__lte=day,
        party__checked_at__isnull=False,
    )


def mandates_for(user: AnyUser, party: Party, scope: Mandate.Scope) -> QuerySet[Mandate]:
    """The mandates that let ``user`` act for ``party`` (or the one it is linked to) in a matter."""
    return mandates_in_force(user).filter(
        party=standing_party(party), scope__in=SCOPES_INCLUDING[scope]
    )


def people_acting_for(
    parties: Iterable[Party], scope: Mandate.Scope = Mandate.Scope.VIEW
) -> list[User]:
    """Who acts today, in this matter (or in whatever matter), for one of these parties or for the
    checked one that its name is linked to."""
    day, held = today(), [party.pk for party in parties]
    linked = standing_links().filter(name_only__in=held).values("checked")
    return list(
        User.objects.filter(
            Q(mandates__valid_to__isnull=True) | Q(mandates__valid_to__gte=day),
            mandates__party__in=Party.objects.filter(pk__in=held).values("pk").union(linked),
            mandates__scope__in=SCOPES_INCLUDING[scope],
            mandates__ended_at__isnull=True,
            mandates__valid_from__lte=day,
            is_active=True,
        )
        .distinct()
        .order_by("pk")
    )


def acts_for(user: AnyUser, party: Party, scope: Mandate.Scope) -> bool:
    """Whether ``user`` acts for ``party`` in this matter today."""
    return mandates_for(user, party, scope).exists()


def acts_for_any(user: AnyUser, parties: Iterable[Party], scope: Mandate.Scope) -> bool:
    """Whether ``user`` acts for one of the parties in this matter today, however many they are."""
    return parties_acted_for(user, scope).filter(pk__in=[party.pk for party in parties]).exists()


def require_mandate(user: AnyUser, party: Party, scope: Mandate.Scope) -> Mandate:
    """The mandate to act on, one without limits first; MandateMissing when there is none."""
    unlimited_first = Q(quantity_kg_max__isnull=True, price_fen_per_tonne_min__isnull=True)
    found = (
        mandates_for(user, party, scope)
        .annotate(unlimited=unlimited_first)
        .order_by("-unlimited", "pk")
        .first()
    )
    if found is None:
        raise MandateMissing(party=str(party.key))
    return found


def parties_acted_for(user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW) -> QuerySet[Party]:
    """Every party that ``user`` acts for in this matter, with the names linked to them."""
    checked = mandates_in_force(user).filter(scope__in=SCOPES_INCLUDING[scope]).values("party")
    linked = standing_links().filter(checked__in=checked).values("name_only")
    # One list: of two lists joined by OR the planner would look at every party there is.
    return Party.objects.filter(pk__in=checked.union(linked))


def members_of(collective: Party) -> QuerySet[PartyMember]:
    """The present list of a collective, in the order it was recorded."""
    return (
        PartyMember.objects.filter(collective=collective, ended_at__isnull=True)
        .select_related("member")
        .order_by("pk")
    )


def waiting_checks() -> QuerySet[IdentityCheck]:
    """What waits for a decision, the oldest first."""
    return (
        IdentityCheck.objects.filter(state=IdentityCheck.State.WAITING)
        .select_related("party", "applicant")
        .order_by("asked_at", "pk")
    )


# --- sessions -----------------------------------------------------------------------------------
def session_hash(session_key: str) -> bytes:
    """How a session is known: the key itself is never stored."""
    return hashlib.sha256(session_key.encode()).digest()


def live_sessions(user: User) -> QuerySet[SignedInSession]:
    """Where ``user`` is signed in, the most recently used first."""
    return SignedInSession.objects.filter(user=user, revoked_at__isnull=True).order_by("-seen_at")

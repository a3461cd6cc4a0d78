"""Reads about who may do what."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from portal.accounts.models import STAFF_ROLES, Department, Role, RoleGrant, User
from portal.base.clock import PortalNow

AnyUser = User | AnonymousUser


def open_grants(user: AnyUser) -> list[tuple[Role, str]]:
    """The (role, department) pairs that ``user`` holds now; read anew each time, never cached."""
    if not isinstance(user, User) or not user.is_active:
        return []
    found = RoleGrant.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=PortalNow()),
        user=user,
        valid_from__lte=PortalNow(),
    ).values_list("role", "department")
    return [(Role(role), department) for role, department in found]


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

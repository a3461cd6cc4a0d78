"""Who may do what."""

from __future__ import annotations

from portal.accounts.errors import DepartmentMissing, RoleRevoked, SamePerson
from portal.accounts.models import STAFF_ROLES, Department, Role, RoleGrant, User
from portal.accounts.operations.authority import require_administrator
from portal.accounts.operations.records import locked, record
from portal.accounts.operations.sessions import end_sessions
from portal.base.clock import now
from portal.base.transactions import write_transaction


@write_transaction
def grant_role(
    *, user: User, role: Role, actor: User, department: Department | None = None
) -> RoleGrant:
    """Give an office, from now on; an administrator does it, never to themselves.

    The user's sessions end, so that the next sign-in is the one that the office asks for.
    Raises OfficeMissing, SamePerson, DepartmentMissing, RoleHeld.
    """
    require_administrator(actor)
    if user == actor:
        raise SamePerson()
    return enter_role(user, role, department, actor)


@write_transaction
def revoke_role(*, grant: RoleGrant, actor: User) -> RoleGrant:
    """Take an office back: effective at the next request; the user's sessions end.

    Raises OfficeMissing, SamePerson, RoleRevoked.
    """
    require_administrator(actor)
    if grant.user == actor:
        raise SamePerson()
    user = locked(grant.user)
    grant = RoleGrant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    if grant.valid_to is not None:
        raise RoleRevoked()
    grant.valid_to = now()
    grant.revoked_by = actor
    grant.save(update_fields=["valid_to", "revoked_by"])
    if grant.role == Role.ADMINISTRATOR:
        _let_into_admin(user, False)
    end_sessions(user)
    record(
        "user",
        user.key,
        "revoke_role",
        actor,
        grant=grant.pk,
        role=grant.role,
        department=grant.department,
    )
    return grant


def enter_role(
    user: User, role: Role, department: Department | None, actor: User | None
) -> RoleGrant:
    """Enter an office without asking who gives it; raises DepartmentMissing, RoleHeld."""
    if role in (Role.CLERK, Role.APPROVER) and department is None:
        raise DepartmentMissing()
    user = locked(user)
    grant = RoleGrant.objects.create(
        user=user, role=role, department=department or "", granted_by=actor
    )
    if role is Role.ADMINISTRATOR:
        _let_into_admin(user, True)
    if role in STAFF_ROLES:
        end_sessions(user)
    record(
        "user",
        user.key,
        "grant_role",
        actor,
        grant=grant.pk,
        role=role,
        department=department or "",
    )
    return grant


def _let_into_admin(user: User, administers: bool) -> None:
    """Django's own flags follow the administrator's role; nothing else here sets them."""
    user.is_staff = user.is_superuser = administers
    user.save(update_fields=["is_staff", "is_superuser"])

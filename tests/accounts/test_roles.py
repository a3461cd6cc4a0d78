"""Offices are given by an administrator to somebody else, and taken back with effect at once."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import (
    DepartmentMissing,
    OfficeMissing,
    RoleHeld,
    RoleRevoked,
    SamePerson,
)
from portal.accounts.models import Department, Role, RoleGrant, User
from portal.accounts.operations import close_account, grant_role, open_account, revoke_role
from portal.accounts.queries import has_role, is_staff_reader, may_administer, works_in
from tests.accounts.people import (
    PASSWORD,
    administrator,
    forestry_clerk,
    user_named,
    verbs,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("by", "refusal"),
    [("root", None), ("first", None), ("clerk", OfficeMissing), ("expert", OfficeMissing)],
)
def test_an_administrator_gives_a_role(root: User, clerk: User, by: str, refusal: Any) -> None:
    first = User.objects.create_superuser("first", password=PASSWORD)
    user = user_named("expert")
    actor = {"root": root, "first": first, "clerk": clerk, "expert": user}[by]
    with pytest.raises(refusal) if refusal else nullcontext():
        grant_role(user=user, role=Role.EXPERT, actor=actor)
    assert has_role(user, Role.EXPERT) is (refusal is None)


def test_nobody_gives_or_takes_an_own_role(root: User) -> None:
    with pytest.raises(SamePerson):
        grant_role(user=root, role=Role.EXPERT, actor=root)
    with pytest.raises(SamePerson):
        revoke_role(grant=root.role_grants.get(), actor=root)


@pytest.mark.parametrize(
    ("role", "department", "refusal"),
    [
        (Role.CLERK, Department.ECOLOGY, None),
        (Role.APPROVER, None, DepartmentMissing),
        (Role.EXPERT, None, None),
    ],
)
def test_clerks_and_approvers_serve_a_department(
    root: User, role: Role, department: Department | None, refusal: Any
) -> None:
    user = user_named("somebody")
    with pytest.raises(refusal) if refusal else nullcontext():
        grant_role(user=user, role=role, department=department, actor=root)
    assert user.role_grants.exists() is (refusal is None)


def test_a_role_is_held_once_at_a_time_and_its_history_stays(root: User) -> None:
    user = user_named("clerk2")
    terms: dict[str, Any] = {
        "user": user,
        "role": Role.CLERK,
        "department": Department.FORESTRY,
        "actor": root,
    }
    grant = grant_role(**terms)
    with pytest.raises(RoleHeld):
        grant_role(**terms)
    revoke_role(grant=grant, actor=root)
    assert not works_in(user, Department.FORESTRY)
    with pytest.raises(RoleRevoked):
        revoke_role(grant=grant, actor=root)
    grant_role(**terms)
    assert works_in(user, Department.FORESTRY)
    assert RoleGrant.objects.filter(user=user).count() == 2
    assert verbs("user", user.key) == ["grant_role", "revoke_role", "grant_role"]


def test_the_administration_opens_and_closes_with_its_role(root: User) -> None:
    user = user_named("second")
    grant = grant_role(user=user, role=Role.ADMINISTRATOR, actor=root)
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, True)
    revoke_role(grant=grant, actor=root)
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert not may_administer(user)


def test_a_revoked_role_ends_at_the_next_request(root: User, browser: Client) -> None:
    clerk = forestry_clerk("clerk2")
    browser.force_login(clerk)
    desk = reverse("accounts:identity-checks")
    assert browser.get(desk).status_code == 200
    revoke_role(grant=clerk.role_grants.get(), actor=root)
    refused = browser.get(desk)
    assert refused.status_code == 302
    assert refused["Location"].startswith(reverse("accounts:sign-in"))
    browser.force_login(clerk)
    assert browser.get(desk).status_code == 404


@pytest.mark.parametrize(("role", "ends"), [(Role.TRADING_CLERK, True), (Role.EXPERT, False)])
def test_a_new_office_asks_for_a_new_sign_in(
    root: User, browser: Client, role: Role, ends: bool
) -> None:
    user = user_named("somebody")
    browser.force_login(user)
    browser.get(reverse("accounts:my-page"))
    grant_role(user=user, role=role, actor=root)
    assert (browser.get(reverse("accounts:my-page")).status_code == 302) is ends


def test_an_administrator_opens_and_closes_accounts(root: User, clerk: User) -> None:
    account = {"username": "new", "password": PASSWORD, "full_name": "新人"}
    with pytest.raises(OfficeMissing):
        open_account(**account, actor=clerk)
    user = open_account(**account, actor=root)
    grant_role(user=user, role=Role.AUDITOR, actor=root)
    with pytest.raises(SamePerson):
        close_account(user=root, actor=root)
    closed = close_account(user=user, actor=root)
    assert not is_staff_reader(closed)
    assert not may_administer(closed)
    assert not closed.is_active


def test_a_closed_administrator_administers_nothing(root: User) -> None:
    other = administrator("other")
    close_account(user=other, actor=root)
    other.refresh_from_db()
    with pytest.raises(OfficeMissing):
        grant_role(user=user_named("x"), role=Role.EXPERT, actor=other)

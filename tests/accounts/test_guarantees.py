"""What the database refuses, whoever asks: attacked by raw SQL as the application's role."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from django.db.utils import ProgrammingError

from portal.accounts.models import (
    IdentityCheck,
    Mandate,
    Party,
    Role,
    RoleGrant,
    SignedInSession,
    User,
)
from portal.accounts.operations import (
    decide_identity_check,
    end_mandate,
    give_mandate,
    grant_role,
    link_party,
    note_session,
    revoke_role,
    revoke_session,
    unlink_party,
    unmask_identity,
)
from portal.base.clock import today
from tests.accounts.people import (
    accepted,
    name_only,
    person_waiting,
    user_named,
)
from tests.base.sessions import refused_by

pytestmark = pytest.mark.django_db


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))


@pytest.fixture
def wang(clerk: User) -> Party:
    return accepted(person_waiting("wang"), clerk)


@pytest.mark.parametrize(
    "change",
    [
        "valid_to = NULL",
        "valid_to = portal_now()",
        "role = 'administrator'",
        "revoked_by_id = NULL",
    ],
)
def test_a_revoked_role_never_comes_back(root: User, change: str) -> None:
    grant = grant_role(user=user_named("expert"), role=Role.EXPERT, actor=root)
    revoke_role(grant=grant, actor=root)
    with refused_by("nothing_is_rewritten"):
        run(f"UPDATE accounts_rolegrant SET {change} WHERE id = %s", grant.pk)


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("UPDATE accounts_rolegrant SET role = 'administrator' WHERE id = %s", True),
        (
            "UPDATE accounts_rolegrant SET valid_from = valid_from - interval '1 day' WHERE id = %s",
            True,
        ),
        ("DELETE FROM accounts_rolegrant WHERE id = %s", True),
        ("UPDATE accounts_rolegrant SET valid_to = portal_now() WHERE id = %s", False),
    ],
)
def test_an_open_role_is_closed_and_nothing_else(root: User, statement: str, refused: bool) -> None:
    grant = grant_role(user=user_named("expert"), role=Role.EXPERT, actor=root)
    with refused_by("nothing_is_rewritten") if refused else nullcontext():
        run(statement, grant.pk)


def test_nobody_grants_a_role_to_themselves_by_hand(root: User) -> None:
    with refused_by("nobody_grants_a_role_to_themselves"):
        RoleGrant.objects.create(user=root, role=Role.EXPERT, granted_by=root)


@pytest.mark.parametrize(
    "change",
    [
        "ended_at = NULL",
        "scope = 'all'",
        "valid_to = NULL",
        "user_id = given_by_id",
        "quantity_kg_max = 9000000",
    ],
)
def test_an_ended_mandate_stays_as_it_was(wang: Party, change: str) -> None:
    owner = User.objects.get(username="wang")
    mandate = give_mandate(
        party=wang,
        user=user_named("agent"),
        scope=Mandate.Scope.VIEW,
        valid_from=today(),
        valid_to=today(),
        actor=owner,
    )
    end_mandate(mandate=mandate, actor=owner)
    with refused_by("nothing_is_rewritten"):
        run(f"UPDATE accounts_mandate SET {change} WHERE id = %s", mandate.pk)


@pytest.mark.parametrize(
    "change", ["state = 'waiting', decided_at = NULL, decided_by_id = NULL", "reason = '换个说法'"]
)
def test_a_decided_check_stays_decided(clerk: User, change: str) -> None:
    check = person_waiting()
    decide_identity_check(check=check, accepted=True, actor=clerk)
    with refused_by("nothing_is_rewritten"):
        run(f"UPDATE accounts_identitycheck SET {change} WHERE id = %s", check.pk)
    with refused_by("nothing_is_rewritten"):
        run("DELETE FROM accounts_identitycheck WHERE id = %s", check.pk)


@pytest.mark.parametrize(
    ("own", "refused"), [(True, True), (False, False)], ids=["the applicant", "a clerk"]
)
def test_nobody_decides_on_an_own_identity_by_hand(clerk: User, own: bool, refused: bool) -> None:
    check = person_waiting()
    with refused_by("nobody_decides_on_an_own_identity") if refused else nullcontext():
        IdentityCheck.objects.filter(pk=check.pk).update(
            state="accepted",
            decided_at=check.asked_at,
            decided_by=check.applicant if own else clerk,
        )


def test_a_link_is_ended_but_not_changed(clerk: User, wang: Party) -> None:
    link = link_party(name_only=name_only(), checked=wang, evidence="原件", actor=clerk)
    with refused_by("nothing_is_rewritten"):
        run("UPDATE accounts_partylink SET evidence = '别的' WHERE id = %s", link.pk)
    unlink_party(link=link, actor=clerk)
    with refused_by("nothing_is_rewritten"):
        run("UPDATE accounts_partylink SET ended_at = NULL WHERE id = %s", link.pk)


@pytest.mark.parametrize("wrong_side", ["name", "checked"])
def test_a_link_by_hand_joins_a_name_and_a_checked_party(
    clerk: User, wang: Party, wrong_side: str
) -> None:
    name = wang if wrong_side == "name" else name_only()
    checked = name_only() if wrong_side == "checked" else wang
    with refused_by("link_joins_a_name_and_a_checked_party"):
        run(
            "INSERT INTO accounts_partylink (key, name_only_id, checked_id, evidence, linked_by_id)"
            " VALUES (gen_random_uuid(), %s, %s, '原件', %s)",
            name.pk,
            checked.pk,
            clerk.pk,
        )


def test_a_revoked_session_never_comes_back() -> None:
    user = user_named("wang")
    session = note_session(session_key="a" * 32, actor=user, agent="", ip=None)
    SignedInSession.objects.filter(pk=session.pk).update(agent="seen again")
    revoke_session(session=session, actor=user)
    with refused_by("nothing_is_rewritten"):
        run("UPDATE accounts_signedinsession SET revoked_at = NULL WHERE id = %s", session.pk)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_identitydocument SET sha256 = ''",
        "DELETE FROM accounts_identitydocument",
        "TRUNCATE accounts_identitydocument CASCADE",
        "UPDATE accounts_unmasking SET reason = '好奇'",
        "DELETE FROM accounts_unmasking",
        "TRUNCATE accounts_rolegrant",
    ],
)
def test_scans_and_unmaskings_are_only_added(clerk: User, wang: Party, statement: str) -> None:
    unmask_identity(party=wang, reason="核对权属证书", actor=clerk)
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(statement)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("identity_key_id = ''", "identity_is_whole_or_absent"),
        ("identity_sealed = NULL", "identity_is_whole_or_absent"),
        (
            "identity_sealed = NULL, identity_digest = NULL, identity_key_id = '', "
            "identity_prefix = '', identity_last4 = ''",
            "checked_party_has_an_identity",
        ),
        ("kind = 'name_only'", "name_only_party_has_no_identity"),
        ("name = ''", "party_has_a_name"),
    ],
)
def test_a_checked_party_keeps_its_whole_identity(
    wang: Party, change: str, constraint: str
) -> None:
    with refused_by(constraint):
        run(f"UPDATE accounts_party SET {change} WHERE id = %s", wang.pk)


def test_one_number_is_one_party_by_hand_too(wang: Party) -> None:
    other = person_waiting("li").party
    with refused_by("one_party_per_identity_number"):
        run(
            "UPDATE accounts_party SET identity_digest = "
            "(SELECT identity_digest FROM accounts_party WHERE id = %s) WHERE id = %s",
            wang.pk,
            other.pk,
        )


@pytest.mark.parametrize(
    ("numerators", "denominators", "refused"),
    [((1, 2), (3, 3), False), ((1, 1), (3, 3), True), ((1, 1), (2, 4), True), ((), (), False)],
)
def test_members_shares_sum_to_the_whole_by_hand_too(
    wang: Party, numerators: Any, denominators: Any, refused: bool
) -> None:
    with refused_by("member_shares_sum_to_the_whole") if refused else nullcontext():
        for numerator, denominator in zip(numerators, denominators, strict=True):
            run(
                "INSERT INTO accounts_partymember "
                "(collective_id, member_id, share_numerator, share_denominator) "
                "VALUES (%s, %s, %s, %s)",
                wang.pk,
                name_only().pk,
                numerator,
                denominator,
            )
        run("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_holder_taken_in_by_plain_sql_needs_no_more_than_before() -> None:
    run(
        "INSERT INTO accounts_party (key, kind, name, made_at) "
        "VALUES (gen_random_uuid(), 'name_only', '马木提', portal_now())"
    )
    assert Party.objects.get(name="马木提").identity_masked == ""

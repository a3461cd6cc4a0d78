"""Several people at once: the database lets one of them win, whoever writes."""

from __future__ import annotations

import psycopg
import pytest

from portal.accounts.errors import (
    AlreadyDecided,
    IdentityTaken,
    PartyLinked,
    RoleHeld,
    SharesDoNotSum,
)
from portal.accounts.models import Party, PartyLink, PartyMember, Role, RoleGrant, User
from portal.accounts.operations import (
    MemberShare,
    decide_identity_check,
    grant_role,
    link_party,
    record_members,
)
from portal.accounts.queries import members_of
from tests.accounts.people import (
    accepted,
    administrator,
    body_waiting,
    forestry_clerk,
    name_only,
    person_number,
    person_waiting,
    user_named,
    verbs,
)
from tests.base.sessions import at_once
from tests.conftest import app_connection

pytestmark = pytest.mark.usefixtures("committed_db")


def test_two_who_sign_up_at_once_with_one_number_make_one_party() -> None:
    number = person_number()

    def attempt(name: str) -> str:
        try:
            person_waiting(name, number=number)
        except IdentityTaken:
            return "taken"
        return "made"

    found = at_once([lambda name=f"user{i}": attempt(name) for i in range(4)])  # type: ignore[misc]
    assert sorted(found) == ["made", "taken", "taken", "taken"]
    assert Party.objects.count() == User.objects.count() == 1


def test_two_clerks_at_once_make_one_decision() -> None:
    check = person_waiting()
    clerks = [forestry_clerk("one"), forestry_clerk("two")]

    def decide(clerk: User, accept: bool) -> str:
        try:
            decide_identity_check(check=check, accepted=accept, reason="x", actor=clerk)
        except AlreadyDecided:
            return "late"
        return "decided"

    found = at_once([lambda: decide(clerks[0], True), lambda: decide(clerks[1], False)])
    assert sorted(found) == ["decided", "late"]
    assert len(verbs("party", check.party.key)) == 2


def test_one_name_is_linked_once() -> None:
    clerks = [forestry_clerk("one"), forestry_clerk("two")]
    parties = [accepted(person_waiting(name), clerks[0]) for name in ("wang", "li")]
    name = name_only()

    def link(at: int) -> str:
        try:
            link_party(name_only=name, checked=parties[at], evidence="原件", actor=clerks[at])
        except PartyLinked:
            return "taken"
        return "linked"

    assert sorted(at_once([lambda: link(0), lambda: link(1)])) == ["linked", "taken"]
    assert PartyLink.objects.count() == 1


def test_a_role_is_granted_once() -> None:
    granters, user = [administrator("one"), administrator("two")], user_named("expert")

    def grant(actor: User) -> str:
        try:
            grant_role(user=user, role=Role.EXPERT, actor=actor)
        except RoleHeld:
            return "held"
        return "granted"

    found = at_once([lambda: grant(granters[0]), lambda: grant(granters[1])])
    assert sorted(found) == ["granted", "held"]
    assert RoleGrant.objects.filter(user=user).count() == 1


@pytest.mark.parametrize(("numerators", "whole"), [((1, 2), True), ((1, 1), False), ((3,), True)])
def test_shares_are_judged_when_the_list_is_whole(numerators: tuple[int, ...], whole: bool) -> None:
    clerk = forestry_clerk()
    collective = accepted(body_waiting("coop", kind=Party.Kind.COLLECTIVE), clerk)
    members = [MemberShare(name_only(f"户{n}"), n) for n in numerators]
    try:
        record_members(collective=collective, members=members, denominator=3, actor=clerk)
    except SharesDoNotSum:
        assert not whole
        assert not members_of(collective).exists()
    else:
        assert whole
        assert members_of(collective).count() == len(numerators)


def test_two_sessions_that_each_add_a_member_by_hand_are_judged_together() -> None:
    clerk = forestry_clerk()
    collective = accepted(body_waiting("coop", kind=Party.Kind.COLLECTIVE), clerk)
    households = [name_only("户一"), name_only("户二")]
    sql = (
        "INSERT INTO accounts_partymember "
        "(collective_id, member_id, share_numerator, share_denominator) VALUES (%s, %s, 1, 1)"
    )

    def add(household: Party) -> str:
        with app_connection() as session:
            session.execute(sql, [collective.pk, household.pk])
            try:
                session.commit()
            except psycopg.IntegrityError as error:
                return str(error.diag.constraint_name)
        return "added"

    found = at_once([lambda: add(households[0]), lambda: add(households[1])])
    assert sorted(found) == ["added", "member_shares_sum_to_the_whole"]
    assert PartyMember.objects.count() == 1

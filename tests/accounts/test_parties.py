"""Names become parties by evidence alone, and a user acts for a party by a mandate in force."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from portal.accounts.errors import (
    MandateDocumentMissing,
    MandateEnded,
    MandateMissing,
    MandateTermsWrong,
    MemberTwice,
    OfficeMissing,
    PartyKindWrong,
    PartyLinked,
    PartyNotChecked,
    ReasonMissing,
    SamePerson,
)
from portal.accounts.models import Mandate, Party, PartyMember, User
from portal.accounts.operations import (
    MemberShare,
    end_mandate,
    give_mandate,
    link_party,
    record_members,
    unlink_party,
)
from portal.accounts.queries import (
    acts_for,
    mandates_in_force,
    members_of,
    names_of,
    parties_acted_for,
    require_mandate,
    standing_party,
)
from portal.base.clock import advance_clock, today
from tests.accounts.people import (
    accepted,
    body_waiting,
    forestry_clerk,
    name_only,
    person_waiting,
    scan,
    user_named,
    verbs,
)

pytestmark = pytest.mark.django_db
ALL, APPLY, DISPOSE, VIEW = (
    Mandate.Scope.ALL,
    Mandate.Scope.APPLY,
    Mandate.Scope.DISPOSE,
    Mandate.Scope.VIEW,
)


@pytest.fixture
def wang(clerk: User) -> Party:
    return accepted(person_waiting("wang"), clerk)


@pytest.fixture
def owner(wang: Party) -> User:
    return User.objects.get(username="wang")


@pytest.fixture
def agent(db: None) -> User:
    return user_named("agent")


# --- links --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("by", "evidence", "refusal"),
    [
        ("clerk", "林权证原件与身份证一致", None),
        ("clerk", " ", ReasonMissing),
        ("owner", "我就是他", OfficeMissing),
    ],
)
def test_a_forestry_clerk_links_on_evidence(
    clerk: User, wang: Party, owner: User, by: str, evidence: str, refusal: Any
) -> None:
    name = name_only()
    actor = clerk if by == "clerk" else owner
    with pytest.raises(refusal) if refusal else nullcontext():
        link_party(name_only=name, checked=wang, evidence=evidence, document=scan(), actor=actor)
    linked = refusal is None
    assert (standing_party(name) == wang) is linked
    assert (name in parties_acted_for(owner)) is linked
    assert acts_for(owner, name, DISPOSE) is linked


def test_equal_names_link_nobody(wang: Party, owner: User) -> None:
    namesake = name_only(wang.name)
    assert standing_party(namesake) == namesake
    assert list(names_of(wang)) == [wang]
    assert not acts_for(owner, namesake, VIEW)


def test_a_link_joins_a_name_and_a_checked_party(clerk: User, wang: Party) -> None:
    waiting = person_waiting("li").party
    with pytest.raises(PartyKindWrong):
        link_party(name_only=waiting, checked=wang, evidence="原件", actor=clerk)
    with pytest.raises(PartyNotChecked):
        link_party(name_only=name_only(), checked=waiting, evidence="原件", actor=clerk)


def test_nobody_links_a_party_they_act_for(clerk: User, wang: Party, owner: User) -> None:
    give_mandate(party=wang, user=clerk, scope=VIEW, valid_from=today(), actor=owner)
    with pytest.raises(SamePerson):
        link_party(name_only=name_only(), checked=wang, evidence="原件", actor=clerk)


def test_a_wrong_link_ends_and_stays_on_record(clerk: User, wang: Party, owner: User) -> None:
    name = name_only()
    link = link_party(name_only=name, checked=wang, evidence="原件", actor=clerk)
    with pytest.raises(PartyLinked):
        link_party(name_only=name, checked=wang, evidence="再次", actor=clerk)
    unlink_party(link=link, actor=clerk)
    assert standing_party(name) == name
    assert not acts_for(owner, name, VIEW)
    assert verbs("party", name.key) == ["link_party", "unlink_party"]
    link_party(name_only=name, checked=wang, evidence="新的原件", actor=clerk)
    assert name.links.count() == 2


# --- mandates -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        (ALL, ALL, True),
        (ALL, APPLY, True),
        (ALL, DISPOSE, True),
        (ALL, VIEW, True),
        (APPLY, APPLY, True),
        (APPLY, VIEW, True),
        (APPLY, DISPOSE, False),
        (APPLY, ALL, False),
        (DISPOSE, APPLY, False),
        (VIEW, VIEW, True),
        (VIEW, APPLY, False),
    ],
)
def test_a_mandate_reaches_as_far_as_its_scope(
    wang: Party, owner: User, agent: User, given: Any, asked: Any, allowed: bool
) -> None:
    give_mandate(party=wang, user=agent, scope=given, valid_from=today(), actor=owner)
    with nullcontext() if allowed else pytest.raises(MandateMissing):
        assert require_mandate(agent, wang, asked).user == agent
    assert (wang in parties_acted_for(agent, asked)) is allowed


@pytest.mark.parametrize(
    ("from_days", "to_days", "in_force"),
    [(0, None, True), (0, 0, True), (-5, 5, True), (1, None, False), (-5, -1, False)],
)
def test_a_mandate_counts_from_its_first_day_to_its_last(
    wang: Party, owner: User, agent: User, from_days: int, to_days: int | None, in_force: bool
) -> None:
    day = today()
    give_mandate(
        party=wang,
        user=agent,
        scope=APPLY,
        valid_from=day + timedelta(days=from_days),
        valid_to=None if to_days is None else day + timedelta(days=to_days),
        actor=owner,
    )
    assert mandates_in_force(agent).exists() is in_force


def test_a_mandate_runs_out_by_itself(wang: Party, owner: User, agent: User) -> None:
    give_mandate(
        party=wang, user=agent, scope=APPLY, valid_from=today(), valid_to=today(), actor=owner
    )
    assert acts_for(agent, wang, APPLY)
    advance_clock(timedelta(days=1))
    assert not acts_for(agent, wang, APPLY)


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({}, None),
        ({"valid_to": date(2000, 1, 1)}, MandateTermsWrong),
        ({"quantity_kg_max": 1, "price_fen_per_tonne_min": 1}, None),
        ({"quantity_kg_max": 0}, MandateTermsWrong),
        ({"price_fen_per_tonne_min": -1}, MandateTermsWrong),
    ],
)
def test_the_terms_of_a_mandate_make_sense(
    wang: Party, owner: User, agent: User, terms: dict[str, Any], refusal: Any
) -> None:
    with pytest.raises(refusal) if refusal else nullcontext():
        give_mandate(
            party=wang, user=agent, scope=DISPOSE, valid_from=today(), actor=owner, **terms
        )


@pytest.mark.parametrize(
    ("by", "paper", "refusal"),
    [
        ("owner", False, None),
        ("clerk", True, None),
        ("clerk", False, MandateDocumentMissing),
        ("partial", True, MandateMissing),
        ("stranger", True, MandateMissing),
    ],
)
def test_who_acts_in_all_matters_or_a_clerk_with_the_paper_gives_a_mandate(
    clerk: User, wang: Party, owner: User, agent: User, by: str, paper: bool, refusal: Any
) -> None:
    partial = user_named("partial")
    give_mandate(party=wang, user=partial, scope=DISPOSE, valid_from=today(), actor=owner)
    actor = {"owner": owner, "clerk": clerk, "partial": partial}.get(by) or user_named(by)
    with pytest.raises(refusal) if refusal else nullcontext():
        give_mandate(
            party=wang,
            user=agent,
            scope=APPLY,
            valid_from=today(),
            document=scan() if paper else None,
            actor=actor,
        )
    assert acts_for(agent, wang, APPLY) is (refusal is None)


def test_nobody_gives_themselves_a_mandate_nor_one_for_who_is_not_checked(
    clerk: User, wang: Party, agent: User
) -> None:
    with pytest.raises(SamePerson):
        give_mandate(
            party=wang, user=clerk, scope=VIEW, valid_from=today(), document=scan(), actor=clerk
        )
    with pytest.raises(PartyNotChecked):
        give_mandate(party=name_only(), user=agent, scope=VIEW, valid_from=today(), actor=clerk)


@pytest.mark.parametrize(
    ("by", "refusal"),
    [("owner", None), ("agent", None), ("clerk", None), ("stranger", MandateMissing)],
)
def test_a_mandate_is_ended_once_by_either_side_or_a_clerk(
    clerk: User, wang: Party, owner: User, agent: User, by: str, refusal: Any
) -> None:
    mandate = give_mandate(party=wang, user=agent, scope=APPLY, valid_from=today(), actor=owner)
    actor = {"owner": owner, "agent": agent, "clerk": clerk}.get(by) or user_named(by)
    with pytest.raises(refusal) if refusal else nullcontext():
        end_mandate(mandate=mandate, actor=actor)
    assert acts_for(agent, wang, APPLY) is (refusal is not None)
    if refusal is None:
        with pytest.raises(MandateEnded):
            end_mandate(mandate=mandate, actor=actor)


@pytest.mark.parametrize(("by", "refusal"), [("delegate", MandateMissing), ("clerk", None)])
def test_a_delegate_cannot_shut_the_principal_out(
    clerk: User, wang: Party, owner: User, agent: User, by: str, refusal: Any
) -> None:
    give_mandate(party=wang, user=agent, scope=ALL, valid_from=today(), actor=owner)
    own = owner.mandates.get(party=wang)
    with pytest.raises(refusal) if refusal else nullcontext():
        end_mandate(mandate=own, actor=agent if by == "delegate" else clerk)
    assert acts_for(owner, wang, ALL) is (refusal is not None)


def test_a_mandate_without_limits_comes_first(wang: Party, owner: User, agent: User) -> None:
    terms: dict[str, Any] = {"party": wang, "user": agent, "valid_from": today(), "actor": owner}
    give_mandate(scope=DISPOSE, quantity_kg_max=1000, **terms)
    assert require_mandate(agent, wang, DISPOSE).quantity_kg_max == 1000
    give_mandate(scope=DISPOSE, **terms)
    assert require_mandate(agent, wang, DISPOSE).quantity_kg_max is None


def test_a_closed_account_acts_for_nobody(wang: Party, owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert not acts_for(owner, wang, VIEW)


# --- members ------------------------------------------------------------------------------------
@pytest.fixture
def collective(clerk: User) -> Party:
    return accepted(body_waiting("coop", kind=Party.Kind.COLLECTIVE), clerk)


def settle() -> None:
    """Let deferred triggers judge now, as a commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_a_newer_list_of_members_replaces_the_former_and_keeps_it(collective: Party) -> None:
    actor = User.objects.get(username="coop")
    one, two, three = (name_only(f"户{n}") for n in (1, 2, 3))
    record_members(
        collective=collective,
        members=[MemberShare(one, 1), MemberShare(two, 1)],
        denominator=2,
        actor=actor,
    )
    settle()
    record_members(
        collective=collective,
        members=[MemberShare(one, 1), MemberShare(two, 1), MemberShare(three, 1)],
        denominator=3,
        actor=actor,
    )
    settle()
    assert [row.member for row in members_of(collective)] == [one, two, three]
    assert PartyMember.objects.filter(collective=collective).count() == 5


@pytest.mark.parametrize(
    ("by", "kind", "twice", "refusal"),
    [
        ("coop", Party.Kind.COLLECTIVE, False, None),
        ("clerk", Party.Kind.COLLECTIVE, False, None),
        ("stranger", Party.Kind.COLLECTIVE, False, MandateMissing),
        ("clerk", Party.Kind.LEGAL_BODY, False, PartyKindWrong),
        ("clerk", Party.Kind.COLLECTIVE, True, MemberTwice),
    ],
)
def test_a_collective_lists_each_member_once(
    clerk: User, collective: Party, by: str, kind: Party.Kind, twice: bool, refusal: Any
) -> None:
    coop = User.objects.get(username="coop")
    actor = {"clerk": clerk, "coop": coop}.get(by) or user_named(by)
    if kind != Party.Kind.COLLECTIVE:
        collective = accepted(body_waiting("company", kind=kind), clerk)
    first = name_only("户一")
    second = first if twice else name_only("户二")
    with pytest.raises(refusal) if refusal else nullcontext():
        record_members(
            collective=collective,
            members=[MemberShare(first, 1), MemberShare(second, 1)],
            denominator=2,
            actor=actor,
        )


def test_a_collective_is_no_member_of_itself(clerk: User, collective: Party) -> None:
    with pytest.raises(MemberTwice):
        record_members(
            collective=collective,
            members=[MemberShare(collective, 1)],
            denominator=1,
            actor=forestry_clerk("colleague"),
        )

"""Who signs up is known by a sealed number, once, and acts for nobody until a clerk accepts."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from portal.accounts.documents import path_of
from portal.accounts.errors import (
    IdentityNumberWrong,
    IdentityTaken,
    OfficeMissing,
    PartyKindWrong,
    UsernameTaken,
)
from portal.accounts.models import IdentityCheck, IdentityDocument, Mandate, Party, User
from portal.accounts.operations import (
    register_legal_body,
    register_person,
    sign_up_person,
)
from portal.accounts.queries import acts_for
from portal.base.secrets import Sealed, unseal
from portal.journal.models import Event
from tests.accounts.people import (
    PASSWORD,
    body_number,
    body_waiting,
    person_number,
    person_waiting,
    scan,
    user_named,
    verbs,
)

pytestmark = pytest.mark.django_db


def test_a_number_is_kept_sealed_and_found_by_its_hash_alone() -> None:
    number = person_number()
    party = person_waiting(number=number).party
    party.refresh_from_db()
    assert party.identity_masked == f"654002********{number[-4:]}"
    assert number.encode() not in bytes(party.identity_sealed or b"")
    sealed = Sealed(party.identity_key_id, bytes(party.identity_sealed or b""))
    assert unseal(sealed, bound_to=str(party.key)) == number


def test_nobody_acts_for_a_party_that_waits() -> None:
    check = person_waiting()
    assert check.state == IdentityCheck.State.WAITING
    assert not acts_for(check.applicant, check.party, Mandate.Scope.VIEW)
    assert check.applicant.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        (person_number(501), IdentityTaken),
        (person_number(501).replace("0", "０"), IdentityTaken),
        (f" {person_number(501)} ", IdentityTaken),
        (person_number(502), None),
        ("654002190001015010", IdentityNumberWrong),
    ],
)
def test_a_person_is_registered_once(typed: str, refusal: Any) -> None:
    person_waiting("first", number=person_number(501))
    with pytest.raises(refusal) if refusal else nullcontext():
        person_waiting("second", number=typed)
    # A refused sign-up leaves no account behind.
    assert User.objects.filter(username="second").exists() is (refusal is None)


def test_a_body_is_registered_once_as_whatever_kind() -> None:
    number = body_number()
    body_waiting("first", number=number)
    with pytest.raises(IdentityTaken):
        body_waiting("second", number=number.lower(), kind=Party.Kind.COLLECTIVE)


@pytest.mark.parametrize(
    ("name", "refusal"), [("Wang", UsernameTaken), ("wang", UsernameTaken), ("wang2", None)]
)
def test_names_differ_by_more_than_their_case(name: str, refusal: Any) -> None:
    person_waiting("wang")
    with pytest.raises(refusal) if refusal else nullcontext():
        person_waiting(name)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (Party.Kind.LEGAL_BODY, None),
        (Party.Kind.COLLECTIVE, None),
        (Party.Kind.PERSON, PartyKindWrong),
        (Party.Kind.NAME_ONLY, PartyKindWrong),
    ],
)
def test_a_body_is_a_legal_body_or_a_collective(kind: Party.Kind, refusal: Any) -> None:
    with pytest.raises(refusal) if refusal else nullcontext():
        assert body_waiting(kind=kind).party.kind == kind


@pytest.mark.parametrize("counter", [True, False])
def test_only_the_counter_signs_somebody_else_up(clerk: User, counter: bool) -> None:
    actor = clerk if counter else user_named("stranger")
    with nullcontext() if counter else pytest.raises(OfficeMissing):
        check = sign_up_person(
            username="walk-in",
            password=PASSWORD,
            full_name="阿依古丽",
            identity_number=person_number(),
            actor=actor,
        )
        assert check.applicant.username == "walk-in"
        event = Event.objects.get(subject_kind="party", subject_key=str(check.party.key))
        assert event.actor_key == clerk.key


def test_somebody_signed_in_registers_further_parties() -> None:
    user = user_named("agent")
    body = register_legal_body(
        body_name="林场", identity_number=body_number(), actor=user, documents=[scan()]
    )
    person = register_person(full_name="李四", identity_number=person_number(), actor=user)
    assert {check.applicant for check in (body, person)} == {user}


def test_scans_are_kept_without_a_name_for_the_portal_alone() -> None:
    check = person_waiting()
    document = IdentityDocument.objects.get(identity_check=check)
    path = path_of(document)
    assert path.read_bytes() == scan().data
    assert path.stat().st_mode & 0o077 == 0
    assert path.is_relative_to(Path(django_settings.MEDIA_ROOT))
    assert bytes(document.sha256) == scan().sha256


def test_the_journal_holds_keys_and_hashes_never_names() -> None:
    number = person_number()
    check = person_waiting(number=number)
    assert verbs("user", check.applicant.key) == ["open_account"]
    assert verbs("party", check.party.key) == ["ask_for_identity_check"]
    text = "".join(str(facts) for facts in Event.objects.values_list("facts", flat=True))
    assert number not in text
    assert check.party.name not in text
    assert check.applicant.username not in text

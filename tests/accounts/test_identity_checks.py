"""A forestry clerk decides who is who, once, with a reason, and never on an own matter."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from portal.accounts.documents import path_of
from portal.accounts.errors import (
    AlreadyDecided,
    NoIdentityNumber,
    OfficeMissing,
    ReasonMissing,
    SamePerson,
)
from portal.accounts.models import (
    Department,
    IdentityCheck,
    Mandate,
    Party,
    Role,
    Unmasking,
    User,
)
from portal.accounts.operations import (
    decide_identity_check,
    erase_refused_files,
    read_document,
    register_person,
    unmask_identity,
)
from portal.accounts.queries import acts_for
from portal.base.clock import advance_clock
from portal.base.models import OutboxMessage
from portal.journal.models import Event
from tests.accounts.people import (
    accepted,
    forestry_clerk,
    officer,
    person_number,
    person_waiting,
    user_named,
    verbs,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "department", "refusal"),
    [
        (Role.CLERK, Department.FORESTRY, None),
        (Role.APPROVER, Department.FORESTRY, None),
        (Role.CLERK, Department.ECOLOGY, OfficeMissing),
        (Role.ADMINISTRATOR, None, OfficeMissing),
        (Role.AUDITOR, None, OfficeMissing),
    ],
)
def test_only_forestry_decides(role: Role, department: Department | None, refusal: Any) -> None:
    check, actor = person_waiting(), officer("actor", role, department)
    with pytest.raises(refusal) if refusal else nullcontext():
        decide_identity_check(check=check, accepted=True, actor=actor)
    assert acts_for(check.applicant, check.party, Mandate.Scope.ALL) is (refusal is None)


def test_nobody_decides_on_an_own_identity(clerk: User) -> None:
    check = register_person(full_name="本人", identity_number=person_number(), actor=clerk)
    with pytest.raises(SamePerson):
        decide_identity_check(check=check, accepted=True, actor=clerk)
    decide_identity_check(check=check, accepted=True, actor=forestry_clerk("colleague"))


@pytest.mark.parametrize(
    ("accept", "reason", "refusal"),
    [
        (True, "", None),
        (True, "原件已核对", None),
        (False, "照片不清", None),
        (False, "", ReasonMissing),
        (False, "  ", ReasonMissing),
    ],
)
def test_a_refusal_says_why(clerk: User, accept: bool, reason: str, refusal: Any) -> None:
    check = person_waiting()
    with pytest.raises(refusal) if refusal else nullcontext():
        decide_identity_check(check=check, accepted=accept, reason=reason, actor=clerk)
    check.refresh_from_db()
    assert (check.state == IdentityCheck.State.WAITING) is (refusal is not None)


@pytest.mark.parametrize("again", [True, False])
def test_a_decision_is_made_once(clerk: User, again: bool) -> None:
    check = person_waiting()
    decide_identity_check(check=check, accepted=True, actor=clerk)
    with pytest.raises(AlreadyDecided):
        decide_identity_check(check=check, accepted=again, reason="再想想", actor=clerk)
    assert verbs("party", check.party.key)[-1] == "accept_identity"


def test_a_refused_number_is_erased_and_free_for_its_real_owner(clerk: User) -> None:
    number = person_number()
    check = person_waiting("impostor", number=number)
    decide_identity_check(check=check, accepted=False, reason="证件不是本人的", actor=clerk)
    party = Party.objects.get(pk=check.party_id)
    assert party.identity_sealed is None
    assert party.identity_digest is None
    assert party.identity_masked == ""
    accepted(person_waiting("owner", number=number), clerk)


@pytest.mark.parametrize(("email", "letters"), [("wang@example.org", 1), ("", 0)])
def test_the_applicant_is_told(clerk: User, email: str, letters: int) -> None:
    check = person_waiting(email=email)
    decide_identity_check(check=check, accepted=False, reason="照片不清", actor=clerk)
    found = OutboxMessage.objects.filter(recipient="wang@example.org")
    assert [("照片不清" in letter.body) for letter in found] == [True] * letters


@pytest.mark.parametrize(
    ("role", "department", "reason", "refusal"),
    [
        (Role.CLERK, Department.FORESTRY, "核对权属证书", None),
        (Role.APPROVER, Department.NATURAL_RESOURCES, "核对权属证书", None),
        (Role.CLERK, Department.FORESTRY, " ", ReasonMissing),
        (Role.CLERK, Department.FINANCE, "核对权属证书", OfficeMissing),
        (Role.ADMINISTRATOR, None, "核对权属证书", OfficeMissing),
    ],
)
def test_each_unmasking_has_a_reason_and_is_journalled(
    role: Role, department: Department | None, reason: str, refusal: Any
) -> None:
    number = person_number()
    party = Party.objects.get(pk=person_waiting(number=number).party_id)
    actor = officer("actor", role, department)
    with pytest.raises(refusal) if refusal else nullcontext():
        assert unmask_identity(party=party, reason=reason, actor=actor) == number
    seen = Unmasking.objects.filter(party=party, actor=actor)
    assert seen.exists() is (refusal is None)
    assert ("unmask_identity" in verbs("party", party.key)) is (refusal is None)
    assert not Event.objects.filter(facts__icontains=number).exists()


def test_an_erased_number_is_not_unmasked(clerk: User) -> None:
    check = person_waiting()
    decide_identity_check(check=check, accepted=False, reason="照片不清", actor=clerk)
    with pytest.raises(NoIdentityNumber):
        unmask_identity(party=Party.objects.get(pk=check.party_id), reason="核对", actor=clerk)


@pytest.mark.parametrize("office", [True, False])
def test_reading_a_scan_is_journalled(clerk: User, office: bool) -> None:
    document = person_waiting().documents.get()
    with nullcontext() if office else pytest.raises(OfficeMissing):
        read_document(document=document, actor=clerk if office else user_named("stranger"))
    assert ("read_document" in verbs("party", document.party.key)) is office


@pytest.mark.parametrize(
    ("refused", "days", "stays"), [(True, 181, False), (True, 1, True), (False, 181, True)]
)
def test_scans_of_refused_identities_are_erased_in_time(
    clerk: User, refused: bool, days: int, stays: bool
) -> None:
    check = person_waiting()
    decide_identity_check(check=check, accepted=not refused, reason="照片不清", actor=clerk)
    advance_clock(timedelta(days=days))
    erase_refused_files()
    document = check.documents.get()
    assert path_of(document).exists() is stays
    assert ("erase_file" in verbs("party", document.party.key)) is not stays

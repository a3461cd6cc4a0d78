"""The demo sign-ins, their codes, and the rotation of keys."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.demo import DEMO_NAMES, DEMO_PASSWORD
from portal.accounts.errors import DemoAccountsRefused
from portal.accounts.models import Department, Mandate, Party, Role, RoleGrant, User
from portal.accounts.operations import (
    ensure_demo_accounts,
    require_second_factor,
    rotate_identity_keys,
    unmask_identity,
)
from portal.accounts.queries import has_role, members_of, parties_acted_for
from portal.base.secrets import IDENTITY_KEYS, add_key, key_path, keys
from portal.journal.models import Event
from portal.journal.queries import verify_journal
from tests.accounts.people import person_number, person_waiting

pytestmark = pytest.mark.django_db
DEPARTMENTS = "forestry natural_resources ecology development_reform finance justice"
OFFICES = [*DEPARTMENTS.split(), "trading"]
SIGN_INS = [
    *OFFICES,
    *(f"{office}_approver" for office in OFFICES),
    *[
        "expert1",
        "expert2",
        "expert3",
        "expert4",
        "expert5",
        "verifier1",
        "verifier2",
        "bank1",
        "bank2",
        "insurer",
    ],
    *["owner1", "owner2", "collective", "buyer1", "buyer2", "auditor", "admin"],
]


def printed(*words: str) -> Any:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_the_demo_has_the_sign_ins_of_the_design() -> None:
    users = ensure_demo_accounts()
    assert set(users) == set(SIGN_INS) == DEMO_NAMES
    assert all(user.check_password(DEMO_PASSWORD) for user in users.values())
    assert TOTPDevice.objects.filter(confirmed=True).count() == len(SIGN_INS)
    for department in Department:
        assert has_role(users[department.value], Role.CLERK, department)
        assert has_role(users[f"{department.value}_approver"], Role.APPROVER, department)
    assert has_role(users["trading"], Role.TRADING_CLERK)
    assert has_role(users["admin"], Role.ADMINISTRATOR)
    assert users["admin"].is_staff


def test_demo_owners_and_bodies_act_for_checked_parties() -> None:
    users = ensure_demo_accounts()
    kinds = {
        name: parties_acted_for(users[name], Mandate.Scope.ALL).get().kind
        for name in ("owner1", "owner2", "collective", "buyer1", "buyer2", "bank1", "bank2")
    }
    assert kinds.pop("collective") == Party.Kind.COLLECTIVE
    assert kinds.pop("owner1") == kinds.pop("owner2") == Party.Kind.PERSON
    assert set(kinds.values()) == {Party.Kind.LEGAL_BODY}
    collective = parties_acted_for(users["collective"]).get()
    assert [row.share_denominator for row in members_of(collective)] == [2, 2]


def test_making_the_demo_again_changes_nothing() -> None:
    ensure_demo_accounts()
    before = [model.objects.count() for model in (User, Party, RoleGrant, Mandate, Event)]
    ensure_demo_accounts()
    assert before == [model.objects.count() for model in (User, Party, RoleGrant, Mandate, Event)]
    assert verify_journal().faults == []


@pytest.mark.parametrize(
    ("allowed", "kind", "refusal"),
    [
        (True, "test", None),
        (False, "embedded", DemoAccountsRefused),
        (True, "production", DemoAccountsRefused),
    ],
)
def test_only_a_demonstration_has_demo_accounts(
    settings: Any, allowed: bool, kind: str, refusal: Any
) -> None:
    settings.DEMO_ACCOUNTS = allowed
    key_path(IDENTITY_KEYS).parent.mkdir(exist_ok=True)
    settings.INSTALLATION_KIND = kind
    with pytest.raises(refusal) if refusal else nullcontext():
        ensure_demo_accounts()
    assert User.objects.exists() is (refusal is None)


def test_demo_code_prints_the_present_code() -> None:
    users = ensure_demo_accounts()
    answer = printed("demo_code", "forestry")
    assert answer["user"] == "forestry"
    require_second_factor(user=users["forestry"], code=answer["code"])
    # The next call gives one that was not used, so that two steps need no waiting.
    require_second_factor(user=users["forestry"], code=printed("demo_code", "forestry")["code"])


@pytest.mark.parametrize("why", ["production", "no demo", "nobody"])
def test_demo_code_is_refused_elsewhere(settings: Any, why: str) -> None:
    ensure_demo_accounts()
    if why == "production":
        settings.INSTALLATION_KIND = "production"
    if why == "no demo":
        settings.DEMO_ACCOUNTS = False
    with pytest.raises(SystemExit) as ended:
        printed("demo_code", "nobody" if why == "nobody" else "forestry")
    assert ended.value.code == 2


@pytest.mark.parametrize(("name", "shown"), [("forestry", True), ("wang", False)])
def test_only_a_demo_user_sees_the_code_on_the_page(
    browser: Client, name: str, shown: bool
) -> None:
    users = ensure_demo_accounts()
    user = users.get(name) or User.objects.create_user(name)
    TOTPDevice.objects.get_or_create(user=user, confirmed=True)
    browser.force_login(user)
    page = browser.get(reverse("accounts:second-factor")).content.decode()
    assert ("当前的验证码" in page) is shown


def test_demo_users_sign_in_with_the_password_alone(browser: Client) -> None:
    ensure_demo_accounts()
    sent = {"username": "admin", "password": DEMO_PASSWORD}
    assert browser.post(reverse("accounts:sign-in"), sent)["Location"] == "/my/"
    assert browser.get("/admin/").status_code == 200


# --- keys ---------------------------------------------------------------------------------------
def test_a_new_key_seals_every_number_and_opens_each(clerk: User) -> None:
    numbers = {name: person_number() for name in ("wang", "li", "zhang")}
    parties = {name: person_waiting(name, number=number).party for name, number in numbers.items()}
    answer = printed("rotate_keys")
    assert answer == {"key": "k2", "resealed": 3}
    for name, party in parties.items():
        before = bytes(party.identity_sealed or b"")
        party.refresh_from_db()
        assert party.identity_key_id == "k2"
        assert bytes(party.identity_sealed or b"") != before
        assert unmask_identity(party=party, reason="核对", actor=clerk) == numbers[name]
    assert printed("rotate_keys", "--resume") == {"key": "k2", "resealed": 0}


def test_an_interrupted_rotation_is_finished_without_another_key() -> None:
    for name in ("wang", "li"):
        person_waiting(name)
    add_key(IDENTITY_KEYS)  # As after a rotation that ended before its first batch.
    key, resealed = rotate_identity_keys(actor=None, with_new_key=False, batch=1)
    assert (key.id, resealed) == ("k2", 2)
    assert len(keys(IDENTITY_KEYS)) == 2


def test_a_new_installation_makes_the_missing_key_files_once(settings: Any) -> None:
    settings.INSTALLATION_KIND = "production"
    made = printed("rotate_keys", "--create")["created"]
    assert made == {"identity.key": "k1", "lookup.key": "l1", "signing.key": "s1"}
    before = key_path(IDENTITY_KEYS).read_bytes()
    assert printed("rotate_keys", "--create") == {"created": {}}
    # From the command line checks would come first, and they refuse a production without keys.
    assert load_command_class("portal.accounts", "rotate_keys").requires_system_checks == []
    assert key_path(IDENTITY_KEYS).read_bytes() == before


@pytest.mark.parametrize(("actor", "status"), [("admin", None), ("owner1", 2), ("nobody", 2)])
def test_whoever_rotates_by_name_is_an_administrator(actor: str, status: int | None) -> None:
    ensure_demo_accounts()
    with pytest.raises(SystemExit) if status else nullcontext():
        printed("rotate_keys", "--actor", actor)
    recorded = Event.objects.filter(verb="reseal").values_list("actor_key", flat=True)
    expected = [User.objects.get(username="admin").key] if status is None else []
    assert list(recorded) == expected


def test_a_broken_key_file_stops_the_rotation() -> None:
    person_waiting()
    path: Path = key_path(IDENTITY_KEYS)
    path.write_text("nonsense\n", encoding="ascii")
    with pytest.raises(SystemExit) as ended:
        printed("rotate_keys")
    assert ended.value.code == 2

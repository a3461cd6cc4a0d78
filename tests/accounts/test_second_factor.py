"""A second factor is set up by its owner, counts once confirmed, and each code counts once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.errors import (
    OfficeMissing,
    SecondFactorMissing,
    SecondFactorStands,
    SecondFactorWrong,
    TooManyAttempts,
)
from portal.accounts.models import Role, User
from portal.accounts.operations import (
    confirm_second_factor,
    enrol_second_factor,
    remove_second_factor,
    require_second_factor,
)
from portal.accounts.second_factor import confirmed_device, present_code
from tests.accounts.people import (
    PASSWORD,
    forestry_clerk,
    officer,
    user_named,
    verbs,
    with_authenticator,
)

pytestmark = pytest.mark.django_db
SECOND_FACTOR = "accounts:second-factor"


@pytest.fixture
def wang(db: None) -> User:
    return user_named("wang")


def wrong_code(device: TOTPDevice) -> str:
    """One that none of the steps within reach has."""
    near = {totp(device.bin_key, drift=step) for step in range(-4, 5)}
    return next(f"{code:06d}" for code in range(100) if code not in near)


def test_an_authenticator_counts_once_its_first_code_is_right(wang: User) -> None:
    device = enrol_second_factor(user=wang, actor=wang)
    assert confirmed_device(wang) is None
    with pytest.raises(SecondFactorMissing):
        require_second_factor(user=wang, code=present_code(device)[0])
    with pytest.raises(SecondFactorWrong):
        confirm_second_factor(user=wang, code=wrong_code(device), actor=wang)
    assert confirmed_device(wang) is None
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    confirm_second_factor(user=wang, code=present_code(device)[0], actor=wang)
    assert confirmed_device(wang) == device
    assert verbs("user", wang.key) == ["enrol_second_factor", "confirm_second_factor"]


def test_a_code_counts_once(wang: User) -> None:
    device = with_authenticator(wang)
    code, _seconds = present_code(device)
    require_second_factor(user=wang, code=code)
    with pytest.raises(SecondFactorWrong):
        require_second_factor(user=wang, code=code)


def test_a_code_may_be_typed_in_groups(wang: User) -> None:
    code, _seconds = present_code(with_authenticator(wang))
    assert require_second_factor(user=wang, code=f" {code[:3]} {code[3:]} ")


@pytest.mark.parametrize("typed", ["", "abcdef", "12345678901", "-1", "１２３４５６"])
def test_what_is_no_code_is_refused(wang: User, typed: str) -> None:
    with_authenticator(wang)
    with pytest.raises(SecondFactorWrong):
        require_second_factor(user=wang, code=typed)


def test_wrong_codes_are_counted_though_each_is_refused(wang: User) -> None:
    device = with_authenticator(wang)
    with pytest.raises(SecondFactorWrong):
        require_second_factor(user=wang, code=wrong_code(device))
    device.refresh_from_db()
    assert device.throttling_failure_count == 1
    with pytest.raises(TooManyAttempts):
        require_second_factor(user=wang, code=present_code(device)[0])


def test_the_present_code_is_the_phones(wang: User) -> None:
    device = TOTPDevice.objects.create(user=wang, confirmed=True)
    step = int(time.time()) // 30
    code, seconds = present_code(device)
    assert int(code) in {totp(device.bin_key, drift=0), totp(device.bin_key, drift=-1)}
    assert 30 <= seconds <= 60 or int(time.time()) // 30 != step


def test_another_authenticator_comes_after_the_first_was_removed(root: User, wang: User) -> None:
    with_authenticator(wang)
    with pytest.raises(SecondFactorStands):
        enrol_second_factor(user=wang, actor=wang)
    with pytest.raises(OfficeMissing):
        remove_second_factor(user=wang, actor=user_named("stranger"))
    remove_second_factor(user=wang, actor=root)
    enrol_second_factor(user=wang, actor=wang)
    assert TOTPDevice.objects.filter(user=wang).count() == 1


def test_nobody_sets_up_an_authenticator_for_somebody_else(root: User, wang: User) -> None:
    with pytest.raises(OfficeMissing):
        enrol_second_factor(user=wang, actor=root)
    device = enrol_second_factor(user=wang, actor=wang)
    with pytest.raises(OfficeMissing):
        confirm_second_factor(user=wang, code=present_code(device)[0], actor=root)


# --- at sign-in ---------------------------------------------------------------------------------
def sign_in(browser: Client, name: str, target: str = "/my/") -> Any:
    sent = {"username": name, "password": PASSWORD, "next": target}
    return browser.post(reverse("accounts:sign-in"), sent)


def is_in(browser: Client) -> bool:
    return browser.get(reverse("accounts:my-page")).status_code == 200


@pytest.mark.parametrize(
    ("required", "office", "device", "asked"),
    [
        (True, True, True, True),
        (True, True, False, True),
        (True, False, True, True),
        (True, False, False, False),
        (False, True, True, False),
        (False, False, True, False),
    ],
)
def test_who_must_give_a_second_factor_at_sign_in(
    settings: Any, browser: Client, required: bool, office: bool, device: bool, asked: bool
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = required
    user = forestry_clerk("lin") if office else user_named("lin")
    if device:
        with_authenticator(user)
    answer = sign_in(browser, "lin")
    assert answer["Location"].startswith(reverse(SECOND_FACTOR)) is asked
    assert is_in(browser) is not asked


def test_the_right_code_lets_in_and_a_wrong_one_does_not(settings: Any, browser: Client) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    device = with_authenticator(forestry_clerk("lin"))
    page = sign_in(browser, "lin", "/identity-checks/")["Location"]
    refused = browser.post(page, {"action": "verify", "code": wrong_code(device)})
    assert refused.status_code == 422
    assert "验证码不正确" in refused.content.decode()
    assert not is_in(browser)
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    device.refresh_from_db()
    answer = browser.post(page, {"action": "verify", "code": present_code(device)[0]})
    assert answer["Location"] == "/identity-checks/"
    assert is_in(browser)
    assert browser.session["otp_device_id"] == device.persistent_id


def test_an_officer_without_authenticator_sets_one_up_on_the_way_in(
    settings: Any, browser: Client
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    user = officer("audit", Role.AUDITOR)
    page = sign_in(browser, "audit")["Location"]
    assert "设置验证器" in browser.get(page).content.decode()
    browser.post(page, {"action": "enrol"})
    device = TOTPDevice.objects.get(user=user)
    shown = browser.get(page).content.decode()
    assert "data:image/svg+xml" in shown
    assert not is_in(browser)
    answer = browser.post(page, {"action": "confirm", "code": present_code(device)[0]})
    assert answer["Location"] == "/my/"
    assert is_in(browser)


@pytest.mark.parametrize("change", ["password", "closed", "late"])
def test_a_sign_in_does_not_wait_for_ever_for_its_code(
    settings: Any, browser: Client, change: str
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    user = forestry_clerk("lin")
    device = with_authenticator(user)
    page = sign_in(browser, "lin")["Location"]
    if change == "password":
        user.set_password("xin-mi-ma-2026-lin")
    if change == "closed":
        user.is_active = False
    user.save()
    if change == "late":
        session = browser.session
        session["pending_sign_in"] = {
            **session["pending_sign_in"],
            "until": "2020-01-01T00:00:00+00:00",
        }
        session.save()
    answer = browser.post(page, {"action": "verify", "code": present_code(device)[0]})
    assert answer["Location"].startswith(reverse("accounts:sign-in"))
    assert not is_in(browser)


def test_a_code_without_a_password_opens_nothing(browser: Client) -> None:
    device = with_authenticator(forestry_clerk("lin"))
    sent = {"action": "verify", "code": present_code(device)[0]}
    answer = browser.post(reverse(SECOND_FACTOR), sent)
    assert answer["Location"].startswith(reverse("accounts:sign-in"))


@pytest.mark.parametrize("right", [True, False])
def test_removing_ones_authenticator_takes_a_code(wang: User, browser: Client, right: bool) -> None:
    device = with_authenticator(wang)
    browser.force_login(wang)
    code = present_code(device)[0] if right else wrong_code(device)
    answer = browser.post(reverse(SECOND_FACTOR), {"action": "remove", "code": code})
    assert answer.status_code == (302 if right else 422)
    assert (confirmed_device(wang) is None) is right


def test_a_session_gives_its_code_before_a_weighty_act(wang: User, browser: Client) -> None:
    device = with_authenticator(wang)
    browser.force_login(wang)
    page = f"{reverse(SECOND_FACTOR)}?{urlencode({'next': '/my/sessions/'})}"
    answer = browser.post(page, {"action": "verify", "code": present_code(device)[0]})
    assert answer["Location"] == "/my/sessions/"
    assert "已通过两步验证" in browser.get(reverse(SECOND_FACTOR)).content.decode()


def test_the_secret_is_not_shown_after_it_was_confirmed(wang: User, browser: Client) -> None:
    with_authenticator(wang)
    browser.force_login(wang)
    shown = browser.get(reverse(SECOND_FACTOR)).content.decode()
    assert "data:image" not in shown
    assert "当前的验证码" not in shown  # Only the demo's own users see their code.


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_next_leads_to_our_own_pages_alone(wang: User, browser: Client, target: str) -> None:
    assert sign_in(browser, "wang", target)["Location"] == reverse("accounts:my-page")


def test_the_administration_has_no_door_of_its_own(browser: Client, wang: User) -> None:
    answer = browser.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert answer["Location"].startswith(reverse("accounts:sign-in"))
    browser.force_login(wang)
    assert browser.get("/admin/login/").status_code == 404

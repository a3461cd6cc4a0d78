"""The second factor: enrolled, asked, removed."""

from __future__ import annotations

from datetime import UTC, datetime

from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.errors import (
    OfficeMissing,
    SecondFactorMissing,
    SecondFactorStands,
    SecondFactorWrong,
    TooManyAttempts,
)
from portal.accounts.models import User
from portal.accounts.operations.authority import require_administrator
from portal.accounts.operations.records import locked, record
from portal.accounts.operations.sessions import end_sessions
from portal.accounts.second_factor import confirmed_device, waiting_device
from portal.base.transactions import write_transaction


@write_transaction
def enrol_second_factor(*, user: User, actor: User) -> TOTPDevice:
    """A new authenticator for ``user``, who alone may see its secret; it counts once confirmed.

    Raises OfficeMissing, SecondFactorStands.
    """
    if user != actor:
        raise OfficeMissing()
    locked(user)
    if confirmed_device(user) is not None:
        raise SecondFactorStands()
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    device = TOTPDevice.objects.create(user=user, name="totp", confirmed=False)
    record("user", user.key, "enrol_second_factor", actor, device=device.pk)
    return device


def confirm_second_factor(*, user: User, code: str, actor: User) -> TOTPDevice:
    """The first right code proves that the authenticator was set up.

    Raises OfficeMissing, SecondFactorMissing, SecondFactorWrong, TooManyAttempts.
    """
    if user != actor:
        raise OfficeMissing()
    device = waiting_device(user)
    if device is None:
        raise SecondFactorMissing()
    return _require_code(device, code, confirming=True)


def require_second_factor(*, user: User, code: str) -> TOTPDevice:
    """Ask for a code before a weighty act: signing, a first transfer, a bulk export (domain.md).

    Call it before the act and outside its transaction, so that a wrong code is counted.
    Raises SecondFactorMissing, SecondFactorWrong, TooManyAttempts.
    """
    device = confirmed_device(user)
    if device is None:
        raise SecondFactorMissing()
    return _require_code(device, code, confirming=False)


@write_transaction
def remove_second_factor(*, user: User, actor: User) -> None:
    """Take an authenticator away: the user's own (after a code), or a lost one by an administrator.

    When an administrator does it, the user's sessions end.
    """
    if user != actor:
        require_administrator(actor)
        end_sessions(user)
    locked(user)
    TOTPDevice.objects.filter(user=user).delete()
    record("user", user.key, "remove_second_factor", actor)


def _require_code(device: TOTPDevice, code: str, *, confirming: bool) -> TOTPDevice:
    # The device's own count of wrong codes must outlive the refusal, so it is raised afterwards.
    right, wait_s = _try_code(device_id=device.pk, code=code, confirming=confirming)
    if wait_s > 0:
        raise TooManyAttempts(minutes=int(wait_s // 60) + 1)
    if not right:
        raise SecondFactorWrong()
    device.refresh_from_db()
    return device


@write_transaction
def _try_code(*, device_id: int, code: str, confirming: bool) -> tuple[bool, float]:
    device = TOTPDevice.objects.select_for_update(of=("self",)).get(pk=device_id)
    allowed, why = device.verify_is_allowed()
    if not allowed:
        # The device counts in real time, as authenticators do.
        until = (why or {}).get("locked_until")
        return False, (until - datetime.now(tz=UTC)).total_seconds() if until else 60.0
    digits = "".join(code.split())
    if not digits.isdecimal() or not device.verify_token(digits):
        return False, 0.0
    if confirming:
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        record("user", device.user.key, "confirm_second_factor", device.user, device=device.pk)
    return True, 0.0

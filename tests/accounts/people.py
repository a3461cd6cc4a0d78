"""People and bodies of the tests, made by the operations themselves. No logic."""

from __future__ import annotations

import itertools

from django_otp.plugins.otp_totp.models import TOTPDevice
from stdnum.cn import ric, uscc

from portal.accounts.documents import Scan, parse_scan
from portal.accounts.models import Department, IdentityCheck, Party, Role, RoleGrant, User
from portal.accounts.operations import (
    confirm_second_factor,
    decide_identity_check,
    enrol_second_factor,
    sign_up_legal_body,
    sign_up_person,
)
from portal.accounts.second_factor import present_code
from portal.journal.models import Event

PASSWORD = "qiao-mu-cheng-lin-26"
PDF = b"%PDF-1.7\n% a scan\n"
PNG = b"\x89PNG\r\n\x1a\n rest of a scan"
_serial = itertools.count(1000)  # Above the serials that tests choose.


def person_number(serial: int | None = None) -> str:
    """A well-formed 公民身份号码 of nobody (born in 1901 or soon after; the demo's in 1900)."""
    serial = next(_serial) if serial is None else serial
    number = f"654002{1901 + serial // 1000}0101{serial % 1000:03d}"
    return number + ric.calc_check_digit(number + "0")


def body_number(serial: int | None = None) -> str:
    """A well-formed 统一社会信用代码 of nobody."""
    number = f"91654002MAT{next(_serial) if serial is None else serial:06d}"
    return number + uscc.calc_check_digit(number)


def scan(data: bytes = PDF) -> Scan:
    return parse_scan(data)


def user_named(name: str, full_name: str = "") -> User:
    """Somebody who only signs in."""
    return User.objects.create_user(name, password=PASSWORD, full_name=full_name or name)


def officer(name: str, role: Role, department: Department | None = None) -> User:
    """Somebody with an office, given by nobody."""
    user = user_named(name)
    RoleGrant.objects.create(user=user, role=role, department=department or "")
    return user


def forestry_clerk(name: str = "clerk") -> User:
    return officer(name, Role.CLERK, Department.FORESTRY)


def administrator(name: str = "root") -> User:
    return officer(name, Role.ADMINISTRATOR)


def person_waiting(name: str = "wang", *, number: str = "", email: str = "") -> IdentityCheck:
    return sign_up_person(
        username=name,
        password=PASSWORD,
        full_name="王建国",
        identity_number=number or person_number(),
        documents=[scan()],
        email=email,
        actor=None,
    )


def body_waiting(
    name: str = "company", *, number: str = "", kind: Party.Kind = Party.Kind.LEGAL_BODY
) -> IdentityCheck:
    return sign_up_legal_body(
        username=name,
        password=PASSWORD,
        full_name="李会计",
        body_name="伊宁林业公司",
        kind=kind,
        identity_number=number or body_number(),
        documents=[scan()],
        actor=None,
    )


def accepted(check: IdentityCheck, clerk: User) -> Party:
    """The party of a check that the clerk accepts."""
    decide_identity_check(check=check, accepted=True, actor=clerk)
    return Party.objects.get(pk=check.party_id)


def name_only(name: str = "王建国") -> Party:
    return Party.objects.create(kind=Party.Kind.NAME_ONLY, name=name)


def with_authenticator(user: User) -> TOTPDevice:
    """A confirmed authenticator that has been used once, to confirm it."""
    device = enrol_second_factor(user=user, actor=user)
    confirm_second_factor(user=user, code=present_code(device)[0], actor=user)
    device.refresh_from_db()
    return device


def verbs(kind: str, key: object) -> list[str]:
    """What the journal says of one subject, in order."""
    events = Event.objects.filter(subject_kind=kind, subject_key=str(key)).order_by("seq")
    return list(events.values_list("verb", flat=True))

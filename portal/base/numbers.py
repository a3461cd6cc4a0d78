"""Numbers and codes of domain.md: gapless numbers with a check character, and secret codes."""

from __future__ import annotations

import re
import secrets
from enum import StrEnum

from django.db import connection
from stdnum.iso7064 import mod_37_36

from portal.base.clock import today

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1"})
_NUMBER = re.compile(r"^YN(?:-([PFDZAUGT]))?-(\d{4})-(\d{7})-([0-9A-Z])$")


class NumberKind(StrEnum):
    """The letter that a number carries after YN; a ticket's has none."""

    TICKET = ""
    PROJECT = "P"
    FILING = "F"
    OFFSET = "D"
    CANCELLATION = "Z"
    CASE = "A"
    UNIQUENESS_REPORT = "U"
    LISTING = "G"
    TRADE = "T"


def number_from(kind: NumberKind, year: int, serial: int) -> str:
    """``YN-2026-0000123-C`` or ``YN-P-2026-…``; C by ISO 7064 MOD 37,36 over the rest."""
    parts = ["YN", *([kind.value] if kind.value else []), f"{year:04d}", f"{serial:07d}"]
    check = mod_37_36.calc_check_digit("".join(parts))
    return "-".join([*parts, check])


def is_number(text: str) -> bool:
    """Whether the form is right and the check character agrees."""
    found = _NUMBER.match(text)
    return bool(found) and bool(mod_37_36.is_valid(text.replace("-", "")))


def draw_number(kind: NumberKind) -> str:
    """The next number of this kind and year, gapless: call it inside the writing transaction.

    The counter's row stays locked until that transaction ends, so a rollback leaves no gap.
    """
    year = today().year
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO base_numbercounter (kind, year, last) VALUES (%s, %s, 1) "
            "ON CONFLICT (kind, year) DO UPDATE SET last = base_numbercounter.last + 1 "
            "RETURNING last",
            [kind.value, year],
        )
        serial: int = cursor.fetchone()[0]
    return number_from(kind, year, serial)


def new_code() -> str:
    """26 characters of Crockford base 32 from 128 random bits: what ``/v/CODE/`` opens."""
    value = secrets.randbits(128)
    letters = []
    for _ in range(26):
        value, rest = divmod(value, 32)
        letters.append(_CROCKFORD[rest])
    return "".join(reversed(letters))


def parse_code(text: str) -> str | None:
    """The code as stored, forgiving case, spaces, hyphens, O/0 and I/L/1; None if it is none."""
    code = re.sub(r"[\s-]", "", text).upper().translate(_FORGIVEN)
    if len(code) != 26 or any(letter not in _CROCKFORD for letter in code):
        return None
    return code


def grouped_code(code: str) -> str:
    """As people read it: ``ABCD-EFGH-…``."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))

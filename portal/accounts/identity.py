"""Identity numbers: read leniently, checked strictly, shown masked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent, ValidationError

from portal.accounts.errors import IdentityNumberWrong

NUMBER_LENGTH = 18
PREFIX_LENGTH = 6
SUFFIX_LENGTH = 4
# GB 32100: register and kind, county, organisation, check character; no I, O, S, V, Z. Rural
# collectives' codes begin with N, which stdnum's own format check (digits only) refuses.
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}", re.ASCII)


class Scheme(StrEnum):
    """Which register gave the number."""

    PERSON = "ric"  # 公民身份号码, GB 11643
    BODY = "uscc"  # 统一社会信用代码, GB 32100


SCHEME_NAMES = {Scheme.PERSON: _("身份证号"), Scheme.BODY: _("统一社会信用代码")}


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A number whose length, characters and check digit are right.

    ``doubtful`` when the table of county codes and birth dates does not know the combination: it
    calls correct numbers wrong, so it only makes the clerk look twice (domain.md).
    """

    scheme: Scheme
    text: str
    doubtful: bool = False

    @property
    def lookup_text(self) -> str:
        """What is fingerprinted: numbers of two registers never meet."""
        return f"{self.scheme}:{self.text}"

    @property
    def prefix(self) -> str:
        return self.text[:PREFIX_LENGTH]

    @property
    def last4(self) -> str:
        return self.text[-SUFFIX_LENGTH:]


def parse_person_number(text: str) -> IdentityNumber:
    """A 公民身份号码 of 18 characters; IdentityNumberWrong when it was mistyped."""
    number = compact(text)
    try:
        return IdentityNumber(Scheme.PERSON, ric.validate(number))
    except InvalidComponent:  # Raised after the check digit was found right.
        return IdentityNumber(Scheme.PERSON, number, doubtful=True)
    except ValidationError as error:
        raise IdentityNumberWrong(scheme=SCHEME_NAMES[Scheme.PERSON]) from error


def parse_body_number(text: str) -> IdentityNumber:
    """A 统一社会信用代码; IdentityNumberWrong when it was mistyped."""
    number = compact(text)
    if not _USCC.fullmatch(number) or uscc.calc_check_digit(number[:-1]) != number[-1]:
        raise IdentityNumberWrong(scheme=SCHEME_NAMES[Scheme.BODY])
    return IdentityNumber(Scheme.BODY, number)


def compact(text: str) -> str:
    """Full-width digits, spaces, hyphens and small letters are forgiven."""
    wide = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in wide if not letter.isspace() and letter != "-").upper()


def masked(prefix: str, last4: str) -> str:
    """``654002********1234``; empty when there is no number."""
    if not prefix:
        return ""
    return f"{prefix}{'*' * (NUMBER_LENGTH - PREFIX_LENGTH - SUFFIX_LENGTH)}{last4}"


def masked_name(name: str) -> str:
    """张* for the public's pages (domain.md); the star does not tell how long the name is."""
    return f"{name[:1]}*" if name else ""

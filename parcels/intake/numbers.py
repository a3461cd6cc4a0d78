"""Numbers of certificates and units: their normal form and what they tell."""

from __future__ import annotations

import re
import unicodedata

# domain.md, "Titles and numbers": county first, no check digit.
_UNIT = re.compile(r"^\d{12}[GJZ][A-HSWXY]\d{5}[FLQW]\d{8}$")
_BRACKETS = str.maketrans({"〔": "(", "〕": ")", "【": "(", "】": ")", "[": "(", "]": ")"})


def normalised(number: str) -> str:
    """The key under which a number is unique: NFKC, no spaces, one kind of bracket, upper case."""
    plain = unicodedata.normalize("NFKC", number).translate(_BRACKETS)
    return re.sub(r"[\s\u200b\ufeff]", "", plain).upper()


def unit_number_is_wellformed(number: str) -> bool:
    """Whether ``number`` has the 28 characters of a real-estate unit code."""
    return bool(_UNIT.match(normalised(number)))


def certificate_kind(number: str) -> str:
    """``real_estate`` for 不动产权证书, else ``forest``: older certificates stay valid."""
    return "real_estate" if "不动产" in number else "forest"

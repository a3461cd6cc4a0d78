"""In which encoding a table of bytes is written (domain.md, "Files people bring")."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass

from parcels.intake.refusal import Refused

# The language byte of a dBASE header → encoding; others say nothing.
LANGUAGE_BYTES = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "big5", 0x78: "big5"}
CHOICES = (("utf-8", "UTF-8"), ("gb18030", "GB18030 / GBK"), ("big5", "Big5"))
_NAMES = {"65001": "utf-8", "936": "gb18030", "54936": "gb18030", "gbk": "gb18030",
          "gb2312": "gb18030", "cp936": "gb18030", "ansi 936": "gb18030", "ansi936": "gb18030",
          "oem 936": "gb18030", "950": "big5"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """How attribute bytes are read, and how sure that is."""

    value: str
    how: str  # declared | bytes | guessed | chosen

    @property
    def certain(self) -> bool:
        return self.how != "guessed"


def canonical(name: str) -> str | None:
    """Python's name of what a ``.cpg`` or a person calls an encoding; None when unknown."""
    wanted = name.strip().strip("\ufeff").lower()
    wanted = _NAMES.get(wanted, wanted)
    try:
        found = codecs.lookup(wanted).name
        # "hex", "utf-16" and the like are known to Python, but no table is written in them.
        if b"A1".decode(found) != "A1":
            return None
    except (LookupError, ValueError):
        return None
    return "gb18030" if found in ("gbk", "gb2312") else found


def reads(values: Iterable[bytes], encoding: str) -> bool:
    """Whether every value decodes. A character cut at the field's end does not count against it."""
    for value in values:
        try:
            codecs.getincrementaldecoder(encoding)().decode(value, final=False)
        except UnicodeDecodeError:
            return False
    return True


def recognise(
    *, chosen: str | None, cpg: str | None, language_byte: int, values: list[bytes]
) -> EncodingGuess:
    """``.cpg`` → language byte → strict UTF-8 → GB18030; a person's choice before all."""
    if chosen is not None:
        name = canonical(chosen)
        if name is None:
            raise Refused("encoding_unknown", encoding=chosen[:40])
        return EncodingGuess(name, "chosen")
    for name in (canonical(cpg) if cpg else None, LANGUAGE_BYTES.get(language_byte)):
        if name is not None and reads(values, name):
            return EncodingGuess(name, "declared")
    if all(value.isascii() for value in values):
        return EncodingGuess("utf-8", "bytes")
    if reads(values, "utf-8"):
        return EncodingGuess("utf-8", "bytes")
    # GB18030 takes most bytes that are not UTF-8; whether the words make sense, people see.
    return EncodingGuess("gb18030", "guessed" if not reads(values, "gb18030") else "bytes")


def decode(value: bytes, encoding: str) -> str:
    """One value; raises UnicodeDecodeError where a whole character is wrong."""
    return codecs.getincrementaldecoder(encoding)().decode(value, final=False)

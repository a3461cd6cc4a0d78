"""Text files as people save them: UTF-8 with or without a mark, GBK, UTF-16 from spreadsheets."""

from __future__ import annotations

import codecs

from parcels.intake.encodings import EncodingGuess, decode, reads, recognise
from parcels.intake.refusal import Refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def marked(data: bytes) -> str | None:
    """The encoding that the first bytes declare."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def read_text(data: bytes, chosen: str | None) -> tuple[str, EncodingGuess]:
    """The text, and how it was read. Refused where a character is wrong, with its line."""
    mark = marked(data)
    if mark is not None:  # It cannot be by chance, so that a choice does not matter.
        guess = EncodingGuess(mark, "declared")
    else:
        guess = recognise(chosen=chosen, cpg=None, language_byte=0, values=[data])
    try:
        text = decode(data, guess.value)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused("text_encoding_wrong", encoding=guess.value, row=line) from error
    return text.removeprefix("\ufeff"), guess


def head_text(head: bytes) -> str:
    """The beginning of a file as text, wrong characters replaced; empty when it is none."""
    mark = marked(head)
    if mark is None and b"\x00" in head:
        return ""
    for encoding in (mark,) if mark else ("utf-8", "gb18030"):
        if reads([head], encoding):
            return decode(head, encoding).removeprefix("\ufeff")
    return head.decode("gb18030", errors="replace")

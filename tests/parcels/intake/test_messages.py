"""Every code of the reader has words, and the words say what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parcels.intake.errors import (
    FEATURE_MESSAGES,
    FILE_MESSAGES,
    NOTICE_MESSAGES,
    IntakeError,
    reject_message,
)
from parcels.intake.features import REASONS
from tests.parcels.intake.reading import CHINESE, assert_says_what_to_do

INTAKE = Path(__file__).resolve().parents[3] / "parcels" / "intake"
FILLED = {
    name: "7"
    for text in (*FILE_MESSAGES.values(), *FEATURE_MESSAGES.values(), *NOTICE_MESSAGES.values())
    for name in re.findall(r"{(\w+)", str(text))
}


@pytest.mark.parametrize("code", FILE_MESSAGES)
def test_a_refused_file_is_answered_in_chinese_with_a_way_out(code: str) -> None:
    assert_says_what_to_do(str(IntakeError(code, **FILLED)))


@pytest.mark.parametrize("code", FEATURE_MESSAGES)
def test_a_refused_feature_is_answered_in_chinese_with_a_way_out(code: str) -> None:
    assert_says_what_to_do(reject_message(code, FILLED))


@pytest.mark.parametrize("code", NOTICE_MESSAGES)
def test_a_notice_is_in_chinese(code: str) -> None:
    assert CHINESE.search(str(NOTICE_MESSAGES[code]))


def test_every_code_that_the_reader_sends_has_words() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in INTAKE.rglob("*.py"))
    refused = set(re.findall(r"(?:Refused|IntakeError|raise_refused)\(\s*\"(\w+)\"", source))
    assert refused - set(FILE_MESSAGES) == set()
    faults = set(re.findall(r"(?<!\w)Fault\(\s*\"(\w+)\"", source)) | set(REASONS.values())
    assert faults - set(FEATURE_MESSAGES) == set()
    assert len(refused) > 20, "the pattern no longer finds the codes"


def test_an_unknown_code_still_speaks() -> None:
    assert_says_what_to_do(str(IntakeError("never_heard_of")))
    assert_says_what_to_do(reject_message("never_heard_of", {}))

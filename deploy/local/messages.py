"""Progress and refusals of the set-up, in Chinese and English, on standard error."""

from __future__ import annotations

import sys
import time

_BEGAN = time.monotonic()


class SetUpRefused(Exception):
    """What is missing and what to do, in one line of each language."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese}\n{english}")


def say(chinese: str, english: str) -> None:
    """One line of progress with the seconds since the start."""
    sys.stderr.write(f"[{time.monotonic() - _BEGAN:5.1f}s] {chinese} · {english}\n")
    sys.stderr.flush()

"""Why a whole file is refused, in the reader's own process: a code and its facts, no words."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The file as a whole cannot be read. ``errors`` has the words for each code."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(code, params)

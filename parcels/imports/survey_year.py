"""The survey year that a file's name tells."""

from __future__ import annotations

import re


def year_in(file_name: str) -> int | None:
    """2025 for 林地小班_2025.zip; None when the name holds no year."""
    found = re.search(r"(?<!\d)(19[5-9]\d|20\d\d)(?!\d)", file_name)
    return int(found[1]) if found else None

"""The survey year that a person or a file's name tells."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from portal.base.errors import InvalidInput
from portal.base.parameters import whole_number


def year_in(file_name: str) -> int | None:
    """2025 for 林地小班_2025.zip; None when the name holds no year."""
    found = re.search(r"(?<!\d)(19[5-9]\d|20\d\d)(?!\d)", file_name)
    return int(found[1]) if found else None


def parse_year(text: str) -> int | None:
    """None when nothing is given; InvalidInput for what is no year of a survey."""
    if not text.strip():
        return None
    year = whole_number(text)
    if year is None or not 1950 <= year <= 2100:
        raise InvalidInput(field=_("调查年度"), reason=text[:40])
    return year

"""Which of the portal's two languages the reader has chosen, for names that are kept in both."""

from __future__ import annotations

from django.utils.translation import get_language


def reads_english() -> bool:
    return (get_language() or "").startswith("en")

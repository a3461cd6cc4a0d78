"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from portal.accounts.queries import AnyUser
from portal.site.menu import MENU


def menu_for(user: AnyUser, path: str) -> dict[str, Any]:
    """The sections and entries that ``user`` may follow; the bar also shows where one is."""
    first = path.strip("/").split("/")[0]
    sections: list[dict[str, Any]] = []
    for section in MENU:
        entries = [
            {
                "label": entry.label,
                "address": reverse(entry.view),
                "here": reverse(entry.view) == path or first in entry.under,
                "in_bar": entry.in_bar,
            }
            for entry in section.entries
            if entry.shown_to(user)
        ]
        if entries:
            sections.append({"label": section.label, "entries": entries})
    every = [entry for section in sections for entry in section["entries"]]
    return {
        "bar": [entry for entry in every if entry["in_bar"] or entry["here"]],
        "sections": sections,
    }


def site(request: HttpRequest) -> dict[str, Any]:
    """The menu is asked for lazily, so that a page without one costs no query."""
    user: AnyUser = getattr(request, "user", AnonymousUser())
    return {
        "demo": settings.DEMO_ACCOUNTS,
        "map_approval_number": settings.MAP_APPROVAL_NUMBER,
        "menu": SimpleLazyObject(lambda: menu_for(user, request.path)),
    }

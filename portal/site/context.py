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


def menu_for(user: AnyUser, path: str) -> list[dict[str, Any]]:
    """The entries that ``user`` may follow, and which of them the page at ``path`` belongs to."""
    first = path.strip("/").split("/")[0]
    return [
        {
            "label": entry.label,
            "address": reverse(entry.view),
            "here": reverse(entry.view) == path or first in entry.under,
        }
        for entry in MENU
        if entry.shown_to(user)
    ]


def site(request: HttpRequest) -> dict[str, Any]:
    """The menu is asked for lazily, so that a page without one costs no query."""
    user: AnyUser = getattr(request, "user", AnonymousUser())
    return {
        "demo": settings.DEMO_ACCOUNTS,
        "map_approval_number": settings.MAP_APPROVAL_NUMBER,
        "menu": SimpleLazyObject(lambda: menu_for(user, request.path)),
    }

"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from parcels.imports.access import may_import
from portal.accounts.models import Department
from portal.accounts.queries import works_in


def site(request: HttpRequest) -> dict[str, Any]:
    """Menu entries are asked for lazily, so that a page without a menu costs no query."""
    user = getattr(request, "user", None)
    return {
        "demo": settings.DEMO_ACCOUNTS,
        "map_approval_number": settings.MAP_APPROVAL_NUMBER,
        "may_import": SimpleLazyObject(lambda: bool(user) and may_import(user)),
        "checks_identities": SimpleLazyObject(
            lambda: bool(user) and works_in(user, Department.FORESTRY)
        ),
    }

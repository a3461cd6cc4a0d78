"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from parcels.imports.access import may_import
from portal.accounts.models import Department
from portal.accounts.queries import AnyUser, works_in


def site(request: HttpRequest) -> dict[str, Any]:
    """Menu entries are asked for lazily, so that a page without a menu costs no query."""
    user: AnyUser = getattr(request, "user", AnonymousUser())
    return {
        "demo": settings.DEMO_ACCOUNTS,
        "map_approval_number": settings.MAP_APPROVAL_NUMBER,
        "may_import": SimpleLazyObject(lambda: may_import(user)),
        "checks_identities": SimpleLazyObject(lambda: works_in(user, Department.FORESTRY)),
    }

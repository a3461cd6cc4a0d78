"""Who asks for a page of the register."""

from __future__ import annotations

from django.http import HttpRequest

from portal.accounts.models import User
from portal.base.errors import NotFound


def signed_in(request: HttpRequest) -> User:
    """The user behind ``login_required``."""
    if not isinstance(request.user, User):
        raise NotFound()
    return request.user

"""What the pages answer alike."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from portal.accounts.models import User
from portal.accounts.operations import require_second_factor
from portal.accounts.second_factor import confirmed_device, present_code

OK, REFUSED = 200, 422


def second_factor(user: User, code: str) -> bool:
    """Whether a code was given and right; counted and committed before the act."""
    if not code.strip():
        return False
    require_second_factor(user=user, code=code.strip())
    return True


def demo_code(user: Any) -> str:
    """The present code under the demo's banner; empty elsewhere."""
    if not settings.DEMO_ACCOUNTS or not isinstance(user, User):
        return ""
    device = confirmed_device(user)
    return present_code(device)[0] if device else ""

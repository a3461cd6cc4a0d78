"""What the pages answer alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.accounts.models import User
from portal.accounts.operations import require_second_factor
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.answers import sent_once, typed_into
from tickets.market.errors import NewCounterparty

OK, REFUSED = 200, 422


def once_with_factor(
    request: HttpRequest, operation: str, user: User, code: str, act: Callable[[bool], Any]
) -> Any:
    """What ``act`` answers, a double click one act; ``act`` is told whether the second factor was
    right, which is asked for only where everything else is: a code counts once, and is committed
    before the act."""

    def send(confirmed: bool) -> Any:
        content = typed_into(request)
        return sent_once(
            request, operation, content, lambda: act(confirmed), actor_key=user.key
        ).body

    try:
        return send(False)
    except NewCounterparty:
        if not code.strip():
            raise
    require_second_factor(user=user, code=code.strip())
    return send(True)


def demo_code(user: Any) -> str:
    """The present code under the demo's banner; empty elsewhere."""
    if not settings.DEMO_ACCOUNTS or not isinstance(user, User):
        return ""
    device = confirmed_device(user)
    return present_code(device)[0] if device else ""

"""What pages of the register share: who asks, and what a form sent twice answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from portal.accounts.models import User
from portal.base.errors import NotFound
from portal.base.idempotency import Answer, act_once, earlier_answer

REQUEST_KEY = "request_key"


def signed_in(request: HttpRequest) -> User:
    """The user behind ``login_required``."""
    if not isinstance(request.user, User):
        raise NotFound()
    return request.user


def sent_once(
    request: HttpRequest,
    operation: str,
    content: Any,
    act: Callable[[], Any],
    *,
    before: Callable[[], None] | None = None,
) -> Answer:
    """The form's hidden key makes a double click one act (design.md, guarantee 8).

    ``before`` runs outside the act's transaction and not for a repeated request: a code of the
    second factor counts once.
    """
    said = {
        "actor_key": signed_in(request).key,
        "operation": operation,
        "key": request.POST.get(REQUEST_KEY, ""),
        "content": content,
    }
    found = earlier_answer(**said)
    if found is not None:
        return found
    if before is not None:
        before()
    return act_once(**said, act=act)

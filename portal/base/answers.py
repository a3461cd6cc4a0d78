"""What pages answer alike: a refusal beside what was typed, and a form that was sent twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from portal.base.errors import PortalError
from portal.base.idempotency import Answer, act_once, earlier_answer, request_under_way

REQUEST_KEY = "request_key"
# Whoever sends a form without an account: its random key alone tells requests apart.
VISITOR = uuid.UUID(int=0)
# Of a form, what does not make it another request.
_UNSIGNED = frozenset({"csrfmiddlewaretoken", "code", REQUEST_KEY})
_ATTRIBUTE = "portal_refusal"


def answer_refused(page: HttpResponse, refusal: PortalError | None) -> HttpResponse:
    """The page goes out with the status that ``portal.site.http_errors`` has for the refusal."""
    setattr(page, _ATTRIBUTE, refusal)
    return page


def refusal_shown(page: HttpResponse) -> PortalError | None:
    """The refusal that a page shows, if it shows one."""
    found: PortalError | None = getattr(page, _ATTRIBUTE, None)
    return found


def typed_into(request: HttpRequest) -> list[Any]:
    """The form's address and fields: what makes it this request and no other."""
    fields = sorted(
        (name, values) for name, values in request.POST.lists() if name not in _UNSIGNED
    )
    return [*fields, request.path]


def pressed_once(
    request: HttpRequest,
    operation: str,
    act: Callable[[], Any],
    *,
    actor_key: uuid.UUID,
    before: Callable[[], None] | None = None,
) -> Any:
    """What the act answers, of a page with several buttons; a second click gets the first's answer.

    Its forms carry the key; what is sent without one is an act of its own.
    """
    if request.POST.get(REQUEST_KEY):
        return sent_once(
            request, operation, typed_into(request), act, actor_key=actor_key, before=before
        ).body
    if before is not None:
        before()
    return act()


def sent_once(
    request: HttpRequest,
    operation: str,
    content: Any,
    act: Callable[[], Any],
    *,
    actor_key: uuid.UUID,
    before: Callable[[], None] | None = None,
) -> Answer:
    """The form's hidden key makes a double click one act (design.md, guarantee 8).

    ``before`` runs outside the act's transaction and not for a repeated request: a code of the
    second factor counts once.
    """
    place: dict[str, Any] = {
        "actor_key": actor_key,
        "operation": operation,
        "key": request.POST.get(REQUEST_KEY, ""),
    }
    if before is None:
        return act_once(**place, content=content, act=act)
    with request_under_way(**place):
        found = earlier_answer(**place, content=content)
        if found is not None:
            return found
        before()
        return act_once(**place, content=content, act=act)

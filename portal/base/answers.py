"""A page that shows a refusal beside what was typed: it names the refusal, the roof gives the status."""

from __future__ import annotations

from django.http import HttpResponse

from portal.base.errors import PortalError

_ATTRIBUTE = "portal_refusal"


def answer_refused(page: HttpResponse, refusal: PortalError | None) -> HttpResponse:
    """The page goes out with the status that ``portal.site.http_errors`` has for the refusal."""
    setattr(page, _ATTRIBUTE, refusal)
    return page


def refusal_shown(page: HttpResponse) -> PortalError | None:
    """The refusal that a page shows, if it shows one."""
    found: PortalError | None = getattr(page, _ATTRIBUTE, None)
    return found

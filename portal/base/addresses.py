"""The portal's own address, for what leaves it on paper."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def public_url(request: HttpRequest, path: str) -> str:
    """``path`` at the portal's public address, whichever name the request came by.

    A QR code is read years later: it must not carry the name that one browser used.
    """
    if settings.PUBLIC_ADDRESS:
        return f"{settings.PUBLIC_ADDRESS.rstrip('/')}{path}"
    return request.build_absolute_uri(path)

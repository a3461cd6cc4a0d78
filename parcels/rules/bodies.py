"""The body of a request that carries a drawing. Read by us: Django's own limit knows no message of ours."""

from __future__ import annotations

from django.http import HttpRequest

from parcels.rules.errors import DrawingTooLarge

BODY_LIMIT_MIB = 16  # 100,000 vertices with every digit take about four.


def read_body(request: HttpRequest) -> bytes:
    """The bytes, DrawingTooLarge above the limit whatever the header announces."""
    length = request.headers.get("Content-Length", "")
    limit = BODY_LIMIT_MIB * 1024**2
    if length.isdecimal() and int(length) > limit:
        raise DrawingTooLarge(limit_mib=BODY_LIMIT_MIB)
    body: bytes = request.read(limit + 1)
    if len(body) > limit:
        raise DrawingTooLarge(limit_mib=BODY_LIMIT_MIB)
    return body

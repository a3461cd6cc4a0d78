"""What a reader accepts and has already: encodings and entity tags of HTTP."""

from __future__ import annotations

from django.http import HttpRequest


def packing(request: HttpRequest) -> str:
    """``br``, ``gzip`` or ``identity``, the best that the reader takes."""
    accepted: set[str] = set()
    for part in request.headers.get("Accept-Encoding", "")[:500].split(","):
        name, _semicolon, rest = part.strip().partition(";")
        quality = rest.replace(" ", "").removeprefix("q=")
        if quality.strip("0.") or not rest:
            accepted.add(name.strip().lower())
    return next((name for name in ("br", "gzip") if name in accepted), "identity")


def known_tags(request: HttpRequest) -> list[str]:
    """The entity tags that the reader holds, at most twenty; a weak mark is set aside (RFC 9110)."""
    tags = request.headers.get("If-None-Match", "")[:2000].split(",")
    return [tag.strip().removeprefix("W/") for tag in tags][:20]


def has_etag(request: HttpRequest, etag: str) -> bool:
    return any(tag in (etag, "*") for tag in known_tags(request))

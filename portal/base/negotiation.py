"""What a reader accepts and has already: encodings and entity tags of HTTP."""

from __future__ import annotations

import gzip

import brotli
from django.http import HttpRequest

BROTLI_QUALITY = 3  # Somebody waits while it is packed: 6 takes three times as long for 2 % less.


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


def pack(body: bytes, encoding: str) -> bytes:
    """The bytes that travel; the same input gives the same bytes."""
    if encoding == "br":
        return bytes(brotli.compress(body, quality=BROTLI_QUALITY))
    if encoding == "gzip":
        return gzip.compress(body, compresslevel=6, mtime=0)
    return body


def unpack(packed: bytes, encoding: str) -> bytes:
    """What ``pack`` was given."""
    if encoding == "br":
        return bytes(brotli.decompress(packed))
    return gzip.decompress(packed) if encoding == "gzip" else packed

"""Requests whose body is only announced: reading a byte of it fails the test."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart


class UnreadBody:
    """What a server must not touch."""

    def read(self, *_size: int) -> bytes:
        raise AssertionError("the body was read")

    readline = read


class BegunBody(UnreadBody):
    """What comes first, and nothing after it."""

    def __init__(self, first: bytes) -> None:
        self.first: bytes | None = first

    def read(self, *_size: int) -> bytes:
        if self.first is None:
            return super().read()
        first, self.first = self.first, None
        return first

    readline = UnreadBody.readline


def begin(client: Client, address: str, size_bytes: int, sent: dict[str, Any]) -> Any:
    """A browser's form of so many bytes begins with ``sent``; the answer."""
    environment: dict[str, Any] = {
        "CONTENT_LENGTH": str(size_bytes),
        "CONTENT_TYPE": MULTIPART_CONTENT,
        "HTTP_ACCEPT": "text/html",
        "wsgi.input": BegunBody(encode_multipart(BOUNDARY, sent)),
    }
    return client.generic("POST", address, b"", **environment)


def announce(client: Client, address: str, size_bytes: int) -> Any:
    """A form of so many bytes is sent; the answer."""
    environment: dict[str, Any] = {
        "CONTENT_LENGTH": str(size_bytes),
        "HTTP_ACCEPT": "application/json",
        "wsgi.input": UnreadBody(),
    }
    kind = "multipart/form-data; boundary=x"
    return client.generic("POST", address, b"", content_type=kind, **environment)

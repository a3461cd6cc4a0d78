"""Requests whose body is only announced: reading a byte of it fails the test."""

from __future__ import annotations

from typing import Any

from django.test import Client


class UnreadBody:
    """What a server must not touch."""

    def read(self, *_size: int) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def announce(client: Client, address: str, size_bytes: int) -> Any:
    """A form of so many bytes is sent; the answer."""
    environment: dict[str, Any] = {
        "CONTENT_LENGTH": str(size_bytes),
        "HTTP_ACCEPT": "application/json",
        "wsgi.input": UnreadBody(),
    }
    kind = "multipart/form-data; boundary=x"
    return client.generic("POST", address, b"", content_type=kind, **environment)

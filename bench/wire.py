"""A client that costs little, so that it is the servers that are measured."""

from __future__ import annotations

import random
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from itertools import count
from typing import Self, TypeVar
from urllib.parse import urlsplit

from portal.accounts.demo import DEMO_PASSWORD

PIECE = 1 << 18
Asked = TypeVar("Asked")


class Refused(Exception):
    """The server answered with another status than 200."""


class Wire:
    """One kept connection of HTTP/1.1."""

    def __init__(self, address: str, **headers: str) -> None:
        at = urlsplit(address)
        self.place = at.hostname or "", at.port or 80
        self.connect()
        lines = [f"Host: {at.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
        self.after = " HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"

    def connect(self) -> None:
        self.socket = socket.create_connection(self.place, 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.socket.close()

    def get(self, path: str) -> bytes:
        """The whole body, as it travels."""
        self.send(path)
        return self.answer(path)

    def send(self, path: str) -> None:
        self.socket.sendall(f"GET {path}{self.after}".encode())

    def answer(self, path: str) -> bytes:
        """The body of the answer to ``path`` that was sent."""
        try:
            return self._read()
        except ConnectionError:  # Servers close what is idle or has asked a thousand times.
            self.connect()
            self.send(path)
            return self._read()

    def _read(self) -> bytes:
        found = self._more()
        while (end := found.find(b"\r\n\r\n")) < 0:
            found += self._more()
        head, body = found[:end].lower(), found[end + 4 :]
        if not head.startswith(b"http/1.1 200"):
            raise Refused(found[:400].decode(errors="replace"))
        at = head.find(b"content-length:")
        if at < 0:
            return self._chunks(body)
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        pieces, got = [body], len(body)
        while got < length:
            pieces.append(self._more())
            got += len(pieces[-1])
        return b"".join(pieces)

    def _chunks(self, rest: bytes) -> bytes:
        pieces: list[bytes] = []
        while True:
            while (end := rest.find(b"\r\n")) < 0:
                rest += self._more()
            size = int(rest[:end], 16)
            rest = rest[end + 2 :]
            while len(rest) < size + 2:
                rest += self._more()
            if size == 0:
                return b"".join(pieces)
            pieces.append(rest[:size])
            rest = rest[size + 2 :]

    def _more(self) -> bytes:
        piece = self.socket.recv(PIECE)
        if not piece:
            raise ConnectionResetError
        return piece


def sign_in(address: str, username: str) -> str:
    """The cookies of a demonstration account that has signed in as a browser does."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{address}/sign-in/").read()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = f"username={username}&password={DEMO_PASSWORD}&csrfmiddlewaretoken={token}"
    opener.open(f"{address}/sign-in/", form.encode()).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def rate(gets: Sequence[Callable[[Asked], object]], asked: Sequence[Asked]) -> float:
    """Answers a second when as many readers as ``gets`` share out what is asked among themselves."""
    place = count()

    def read(get: Callable[[Asked], object]) -> None:
        while (at := next(place)) < len(asked):
            get(asked[at])

    began = time.perf_counter()
    with ThreadPoolExecutor(len(gets)) as pool:
        list(pool.map(read, gets))
    return len(asked) / (time.perf_counter() - began)


def flood(wires: Sequence[Wire], paths: Sequence[str], seconds: float) -> float:
    """Answers a second when each of the wires always has one question under way."""
    dice = random.Random(1)
    answered = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        asked = [dice.choice(paths) for _wire in wires]
        for wire, path in zip(wires, asked, strict=True):
            wire.send(path)
        for wire, path in zip(wires, asked, strict=True):
            wire.answer(path)
        answered += len(wires)
    return answered / (time.perf_counter() - began)

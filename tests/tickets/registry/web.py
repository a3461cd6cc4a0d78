"""The web server as ``make run`` starts it, killed with everything that it runs, and who uses it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from deploy.local.serve import healthy, processes
from tests.accounts.people import PASSWORD
from tests.layers.app_server import free_port

HOST = "127.0.0.1"
START_S = 90
ANSWER_S = 60


@dataclass
class WebServer:
    """One after the other at the same address."""

    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Up until the block ends; killed there and then, whatever it is doing."""
        server = subprocess.Popen(
            processes(HOST, self.port)["server"], cwd=settings.ROOT, env=dict(self.environment),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            ends = time.monotonic() + START_S
            while not healthy(HOST, self.port):
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < ends, "the server does not answer"
                time.sleep(0.1)
            yield server
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # It leads a session of its own.
            server.wait()


@dataclass
class Browser:
    """Somebody's cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, username: str) -> None:
        address = reverse("accounts:sign-in")
        self.send("GET", address)
        assert self.press(address, username=username, password=PASSWORD) == 302

    def press(self, address: str, **fields: str) -> int:
        """The status that a form is answered with."""
        return self.send(
            "POST", address, {"csrfmiddlewaretoken": self.cookies["csrftoken"], **fields}
        )

    def send(self, method: str, address: str, fields: Mapping[str, str] | None = None) -> int:
        """OSError or HTTPException when nobody answers any more."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_S)
        try:
            connection.request(
                method, address, body=urlencode(fields or {}),
                headers={
                    "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )  # fmt: skip
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        for header in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
        return answer.status

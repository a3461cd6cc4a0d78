"""The application server that production runs, on a database of a test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

START_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def app_server(database: str, tmp_path: Path) -> Iterator[str]:
    """Its address."""
    app = settings.DATABASES["default"]
    url = f"postgis://{app['USER']}:{app['PASSWORD']}@{app['HOST']}:{app['PORT']}/{database}"
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
    }
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "granian"), "--interface", "asginl",
                "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-ws",
                "portal.asgi:application",
            ],
            cwd=settings.ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/ogc/conformance")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(address: str) -> None:
    ends = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)

"""``deploy/nginx`` as an operator sets it up, in Debian's nginx on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from tests.layers.app_server import free_port, wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
FOLDER = Path(settings.ROOT) / "deploy" / "nginx"
MAIN = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr; {user}
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/portal-http.conf;
  server {{ listen 127.0.0.1:{port}; include {folder}/portal-locations.conf; }}
}}
"""


@contextmanager
def nginx_before(
    portal: str, folder: Path, changes: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Host and port of nginx before the portal at that address; ``changes`` are of its texts."""
    folder.mkdir()
    changes = {
        "127.0.0.1:8000": urlsplit(portal).netloc,
        "/var/cache/nginx/portal": f"{folder}/cache",
        **(changes or {}),
    }
    texts = {
        name: (FOLDER / name).read_text() for name in ("portal-http.conf", "portal-locations.conf")
    }
    for ours, here in changes.items():
        assert sum(text.count(ours) for text in texts.values()) == 1, ours
        texts = {name: text.replace(ours, here) for name, text in texts.items()}
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    texts["nginx.conf"] = MAIN.format(folder=folder, port=port, user=user)
    for name, text in texts.items():
        (folder / name).write_text(text)
    with (folder / "nginx.log").open("wb") as log:
        server = subprocess.Popen(
            [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")],
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/ogc/conformance")
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)

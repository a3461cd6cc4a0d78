"""A second cluster, restored from a backup: its acting programs, its web server and PostgreSQL are killed."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.urls import reverse

from deploy.local import backup as backups
from deploy.local.cluster import APP, BINARIES, OWNER, Cluster, ensure_cluster
from tests.tickets.registry.web import Browser, WebServer

CLIENTS = 2
WAITING = 40


@dataclass
class Doomed:
    """The cluster, and what its clients were told is done."""

    cluster: Cluster
    acknowledged: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PORTAL_VAR": str(self.cluster.folder),
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
            "DATABASE_URL": self.cluster.url(APP),
            "DATABASE_OWNER_URL": self.cluster.url(OWNER),
        }

    def python(self, *words: str) -> list[str]:
        return [sys.executable, *words]

    def load(self, seed: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.python("-m", "tests.tickets.registry.load", str(seed)),
            cwd=settings.ROOT, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def round(self, victim: str, dice: random.Random) -> None:
        """Load, kill at a random moment, bring back, and look at everything."""
        clients = [self.load(dice.randrange(10**6)) for _ in range(CLIENTS)]
        try:
            for client in clients:  # All of them act before anything dies.
                assert client.stdout is not None
                self.acknowledged.add(client.stdout.readline().strip())
            time.sleep(dice.uniform(0.1, 1.2))
            if victim == "postgres":
                pid = int((self.cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
                os.kill(pid, signal.SIGKILL)
                time.sleep(0.2)
        finally:
            for client in clients:
                client.send_signal(signal.SIGKILL)
        for client in clients:
            out, _err = client.communicate()
            # A line that was cut in the middle was not told.
            self.acknowledged.update(line for line in out.split("\n")[:-1])
        if victim == "postgres":
            self.cluster.start()
        self.look()

    def web_round(self, dice: random.Random) -> None:
        """Approvers press their buttons until the web server is killed; afterwards each presses the same
        button again, twice."""
        done = subprocess.run(
            self.python("-m", "tests.tickets.registry.waiting", str(WAITING)),
            cwd=settings.ROOT, env=self.environment, text=True, capture_output=True, check=True,
        )  # fmt: skip
        approver, *keys = done.stdout.split()
        server = WebServer(self.environment)
        told: list[str] = []

        def press(key: str) -> int:
            address = reverse("registry:registration", args=[key])
            return browser.press(address, action="approve", request_key=f"approve-{key}")

        def work(mine: list[str]) -> None:
            for key in mine:
                try:
                    status = press(key)
                except (OSError, http.client.HTTPException):
                    return
                assert status == 302
                told.append(key)

        browser = Browser(server.port)
        with ThreadPoolExecutor(CLIENTS) as clients:
            with server.running():
                browser.sign_in(approver)
                acting = [clients.submit(work, keys[nth::CLIENTS]) for nth in range(CLIENTS)]
                while len(told) < CLIENTS:  # Some have been told before it dies.
                    assert not all(one.done() for one in acting), [one.result() for one in acting]
                    time.sleep(0.01)
                time.sleep(dice.uniform(0.0, 0.4))
            for one in acting:
                one.result()
        with server.running():
            for _again in range(2):
                assert {press(key) for key in keys} == {302}
        self.look()
        self.require_registered_once(keys)

    def require_registered_once(self, keys: list[str]) -> None:
        """Each by one entry that opened one ticket."""
        with self.seen() as seen:
            found = seen.execute(
                "SELECT wanted.key::text, wanted.state, count(DISTINCT entry.id), count(ticket.key) "
                "FROM registry_registration AS wanted "
                "LEFT JOIN registry_ledgerentry AS entry ON entry.registration = wanted.key "
                "LEFT JOIN registry_carbonticket AS ticket ON ticket.opened_by_id = entry.id "
                "WHERE wanted.key = ANY(%s::uuid[]) GROUP BY wanted.key, wanted.state",
                [keys],
            ).fetchall()
        assert sorted(found) == sorted((key, "approved", 1, 1) for key in keys)

    def seen(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.cluster.url(OWNER).replace("postgis://", "postgresql://"))

    def look(self) -> None:
        """Each act that was told is there with its answer; nothing is half there. ``verify`` is apart."""
        with self.seen() as seen:
            kept = {
                f"{kind} {key}"
                for kind, key in seen.execute(
                    "SELECT operation, key FROM base_idempotencykey WHERE answer IS NOT NULL"
                )
            }
            halves = seen.execute(
                "SELECT count(*) FROM registry_cause AS cause LEFT JOIN registry_block AS block "
                "ON block.because_id = cause.key WHERE block.id IS NULL"
            ).fetchone()
            undecided = seen.execute(
                "SELECT count(*) FROM registry_registration WHERE state = 'prepared'"
            ).fetchone()
        assert self.acknowledged - {""} <= kept
        assert halves == (0,)
        assert undecided == (0,)

    def verify(self) -> dict[str, Any]:
        """The report of ``verify_register --replay`` on this cluster."""
        done = subprocess.run(
            self.python("manage.py", "verify_register", "--replay"),
            cwd=settings.ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr[-500:]
        report: dict[str, Any] = json.loads(done.stdout)
        return report


@contextmanager
def doomed_cluster(folder: Path, template: str) -> Iterator[Doomed]:
    """A second cluster as ``make db`` makes it, into which a backup of ``template`` is restored."""
    owner = settings.DATABASES["owner"]
    url = (
        f"postgis://{owner['USER']}:{owner['PASSWORD']}@{owner['HOST']}:{owner['PORT']}/{template}"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VAR", str(folder))
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
            environment.delenv(name, raising=False)
        cluster = Cluster(folder)
        try:
            ensure_cluster()
            for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
                environment.setenv(name, url)
            archive = backups.backup()
            for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
                environment.delenv(name)
            backups.restore(archive)
            yield Doomed(cluster)
        finally:
            cluster.call(  # Nothing of it is kept: no checkpoint is waited for.
                str(BINARIES / "pg_ctl"), "-D", str(cluster.data), "-m", "immediate", "-w", "stop"
            )
            shutil.rmtree(cluster.data.resolve(), ignore_errors=True)
            shutil.rmtree(cluster.sockets, ignore_errors=True)

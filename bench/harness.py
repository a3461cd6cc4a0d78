"""What a bench is handed: a database of its own, clocks, comparisons, limits."""

from __future__ import annotations

import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from layers.cells import prepare_cells
from tests import databases

Result = TypeVar("Result")
SERVER_WAIT_S = 60
WORKERS = 2
REGISTER = "portal_bench_register"


class ResultsDiffer(Exception):
    """Two ways of one case gave different results: their times say nothing."""


@dataclass(slots=True)
class Timing:
    """One way of one case. ``ratio`` is its median over the median of the case's first way."""

    case: str
    way: str
    rounds: int
    median_s: float
    worst_s: float
    ratio: float | None = None
    at_most_s: float | None = None

    @property
    def kept(self) -> bool:
        return self.at_most_s is None or self.worst_s <= self.at_most_s


@dataclass(slots=True)
class Fact:
    """Something that is counted or derived, with its limits if it has some."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def kept(self) -> bool:
        if self.at_most is not None and self.value > self.at_most:
            return False
        return self.at_least is None or self.value >= self.at_least


@dataclass(slots=True)
class Bench:
    """One run of one module."""

    name: str
    size: int
    timings: list[Timing] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    servers: dict[str, int] = field(default_factory=dict)  # Address → process.

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        _tell(f"{self.name}: {text}")

    def compare(
        self,
        case: str,
        ways: Mapping[str, Callable[[], Result]],
        *,
        rounds: int = 7,
        same: Callable[[Result], object] | None = None,
    ) -> dict[str, float]:
        """Run the ways in turn, ``rounds`` times, after one unmeasured turn that is compared.

        ``same`` makes a result comparable (rounded, sorted); the medians in seconds come back.
        """
        plain = same or (lambda result: result)
        first_way, first = next(iter(ways)), None
        for at, (way, act) in enumerate(ways.items()):
            result = plain(act())
            if at == 0:
                first = result
            elif result != first:
                raise ResultsDiffer(f"{case}: “{way}” and “{first_way}” give different results")
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        # In turn, so that a machine that slows down slows all of them alike.
        for _round in range(rounds):
            for way, act in ways.items():
                seconds[way].append(_seconds(act))
        medians = {way: statistics.median(taken) for way, taken in seconds.items()}
        for way, taken in seconds.items():
            ratio = medians[way] / medians[first_way] if medians[first_way] else None
            self.timings.append(Timing(case, way, rounds, medians[way], max(taken), ratio))
        return medians

    def measure(
        self,
        case: str,
        act: Callable[[], object],
        *,
        rounds: int = 7,
        at_most_s: float | None = None,
        warm: bool = True,
    ) -> float:
        """The median in seconds of one act; its worst round must keep ``at_most_s``."""
        if warm:
            act()
        return self.taken(case, [_seconds(act) for _round in range(rounds)], at_most_s=at_most_s)

    def taken(self, case: str, seconds: list[float], *, at_most_s: float | None = None) -> float:
        """Note times that were measured elsewhere; the median comes back."""
        median = statistics.median(seconds)
        self.timings.append(
            Timing(case, "", len(seconds), median, max(seconds), at_most_s=at_most_s)
        )
        return median

    def fact(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Note a number, with the limits that it must keep."""
        self.facts.append(Fact(name, value, unit, at_most, at_least))

    @property
    def kept(self) -> bool:
        """Whether every limit was kept."""
        return all(timing.kept for timing in self.timings) and all(fact.kept for fact in self.facts)

    def as_json(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "kept": self.kept,
            "timings": [{**asdict(timing), "kept": timing.kept} for timing in self.timings],
            "facts": [{**asdict(fact), "kept": fact.kept} for fact in self.facts],
        }

    # --- what it stands on ----------------------------------------------------------------------
    def app_connection(self, **options: Any) -> psycopg.Connection[Any]:
        """A further session of the application's role on this bench's database."""
        return databases.app_connection(**options)

    def owner_connection(self) -> psycopg.Connection[Any]:
        """An autocommit session of the owner on this bench's database."""
        return databases.owner_connection(settings.DATABASES["default"]["NAME"])

    def analyze(self) -> None:
        """Fresh statistics after a large load, as autovacuum would bring them soon."""
        with self.owner_connection() as owner:
            owner.execute("VACUUM ANALYZE")

    def server_mib(self, address: str) -> float:
        """Resident memory of a server's workers together."""
        parent = self.servers[address]
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return sum(resident_mib(int(pid)) for pid in children)

    @contextmanager
    def server(
        self,
        application: str = "portal.asgi:application",
        *,
        interface: str = "asginl",
        ready: str = "/healthz",
        **changes: str,
    ) -> Iterator[str]:
        """A server as ``make run`` starts it, on this database; yields its address.

        ``changes`` are of its environment: other settings, another application's own.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            str(settings.ROOT / ".venv" / "bin" / "granian"), "--interface", interface,
            "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS), "--no-ws",
            "--log-level", "warning", application,
        ]  # fmt: skip
        with tempfile.TemporaryDirectory() as tiles:
            # Tiles that another database's server kept would answer under the same address.
            child = subprocess.Popen(
                command,
                cwd=settings.ROOT,
                env=environment("portal.settings.embedded") | {"TILE_STORE": tiles} | changes,
                stdout=sys.stderr,
            )
            try:
                address = f"http://127.0.0.1:{port}"
                _wait_for(f"{address}{ready}", child)
                self.servers[address] = child.pid
                yield address
            finally:
                child.terminate()
                child.wait(timeout=30)


def register_template(control: psycopg.Connection[Any], migrated: str, parcels: int) -> str:
    """A template with so many parcels of the mosaic, low zooms prepared; made once a cluster.

    It is named after its migrations and its size. Benches that set ``REGISTER`` start on a copy.
    """
    digest = databases.migrations_digest()
    name = f"{REGISTER}_{digest}_{parcels}"
    began = time.perf_counter()

    def fill() -> None:
        _tell(f"registering {parcels:,} parcels, once for this cluster")
        call_command("make_parcels", count=parcels, seed=1, stdout=io.StringIO())
        prepare_cells(everything=True)
        with connections["owner"].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    if databases.make_once(control, name, fill, template=migrated):
        databases.drop_databases(control, f"{REGISTER}_", keep=f"{REGISTER}_{digest}_")
        _tell(f"{parcels:,} parcels registered in {time.perf_counter() - began:,.0f} s")
    else:
        _tell(f"{parcels:,} parcels registered before are used again")
    return name


def resident_mib(pid: int) -> float:
    """Resident memory of one process, without those that it started."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0.0


def _tell(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def environment(settings_module: str) -> dict[str, str]:
    """Of a process of ours on this bench's database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings_module,
        "PORTAL_VAR": str(settings.VAR),
        "DATABASE_URL": url_of("default"),
        "DATABASE_OWNER_URL": url_of("owner"),
    }


def url_of(alias: str, scheme: str = "postgis") -> str:
    """How a process of its own reaches this bench's database in the role of ``alias``."""
    facts = settings.DATABASES[alias]
    return (
        f"{scheme}://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
        f"/{facts['NAME']}"
    )


def _wait_for(address: str, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SERVER_WAIT_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if child.poll() is not None:
                break
            time.sleep(0.2)
    raise RuntimeError("the server did not start")

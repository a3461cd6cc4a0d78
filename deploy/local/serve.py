"""``make run``: migrate, demo, server and worker, until Ctrl-C."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy.local.cluster import ensure_cluster, given_database, the_cluster
from deploy.local.machine import build_frontend, compile_messages
from deploy.local.messages import SetUpRefused, say
from deploy.local.place import PYTHON, ROOT, VENV, digest, once, var

RESTARTS = 5
STOP_WAIT_S = 10
APPS = ("portal", "parcels", "tickets", "layers")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
DEMO_NAMES = (
    "forestry natural_resources ecology development_reform finance justice trading "
    "(各有 *_approver) · expert1-5 verifier1-2 bank1-2 insurer owner1-2 collective buyer1-2 "
    "auditor admin"
)


def manage(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(PYTHON), str(ROOT / "manage.py"), *words], env=environment(), cwd=ROOT, check=False
    )


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PORTAL_VAR": str(var()),
        "DJANGO_SETTINGS_MODULE": os.environ.get(
            "DJANGO_SETTINGS_MODULE", "portal.settings.embedded"
        ),
    }


def migrate() -> None:
    """Only when a migration changed or the database is another one."""
    paths = [path for name in APPS for path in sorted((ROOT / name).rglob("migrations/*.py"))]

    def step() -> None:
        say("更新数据库结构", "migrating the database")
        story = ["--story"] if demo_wanted() else []
        if manage("migrate", "--verbosity", "0", *story).returncode:
            raise SetUpRefused("数据库结构没有更新成功。", "The migration failed.")

    target = os.environ.get("DATABASE_OWNER_URL") or str(var())
    key = digest([*paths, ROOT / "requirements" / "run.txt"]) + target
    once("migrated", key, step, folder=var())


def demo_wanted() -> bool:
    return os.environ.get("DEMO", "1") != "0"


def seed() -> None:
    if not demo_wanted():
        return

    def step() -> None:
        say("载入演示数据", "loading the demo")
        if manage("seed_demo").returncode:
            raise SetUpRefused("演示数据没有载入成功。", "The demo could not be loaded.")

    target = os.environ.get("DATABASE_URL") or str(var())
    story = [path for name in APPS for path in sorted((ROOT / name).rglob("demo.py"))]
    story += [ROOT / "fixtures", ROOT / "portal" / "site" / "management"]
    once("seeded", digest(story) + target, step, folder=var())


@contextmanager
def alone() -> Iterator[None]:
    """One ``make run`` for a data directory; the lock goes with the process, however it ends."""
    var().mkdir(parents=True, exist_ok=True)
    with (var() / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetUpRefused(
                f"门户已在运行（数据目录 {var()}）。请先停止它，或用 VAR= 另选目录。",
                f"The portal already runs on {var()}. Stop it first, or choose another with VAR=.",
            ) from None
        yield


def processes(host: str, port: int) -> dict[str, list[str]]:
    """What runs while the portal is up, by name."""
    return {
        "server": [
            str(VENV / "bin" / "granian"), "--interface", "asginl", "--host", host,
            "--port", str(port), "--workers", "2", "--backlog", "1024", "--no-ws",
            "--workers-kill-timeout", "5s", "--log-level", "warning",
            "portal.asgi:application",
        ],
        "worker": [
            str(PYTHON), str(ROOT / "manage.py"), "procrastinate", "worker",
            "--concurrency", "2",
        ],
    }  # fmt: skip


def end_with_parent() -> None:
    """In a child: be asked to stop when ``make run`` is killed and cannot ask any more."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def serve() -> int:
    """Everything up; blocks until a signal; returns the exit status."""
    with alone():
        return serve_alone()


def serve_alone() -> int:
    host, port = os.environ.get("HOST") or "127.0.0.1", port_asked_for()
    if not port_is_free(host, port):
        raise SetUpRefused(
            f"端口 {port} 已被占用。请换一个：make run PORT={port + 1}",
            f"Port {port} is taken. Choose another: make run PORT={port + 1}",
        )
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    ensure_cluster()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        compile_messages()
        (var() / "static").mkdir(exist_ok=True)  # WhiteNoise warns of a missing folder.
        migrate()
        build_frontend()
        seed()
        commands = processes(host, port)
        restarts = dict.fromkeys(commands, 0)
        announced = False
        while not stopping:
            for name, command in commands.items():
                child = children.get(name)
                if child is not None and child.poll() is None:
                    continue
                if child is not None:
                    restarts[name] += 1
                    say(f"{name} 退出（{child.returncode}），重新启动", f"{name} ended, restarting")
                    if restarts[name] > RESTARTS:
                        raise SetUpRefused(f"{name} 反复退出。", f"{name} keeps ending.")
                    time.sleep(1)
                # Its own session: a Ctrl-C in the terminal reaches this process alone, which then
                # stops its children in order.
                children[name] = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=environment(),
                    start_new_session=True,
                    preexec_fn=end_with_parent,  # noqa: PLW1509 - this process has one thread.
                )
            if not announced and healthy(host, port):
                announced = True
                say(f"门户已启动：http://{host}:{port}/", "the portal is up")
                if demo_wanted():
                    say(f"演示账号：{DEMO_NAMES}", "password demo-yining-2026")
                say("按 Ctrl-C 停止", "Ctrl-C stops everything")
            time.sleep(0.2)
    finally:
        end(list(children.values()))
        if not given_database():
            the_cluster().release()
    return 0


def end(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to stop; what has not within ``STOP_WAIT_S`` is killed with its own children."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    until = time.monotonic() + STOP_WAIT_S
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.1, until - time.monotonic()))
        # Each leads a session of its own: a worker that missed the signal goes with it.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def port_asked_for() -> int:
    written = os.environ.get("PORT") or "8000"
    if not (written.isascii() and written.isdecimal() and 0 < int(written) < 65_536):
        raise SetUpRefused(
            f"PORT={written} 不是端口号，应为 1 至 65535。",
            f"PORT={written} is no port number: 1 to 65535.",
        )
    return int(written)


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def healthy(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

"""``make run``: migrate, demo, server and worker, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from deploy.local.cluster import ensure_cluster, given_database, the_cluster
from deploy.local.machine import build_frontend, compile_messages
from deploy.local.messages import SetUpRefused, say
from deploy.local.place import PYTHON, ROOT, VENV, digest, once, var

RESTARTS = 5
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
    folders = [ROOT / name for name in ("portal", "parcels", "tickets", "layers")]
    paths = [path for folder in folders for path in sorted(folder.rglob("migrations/*.py"))]

    def step() -> None:
        say("更新数据库结构", "migrating the database")
        if manage("migrate", "--verbosity", "0").returncode:
            raise SetUpRefused("数据库结构没有更新成功。", "The migration failed.")

    target = os.environ.get("DATABASE_OWNER_URL", str(var()))
    key = digest([*paths, ROOT / "requirements" / "run.txt"]) + target
    once("migrated", key, step, folder=var())


def seed() -> None:
    if os.environ.get("DEMO", "1") == "0":
        return

    def step() -> None:
        say("载入演示数据", "loading the demo")
        if manage("seed_demo").returncode:
            raise SetUpRefused("演示数据没有载入成功。", "The demo could not be loaded.")

    target = os.environ.get("DATABASE_URL", str(var()))
    once("seeded", digest([ROOT / "fixtures"]) + target, step, folder=var())


def serve() -> int:
    """Everything up; blocks until a signal; returns the exit status."""
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
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
    started = ensure_cluster()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        compile_messages()
        migrate()
        build_frontend()
        seed()
        commands = {
            "server": [
                str(VENV / "bin" / "granian"), "--interface", "asginl", "--host", host,
                "--port", str(port), "--workers", "2", "--backlog", "1024", "--no-ws",
                "--log-level", "warning", "portal.asgi:application",
            ],
            "worker": [
                str(PYTHON), str(ROOT / "manage.py"), "procrastinate", "worker",
                "--concurrency", "2",
            ],
        }  # fmt: skip
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
                    command, cwd=ROOT, env=environment(), start_new_session=True
                )
            if not announced and healthy(host, port):
                announced = True
                say(f"门户已启动：http://{host}:{port}/", "the portal is up")
                if os.environ.get("DEMO", "1") != "0":
                    say(f"演示账号：{DEMO_NAMES}", "password demo-yining-2026")
                say("按 Ctrl-C 停止", "Ctrl-C stops everything")
            time.sleep(0.2)
    finally:
        for child in children.values():
            if child.poll() is None:
                child.terminate()
        for child in children.values():
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                child.kill()
        if started and not given_database():
            the_cluster().stop()
    return 0


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

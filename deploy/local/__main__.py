"""``python3 -m deploy.local STEP``: what the Makefile calls. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.local import backup as backups
from deploy.local.cluster import APP, OWNER, ensure_cluster, given_database, the_cluster
from deploy.local.machine import (
    Lock,
    build_frontend,
    compile_messages,
    install_packages,
    make_environment,
    node,
)
from deploy.local.messages import SetUpRefused
from deploy.local.place import PYTHON, ROOT, VENV
from deploy.local.serve import environment, manage, migrate, serve


def set_up(lock: Lock) -> None:
    install_packages(for_tests=lock != "run")
    make_environment(lock)


def run() -> int:
    set_up("run")
    return serve()


def prepare() -> int:
    """Everything but the start, for a server whose services are started by the system."""
    set_up("run")

    def step() -> int:
        compile_messages()
        build_frontend()
        migrate()
        return manage("collectstatic", "--noinput", "--verbosity", "0").returncode

    return with_cluster(step)


def with_cluster(step: Callable[[], int]) -> int:
    """Run ``step`` with the cluster up, and leave the cluster as it was found."""
    ensure_cluster()
    try:
        return step()
    finally:
        if not given_database():
            the_cluster().release()


def test(*, soak: bool = False) -> int:
    set_up("dev")
    build_frontend()
    compile_messages()
    words = os.environ.get("ARGS", "").split()
    marks = ["-m", "soak"] if soak else ["-m", "not soak"]
    chosen = any(word.startswith("-n") for word in words)
    workers = [] if chosen else ["-n", "2", "--dist", "worksteal"]  # See tests/conftest.py.
    command = [str(VENV / "bin" / "pytest"), *marks, *workers, *words]
    return with_cluster(
        lambda: (
            subprocess.run(
                command,
                cwd=ROOT,
                env={**environment(), "DJANGO_SETTINGS_MODULE": "portal.settings.test"},
                check=False,
            ).returncode
        )
    )


def lint() -> int:
    """Every check, all of them run, the first failure's status returned."""
    set_up("dev")
    build_frontend()
    compile_messages()
    tools = VENV / "bin"
    node_command, _npm = node()
    typescript = ROOT / "frontend" / "node_modules" / "typescript" / "bin" / "tsc"
    checks = [
        [str(tools / "ruff"), "check", "."],
        [str(tools / "ruff"), "format", "--check", "."],
        [
            str(tools / "mypy"),
            "portal",
            "parcels",
            "tickets",
            "layers",
            "deploy",
            "bench",
            "tests/parcels",
            "tests/tickets",
        ],
        [str(tools / "lint-imports")],
        [
            str(tools / "djlint"),
            "--check",
            "--lint",
            "portal",
            "parcels",
            "tickets",
            "layers",
            "--quiet",
        ],
        [*node_command, str(typescript), "--noEmit", "-p", str(ROOT / "frontend")],
        [str(PYTHON), "manage.py", "makemigrations", "--check", "--dry-run"],
        [str(PYTHON), "manage.py", "check", "--fail-level", "WARNING"],
    ]

    def run_all() -> int:
        failed = [
            check
            for check in checks
            if subprocess.run(check, cwd=ROOT, env=environment(), check=False).returncode
        ]
        for check in failed:
            sys.stderr.write(f"✗ {' '.join(Path(check[0]).name.split() + check[1:])}\n")
        return 1 if failed else 0

    return with_cluster(run_all)


def bench() -> int:
    set_up("bench")
    build_frontend()
    command = [str(PYTHON), "-m", "bench", *os.environ.get("ARGS", "").split()]
    return with_cluster(
        lambda: subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode
    )


def database() -> int:
    """Only the cluster; both URLs on standard output."""
    install_packages(for_tests=False)
    ensure_cluster()
    if given_database():
        urls = [os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"]]
    else:
        the_cluster().keep()
        urls = [the_cluster().url(APP), the_cluster().url(OWNER)]
    sys.stdout.write(f"DATABASE_URL={urls[0]}\nDATABASE_OWNER_URL={urls[1]}\n")
    return 0


def stop() -> int:
    the_cluster().stop()
    return 0


def backup() -> int:
    def step() -> int:
        backups.backup()
        return 0

    return with_cluster(step)


def restore() -> int:
    name = os.environ.get("FILE", "")
    if not name:
        raise SetUpRefused("请指明备份文件：make restore FILE=…", "Name it: make restore FILE=…")
    keys = os.environ.get("KEYS", "")

    def step() -> int:
        backups.restore(Path(name).resolve(), Path(keys).resolve() if keys else None)
        return 0

    return with_cluster(step)


STEPS: dict[str, Callable[[], int]] = {
    "run": run,
    "prepare": prepare,
    "test": test,
    "soak": lambda: test(soak=True),
    "lint": lint,
    "bench": bench,
    "db": database,
    "stop": stop,
    "backup": backup,
    "restore": restore,
}


def main() -> int:
    try:
        return STEPS[sys.argv[1]]()
    except SetUpRefused as refused:
        sys.stderr.write(f"\n{refused}\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

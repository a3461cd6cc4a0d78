"""What is missing gets one clear line; what is there is never touched twice."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from deploy.local import machine, serve
from deploy.local.place import digest, forget, once

ROOT = Path(settings.ROOT)
TOOLS = ("env", "sh", "sleep")


def deploy(step: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **changes}
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        if name not in changes:
            environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", step],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def assert_one_clear_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit 2, a Chinese line and an English one, and no traceback."""
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("[")]
    assert len(lines) == 2, done.stderr


@pytest.fixture
def bare_machine(tmp_path: Path) -> str:
    """A PATH where no package of ours is installed and nothing can install one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    query = folder / "dpkg-query"
    query.write_text("#!/bin/sh\nexit 1\n")
    query.chmod(0o755)
    return str(folder)


def test_packages_that_cannot_be_installed_are_named_in_one_line(
    bare_machine: str, tmp_path: Path
) -> None:
    done = deploy("db", PATH=bare_machine, VAR=str(tmp_path / "var"))
    assert_one_clear_line(done, "postgresql-15-postgis-3", "apt-get install", "gettext")
    assert not (tmp_path / "var").exists()


def test_a_port_that_is_taken_or_none_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # A data directory that runs nothing: refused before a cluster is made there.
        script = "from deploy.local.serve import serve; serve()"
        for wanted, word in (
            (str(port), "已被占用"),
            ("abc", "不是端口号"),
            ("70000", "不是端口号"),
        ):
            done = subprocess.run(
                [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                env={**os.environ, "PORT": wanted, "VAR": str(tmp_path)}, check=False,
            )  # fmt: skip
            assert word in done.stderr
    assert not (tmp_path / "pg").exists()


def test_a_second_portal_on_one_data_directory_is_refused(tmp_path: Path) -> None:
    script = (
        "from deploy.local.serve import alone\nwith alone():\n  print('in', flush=True)\n  input()"
    )
    command = [sys.executable, "-c", script]
    facts = {"cwd": ROOT, "env": {**os.environ, "VAR": str(tmp_path)}, "text": True}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **facts,  # type: ignore[call-overload]
    ) as first:
        assert first.stdout.readline() == "in\n"
        second = subprocess.run(command, capture_output=True, check=False, **facts)  # type: ignore[call-overload]
        assert "门户已在运行" in second.stderr
        first.kill()
    third = subprocess.run(command, input="\n", capture_output=True, check=False, **facts)  # type: ignore[call-overload]
    assert third.stdout == "in\n", "a killed portal leaves no lock"


def test_children_end_when_the_portal_is_killed() -> None:
    script = (
        "import subprocess, time\nfrom deploy.local.serve import end_with_parent\n"
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=end_with_parent)\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


def gone(number: int) -> bool:
    """Whether the process ends within some seconds; one that only waits to be counted has."""
    for _wait in range(50):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_a_child_that_does_not_listen_is_ended_with_its_own_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "STOP_WAIT_S", 0.5)
    deaf = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert deaf.stdout is not None
    grandchild = int(deaf.stdout.readline())
    serve.end([deaf])
    assert deaf.returncode == -signal.SIGKILL
    assert gone(grandchild)


def test_an_unknown_backup_or_none_gets_one_line(tmp_path: Path) -> None:
    assert_one_clear_line(deploy("restore", VAR=str(tmp_path), FILE=""), "make restore FILE=")


def test_a_given_database_is_used_and_no_cluster_is_made(tmp_path: Path) -> None:
    urls = {
        "DATABASE_URL": "postgis://app:x@db.example/portal",
        "DATABASE_OWNER_URL": "postgis://owner:y@db.example/portal",
    }
    done = deploy("db", VAR=str(tmp_path), **urls)
    assert done.returncode == 0
    assert done.stdout.split() == [f"{name}={url}" for name, url in urls.items()]
    assert list(tmp_path.iterdir()) == []


def test_a_step_runs_once_for_its_inputs_and_again_when_one_changes(tmp_path: Path) -> None:
    ran: list[str] = []
    for key in ("a", "a", "b"):
        once("step", key, lambda key=key: ran.append(key), folder=tmp_path)  # type: ignore[misc]
    assert ran == ["a", "b"]
    with pytest.raises(RuntimeError):
        once("broken", "a", lambda: (_ for _ in ()).throw(RuntimeError), folder=tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / ".broken.stamp").exists()
    forget("step", folder=tmp_path)
    once("step", "b", lambda: ran.append("again"), folder=tmp_path)
    assert ran[-1] == "again"


def test_the_digest_of_a_folder_changes_with_a_name_and_with_a_byte() -> None:
    folder = ROOT / "deploy" / "local"
    assert digest([folder]) == digest([folder])
    assert digest([folder]) != digest([folder / "place.py"])


def test_no_second_cluster_of_debian_is_started(tmp_path: Path) -> None:
    for before in (None, "#create_main_cluster = true\nssl = on\n", "create_main_cluster = true\n"):
        home = tmp_path / str(hash(before))
        home.mkdir()
        if before is not None:
            (home / "createcluster.conf").write_text(before)
        script = machine.NO_SYSTEM_CLUSTER.replace("/etc/postgresql-common", str(home))
        subprocess.run(["sh", "-c", script], check=True)
        written = (home / "createcluster.conf").read_text()
        assert re.search(r"^create_main_cluster = false$", written, re.M)
        assert not re.search(r"^create_main_cluster = true", written, re.M)


STEPS = [
    "run", "prepare", "test", "pictures", "soak", "lint", "bench", "db", "stop", "backup", "restore", "help",
]  # fmt: skip


def test_make_help_names_every_step() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for step in STEPS:
        assert re.search(rf"^{step}\b", done, re.M), step


def test_locks_hold_versions_and_hashes_and_no_address() -> None:
    for name in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        pinned = re.findall(r"^[\w.\[\],-]+==", text, re.M)
        assert len(pinned) > 30
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text
    assert "resolved" not in (ROOT / "frontend" / "package-lock.json").read_text()


def test_every_source_map_that_a_built_file_names_is_there() -> None:
    """A production's collectstatic looks for each of them and ends at the first that is missing."""
    dist = ROOT / "frontend" / "dist"
    named = {
        file.parent / name
        for file in [*dist.rglob("*.js"), *dist.rglob("*.css")]
        for name in re.findall(r"sourceMappingURL=([\w.-]+)", file.read_text(encoding="utf-8"))
    }
    assert named
    assert [str(path) for path in named if not path.is_file()] == []


def test_licences_stay_with_what_they_cover() -> None:
    text = (ROOT / "fixtures" / "basemap" / "README.md").read_text()
    assert "MIT" in text
    assert "public domain" in text
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")

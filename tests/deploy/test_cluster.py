"""The private cluster: made once, alone on loopback, alive again after kill -9, restored as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy.local import backup as backups
from deploy.local.cluster import APP, DATABASE, OWNER, Cluster, ensure_cluster, the_cluster
from deploy.local.place import once
from portal.base.secrets import KEY_FILES

DOOMED = f"SET ROLE {OWNER}; CREATE TABLE kept (n int); INSERT INTO kept VALUES (26);"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of this module's own, as ``make db`` makes it."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("var")
    patch.setenv("VAR", str(folder))
    patch.delenv("DATABASE_URL", raising=False)
    patch.delenv("DATABASE_OWNER_URL", raising=False)
    # Another cluster's address in the environment must lead nothing there.
    patch.setenv("PGDATA", "/var/lib/postgresql/15/main")
    patch.setenv("PGPORT", "5432")
    patch.setenv("PGHOST", "/var/run/postgresql")
    assert ensure_cluster() is True
    made = the_cluster()
    yield made
    made.stop()
    shutil.rmtree(made.data)  # As root it lies outside of the test's own folder.
    shutil.rmtree(made.sockets, ignore_errors=True)
    patch.undo()


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])


def test_it_listens_on_loopback_alone_and_asks_everyone_for_a_password(cluster: Cluster) -> None:
    assert cluster.psql("postgres", "SHOW listen_addresses") == "127.0.0.1"
    assert cluster.psql("postgres", "SHOW data_directory") == str(cluster.data)
    rules = cluster.psql("postgres", "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    assert rules == "scram-sha-256"
    with socket.socket() as probe:
        own_address = socket.gethostbyname(socket.gethostname())
        if not own_address.startswith("127."):
            assert probe.connect_ex((own_address, cluster.port)) != 0
    assert cluster.port != 5432


def test_its_secrets_are_the_owners_alone(cluster: Cluster) -> None:
    for path in [*(cluster.folder / "secrets").iterdir(), cluster.folder / "portal.env"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((cluster.folder / "secrets").stat().st_mode) == 0o700


def test_the_applications_role_owns_nothing_and_may_make_nothing(cluster: Cluster) -> None:
    rights = cluster.psql(
        "postgres",
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles"
        f" WHERE rolname IN ('{APP}', '{OWNER}') ORDER BY 1",
    )
    assert rights.split() == [f"{APP}|f|f|f|f", f"{OWNER}|f|t|f|f"]


def test_a_second_start_finds_it_running_and_changes_no_password(cluster: Cluster) -> None:
    before = (cluster.folder / "portal.env").read_text()
    assert ensure_cluster() is False
    assert (cluster.folder / "portal.env").read_text() == before


def test_after_kill_9_the_next_start_recovers_what_was_committed(cluster: Cluster) -> None:
    cluster.psql(DATABASE, DOOMED)
    os.kill(postmaster(cluster), signal.SIGKILL)
    began = time.monotonic()
    ensure_cluster()
    assert cluster.psql(DATABASE, "SELECT n FROM kept") == "26"
    assert time.monotonic() - began < 15
    cluster.psql(DATABASE, "DROP TABLE kept")


def test_who_started_it_stops_it_and_so_does_whoever_comes_after_a_killed_starter(
    cluster: Cluster,
) -> None:
    cluster.keep()
    cluster.release()
    assert cluster.is_running(), "make db keeps it"
    cluster.starter_file.write_text(str(os.getppid()))
    cluster.release()
    assert cluster.is_running(), "its starter still needs it"
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    cluster.starter_file.write_text(str(ended.pid))
    cluster.release()
    assert not cluster.is_running(), "its starter was killed"
    ensure_cluster()
    cluster.release()
    assert not cluster.is_running(), "its starter has done"
    ensure_cluster()


def test_a_restart_keeps_its_port_or_takes_a_free_one(cluster: Cluster) -> None:
    before = cluster.port
    cluster.stop()
    assert not cluster.is_running()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", before))
        taken.listen()
        assert ensure_cluster() is True
        assert cluster.port != before
    assert cluster.psql("postgres", "SELECT 1") == "1"
    assert f":{cluster.port}/" in (cluster.folder / "portal.env").read_text()


@contextmanager
def knocking(cluster: Cluster) -> Iterator[list[str]]:
    """Somebody who connects and asks again and again, whatever comes of it; what was answered."""
    over, heard = threading.Event(), list[str]()

    def knock() -> None:
        while not over.is_set():
            with suppress(backups.SetUpRefused):
                heard.append(cluster.psql(DATABASE, "SELECT n FROM kept"))

    knocker = threading.Thread(target=knock)
    knocker.start()
    try:
        yield heard
    finally:
        over.set()
        knocker.join()


def test_a_backup_is_put_back_whole_and_the_keys_lie_apart(cluster: Cluster) -> None:
    cluster.psql(DATABASE, DOOMED)
    (cluster.folder / "files").mkdir(exist_ok=True)
    (cluster.folder / "files" / "scan.pdf").write_bytes(b"%PDF")
    cluster.psql(DATABASE, f"SET ROLE {OWNER}; CREATE UNLOGGED TABLE passing AS SELECT 1")
    archive = backups.backup()
    keys = archive.with_name(f"{archive.stem}-keys.tar")
    listed = subprocess.run(["tar", "tf", archive], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) >= {"database.dump", "files/scan.pdf"}
    assert "key" not in listed.stdout
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    kept = subprocess.run(["tar", "tf", keys], capture_output=True, text=True, check=True)
    # Without the signing key nothing could be signed on; without the others no number be read.
    assert set(kept.stdout.split()) == {*KEY_FILES, "secret.key"}
    cluster.psql(DATABASE, "UPDATE kept SET n = 0")
    (cluster.folder / "files" / "scan.pdf").unlink()
    (cluster.folder / "tiles" / "parcels" / "7").mkdir(parents=True)
    once("migrated", "as it is", lambda: None, folder=cluster.folder)
    with knocking(cluster) as heard:
        backups.restore(archive)
    assert set(heard) <= {"0", "26"}, "nobody saw a database that was half put back"
    assert cluster.psql(DATABASE, "SELECT n FROM kept") == "26"
    assert cluster.psql(DATABASE, "SELECT count(*) FROM passing") == "0"
    assert (cluster.folder / "files" / "scan.pdf").read_bytes() == b"%PDF"
    assert not (cluster.folder / "tiles").exists(), "tiles of the database that was put aside"
    assert not (cluster.folder / ".migrated.stamp").exists(), "the backup may be older"
    former = cluster.psql(
        "postgres", f"SELECT datname FROM pg_database WHERE datname LIKE '{DATABASE}_before%'"
    )
    assert cluster.psql(former, "SELECT n FROM kept") == "0"
    # On another machine the keys were made anew: those of the backup come back when they are named.
    identity = cluster.folder / "secrets" / "identity.key"
    kept = identity.read_bytes()
    identity.write_bytes(b"k1:another machine's")
    backups.restore(archive, keys)
    assert identity.read_bytes() == kept
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    assert [path.read_bytes() for path in identity.parent.glob("identity.key.before_*")] == [
        b"k1:another machine's"
    ]


def test_what_is_no_backup_is_refused_and_nothing_changes(cluster: Cluster, tmp_path: Path) -> None:
    cluster.psql(DATABASE, "CREATE TABLE here (n int)")
    with pytest.raises(backups.SetUpRefused, match="没有这个备份文件"):
        backups.restore(tmp_path / "none.tar")
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(b"nothing like a tar" * 100)
    with pytest.raises(backups.SetUpRefused, match="已损坏"):
        backups.restore(damaged)
    with pytest.raises(backups.SetUpRefused, match="密钥备份"):
        backups.restore(damaged, damaged)
    assert cluster.psql(DATABASE, "SELECT count(*) FROM here") == "0"

"""``make backup`` and ``make restore``: the database and files in one archive, the keys apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.local.cluster import DATABASE, OWNER, Cluster, given_database, the_cluster
from deploy.local.messages import SetUpRefused, say
from deploy.local.place import forget, secrets_folder, var

COPIED_AT_ONCE = 1 << 20  # Bytes of a dump, which may be larger than the memory.
ENDS_WITHIN_MS = 10_000  # A session that is told to end has so long to do so.


def owner_environment() -> dict[str, str]:
    """Where ``pg_dump`` finds the database: the server that the environment names, or the cluster."""
    if given_database():
        given = urlsplit(os.environ["DATABASE_OWNER_URL"])
        return {
            **os.environ,
            "PGHOST": given.hostname or "",
            "PGPORT": str(given.port or 5432),
            "PGUSER": unquote(given.username or ""),
            "PGPASSWORD": unquote(given.password or ""),
            "PGDATABASE": given.path.lstrip("/"),
        }
    cluster = the_cluster()
    password = (cluster.folder / "secrets" / f"{OWNER}.password").read_text()
    return {
        **os.environ,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.port),
        "PGUSER": OWNER,
        "PGPASSWORD": password,
        "PGDATABASE": DATABASE,
    }


def backup() -> Path:
    """Write ``var/backups/portal-<time>.tar`` and ``…-keys.tar``; returns the first."""
    folder = var() / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = time.strftime("portal-%Y%m%d-%H%M%S")
    dump = folder / f"{name}.dump"
    # What is unlogged serves the transaction that wrote it; a restored cluster counts those anew.
    done = subprocess.run(
        ["pg_dump", "-Fc", "--no-unlogged-table-data", "-f", str(dump)],
        env=owner_environment(),
        check=False,
    )
    if done.returncode:
        raise SetUpRefused("数据库没有备份成功。", "pg_dump failed.")
    archive = folder / f"{name}.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(dump, "database.dump")
        if (var() / "files").exists():
            tar.add(var() / "files", "files")
    dump.unlink()
    keys = folder / f"{name}-keys.tar"
    keys.touch(mode=0o600)
    with tarfile.open(keys, "w") as tar:
        for key in sorted(secrets_folder().glob("*.key")):
            tar.add(key, key.name)
    say(f"备份：{archive}，密钥另存：{keys}", "backup written, keys apart")
    return archive


def opened(archive: Path) -> tarfile.TarFile:
    """The archive, once it is sure that it is one of ours."""
    try:
        tar = tarfile.open(archive)  # noqa: SIM115 - the caller closes it.
        tar.getmember("database.dump")
    except (tarfile.TarError, KeyError, OSError, EOFError):
        raise SetUpRefused(
            f"{archive} 不是本门户的备份，或已损坏。现有数据未动。",
            f"{archive} is no backup of this portal, or damaged. Nothing was changed.",
        ) from None
    return tar


def opened_keys(archive: Path) -> dict[str, bytes]:
    """The keys of a backup by name; SetUpRefused where there are none."""
    found: dict[str, bytes] = {}
    with suppress(tarfile.TarError, OSError, EOFError), tarfile.open(archive) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            if content is not None and Path(member.name).name == member.name:
                found[member.name] = content.read()
    if not found or not all(name.endswith(".key") for name in found):
        raise SetUpRefused(
            f"{archive} 不是本门户的密钥备份，或已损坏。现有数据未动。",
            f"{archive} holds no keys of this portal, or is damaged. Nothing was changed.",
        )
    return found


def put_back(keys: dict[str, bytes]) -> None:
    """On another machine identity numbers are opened, and papers signed, with the keys of before."""
    folder = secrets_folder()
    for name, text in keys.items():
        path = folder / name
        if path.exists() and path.read_bytes() != text:
            path.replace(folder / f"{name}.before_{time.time_ns()}")
        path.touch(mode=0o600)
        path.write_bytes(text)


def put_in_place(cluster: Cluster, fresh: str, former: str) -> None:
    """Give ``fresh`` the database's name and the present one the name ``former``. Nobody gets in
    between the end of the sessions and the new names; whatever happens the door opens again.
    """
    cluster.psql("postgres", f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false;")
    kept_out = DATABASE
    try:
        cluster.psql(
            "postgres",
            f"SELECT pg_terminate_backend(pid, {ENDS_WITHIN_MS}) FROM pg_stat_activity "
            f"WHERE datname = '{DATABASE}';",
        )
        cluster.psql("postgres", f"ALTER DATABASE {DATABASE} RENAME TO {former};")
        kept_out = former
        cluster.psql("postgres", f"ALTER DATABASE {fresh} RENAME TO {DATABASE};")
    finally:
        cluster.psql("postgres", f"ALTER DATABASE {kept_out} ALLOW_CONNECTIONS true;")


def load(cluster: Cluster, tar: tarfile.TarFile, database: str) -> int:
    """Stream the dump of an archive into a database; pg_restore's own status.

    As the superuser: the extensions and the ownership come back as they were.
    """
    password = (cluster.folder / "secrets" / "superuser.password").read_text()
    loading = subprocess.Popen(
        ["pg_restore", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-d", database,
         "--exit-on-error"],
        stdin=subprocess.PIPE, env={**os.environ, "PGPASSWORD": password},
    )  # fmt: skip
    dump = tar.extractfile("database.dump")
    assert loading.stdin is not None
    # Whoever stops reading says why by himself and by his status.
    with suppress(BrokenPipeError), loading.stdin as stream:
        if dump is not None:
            shutil.copyfileobj(dump, stream, COPIED_AT_ONCE)
    return loading.wait()


def restore(archive: Path, keys_archive: Path | None = None) -> None:
    """Load an archive into a fresh database, then put it in the place of the present one; where the
    archive of the keys is named too, they are put back with it."""
    if given_database():
        raise SetUpRefused(
            "make restore 只恢复私有集群。DATABASE_URL 指向的服务器请按运行维护手册用 pg_restore 恢复。",
            "make restore is for the private cluster. For the server of DATABASE_URL use pg_restore, "
            "as the operators' handbook says.",
        )
    if not archive.is_file():
        raise SetUpRefused(f"没有这个备份文件：{archive}", f"No such backup: {archive}")
    keys = opened_keys(keys_archive) if keys_archive else {}
    cluster = the_cluster()
    fresh, former = f"{DATABASE}_restoring", f"{DATABASE}_before_{time.time_ns()}"
    with opened(archive) as tar:
        cluster.psql("postgres", f"DROP DATABASE IF EXISTS {fresh};")
        cluster.psql("postgres", f"CREATE DATABASE {fresh} OWNER {OWNER} TEMPLATE template0;")
        if load(cluster, tar, fresh):
            raise SetUpRefused(
                "备份没有恢复成功，现有数据未动。", "Restore failed; nothing changed."
            )
        files = [item for item in tar.getmembers() if item.name.split("/")[0] == "files"]
        tar.extractall(var(), members=files, filter="data")
    put_in_place(cluster, fresh, former)
    shutil.rmtree(var() / "tiles", ignore_errors=True)  # Of the database that was put aside.
    forget("migrated", folder=var())  # The backup may be of an earlier version.
    put_back(keys)
    say(f"已恢复；原数据库保留为 {former}", "restored; the former database is kept")
    if not keys:
        say("密钥未动；换机恢复请加 KEYS=…-keys.tar", "keys as they are; KEYS= puts them back")

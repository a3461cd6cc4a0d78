"""The private PostGIS cluster under the data directory: made once, started, stopped, never shared."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from deploy.local.messages import SetUpRefused, say
from deploy.local.place import forget, var

BINARIES = Path("/usr/lib/postgresql/15/bin")
FIRST_PORT = 54329
READY_WAIT_S = 60
EXTENSIONS = ["postgis", "btree_gist", "pg_trgm", "pgcrypto"]
OWNER, APP, DATABASE = "portal_owner", "portal_app", "portal"


class Cluster:
    """One cluster; all of its files lie below ``var`` (or are linked from there)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    # --- where ---------------------------------------------------------------------------------
    @property
    def data(self) -> Path:
        """The data directory itself: the cluster's user may not pass through a link to it."""
        link = self.folder / "pg"
        return link.resolve() if link.is_symlink() else link

    @property
    def port_file(self) -> Path:
        return self.folder / "pg.port"

    @property
    def port(self) -> int:
        return int(self.port_file.read_text())

    @property
    def sockets(self) -> Path:
        """A socket's path may hold 107 bytes, so a deep checkout gets a short folder."""
        mark = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:12]
        return Path("/tmp") / f"yining-portal-{mark}"

    def command(self, *words: str) -> list[str]:
        """``words`` as the cluster's system user: PostgreSQL refuses to run as root."""
        if os.geteuid() == 0:
            return [
                "setpriv",
                f"--reuid={self.user}",
                f"--regid={self.user}",
                "--init-groups",
                *words,
            ]
        return list(words)

    def environment(self) -> dict[str, str]:
        keep = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": "/tmp"}
        return keep

    def call(self, *words: str, quiet: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            capture_output=quiet,
            text=True,
            cwd="/",
            env=self.environment(),
            check=False,
        )

    # --- make ----------------------------------------------------------------------------------
    def make(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        say("建立私有 PostGIS 集群", "creating the private PostGIS cluster")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (BINARIES / "initdb").exists():
            raise SetUpRefused(
                "没有找到 PostgreSQL 15。请安装 postgresql-15-postgis-3。",
                "PostgreSQL 15 was not found. Install postgresql-15-postgis-3.",
            )
        self._make_folder()
        secret = secrets.token_urlsafe(24)
        password_file = self._handed_over("superuser", secret)
        made = self.call(
            str(BINARIES / "initdb"), "-D", str(self.data), "-U", "postgres", "-E", "UTF8",
            "--locale=C.UTF-8", "--data-checksums", "-A", "scram-sha-256",
            f"--pwfile={password_file}",
        )  # fmt: skip
        password_file.unlink()
        if made.returncode:
            raise SetUpRefused(
                f"数据库集群没有建成：{made.stderr.strip()[-300:]}",
                "initdb failed; its message is above.",
            )
        self._write_secret("superuser.password", secret)
        self._configure()

    def _make_folder(self) -> None:
        """As root the files belong to ``postgres``; where it cannot enter, a link leads out."""
        if os.geteuid() != 0:
            self.data.mkdir(mode=0o700, exist_ok=True)
            return
        owner = pwd.getpwnam(self.user)
        link = self.folder / "pg"
        if not link.is_symlink() and self.call("test", "-x", str(self.folder)).returncode:
            mark = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
            target = Path("/var/lib/postgresql") / f"yining-portal-{mark}"
            if target.exists():
                # A former checkout at this very place was removed with its var/, and its
                # passwords with it: nobody can open what is left.
                shutil.rmtree(target)
            link.symlink_to(target)
        self.data.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.data, owner.pw_uid, owner.pw_gid)

    def _handed_over(self, name: str, text: str) -> Path:
        """A file for the cluster's user alone, outside the data directory that initdb wants empty."""
        self._prepare_sockets()
        path = self.sockets / name
        path.write_text(text)
        path.chmod(0o600)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.user)
            os.chown(path, owner.pw_uid, owner.pw_gid)
        return path

    def _prepare_sockets(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self.sockets.stat().st_uid not in (os.geteuid(), pwd.getpwnam(self.user).pw_uid):
            raise SetUpRefused(
                f"{self.sockets} 属于别的用户。", f"{self.sockets} belongs to another user."
            )
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.user)
            os.chown(self.sockets, owner.pw_uid, owner.pw_gid)

    def _configure(self) -> None:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
        settings = {
            "listen_addresses": "127.0.0.1",
            "password_encryption": "scram-sha-256",
            "max_connections": "200",
            "shared_buffers": f"{min(2048, max(128, memory_mb // 8))}MB",
            "effective_cache_size": f"{memory_mb // 2}MB",
            "maintenance_work_mem": "256MB",
            "work_mem": "16MB",
            "max_wal_size": "4GB",
            "random_page_cost": "1.1",
            "jit": "off",
            "logging_collector": "on",
            "log_directory": "log",
            "log_filename": "portal-%a.log",
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "unix_socket_permissions": "0700",
        }
        lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n# The portal's own settings.\n" + lines)

    def _write_secret(self, name: str, text: str) -> None:
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    # --- run -----------------------------------------------------------------------------------
    def is_running(self) -> bool:
        if not (self.data / "PG_VERSION").exists() or not self.port_file.exists():
            return False
        if self._is_zombie():
            return False
        ready = self.call(str(BINARIES / "pg_ctl"), "-D", str(self.data), "status")
        return ready.returncode == 0

    def _is_zombie(self) -> bool:
        """A killed postmaster that nobody has waited for: it still has its number, and is dead."""
        try:
            number = (self.data / "postmaster.pid").read_text().split("\n", 1)[0]
            status = Path(f"/proc/{number}/stat").read_text()
        except (OSError, ValueError):
            return False
        return status.rpartition(")")[2].split()[0] == "Z"

    def _answers(self) -> bool:
        """Whether it takes connections: one that starts or recovers says no for a moment."""
        asked = self.call(
            str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "3"
        )
        return asked.returncode == 0

    def start(self) -> bool:
        """Start it if it does not run; True when this call did. A crash is recovered from here."""
        until = time.monotonic() + READY_WAIT_S
        while self.is_running():
            if self._answers():
                return False
            if time.monotonic() > until:
                raise SetUpRefused(
                    f"私有集群没有应答，日志在 {self.data / 'log'}。",
                    f"The private cluster does not answer; its log is in {self.data / 'log'}.",
                )
            time.sleep(0.2)
        self._prepare_sockets()
        say("启动私有集群", "starting the private cluster")
        # A postmaster.pid left by kill -9 is PostgreSQL's own to judge: it looks for the process
        # and its shared memory, and goes on when both are gone.
        for _attempt in range(5):
            # Chosen at each attempt: another cluster may have taken it since.
            self.port_file.write_text(str(self._free_port()))
            if self._is_zombie():
                # PostgreSQL takes the number for alive. Its shared memory still guards the data
                # against what the dead one left running.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            started = self.call(
                str(BINARIES / "pg_ctl"), "-D", str(self.data), "-w", "-t", "120", "-s",
                "-l", str(self.data / "start.log"),
                "-o", f"-p {self.port} -k {self.sockets}", "start",
            )  # fmt: skip
            if started.returncode == 0:
                self.starter_file.write_text(str(os.getpid()))
                return True
            time.sleep(1)  # Children of a killed postmaster need a moment to notice.
        log = self.data / "start.log"
        tail = log.read_text(errors="replace")[-400:] if log.exists() else started.stderr
        raise SetUpRefused(f"私有集群没有启动：{tail}", "The private cluster did not start.")

    @property
    def starter_file(self) -> Path:
        return self.folder / "pg.starter"

    def keep(self) -> None:
        """Let it run until ``make stop``, whoever comes and goes meanwhile."""
        self.starter_file.write_text("kept")

    def release(self) -> None:
        """Stop it if this process started it, or if the one that did was killed."""
        starter = self.starter_file.read_text() if self.starter_file.exists() else "kept"
        if starter == str(os.getpid()) or (
            starter.isdecimal() and not Path(f"/proc/{starter}").exists()
        ):
            self.stop()

    def stop(self) -> None:
        if self.is_running():
            say("停止私有集群", "stopping the private cluster")
            self.call(
                str(BINARIES / "pg_ctl"),
                "-D",
                str(self.data),
                "-m",
                "fast",
                "-w",
                "-t",
                "60",
                "stop",
            )

    def _free_port(self) -> int:
        wanted: list[int] = [self.port] if self.port_file.exists() else []
        for port in [*wanted, *range(FIRST_PORT, FIRST_PORT + 200)]:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return int(port)
        raise SetUpRefused("没有空闲端口给数据库。", "No free port for the database.")

    # --- roles ---------------------------------------------------------------------------------
    def psql(self, database: str, script: str) -> str:
        """Run ``script`` as the superuser over the socket; its output."""
        password = (self.folder / "secrets" / "superuser.password").read_text()
        done = subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database,
             "-v", "ON_ERROR_STOP=1", "-qAt"],
            input=script, capture_output=True, text=True, check=False,
            env={**self.environment(), "PGPASSWORD": password},
        )  # fmt: skip
        if done.returncode:
            raise SetUpRefused(
                f"数据库初始化失败：{done.stderr.strip()}", "Database set-up failed."
            )
        return done.stdout.strip()

    def make_roles(self) -> None:
        """Owner and application roles, their database, the extensions, and the keys of the portal."""
        environment_file = self.folder / "portal.env"
        made = self.psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")
        if not made:
            say("建立数据库与两个角色", "creating the database and its two roles")
            passwords = {role: secrets.token_urlsafe(24) for role in (OWNER, APP)}
            self.psql(
                "template1", "".join(f"CREATE EXTENSION IF NOT EXISTS {x};\n" for x in EXTENSIONS)
            )
            for role, rights in ((OWNER, "CREATEDB"), (APP, "NOCREATEDB")):
                self.psql(
                    "postgres",
                    f"""DO $$ BEGIN
                      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                        CREATE ROLE {role};
                      END IF; END $$;
                    ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEROLE {rights}
                      PASSWORD '{passwords[role]}';""",
                )
            for role, password in passwords.items():
                self._write_secret(f"{role}.password", password)
            self.psql("postgres", f"CREATE DATABASE {DATABASE} OWNER {OWNER};")
            # Dropping a test's database ends a vacuum that happens to be in it instead of waiting.
            self.psql("postgres", f"GRANT pg_signal_backend TO {OWNER};")
            forget("migrated", "seeded", folder=self.folder)
            # Kept tiles are of another database, whose versions count alike.
            shutil.rmtree(self.folder / "tiles", ignore_errors=True)
        self._write_keys()
        lines = [
            f"DATABASE_URL={self.url(APP)}",
            f"DATABASE_OWNER_URL={self.url(OWNER)}",
            f"SECRET_KEY={(self.folder / 'secrets' / 'secret.key').read_text()}",
        ]
        environment_file.touch(mode=0o600)
        environment_file.write_text("\n".join(lines) + "\n")

    def _write_keys(self) -> None:
        def random(count: int) -> str:
            return base64.b64encode(secrets.token_bytes(count)).decode()

        for name, text in {
            "secret.key": secrets.token_urlsafe(50),
            "identity.key": f"k1:{random(32)}\n",
            "lookup.key": f"l1:{random(32)}\n",
            "signing.key": f"s1:{random(32)}\n",
        }.items():
            if not (self.folder / "secrets" / name).exists():
                self._write_secret(name, text)

    def url(self, role: str) -> str:
        password = (self.folder / "secrets" / f"{role}.password").read_text()
        return f"postgis://{role}:{password}@127.0.0.1:{self.port}/{DATABASE}"


def the_cluster() -> Cluster:
    return Cluster(var())


def given_database() -> bool:
    """Whether a real server is named in the environment; then no private cluster is touched."""
    return bool(os.environ.get("DATABASE_URL") and os.environ.get("DATABASE_OWNER_URL"))


def ensure_cluster() -> bool:
    """Up and ready with roles and keys; True when this call started it."""
    if given_database():
        return False
    cluster = the_cluster()
    cluster.make()
    started = cluster.start()
    cluster.make_roles()
    return started

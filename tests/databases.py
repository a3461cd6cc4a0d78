"""Databases cloned from one migrated template, for tests and benches.

The owner migrates and clones; everything else connects as the application's role, which owns nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "portal_test"
DROP_ATTEMPTS = 150
OWNER_HOME = settings.DATABASES["owner"]["NAME"]


def owner_connection(name: str) -> psycopg.Connection[Any]:
    """An autocommit connection of the owner to database ``name``."""
    owner = settings.DATABASES["owner"]
    return psycopg.connect(
        host=owner["HOST"],
        port=owner["PORT"],
        user=owner["USER"],
        password=owner["PASSWORD"],
        dbname=name,
        autocommit=True,
    )


def app_connection(**options: Any) -> psycopg.Connection[Any]:
    """A further session of the application's role on the present test database."""
    app = settings.DATABASES["default"]
    return psycopg.connect(
        host=app["HOST"],
        port=app["PORT"],
        user=app["USER"],
        password=app["PASSWORD"],
        dbname=app["NAME"],
        **options,
    )


def migrations_digest() -> str:
    """Changes when a migration, or what one loads, does."""
    digest = hashlib.sha256()
    for folder in ("portal", "parcels", "tickets", "layers"):
        for path in sorted((ROOT / folder).rglob("migrations/*.py")):
            digest.update(path.read_bytes())
    for folder in ("basemap", "calendar", "parameters"):
        for path in sorted((ROOT / "fixtures" / folder).glob("*")):
            digest.update(path.read_bytes())
    digest.update((ROOT / "portal" / "casework" / "moves.py").read_bytes())
    digest.update((ROOT / "tickets" / "registry" / "moves.py").read_bytes())
    digest.update(settings.DATABASES["default"]["USER"].encode())
    return digest.hexdigest()[:16]


def drop_database(control: psycopg.Connection[Any], name: str) -> None:
    """Drop ``name`` and whoever is still in it; a vacuum of the server's own is waited for."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for attempt in range(DROP_ATTEMPTS):
        try:
            control.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            if attempt == DROP_ATTEMPTS - 1:
                raise
            time.sleep(0.2)
        else:
            return


def clone_database(control: psycopg.Connection[Any], template: str, name: str) -> None:
    """``CREATE DATABASE … TEMPLATE``, a tenth of a second."""
    control.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def use_database(name: str) -> None:
    """Point both roles' Django connections at ``name``."""
    for alias in ("default", "owner"):
        connections[alias].close()
        settings.DATABASES[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name


def make_template(control: psycopg.Connection[Any]) -> str:
    """The migrated template of these migrations; made once and kept, workers wait for the first."""
    name = f"{PREFIX}_template_{migrations_digest()}"
    control.execute("SELECT pg_advisory_lock(hashtext('portal_test_template'))")
    try:
        known = control.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            making = f"{name}_making"
            drop_database(control, making)
            control.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            use_database(making)
            call_command("migrate", database="owner", verbosity=0, interactive=False)
            with connections["owner"].cursor() as cursor:
                cursor.execute("UPDATE base_installation SET kind = 'test'")
            use_database(OWNER_HOME)
            control.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(making), sql.Identifier(name)
                )
            )
            drop_old_templates(control, keep=name)
    finally:
        control.execute("SELECT pg_advisory_unlock(hashtext('portal_test_template'))")
    return name


def drop_old_templates(control: psycopg.Connection[Any], *, keep: str) -> None:
    """Templates of other migrations, and clones whose test process is gone."""
    rows = control.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}\\_%"]
    ).fetchall()
    for (name,) in rows:
        if name == keep or (name.startswith(f"{PREFIX}_template_") and "_making" in name):
            continue
        if name.startswith(f"{PREFIX}_template_") or (
            (pid := name.split("_")[2]).isdigit() and not Path(f"/proc/{pid}").exists()
        ):
            drop_database(control, name)


@contextmanager
def own_database(template: str) -> Iterator[str]:
    """A fresh clone that both roles' connections point at for as long as the block lasts."""
    before = settings.DATABASES["default"]["NAME"]
    name = f"{PREFIX}_{os.getpid()}_{uuid.uuid4().hex[:10]}"
    with owner_connection(OWNER_HOME) as control:
        clone_database(control, template, name)
        use_database(name)
        try:
            yield name
        finally:
            use_database(before)
            drop_database(control, name)

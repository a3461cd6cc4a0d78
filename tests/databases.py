"""Databases cloned from one migrated template, for tests and benches.

The owner migrates and clones; everything else connects as the application's role, which owns nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.state import ProjectState
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
    for loaded in ("portal/casework/moves.py", "tickets/registry/moves.py", "parcels/measures.py"):
        digest.update((ROOT / loaded).read_bytes())
    digest.update(Path(__file__).read_bytes())  # How the template is made.
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


def clone_database(
    control: psycopg.Connection[Any], template: str, name: str, *, large: bool = False
) -> None:
    """``CREATE DATABASE … TEMPLATE``, a tenth of a second; a ``large`` one goes past the log."""
    control.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
            sql.Identifier(name),
            sql.Identifier(template),
            sql.Identifier("file_copy" if large else "wal_log"),
        )
    )


def use_database(name: str) -> None:
    """Point both roles' Django connections at ``name``."""
    for alias in ("default", "owner"):
        connections[alias].close()
        settings.DATABASES[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name


@contextmanager
def options_noted_in_place() -> Iterator[None]:
    """A migration's constraint or index is noted on its model, and nothing else is made anew for it.

    Django renders the model again with all models around it: two fifths of the time that our
    migrations take on an empty database. The installation's own ``migrate`` stays Django's.
    """

    def note(state: ProjectState, app_label: str, model_name: str, option: str, found: Any) -> None:
        state.models[app_label, model_name].options[option] = found
        if "apps" in state.__dict__:  # Otherwise nothing was rendered yet.
            setattr(state.apps.get_model(app_label, model_name)._meta, option, found)

    def append(state: ProjectState, app_label: str, name: str, option: str, made: Any) -> None:
        known = state.models[app_label, name].options[option]
        note(state, app_label, name, option, [*known, made])

    def remove(state: ProjectState, app_label: str, name: str, option: str, gone: str) -> None:
        known = state.models[app_label, name].options[option]
        note(state, app_label, name, option, [one for one in known if one.name != gone])

    with (
        patch.object(ProjectState, "_append_option", append),
        patch.object(ProjectState, "_remove_option", remove),
    ):
        yield


def make_template(control: psycopg.Connection[Any]) -> str:
    """The migrated template of these migrations; made once and kept, workers wait for the first."""

    def migrate() -> None:
        with options_noted_in_place():
            call_command("migrate", database="owner", verbosity=0, interactive=False)
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE base_installation SET kind = 'test'")

    name = f"{PREFIX}_template_{migrations_digest()}"
    if make_once(control, name, migrate):
        drop_old_templates(control, keep=name)
    return name


def make_once(
    control: psycopg.Connection[Any],
    name: str,
    fill: Callable[[], None],
    *,
    template: str = "template1",
) -> bool:
    """Whether database ``name`` had to be made; it is there whole or not at all."""
    control.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
    try:
        known = control.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is not None:
            return False
        making = f"{name}_making"
        drop_database(control, making)
        clone_database(control, template, making)
        use_database(making)
        try:
            fill()
        finally:
            use_database(OWNER_HOME)
        control.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(making), sql.Identifier(name)
            )
        )
        return True
    finally:
        control.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


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


def drop_databases(control: psycopg.Connection[Any], prefix: str, *, keep: str) -> None:
    """Those whose name begins with ``prefix`` but not with ``keep``."""
    rows = control.execute("SELECT datname FROM pg_database WHERE datname ^@ %s", [prefix])
    for (name,) in rows.fetchall():
        if not name.startswith(keep):
            drop_database(control, name)


@contextmanager
def own_database(template: str, *, large: bool = False, durable: bool = False) -> Iterator[str]:
    """A fresh clone that both roles' connections point at for as long as the block lasts.

    Unless it is ``durable``, a commit does not wait for the disk: what a test wrote is seen by all,
    and need not outlive the server. Who kills a server does so to a cluster of his own.
    """
    before = settings.DATABASES["default"]["NAME"]
    name = f"{PREFIX}_{os.getpid()}_{uuid.uuid4().hex[:10]}"
    with owner_connection(OWNER_HOME) as control:
        clone_database(control, template, name, large=large)
        if not durable:
            control.execute(
                sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(
                    sql.Identifier(name)
                )
            )
        use_database(name)
        try:
            yield name
        finally:
            use_database(before)
            drop_database(control, name)

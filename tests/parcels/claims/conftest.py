"""Databases of these tests are given up patiently."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections
from psycopg import sql

from tests.databases import OWNER_HOME, owner_connection


@pytest.fixture(name="committed_db")
def patiently_dropped(committed_db: str) -> Iterator[str]:
    """As ``committed_db``, but dropped without FORCE.

    Sessions that are just ending are another role's, which the owner may not terminate; a plain
    DROP waits for them.
    """
    yield committed_db
    for alias in ("default", "owner"):
        connections[alias].close()
    with owner_connection(OWNER_HOME) as control:
        control.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(committed_db)))

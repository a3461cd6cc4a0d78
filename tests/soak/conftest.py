"""What the long forms share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.browser.conftest import browser, open_page
from tests.databases import OWNER_HOME, PREFIX, drop_database, owner_connection, use_database

__all__ = ["browser", "empty_db", "open_page"]


@pytest.fixture
def empty_db(settings: Any, tmp_path: Path, django_db_blocker: Any) -> Iterator[str]:
    """A database that nothing was migrated into."""
    settings.INSTALLATION_KIND, settings.DEMO_ACCOUNTS = "embedded", True
    settings.SECRETS, settings.MEDIA_ROOT = tmp_path / "secrets", tmp_path / "files"
    before = settings.DATABASES["default"]["NAME"]
    name = f"{PREFIX}_{os.getpid()}_story"
    with owner_connection(OWNER_HOME) as control, django_db_blocker.unblock():
        control.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        use_database(name)
        try:
            yield name
        finally:
            use_database(before)
            drop_database(control, name)

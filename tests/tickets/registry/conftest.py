"""A database in which filings wait for their tickets, made once a session and cloned."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.databases import (
    OWNER_HOME,
    PREFIX,
    clone_database,
    drop_database,
    own_database,
    owner_connection,
    use_database,
)
from tests.factories.land import square
from tests.tickets.projects.story import Town, signed_filing
from tests.tickets.registry.holding import broken_guarantees
from tests.tickets.registry.register import Bureau

FILINGS = 3
# Each folder that takes the fixture over has an instance of its own: the first one makes the database.
_made: set[str] = set()


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Any) -> None:
    settings.SECRETS = tmp_path / "secrets"
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture(autouse=True)
def guarantees_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Asked after every test that touches the ledger, kept or rolled back. Who damages a register on
    purpose does so in a database of his own."""
    touched = next(
        (
            name
            for name in ("committed_register", "committed_db", "db")
            if name in request.fixturenames
        ),
        "db" if request.node.get_closest_marker("django_db") else None,
    )
    if touched is None:
        yield
        return
    request.getfixturevalue(touched)  # Taken down after this.
    yield
    assert broken_guarantees() == []


@pytest.fixture(scope="session")
def filed_template(
    template_database: str,
    django_db_setup: None,
    django_db_blocker: Any,
    worker_id: str,
    tmp_path_factory: Any,
) -> Iterator[str]:
    """A template on which the whole way to a signed filing has been walked a few times."""
    name = f"{PREFIX}_{os.getpid()}_{worker_id}_filed"
    before = django_settings.DATABASES["default"]["NAME"]
    folders = django_settings.SECRETS, django_settings.MEDIA_ROOT
    with django_db_blocker.unblock(), owner_connection(OWNER_HOME) as control:
        if name not in _made:
            drop_database(control, name)
            clone_database(control, template_database, name)
            use_database(name)
            django_settings.SECRETS = tmp_path_factory.mktemp("secrets")
            django_settings.MEDIA_ROOT = tmp_path_factory.mktemp("files")
            town = Town.staffed()
            for place in range(FILINGS):
                signed_filing(town, square(500 * place, 0))
            django_settings.SECRETS, django_settings.MEDIA_ROOT = folders
            use_database(before)
            _made.add(name)
        yield name
        drop_database(control, name)


@pytest.fixture(scope="module", autouse=True)
def filed_db(filed_template: str, django_db_blocker: Any) -> Iterator[str]:
    """The module's own clone; each test with ``db`` rolls back."""
    with django_db_blocker.unblock(), own_database(filed_template) as name:
        yield name


@pytest.fixture
def committed_register(filed_template: str, filed_db: str, django_db_blocker: Any) -> Iterator[str]:
    """A clone of this test alone: commits are real."""
    with django_db_blocker.unblock(), own_database(filed_template) as name:
        yield name


@pytest.fixture
def bureau(filed_db: str, db: None) -> Bureau:
    return Bureau()

"""Databases of the tests: one migrated template, cloned for each worker and each test that commits.

The tests connect as the application's role, which owns nothing. Django's flush (TRUNCATE) is never
used: ``db`` rolls back, ``committed_db`` is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from tests.databases import (
    OWNER_HOME,
    PREFIX,
    ROOT,
    app_connection,
    clone_database,
    drop_database,
    make_template,
    own_database,
    owner_connection,
    use_database,
)

__all__ = ["ROOT", "app_connection", "own_database", "owner_connection"]


@pytest.hookimpl(trylast=True)  # After Django's plugin, which has an order of its own.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An order for two workers that get a half each and then take over from each other's end.

    The first begins with the browser's tests, which are the longest: no journey is left for the end.
    The second begins with what needs no database, while the first one makes the template.
    """
    longest, others, without_database = [], [], []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "open_page" in names:
            longest.append(item)
        elif item.get_closest_marker("django_db") or names & {"db", "template_database"}:
            others.append(item)
        else:
            without_database.append(item)
    ordered, half = [*longest, *others], len(items) // 2
    items[:] = [*ordered[:half], *without_database, *ordered[half:]]


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A test client's request leaves its language in force in the thread; the next test begins without."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def template_database(django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), owner_connection(OWNER_HOME) as control:
        yield make_template(control)


@pytest.fixture(scope="session")
def django_db_setup(
    template_database: str, django_db_blocker: Any, worker_id: str
) -> Iterator[None]:
    """Each worker's own clone of the template."""
    name = f"{PREFIX}_{os.getpid()}_{worker_id}"
    with django_db_blocker.unblock(), owner_connection(OWNER_HOME) as control:
        drop_database(control, name)
        clone_database(control, template_database, name)
        use_database(name)
        yield
        use_database(OWNER_HOME)
        drop_database(control, name)


@pytest.fixture
def committed_db(
    template_database: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[str]:
    """A database of this test alone: commits are real, other sessions see them, nothing stays."""
    with django_db_blocker.unblock(), own_database(template_database) as name:
        yield name


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """xdist's name of this worker, or ``main``."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")

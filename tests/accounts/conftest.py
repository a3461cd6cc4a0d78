"""An installation of its own for each test: keys, files, and the middleware of the sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from tests.accounts.people import administrator, forestry_clerk

SESSIONS = "portal.accounts.middleware.SignedInSessions"
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.SECRETS = tmp_path / "secrets"
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture(autouse=True)
def sessions_are_noted(settings: Any) -> None:
    """The middleware at its place, whether or not the settings name it already."""
    chain = [name for name in settings.MIDDLEWARE if name != SESSIONS]
    chain.insert(chain.index(MESSAGES) + 1, SESSIONS)
    settings.MIDDLEWARE = chain


@pytest.fixture
def clerk(db: None) -> User:
    return forestry_clerk()


@pytest.fixture
def root(db: None) -> User:
    return administrator()


@pytest.fixture
def browser() -> Client:
    """A browser that asks for pages, as people's do."""
    return Client(headers={"accept": "text/html", "user-agent": "Firefox of a test"})

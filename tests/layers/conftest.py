"""Fixtures of the map's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layers.ogc.features import extent_at
from tests.layers.app_server import app_server
from tests.layers.published import Published, publish


@pytest.fixture
def published(db: None, settings: Any, tmp_path: Path) -> Published:
    """Land of every kind, and a tile store of this test alone."""
    settings.TILE_STORE = tmp_path / "tiles"
    extent_at.cache_clear()  # Versions of other tests' databases look alike.
    return publish()


@pytest.fixture
def asgi_server(committed_db: str, settings: Any, tmp_path: Path) -> Iterator[str]:
    """The address of a real server over land of every kind."""
    extent_at.cache_clear()
    publish()
    with app_server(committed_db, tmp_path) as address:
        yield address

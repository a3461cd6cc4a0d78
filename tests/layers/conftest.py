"""Fixtures of the map's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.ogc.features import extent_at
from tests.layers.published import Published, publish


@pytest.fixture
def published(db: None, settings: Any, tmp_path: Path) -> Published:
    """Land of every kind, and a tile store of this test alone."""
    settings.TILE_STORE = tmp_path / "tiles"
    extent_at.cache_clear()  # Versions of other tests' databases look alike.
    return publish()

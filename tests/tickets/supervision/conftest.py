"""Keys and files of these tests are their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.SECRETS = tmp_path / "secrets"
    settings.MEDIA_ROOT = tmp_path / "files"

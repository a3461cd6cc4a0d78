"""After every test: no reader's process is left, and nothing in the scratch folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parcels.intake.reading import reader_processes


@pytest.fixture(autouse=True)
def nothing_is_left_behind(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    yield
    assert reader_processes() == []
    assert list(scratch.iterdir()) == []


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a Chinese name and a space, as people have."""
    folder = tmp_path / "林地 数据"
    folder.mkdir()
    return folder

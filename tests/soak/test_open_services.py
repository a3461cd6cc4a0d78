"""Schemathesis over the open services' OpenAPI document: whatever it thinks of, no 500."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.layers.conftest import asgi_server

__all__ = ["asgi_server"]


@pytest.mark.soak
def test_no_generated_request_is_answered_by_a_server_error(
    asgi_server: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "run",
            f"{asgi_server}/ogc/api?f=json", "--max-examples", "40", "--no-color",
            "--phases", "examples,coverage,fuzzing", "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]

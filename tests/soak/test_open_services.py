"""Schemathesis over both OpenAPI documents: whatever it thinks of, no 500."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portal.accounts.models import ApiToken
from portal.accounts.tokens import make_token
from portal.base.models import Policy
from tests.accounts.people import user_named
from tests.layers.conftest import asgi_server
from tests.soak.seeds import announced_seed

__all__ = ["asgi_server"]

SECONDS_A_DOCUMENT = 270
CHECKS = {
    "/ogc/api?f=json": "not_a_server_error,status_code_conformance,content_type_conformance",
    # Refusals are of many kinds there, and are not named one by one.
    "/api/schema/?format=json": "not_a_server_error",
}


@pytest.mark.soak
@pytest.mark.parametrize("document", CHECKS)
def test_no_generated_request_is_answered_by_a_server_error(
    asgi_server: str, tmp_path: Path, document: str
) -> None:
    # A program's requests get behind the door: with a token of a user who acts for nobody.
    made = make_token(name="soak", scopes=list(ApiToken.Scope), days=1, actor=user_named("soak"))
    Policy.objects.create(
        code="api.requests_per_minute",
        value=10**6,
        text="",
        unit="",
        label="x",
        article="",
        reason="soak",
    )
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "run",
            f"{asgi_server}{document}", "--max-examples", "40", "--no-color",
            "--seed", str(announced_seed()), "--max-time", str(SECONDS_A_DOCUMENT),
            "--header", f"Authorization: Bearer {made.secret}",
            "--phases", "examples,coverage,fuzzing", "--checks", CHECKS[document],
        ],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]

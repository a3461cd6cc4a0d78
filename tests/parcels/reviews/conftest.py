"""Who meets at the title bench."""

from __future__ import annotations

from typing import Any

import pytest

from tests.parcels.reviews.bench import approver, clerk, owner


@pytest.fixture
def people(db: Any) -> dict[str, Any]:
    """An owner with the party for which he acts, a preparer and an approver."""
    user, party = owner()
    return {"user": user, "party": party, "clerk": clerk(), "approver": approver()}

"""The bureau of a test."""

from __future__ import annotations

import pytest

from tests.tickets.registry.register import Bureau


@pytest.fixture
def bureau(db: None) -> Bureau:
    return Bureau()

"""The register's database of filings, and a bureau with a trading centre in front of it."""

from __future__ import annotations

import pytest

from tests.tickets.market.floor import Floor
from tests.tickets.registry.conftest import (
    committed_register,
    filed_db,
    filed_template,
    guarantees_hold,
    own_folders,
)
from tests.tickets.registry_pages.conftest import key_of_these_tests

__all__ = [
    "committed_register",
    "filed_db",
    "filed_template",
    "floor",
    "guarantees_hold",
    "key_of_these_tests",
    "own_folders",
]


@pytest.fixture
def floor(filed_db: str, db: None) -> Floor:
    return Floor()

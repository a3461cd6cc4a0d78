"""The same register as the ledger's tests, seen through its pages."""

from __future__ import annotations

import pytest

from portal.base.secrets import SIGNING_KEYS, add_key
from tests.tickets.registry.conftest import (
    bureau,
    committed_register,
    filed_db,
    filed_template,
    guarantees_hold,
    own_folders,
)
from tests.tickets.registry.register import Bureau
from tests.tickets.registry_pages.hands import Hands

__all__ = [
    "bureau",
    "committed_register",
    "filed_db",
    "filed_template",
    "guarantees_hold",
    "hands",
    "key_of_these_tests",
    "own_folders",
]


@pytest.fixture(autouse=True)
def key_of_these_tests(own_folders: None) -> None:
    """The filings of the template were signed by another file's first key: this is the second."""
    add_key(SIGNING_KEYS)
    add_key(SIGNING_KEYS)


@pytest.fixture
def hands(bureau: Bureau) -> Hands:
    return Hands(bureau)

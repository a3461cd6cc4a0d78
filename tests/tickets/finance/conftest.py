"""Filed land as in the tests of the register, and a trading floor."""

from tests.tickets.market.conftest import floor, key_of_these_tests
from tests.tickets.registry.conftest import (
    bureau,
    committed_register,
    filed_db,
    filed_template,
    guarantees_hold,
    own_folders,
)

__all__ = [
    "bureau",
    "committed_register",
    "filed_db",
    "filed_template",
    "floor",
    "guarantees_hold",
    "key_of_these_tests",
    "own_folders",
]

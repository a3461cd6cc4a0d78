"""Filed land as in the tests of the register."""

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
    "guarantees_hold",
    "own_folders",
]

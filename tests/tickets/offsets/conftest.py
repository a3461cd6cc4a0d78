"""The register's pages with what offsets need besides."""

from tests.tickets.registry_pages.conftest import (
    bureau,
    committed_register,
    filed_db,
    filed_template,
    guarantees_hold,
    hands,
    key_of_these_tests,
    own_folders,
)

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

"""Two approvers, overlapping land, the same moment."""

from __future__ import annotations

import os

import pytest

from tests.tickets.projects.determining import (
    assert_the_lock_decides,
    make_row,
)

PAIRS = 10
PAIRS_OF_THE_SOAK = int(os.environ.get("SOAK_PAIRS") or 200)


def test_of_two_overlapping_applications_determined_at_once_exactly_one_stands(
    committed_db: str,
) -> None:
    row = make_row(PAIRS)
    for at in range(PAIRS):
        # Now one approver has the earlier application, now the other.
        row.race(at, swapped=at % 2 == 1)


def test_of_two_claims_none_of_which_came_first_the_lock_decides(committed_db: str) -> None:
    """Of two approvers' applications one came first, and is the one that stands whatever the locks."""
    for at in range(PAIRS):
        assert_the_lock_decides(at)


@pytest.mark.soak
def test_of_two_hundred_pairs_exactly_one_of_each_stands(committed_db: str) -> None:
    row = make_row(PAIRS_OF_THE_SOAK)
    for at in range(PAIRS_OF_THE_SOAK):
        row.race(at, swapped=at % 2 == 1)

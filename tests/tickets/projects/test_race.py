"""Two approvers, overlapping land, the same moment."""

from __future__ import annotations

import pytest

from tests.tickets.projects.determining import assert_one_stands, determine_at_once, make_pairs


def test_of_two_overlapping_applications_determined_at_once_exactly_one_stands(
    committed_db: str,
) -> None:
    pairs, approvers = make_pairs(10)
    for at, pair in enumerate(pairs):
        # Now one approver has the earlier application, now the other.
        assert_one_stands(pair, determine_at_once(pair, approvers[:: 1 if at % 2 else -1]))


@pytest.mark.soak
def test_of_two_hundred_pairs_exactly_one_of_each_stands(committed_db: str) -> None:
    pairs, approvers = make_pairs(200)
    for pair in pairs:
        assert_one_stands(pair, determine_at_once(pair, approvers))

"""The long form of guarantee 1's race: two hundred seeds of eight sessions."""

from __future__ import annotations

import pytest

from tests.parcels.claims.race import random_round
from tests.soak.seeds import announced_seed

SEEDS = 200


@pytest.mark.soak
def test_two_hundred_rounds_of_claims_never_conflict_and_never_deadlock(committed_db: str) -> None:
    first_seed = announced_seed()
    for turn in range(SEEDS):
        try:
            random_round(first_seed + turn, north_m=2000 * turn)
        except BaseException as failure:
            failure.add_note(f"SOAK_SEED={first_seed + turn}, round {turn}")
            raise

"""The long form of guarantee 1's race: two hundred seeds of eight sessions."""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.parcels.claims.race import random_round

SEEDS = 200


@pytest.mark.soak
def test_two_hundred_rounds_of_claims_never_conflict_and_never_deadlock(committed_db: str) -> None:
    first_seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
    sys.stderr.write(f"SOAK_SEED={first_seed}\n")
    for turn in range(SEEDS):
        try:
            random_round(first_seed + turn, north_m=2000 * turn)
        except BaseException as failure:
            failure.add_note(f"SOAK_SEED={first_seed + turn}, round {turn}")
            raise

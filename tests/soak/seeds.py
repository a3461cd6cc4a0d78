"""The seed of a long run: said before it begins, and given again by ``SOAK_SEED``."""

from __future__ import annotations

import os
import random
import sys


def announced_seed() -> int:
    """``SOAK_SEED`` or a new one, on standard error."""
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
    sys.stderr.write(f"SOAK_SEED={seed}\n")
    return seed

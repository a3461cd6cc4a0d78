"""What the market records of its acts: keys, amounts, moments and hashes."""

from __future__ import annotations

import uuid
from typing import Any

from portal.accounts.models import User
from portal.journal.operations import record_event

LISTING, TRADE, DEPOSIT = "listing", "trade", "market_deposit"
POOL, ORDER, CONTRACT = "retail_pool", "retail_order", "reserve_contract"


def record(kind: str, key: uuid.UUID, verb: str, actor: User | None, **facts: Any) -> None:
    """One act in its subject's chain; ``actor`` None is the machine."""
    record_event(
        subject_kind=kind,
        subject_key=key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts=facts,
    )

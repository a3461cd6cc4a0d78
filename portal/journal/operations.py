"""Recording acts and sealing days."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.db import connection, transaction

from portal.base.clock import CITY_TIME, now
from portal.journal.models import Event, Seal

EMPTY_ROOT = bytes(32)
Subject = tuple[str, str]  # Kind and key.


def record_event(
    *,
    subject_kind: str,
    subject_key: str | int | uuid.UUID,
    verb: str,
    actor_key: uuid.UUID | None,
    facts: Mapping[str, Any] | None = None,
) -> Event:
    """Append one act to its subject's chain, in the caller's transaction.

    ``actor_key`` is the user's key, or None for the machine itself (a job). ``facts`` are keys,
    counts and hashes; never names or free text.
    """
    event = Event.objects.create(
        subject_kind=subject_kind,
        subject_key=str(subject_key),
        verb=verb,
        actor_key=actor_key,
        facts=dict(facts or {}),
        seq=0,  # The trigger numbers it.
        previous_hash=b"",
        hash=b"",
    )
    event.refresh_from_db(fields=["seq", "recorded_at", "previous_hash", "hash"])
    return event


def merkle_root(leaves: list[bytes]) -> bytes:
    """SHA-256 Merkle root of leaf hashes in order (RFC 6962's shape: 0x00 leaves, 0x01 nodes)."""
    if not leaves:
        return EMPTY_ROOT
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def merkle_proofs(leaves: list[bytes], places: list[int]) -> list[list[tuple[str, bytes]]]:
    """From each leaf up to the root: every step's side (of the sibling) and sibling.

    A node without a sibling goes up as it is and is no step.
    """
    levels = [[hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]]
    while len(level := levels[-1]) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        levels.append(pairs + ([level[-1]] if len(level) % 2 else []))
    proofs = []
    for place in places:
        path, at = [], place
        for level in levels[:-1]:
            sibling = at ^ 1
            if sibling < len(level):
                path.append(("left" if sibling < at else "right", level[sibling]))
            at //= 2
        proofs.append(path)
    return proofs


def sealed_leaves() -> Iterator[tuple[Seal, list[Subject], list[bytes]]]:
    """Each seal from the first on, the subjects under it, and its leaves, of which the last are the
    subjects' heads. However many days were sealed, each event is read once."""
    heads: dict[Subject, bytes] = {}
    subjects: list[Subject] = []
    last_event_id = -(2**63)  # Whatever number a hand gave it.
    for seal in Seal.objects.order_by("day"):
        with connection.cursor() as cursor:
            cursor.execute(_HEADS_SINCE, [last_event_id, seal.last_event_id])
            found = {(kind, key): bytes(head) for kind, key, head in cursor.fetchall()}
        subjects = sorted([*subjects, *(found.keys() - heads.keys())])
        heads |= found
        last_event_id = seal.last_event_id
        leaves = leaves_of(
            seal.day, bytes(seal.previous_root), seal.chains, [heads[one] for one in subjects]
        )
        yield seal, subjects, leaves


def leaves_of(
    day: date, previous_root: bytes, chains: Mapping[str, int] | None, heads: list[bytes]
) -> list[bytes]:
    """A day's root binds its date, the seal before it, the number of chains of each kind, and the
    head of each chain."""
    counts = [] if chains is None else [chains_leaf(chains)]
    return [day.isoformat().encode(), previous_root, *counts, *heads]


def chains_leaf(chains: Mapping[str, int]) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(dict(chains), sort_keys=True, separators=(",", ":")).encode()


_HEADS_SINCE = """
SELECT DISTINCT ON (subject_kind, subject_key) subject_kind, subject_key, hash
FROM journal_event WHERE id > %s AND id <= %s
ORDER BY subject_kind, subject_key, seq DESC
"""
# In the order of Python's texts, as ``sealed_leaves`` has them.
_HEADS_NOW = """
SELECT subject_kind, subject_key, hash FROM journal_head WHERE seq > 0
ORDER BY subject_kind COLLATE "C", subject_key COLLATE "C"
"""


def seal_day() -> Seal | None:
    """Seal all chains under today's date; None when today is sealed already."""
    day: date = now().astimezone(CITY_TIME).date()
    with transaction.atomic(), connection.cursor() as cursor:
        # Waits for acts under way and holds new ones back for this moment, so that the set of
        # events under last_event_id is complete and can be recomputed for ever. The heads are those
        # of all events then; a head changed by hand makes a root that verify_journal refuses.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('journal_seal'))")
        if Seal.objects.filter(day=day).exists():
            return None
        cursor.execute("SELECT journal_hold()")
        cursor.execute("SELECT coalesce(max(id), 0) FROM journal_event")
        last_event_id = cursor.fetchone()[0]
        cursor.execute(_HEADS_NOW)
        rows = cursor.fetchall()
        heads = [bytes(row[2]) for row in rows]
        chains = dict(Counter(row[0] for row in rows))
        before = Seal.objects.order_by("-day").first()
        previous_root = bytes(before.root) if before else EMPTY_ROOT
        return Seal.objects.create(
            day=day,
            last_event_id=last_event_id,
            heads=len(heads),
            chains=chains,
            root=merkle_root(leaves_of(day, previous_root, chains, heads)),
            previous_root=previous_root,
        )

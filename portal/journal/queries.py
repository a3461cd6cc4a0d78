"""Checking the journal against itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import connection

from portal.journal.models import Event, Head, Seal
from portal.journal.operations import EMPTY_ROOT, merkle_root, sealed_leaves

# The trigger and this query share journal_event_hash(), but what it is applied to is recomputed:
# the neighbour in the chain, not the stored link.
_BROKEN = """
WITH chain AS (
  SELECT id, seq, hash, previous_hash,
         row_number() OVER chained AS place,
         coalesce(lag(hash) OVER chained, decode(repeat('00', 32), 'hex')) AS before,
         subject_kind, subject_key, verb, actor_key, recorded_at, facts
  FROM journal_event
  WINDOW chained AS (PARTITION BY subject_kind, subject_key ORDER BY seq)
)
SELECT id FROM chain
WHERE seq <> place OR previous_hash <> before
   OR hash <> journal_event_hash(
        before, subject_kind, subject_key, seq, verb, actor_key, recorded_at, facts)
ORDER BY id LIMIT 1
"""
_WRONG_HEAD = """
SELECT coalesce(head.subject_kind, tail.subject_kind) || '/' ||
       coalesce(head.subject_key, tail.subject_key)
FROM journal_head AS head
FULL JOIN (SELECT DISTINCT ON (subject_kind, subject_key) subject_kind, subject_key, seq, hash
           FROM journal_event ORDER BY subject_kind, subject_key, seq DESC) AS tail
  ON head.subject_kind = tail.subject_kind AND head.subject_key = tail.subject_key
WHERE head.hash IS DISTINCT FROM tail.hash OR head.seq IS DISTINCT FROM tail.seq
LIMIT 1
"""


@dataclass(slots=True)
class JournalReport:
    """Counts, and the first fault of each kind (empty when the journal is whole)."""

    events: int
    subjects: int
    seals: int
    faults: list[str] = field(default_factory=list)


def verify_journal() -> JournalReport:
    """Recompute every chain, head and seal from the events."""
    report = JournalReport(
        events=Event.objects.count(), subjects=Head.objects.count(), seals=Seal.objects.count()
    )
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN)
        if row := cursor.fetchone():
            report.faults.append(f"journal_event id={row[0]}: chain broken")
        cursor.execute(_WRONG_HEAD)
        if row := cursor.fetchone():
            report.faults.append(f"journal_head {row[0]}: differs from the last event")
        previous_root, last_event_id = EMPTY_ROOT, 0
        for seal, subjects, leaves in sealed_leaves():
            root = merkle_root(leaves)
            counted = dict(Counter(kind for kind, _key in subjects))
            if (
                seal.heads != len(subjects)
                or seal.chains not in (None, counted)
                or root != bytes(seal.root)
                or previous_root != bytes(seal.previous_root)
                or seal.last_event_id < last_event_id
            ):
                report.faults.append(f"journal_seal {seal.day}: root differs")
                break
            previous_root, last_event_id = root, seal.last_event_id
    return report

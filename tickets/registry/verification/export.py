"""The open export: entries, the journal's chain of each issuance, and proofs up to a daily root."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from portal.base.errors import NotFound
from portal.journal.models import Seal
from portal.journal.operations import merkle_proofs, sealed_leaves

FORM = "yining-register/3"
WRITING = "hashtext('registry_open_export')"
# Of a seal's leaves.
DAY_PLACE, PREVIOUS_PLACE, CHAINS_PLACE = 0, 1, 2
_ENTRIES = """
SELECT issuance.key::text, entry.seq::text, entry.id::text, entry.kind,
       ((extract(epoch FROM entry.recorded_at) * 1000000)::bigint)::text,
       coalesce(entry.actor_key::text, '-'), entry.article,
       coalesce(to_char(entry.effective_on, 'YYYY-MM-DD'), '-'),
       coalesce(entry.answers_id::text, '-'), coalesce(entry.cause::text, '-'),
       coalesce(entry.freeze_order::text, '-'), coalesce(entry.registration::text, '-'),
       coalesce(encode(entry.document_sha256, 'hex'), '-'), entry.content::text,
       encode(entry.hash, 'hex')
FROM registry_ledgerentry AS entry
JOIN registry_issuance AS issuance ON issuance.id = entry.issuance_id
ORDER BY entry.id
"""
_EVENTS = """
SELECT subject_kind, subject_key, seq::text, verb, coalesce(actor_key::text, ''),
       ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, facts::text,
       encode(hash, 'hex'), id
FROM journal_event WHERE subject_kind = 'issuance' ORDER BY id
"""
_TOTALS = """
SELECT state, sum(upper(kg) - lower(kg))::bigint FROM registry_block
WHERE closed_by_id IS NULL GROUP BY state ORDER BY state
"""


def write_export(write: Callable[[str], object]) -> int:
    """The whole export, all of one moment of the database, line by line; how many lines."""
    lines = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for line in export_lines():
            write(line + "\n")
            lines += 1
    return lines


def export_file() -> Path:
    """The export for everyone: written once for each daily root and kept; whoever asks meanwhile waits.

    Raises NotFound before the first root: nothing could be proved with it.
    """
    seal = Seal.objects.order_by("-day").first()
    if seal is None:
        raise NotFound()
    folder = Path(settings.MEDIA_ROOT) / "register"
    form = FORM.rpartition("/")[2]
    path = folder / f"register-{form}-{seal.day.isoformat()}-{bytes(seal.root).hex()[:12]}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with _alone():
            if not path.exists():
                _write_anew(path)
    return path


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({WRITING})")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock({WRITING})")


def _write_anew(path: Path) -> None:
    """The export in the place of the former one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, suffix=".part", encoding="utf-8", delete=False
    ) as part:
        write_export(part.write)
    Path(part.name).rename(path)
    for former in path.parent.iterdir():
        if former != path:
            former.unlink(missing_ok=True)


def export_lines() -> Iterator[str]:
    """JSON lines; docs/verify.md says what each holds."""
    yield _line(kind="register", form=FORM)
    seals, proofs = _seals_and_proofs()
    yield from seals
    yield from _rows("entry", _ENTRIES)
    yield from _rows("event", _EVENTS)
    yield from proofs
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        yield _line(kind="totals", kg=dict(cursor.fetchall()))


def _seals_and_proofs() -> tuple[list[str], list[str]]:
    """Each day's root; and how each issuance's chain leads to the root of each day that made it
    longer, and to the newest, under which none is missing."""
    seals: list[str] = []
    proofs: list[str] = []
    shown: dict[str, bytes] = {}
    newest = Seal.objects.order_by("-day").first()
    for seal, subjects, leaves in sealed_leaves():
        first = len(leaves) - len(subjects)
        wanted = [
            (key, place)
            for place, (kind, key) in enumerate(subjects, start=first)
            if kind == "issuance" and (shown.get(key) != leaves[place] or seal == newest)
        ]
        of_day, of_previous, of_chains, *paths = merkle_proofs(
            leaves, [DAY_PLACE, PREVIOUS_PLACE, CHAINS_PLACE, *(at for _key, at in wanted)]
        )
        seals.append(
            _line(
                kind="seal",
                day=seal.day.isoformat(),
                day_path=_path(of_day),
                root=bytes(seal.root).hex(),
                previous_root=bytes(seal.previous_root).hex(),
                previous_path=_path(of_previous),
                chains=seal.chains,
                chains_path=None if seal.chains is None else _path(of_chains),
            )
        )
        for (key, place), path in zip(wanted, paths, strict=True):
            shown[key] = leaves[place]
            proofs.append(
                _line(
                    kind="proof",
                    day=seal.day.isoformat(),
                    issuance=key,
                    leaf=leaves[place].hex(),
                    path=_path(path),
                )
            )
    return seals, proofs


def _path(path: list[tuple[str, bytes]]) -> list[list[str]]:
    return [[side, sibling.hex()] for side, sibling in path]


def _rows(kind: str, statement: str) -> Iterator[str]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        for row in cursor:
            yield _line(kind=kind, fields=list(row))


def _line(**said: Any) -> str:
    return json.dumps(said, ensure_ascii=False)

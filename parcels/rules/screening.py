"""A whole file against the register: read in batches, asked in a few sessions, told in order."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import orjson
import shapely
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext as _
from pyproj import Geod

from parcels.imports.operations import side_connection
from parcels.imports.staging import township_code
from parcels.intake.columns import label_column, propose_mapping
from parcels.intake.errors import reject_message
from parcels.intake.gate import Limits
from parcels.intake.numbers import normalised
from parcels.intake.reader import Batch, Choices, Inspection, Reject, read_batches
from parcels.rules.engine import (
    Candidate,
    Found,
    compartment_key,
    run_rules,
    verdict_of,
)
from parcels.rules.errors import ScreeningRefused
from parcels.rules.table import Severity, Stage, Subject

ELLIPSOID = Geod(ellps="GRS80")
SESSIONS_MAX = 4
BATCHES_AHEAD = 2  # For each session: enough to keep it busy, few enough to keep memory flat.
# What a screening takes from the columns of a file, of what an import knows.
FACTS = (
    "unit_number",
    "certificate_number",
    "area_ha_certified",
    "term_ends_on",
    "county_code",
    "township_code",
    "compartment",
    "species",
)
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True, slots=True)
class Screened:
    """One feature of the file with its verdict; ``id`` is the field asked for, else the row."""

    id: str | int | float
    row: int
    verdict: str
    findings: list[Found]
    rejected: str = ""  # Why it could not be read, in words.
    # With shapes only: what tables and maps of the result show besides.
    wkb: bytes | None = None
    area_m2: float | None = None
    township: str = ""
    species: str = ""


@dataclass(slots=True)
class Counts:
    """What a screening came to; rejected features count among the conflicts too."""

    candidates: int = 0
    clear: int = 0
    warning: int = 0
    conflict: int = 0
    rejected: int = 0
    findings: int = 0

    def add(self, screened: Screened) -> None:
        self.candidates += 1
        self.findings += len(screened.findings)
        self.rejected += bool(screened.rejected)
        setattr(self, screened.verdict, getattr(self, screened.verdict) + 1)


@dataclass(frozen=True, slots=True)
class Screening:
    """How a file is to be screened."""

    path: Path
    subject: Subject
    period: DateRange | None = None
    id_field: str | None = None
    with_shapes: bool = False
    sessions: int = 0  # 0: as many as there are processors, at most SESSIONS_MAX.
    choices: Choices = field(default_factory=Choices)
    limits: Limits = field(default_factory=Limits)
    columns: Mapping[str, str] | None = None  # Fact → column; None: by their names.


def propose_columns(names: Iterable[str]) -> dict[str, str]:
    """Fact → column, of the facts that a screening asks a file for."""
    return {fact: name for fact, name in propose_mapping(names).items() if fact in FACTS}


def screen_file(
    screening: Screening, inspection: Inspection, *, progress: Callable[[int, int | None], None]
) -> Iterator[Screened]:
    """Each feature of the inspected file in its order, with what the rules found.

    ``progress`` is told (screened, total) after each batch. All sessions read one snapshot of the
    register. IntakeError when the file cannot be read, ScreeningRefused when it has no such field.
    """
    refuse_missing_field(screening.id_field, inspection)
    fields = [found.name for found in inspection.fields]
    mapping = propose_columns(fields) if screening.columns is None else screening.columns
    batches = read_batches(screening.path, choices=screening.choices, limits=screening.limits)
    done = 0
    with one_snapshot(screening.sessions or session_count()) as sessions:
        for batch, screened in _in_order(screening, mapping, batches, sessions):
            done += len(screened)
            progress(done, batch.total)
            yield from screened


def refuse_missing_field(id_field: str | None, inspection: Inspection) -> None:
    """ScreeningRefused where the file has no field of this name."""
    names = [found.name for found in inspection.fields]
    if id_field is not None and id_field not in names:
        raise ScreeningRefused(
            reason=_("文件里没有字段“{field}”，现有：{names}").format(
                field=id_field, names="、".join(names)
            )
        )


def session_count() -> int:
    """One session a processor, at most SESSIONS_MAX."""
    return min(SESSIONS_MAX, os.cpu_count() or 1)


@contextmanager
def one_snapshot(count: int) -> Iterator[list[BaseDatabaseWrapper]]:
    """Sessions of their own that all see the register as of one moment.

    Inside a transaction only that one can see its own writes, so it is asked itself.
    """
    if connection.in_atomic_block:
        yield [connection]
        return
    with ExitStack() as stack:
        sessions = [stack.enter_context(side_connection()) for _session in range(count)]
        for place, session in enumerate(sessions):
            session.set_autocommit(False)
            with session.cursor() as cursor:
                cursor.execute(SNAPSHOT)
                if place == 0:
                    cursor.execute("SELECT pg_export_snapshot()")
                    snapshot = cursor.fetchone()[0]
                else:
                    cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
        yield sessions


def _in_order(
    screening: Screening,
    mapping: Mapping[str, str],
    batches: Iterator[Batch],
    sessions: list[BaseDatabaseWrapper],
) -> Iterator[tuple[Batch, list[Screened]]]:
    """Batches are asked side by side and answered in the file's order, a few ahead at a time."""
    if len(sessions) == 1:
        for batch in batches:
            yield batch, _screen_batch(screening, mapping, batch, sessions[0])
        return
    free: SimpleQueue[BaseDatabaseWrapper] = SimpleQueue()
    for session in sessions:
        session.inc_thread_sharing()
        free.put(session)

    def ask(batch: Batch) -> list[Screened]:
        session = free.get()
        try:
            return _screen_batch(screening, mapping, batch, session)
        finally:
            free.put(session)

    waiting: deque[tuple[Batch, Future[list[Screened]]]] = deque()
    pool = ThreadPoolExecutor(len(sessions))
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(ask, batch)))
            if len(waiting) >= BATCHES_AHEAD * len(sessions):
                asked, answer = waiting.popleft()
                yield asked, answer.result()
        while waiting:
            asked, answer = waiting.popleft()
            yield asked, answer.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _screen_batch(
    screening: Screening,
    mapping: Mapping[str, str],
    batch: Batch,
    session: BaseDatabaseWrapper,
) -> list[Screened]:
    candidates = candidates_from(batch, mapping)
    outcome = run_rules(
        stage=Stage.SCREEN,
        subject=screening.subject,
        candidates=candidates,
        period=screening.period,
        with_shapes=screening.with_shapes,
        database=session,
    )
    empty: list[Any] = [None] * len(batch.rows)
    ids = batch.columns.get(screening.id_field or "", empty)
    shown = screening.with_shapes
    areas = areas_m2(batch.wkb) if shown else empty
    counties = batch.columns.get(mapping.get("county_code", ""), empty)
    townships = batch.columns.get(mapping.get("township_code", ""), empty)
    species = batch.columns.get(mapping.get("species", ""), empty)
    screened = [
        Screened(
            id=row if (name := plain_id(ids[at])) is None else name,
            row=row,
            verdict=verdict_of(findings),
            findings=findings,
            wkb=batch.wkb[at] if shown else None,
            area_m2=areas[at],
            township=township_code(as_text(counties[at]), as_text(townships[at])),
            species=as_text(species[at]),
        )
        for at, (row, findings) in enumerate(
            zip(batch.rows, outcome.by_candidate(len(candidates)), strict=True)
        )
    ]
    # The reader tells of what it refuses the row, and its label; of other fields it knows nothing.
    labelled = screening.id_field is not None and screening.id_field == label_column(batch.columns)
    screened.extend(
        _unreadable(reject, reject.id if labelled and reject.id else reject.row)
        for reject in batch.rejects
    )
    screened.sort(key=lambda one: one.row)
    return screened


def _unreadable(reject: Reject, name: str | int) -> Screened:
    """A feature whose geometry the reader refused: the rule of valid geometry, with its reason."""
    finding = Found(
        candidate=0,
        rule="valid_geometry",
        level="invalid",
        severity=Severity.CONFLICT,
        shape=None,
        area_m2=None,
        mean_width_m=None,
        other_kind="",
        other_key=None,
        other_number="",
        facts={"reason": reject.code, **reject.params},
    )
    return Screened(
        id=name,
        row=reject.row,
        verdict="conflict",
        findings=[finding],
        rejected=reject_message(reject.code, reject.params),
    )


def candidates_from(batch: Batch, mapping: Mapping[str, str]) -> list[Candidate]:
    """A batch of the reader as candidates, with the attributes whose columns are known."""
    empty: list[Any] = [None] * len(batch.rows)

    def column(target: str) -> list[Any]:
        return batch.columns.get(mapping.get(target, ""), empty)

    units, certificates = column("unit_number"), column("certificate_number")
    areas, terms = column("area_ha_certified"), column("term_ends_on")
    counties, townships = column("county_code"), column("township_code")
    compartments = column("compartment")
    return [
        Candidate(
            ref=str(row),
            wkb=batch.wkb[at],
            unit_key=normalised(as_text(units[at])),
            certificate_key=normalised(as_text(certificates[at])),
            area_m2_certified=area_m2_from_hectares(areas[at]),
            term_ends_on=as_day(terms[at]),
            compartment=compartment_key(
                as_text(counties[at]), as_text(townships[at]), as_text(compartments[at])
            ),
        )
        for at, row in enumerate(batch.rows)
    ]


def areas_m2(shapes: Sequence[bytes]) -> list[float]:
    """Ellipsoidal, as PostGIS measures them."""
    return [abs(ELLIPSOID.geometry_area_perimeter(one)[0]) for one in shapely.from_wkb(shapes)]


def plain_id(value: Any) -> str | int | float | None:
    """A cell as JSON can hold it; None where it is empty."""
    if value is None or value == "":
        return None
    if isinstance(value, float):
        if math.isnan(value):  # How readers say "empty".
            return None
        if value.is_integer():
            return int(value)
    return value if isinstance(value, str | int | float) else str(value)


def as_text(value: Any) -> str:
    """A cell as text."""
    plain = plain_id(value)
    return "" if plain is None else str(plain).replace("\x00", "").strip()


def area_m2_from_hectares(value: Any) -> float | None:
    """A positive number of hectares in m², or None."""
    try:
        hectares = float(as_text(value))
    except ValueError:
        return None
    return hectares * 10_000 if 0 < hectares < float("inf") else None


def as_day(value: Any) -> date | None:
    """An ISO day, also with slashes, or None."""
    try:
        return date.fromisoformat(as_text(value)[:10].replace("/", "-"))
    except ValueError:
        return None


def as_json(screened: Screened) -> bytes:
    """One candidate as design.md's interface has it."""
    return orjson.dumps(
        {
            "id": screened.id,
            "verdict": screened.verdict,
            "findings": [
                {
                    "rule": found.rule,
                    "severity": found.severity.value,
                    "other": found.other or None,
                    "area_m2": found.area_m2,
                    "mean_width_m": found.mean_width_m,
                }
                for found in screened.findings
            ],
        }
    )

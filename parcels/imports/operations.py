"""Taking a file in: open a record, choose how to read it, run it in one transaction, or cancel."""

from __future__ import annotations

import hashlib
import shutil
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from parcels.imports import matching
from parcels.imports.errors import (
    ImportCancelled,
    ImportNotDraft,
    ImportNotRunning,
)
from parcels.intake.numbers import certificate_kind, normalised, unit_number_is_wellformed
from parcels.intake.reader import Batch, Choices, Reject
from parcels.models import ImportProblem, ImportRecord, RightKind
from portal.accounts.models import User
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

# Stored problems of one kind; beyond it only the count goes on, so that memory stays flat.
KEPT_PROBLEMS_PER_CODE = 1000
DEFAULT_RIGHT_KINDS = (RightKind.TREE_OWNERSHIP.value,)
MU_PER_HECTARE = 15


@dataclass(frozen=True, slots=True)
class Problem:
    """One feature rejected, or taken with a warning."""

    severity: ImportProblem.Severity
    row: int
    feature_id: str
    code: str
    facts: dict[str, Any]
    lon: float | None
    lat: float | None


@dataclass(slots=True)
class Outcome:
    """Counts of an import and its problems (at most KEPT_PROBLEMS_PER_CODE of a kind)."""

    read: int = 0
    imported: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    total: int | None = None
    problems: list[Problem] = field(default_factory=list)
    problem_counts: dict[str, int] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        seen = self.problem_counts.get(problem.code, 0)
        self.problem_counts[problem.code] = seen + 1
        if seen < KEPT_PROBLEMS_PER_CODE:
            self.problems.append(problem)


# Told after each batch; raises ImportCancelled to stop.
Progress = Callable[[Outcome], None]


def store_original(path: Path) -> tuple[str, str, int]:
    """Keep the file under its hash; returns (SHA-256, path below MEDIA_ROOT, bytes)."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            digest.update(piece)
    sha256 = digest.hexdigest()
    relative = Path("imports") / sha256[:2] / f"{sha256}{path.suffix.lower()}"
    target = Path(settings.MEDIA_ROOT) / relative
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{uuid.uuid4().hex}.part")
        shutil.copyfile(path, partial)
        partial.replace(target)
    return sha256, str(relative), path.stat().st_size


@write_transaction
def open_import(
    *,
    path: Path,
    file_name: str,
    purpose: ImportRecord.Purpose,
    actor: User | None,
    choices: Choices = Choices(),
    mapping: Mapping[str, str] | None = None,
    survey_year: int | None = None,
    right_kinds: Iterable[str] = DEFAULT_RIGHT_KINDS,
) -> ImportRecord:
    """Keep the original file and open its record as a draft. ``actor`` is None at the command line."""
    sha256, stored_path, size = store_original(path)
    record = ImportRecord.objects.create(
        purpose=purpose,
        file_name=file_name[:255],
        file_sha256=sha256,
        file_bytes=size,
        stored_path=stored_path,
        choices=choices.as_json(),
        mapping=dict(mapping or {}),
        survey_year=survey_year,
        right_kinds=list(right_kinds),
        made_by=actor,
    )
    record_event(
        subject_kind="import",
        subject_key=record.key,
        verb="opened",
        actor_key=actor.key if actor else None,
        facts={"sha256": sha256, "bytes": size, "purpose": str(purpose)},
    )
    return record


@write_transaction
def queue_import(
    *,
    record: ImportRecord,
    choices: Choices,
    mapping: Mapping[str, str],
    survey_year: int | None,
    right_kinds: Iterable[str],
    actor: User,
) -> ImportRecord:
    """Hand a draft to the job worker with what the person chose."""
    locked = ImportRecord.objects.select_for_update().get(pk=record.pk)
    if locked.state != ImportRecord.State.DRAFT:
        raise ImportNotDraft()
    locked.choices = choices.as_json()
    locked.mapping = dict(mapping)
    locked.survey_year = survey_year
    locked.right_kinds = list(right_kinds)
    locked.state = ImportRecord.State.QUEUED
    locked.save()
    record_event(subject_kind="import", subject_key=locked.key, verb="queued", actor_key=actor.key)
    return locked


@write_transaction
def cancel_import(*, record: ImportRecord, actor: User) -> ImportRecord:
    """Stop an import: a waiting one at once, a running one at its next batch, all rolled back."""
    locked = ImportRecord.objects.select_for_update().get(pk=record.pk)
    if locked.state in (ImportRecord.State.DRAFT, ImportRecord.State.QUEUED):
        locked.state = ImportRecord.State.CANCELLED
        locked.finished_at = now()
    elif locked.state != ImportRecord.State.RUNNING:
        raise ImportNotRunning()
    locked.cancel_wanted = True
    locked.save()
    record_event(
        subject_kind="import", subject_key=locked.key, verb="cancel_asked", actor_key=actor.key
    )
    return locked


@contextmanager
def side_connection() -> Iterator[BaseDatabaseWrapper]:
    """A second session, so that progress is seen while the import's own transaction is open."""
    side = connections.create_connection("default")
    side.settings_dict = {
        **connection.settings_dict,
        "OPTIONS": dict(side.settings_dict["OPTIONS"]),
    }
    side.settings_dict["OPTIONS"].pop("pool", None)
    try:
        yield side
    finally:
        side.close()


@contextmanager
def visible_progress(record: ImportRecord) -> Iterator[Progress]:
    """Write counts into the record from a side session, and stop when somebody cancelled."""
    with side_connection() as side:

        def tell(outcome: Outcome) -> None:
            with side.cursor() as cursor:
                cursor.execute(
                    "UPDATE parcels_importrecord SET read = %s, imported = %s, changed = %s, "
                    "unchanged = %s, rejected = %s, total = %s WHERE id = %s "
                    "RETURNING cancel_wanted",
                    [
                        outcome.read,
                        outcome.imported,
                        outcome.changed,
                        outcome.unchanged,
                        outcome.rejected,
                        outcome.total,
                        record.pk,
                    ],
                )
                row = cursor.fetchone()
            if row and row[0]:
                raise ImportCancelled()

        yield tell


def run_import(
    *,
    record: ImportRecord,
    batches: Iterable[Batch],
    mapping: Mapping[str, str],
    actor: User | None,
    progress: Progress,
    dry_run: bool = False,
) -> Outcome:
    """Take what a reader hands on into the register: all of its good features, or nothing.

    One transaction holds the whole file. ``dry_run`` does everything and rolls it back, so that
    its answer is exactly what the import would say.
    """
    with transaction.atomic():
        outcome = _take_in(
            record=record,
            batches=batches,
            mapping=mapping,
            actor=actor,
            progress=progress,
        )
        if dry_run:
            transaction.set_rollback(True)
            return outcome
        ImportProblem.objects.bulk_create(
            (
                ImportProblem(
                    record=record,
                    severity=problem.severity,
                    row=problem.row,
                    feature_id=problem.feature_id[:120],
                    code=problem.code,
                    facts=problem.facts,
                    lon=problem.lon,
                    lat=problem.lat,
                )
                for problem in outcome.problems
            ),
            batch_size=1000,
        )
        ImportRecord.objects.filter(pk=record.pk).update(
            state=ImportRecord.State.DONE,
            read=outcome.read,
            imported=outcome.imported,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
            rejected=outcome.rejected,
            total=outcome.read,
            finished_at=now(),
        )
        record_event(
            subject_kind="import",
            subject_key=record.key,
            verb="imported",
            actor_key=actor.key if actor else None,
            facts={
                "read": outcome.read,
                "imported": outcome.imported,
                "changed": outcome.changed,
                "unchanged": outcome.unchanged,
                "rejected": outcome.rejected,
            },
        )
    return outcome


def _take_in(
    *,
    record: ImportRecord,
    batches: Iterable[Batch],
    mapping: Mapping[str, str],
    actor: User | None,
    progress: Progress,
) -> Outcome:
    outcome = Outcome()
    facts = {
        "record": record.pk,
        "actor": actor.pk if actor else None,
        "kinds": record.right_kinds or list(DEFAULT_RIGHT_KINDS),
        "year": record.survey_year,
    }
    with connection.cursor() as cursor:
        cursor.execute(matching.PLAN_FOR_BATCHES)
        cursor.execute(matching.STAGE)
        cursor.execute("SELECT policy_number('area.reason_percent')")
        reason_percent = cursor.fetchone()[0]
        for batch in batches:
            outcome.read += len(batch.rows) + len(batch.rejects)
            outcome.total = batch.total
            ids = {
                row: str(number)
                for row, number in zip(batch.rows, _labels(batch, mapping), strict=True)
            }
            for reject in batch.rejects:
                outcome.rejected += 1
                outcome.add(_rejected(reject))
            for warning in batch.warnings:
                outcome.add(_warned(warning, ids))
            for warning in _malformed_numbers(batch, mapping):
                outcome.add(_warned(warning, ids))
            if batch.rows:
                _match_and_write(cursor, batch, mapping, facts, outcome, ids, reason_percent)
            progress(outcome)
        cursor.execute("DROP TABLE incoming, matched, titled")
        cursor.execute(matching.PLAN_AS_USUAL)
    return outcome


def _match_and_write(
    cursor: Any,
    batch: Batch,
    mapping: Mapping[str, str],
    facts: dict[str, Any],
    outcome: Outcome,
    ids: dict[int, str],
    reason_percent: float,
) -> None:
    """One batch: stage it, tell new from known, write what is new."""
    cursor.execute("TRUNCATE incoming, matched, titled")
    first = _draw_ids(cursor, len(batch.rows))
    with cursor.copy(
        f"COPY incoming ({matching.STAGED_COLUMNS}) FROM STDIN (FORMAT binary)"
    ) as copy:
        copy.set_types(matching.STAGED_TYPES)
        for row in _staged_rows(batch, mapping, first):
            copy.write_row(row)
    cursor.execute("ANALYZE incoming")
    cursor.execute(matching.MATCH_BY_UNIT_NUMBER, facts)
    cursor.execute(matching.MATCH_BY_PLACE, facts)
    cursor.execute(matching.NEW_PARCELS, facts)
    cursor.execute(matching.CLOSE_FORMER_VERSIONS, facts)
    cursor.execute(matching.NEW_VERSIONS, facts)
    cursor.execute(matching.KNOWN_CERTIFICATES, facts)
    cursor.execute(matching.CERTIFICATES_OF_THIS_IMPORT, facts)
    cursor.execute(matching.NEW_CERTIFICATES, facts)
    cursor.execute(matching.NEW_RIGHTS, facts)
    if facts["year"] is not None and "subcompartment" in mapping:
        cursor.execute(matching.REPLACE_STANDS, facts)
        cursor.execute(matching.NEW_STANDS, facts)
    cursor.execute(matching.OUTCOMES, facts)
    imported, changed, unchanged = cursor.fetchone()
    outcome.imported += imported
    outcome.changed += changed
    outcome.unchanged += unchanged
    _ask_for_warnings(cursor, outcome, ids, reason_percent)


def _ask_for_warnings(
    cursor: Any, outcome: Outcome, ids: dict[int, str], reason_percent: float
) -> None:
    def warn(row: int, code: str, facts: dict[str, Any], lon: float, lat: float) -> None:
        severity = ImportProblem.Severity.WARNING
        outcome.add(Problem(severity, row, ids.get(row, ""), code, facts, lon, lat))

    cursor.execute(matching.PROPOSED)
    for row, lon, lat in cursor.fetchall():
        warn(row, "verified_shape_differs", {}, lon, lat)
    cursor.execute(matching.TWICE)
    for row, unit_number, lon, lat in cursor.fetchall():
        warn(row, "unit_number_twice", {"unit_number": unit_number}, lon, lat)
    cursor.execute(matching.AREAS_DIFFER, {"percent": reason_percent})
    for row, mapped_m2, certified_m2, lon, lat in cursor.fetchall():
        ratio = certified_m2 / mapped_m2
        code = "area_looks_like_mu" if abs(ratio / MU_PER_HECTARE - 1) < 0.1 else "area_differs"
        warn(
            row,
            code,
            {
                "mapped_ha": round(mapped_m2 / 10_000, 4),
                "certified_ha": round(certified_m2 / 10_000, 4),
                "percent": round((ratio - 1) * 100, 1),
            },
            lon,
            lat,
        )


def _draw_ids(cursor: Any, count: int) -> dict[str, list[int]]:
    """Ids for a whole batch, so that rows can refer to each other before they are written."""
    drawn = {}
    for name, sequence in [
        ("parcel", "parcels_parcel_id_seq"),
        ("version", "parcels_parcelversion_id_seq"),
        ("certificate", "parcels_titlecertificate_id_seq"),
        ("party", "accounts_party_id_seq"),
    ]:
        cursor.execute(
            f"SELECT nextval('{sequence}') FROM generate_series(1, %s)",
            [count],
        )
        drawn[name] = [row[0] for row in cursor.fetchall()]
    return drawn


def _malformed_numbers(batch: Batch, mapping: Mapping[str, str]) -> Iterator[Reject]:
    """Unit numbers that are not the 28 characters of the standard: taken, and said."""
    for row, value in zip(
        batch.rows, batch.columns.get(mapping.get("unit_number", ""), []), strict=False
    ):
        number = _text(value)
        if number and not unit_number_is_wellformed(number):
            yield Reject(row, number, "unit_number_malformed", {"unit_number": number})


def _labels(batch: Batch, mapping: Mapping[str, str]) -> list[Any]:
    """What people would call each feature: its unit number, else its certificate's number."""
    for target in ("unit_number", "certificate_number", "subcompartment"):
        column = mapping.get(target)
        if column in batch.columns:
            return [value if value is not None else "" for value in batch.columns[column]]
    return [""] * len(batch.rows)


def _text(value: Any) -> str:
    """A cell as text: no NUL, no surrounding space, whole floats without their point."""
    if value is None:
        return ""
    if isinstance(value, float):
        if value != value:  # NaN is how readers say "empty".
            return ""
        if value.is_integer():
            value = int(value)
    return str(value).replace("\x00", "").strip()


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_text(value)[:10].replace("/", "-"))
    except ValueError:
        return None


def _area_m2(value: Any) -> float | None:
    hectares = _decimal(value)
    return float(hectares * 10_000) if hectares is not None and hectares > 0 else None


def _township_code(county: str, township: str) -> str:
    """The one-map field holds three digits below the county, others the full nine."""
    if len(township) == 3 and len(county) == 6:
        return county + township
    return township[:9]


def _ewkb(wkb: bytes) -> bytes:
    """The same geometry with its SRID in the header: flag 0x20000000, then 4490."""
    kind = struct.unpack_from("<I", wkb, 1)[0]
    return wkb[:1] + struct.pack("<II", kind | 0x20000000, settings.STORAGE_SRID) + wkb[5:]


def _staged_rows(
    batch: Batch, mapping: Mapping[str, str], ids: dict[str, list[int]]
) -> Iterator[tuple[Any, ...]]:
    empty: list[Any] = [None] * len(batch.rows)

    def column(target: str) -> list[Any]:
        return batch.columns.get(mapping.get(target, ""), empty)

    fields = {
        name: column(name)
        for name in [
            "unit_number",
            "certificate_number",
            "holder_name",
            "county_code",
            "township_code",
            "village",
            "compartment",
            "subcompartment",
            "place_name",
            "area_ha_certified",
            "term_ends_on",
            "land_class",
            "tenure",
            "forest_purpose",
            "origin",
            "forest_category",
            "species",
            "age_class",
            "mean_age_years",
            "mean_diameter_cm",
            "canopy_closure",
            "growing_stock_m3_per_ha",
        ]
    }
    for at, row in enumerate(batch.rows):
        unit_number = _text(fields["unit_number"][at])
        certificate = _text(fields["certificate_number"][at])
        county = _text(fields["county_code"][at])[:6]
        township = _township_code(county, _text(fields["township_code"][at]))
        village = _text(fields["village"][at])
        compartment = _text(fields["compartment"][at])[:20]
        subcompartment = _text(fields["subcompartment"][at])[:20]
        stand = "-".join((township or county, village, compartment, subcompartment))
        yield (
            row,
            ids["parcel"][at],
            ids["version"][at],
            ids["certificate"][at],
            ids["party"][at],
            unit_number[:40],
            normalised(unit_number)[:40],
            certificate[:80],
            normalised(certificate)[:80],
            certificate_kind(certificate),
            _text(fields["holder_name"][at])[:200],
            county,
            township,
            village[:100],
            compartment,
            subcompartment,
            _text(fields["place_name"][at])[:100],
            _area_m2(fields["area_ha_certified"][at]),
            _day(fields["term_ends_on"][at]),
            stand[:60] if subcompartment else "",
            _text(fields["land_class"][at])[:10],
            _text(fields["tenure"][at])[:4],
            _text(fields["forest_purpose"][at])[:6],
            _text(fields["origin"][at])[:4],
            _text(fields["forest_category"][at])[:4],
            _text(fields["species"][at])[:40],
            _text(fields["age_class"][at])[:4],
            _decimal(fields["mean_age_years"][at]),
            _decimal(fields["mean_diameter_cm"][at]),
            _decimal(fields["canopy_closure"][at]),
            _decimal(fields["growing_stock_m3_per_ha"][at]),
            _ewkb(batch.wkb[at]),
        )


def _rejected(reject: Reject) -> Problem:
    return Problem(
        ImportProblem.Severity.REJECTED,
        reject.row,
        reject.id,
        reject.code,
        dict(reject.params),
        reject.lon,
        reject.lat,
    )


def _warned(warning: Reject, ids: dict[int, str]) -> Problem:
    return Problem(
        ImportProblem.Severity.WARNING,
        warning.row,
        ids.get(warning.row, warning.id),
        warning.code,
        dict(warning.params),
        warning.lon,
        warning.lat,
    )

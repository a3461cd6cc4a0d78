"""Taking a file in: open a record, choose how to read it, run it in one transaction, or cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from parcels.imports.errors import (
    ImportCancelled,
    ImportNotDraft,
    ImportNotRunning,
    TakeoverRefused,
)
from parcels.imports.originals import sha256_of, store_original
from parcels.imports.outcome import Outcome, Problem, Progress
from parcels.imports.staging import stage
from parcels.imports.takeover import TakeoverDecision, check_decision, take_over
from parcels.imports.writing import clear_staged, write_staged
from parcels.intake.reader import Batch, Choices
from parcels.models import ImportProblem, ImportRecord, RightKind
from portal.accounts.models import User
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

DEFAULT_RIGHT_KINDS = (RightKind.TREE_OWNERSHIP.value,)
PROBLEMS_PER_STATEMENT = 1000


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
    tried: bool = False,
) -> ImportRecord:
    """Keep the original file and open its record as a draft. ``actor`` is None at the command line.

    An import that is only ``tried`` keeps no file, and its beginning stands in no journal: the day's
    seal, and behind it every act, would wait for its end.
    """
    sha256, stored_path = (sha256_of(path), "") if tried else store_original(path)
    size = path.stat().st_size
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
    if not tried:
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
    # The running one's problems refer to the record: their locks must not make this wait.
    locked = ImportRecord.objects.select_for_update(no_key=True).get(pk=record.pk)
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


@contextmanager
def kept_problems(
    record: ImportRecord, told: list[Problem] | None
) -> Iterator[Callable[[Problem], None]]:
    """Write problems beside the record a batch at a time; ``told`` gets them too."""
    waiting: list[ImportProblem] = []

    def keep(problem: Problem) -> None:
        waiting.append(
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
        )
        if told is not None:
            told.append(problem)
        if len(waiting) >= PROBLEMS_PER_STATEMENT:
            write()

    def write() -> None:
        ImportProblem.objects.bulk_create(waiting)
        waiting.clear()

    yield keep
    write()


@contextmanager
def tried_only() -> Iterator[None]:
    """All that an import writes within is undone, so that its answer is exactly what it would say."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def run_import(
    *,
    record: ImportRecord,
    batches: Iterable[Batch],
    mapping: Mapping[str, str],
    actor: User | None,
    progress: Progress,
    decision: TakeoverDecision | None = None,
    told: list[Problem] | None = None,
) -> Outcome:
    """Take what a reader hands on into the register: all of its good features, or nothing.

    One transaction holds the whole file. A stock comes with the ``decision`` by which
    its titles are verified: TakeoverRefused without one. The problems go into the record; a
    caller that answers with them gives the list ``told``.
    """
    if record.purpose == ImportRecord.Purpose.STOCK:
        if decision is None:
            raise TakeoverRefused(reason=_("须写明决定文号、依据文件、经办人和审批人"))
        check_decision(decision)
    with transaction.atomic():
        with kept_problems(record, told) as keep, connection.cursor() as cursor:
            outcome = Outcome(keep)
            stage(cursor, batches, mapping, outcome, progress)
            write_staged(
                cursor,
                record=record,
                kinds=record.right_kinds or list(DEFAULT_RIGHT_KINDS),
                with_stands="subcompartment" in mapping,
                actor=actor,
                outcome=outcome,
                progress=progress,
            )
            if decision is not None:
                outcome.taken_over = take_over(cursor, record=record, decision=decision)
            clear_staged(cursor)
        ImportRecord.objects.filter(pk=record.pk).update(
            state=ImportRecord.State.DONE,
            read=outcome.read,
            imported=outcome.imported,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
            rejected=outcome.rejected,
            warnings=outcome.warnings,
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

"""Starting, running and stopping a bulk screening."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import get_language, override

from parcels.facts import township_names
from parcels.imports.held import refuse_guesses
from parcels.imports.operations import side_connection
from parcels.imports.originals import store_original
from parcels.imports.reading import reading_json
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, Inspection, inspect_file
from parcels.rules.screening import Counts, Screening, refuse_missing_field, screen_file
from parcels.rules.table import Subject
from parcels.screening.errors import ScreeningCancelled, ScreeningNotRunning
from parcels.screening.models import BulkScreening
from parcels.screening.results import ResultFiles
from portal.accounts.models import User
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

log = logging.getLogger(__name__)


@write_transaction
def open_screening(
    *,
    path: Path,
    file_name: str,
    subject: Subject,
    period: DateRange | None,
    id_field: str,
    choices: Choices,
    columns: Mapping[str, str],
    inspection: Inspection,
    actor: User,
) -> BulkScreening:
    """Keep the file and queue its screening, read by ``choices`` and ``columns`` as it was inspected.

    CoordinateSystemOpen and EncodingOpen where the reader could only guess, ScreeningRefused where
    it has no such field.
    """
    refuse_guesses(inspection)
    refuse_missing_field(id_field or None, inspection)
    sha256, stored_path = store_original(path)
    screening = BulkScreening.objects.create(
        subject=subject.value,
        period=period,
        id_field=id_field,
        file_name=file_name[:255],
        file_sha256=sha256,
        stored_path=stored_path,
        choices=choices.as_json(),
        reading=reading_json(inspection, columns, choices=choices),
        language=get_language() or settings.LANGUAGE_CODE,
        total=inspection.feature_count,
        made_by=actor,
    )
    record_event(
        subject_kind="screening",
        subject_key=screening.key,
        verb="opened",
        actor_key=actor.key,
        facts={"sha256": sha256, "subject": subject.value},
    )
    return screening


@write_transaction
def cancel_screening(*, screening: BulkScreening, actor: User) -> BulkScreening:
    """A waiting one ends at once, a running one at its next batch; no result is left."""
    locked = BulkScreening.objects.select_for_update().get(pk=screening.pk)
    if locked.state == BulkScreening.State.QUEUED:
        locked.state = BulkScreening.State.CANCELLED
        locked.finished_at = now()
    elif locked.state != BulkScreening.State.RUNNING:
        raise ScreeningNotRunning()
    locked.cancel_wanted = True
    locked.save()
    record_event(
        subject_kind="screening", subject_key=locked.key, verb="cancel_asked", actor_key=actor.key
    )
    return locked


def result_folder(screening: BulkScreening) -> Path:
    """Where the results of one screening lie."""
    return Path(settings.MEDIA_ROOT) / "screenings" / str(screening.key)


def run_screening(screening: BulkScreening, *, limits: Limits) -> Counts:
    """Screen the whole file and write its results; ScreeningCancelled when somebody stopped it.

    Progress goes through a session of its own: the screening's sessions hold one snapshot.
    """
    asked = Screening(
        path=Path(settings.MEDIA_ROOT) / screening.stored_path,
        subject=Subject(screening.subject),
        period=screening.period,
        id_field=screening.id_field or None,
        with_shapes=True,
        choices=Choices.from_json(screening.choices),
        columns=screening.reading.get("columns"),
        limits=limits,
    )
    inspection = inspect_file(asked.path, choices=asked.choices, limits=limits)
    counts = Counts()
    with side_connection() as side:

        def tell(done: int, total: int | None) -> None:
            with side.cursor() as cursor:
                cursor.execute(
                    "UPDATE parcels_bulkscreening SET done = %s, total = coalesce(%s, total) "
                    "WHERE id = %s RETURNING cancel_wanted",
                    [done, total, screening.pk],
                )
                row = cursor.fetchone()
            if row and row[0]:
                raise ScreeningCancelled()

        watch = tell if not connection.in_atomic_block else lambda done, total: None
        with (
            override(screening.language),
            ResultFiles(result_folder(screening), township_names()) as results,
        ):
            for screened in screen_file(asked, inspection, progress=watch):
                counts.add(screened)
                results.add(screened)
    return counts


@write_transaction
def close_screening(
    *,
    screening: BulkScreening,
    state: BulkScreening.State,
    counts: Counts | None = None,
    code: str = "",
    message: str = "",
) -> None:
    """What came of it, in a transaction of its own."""
    BulkScreening.objects.filter(pk=screening.pk).update(
        state=state,
        counts=asdict(counts) if counts else {},
        failure_code=code,
        failure_message=message,
        finished_at=now(),
    )
    record_event(
        subject_kind="screening",
        subject_key=screening.key,
        verb=state.value,
        actor_key=None,
        facts=asdict(counts) if counts else {"code": code},
    )

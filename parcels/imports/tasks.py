"""Jobs of taking files in."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from parcels.imports.errors import ImportCancelled
from parcels.imports.models import ImportRecord
from parcels.imports.operations import run_import, visible_progress
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from portal.base.clock import now
from portal.base.errors import PortalError
from portal.base.guarantees import refusal_of

log = logging.getLogger(__name__)

# A worker beats every ten seconds; one that is only very busy is not given up.
HEARTBEAT_MISSED = timedelta(minutes=2)


@app.task(name="run_import_job", queue="imports")
def run_import_job(record_id: int) -> None:
    """Take a queued file in; the record says what came of it, whatever happens."""
    claimed = ImportRecord.objects.filter(pk=record_id, state=ImportRecord.State.QUEUED).update(
        state=ImportRecord.State.RUNNING
    )
    if not claimed:
        return  # Cancelled meanwhile, or a job that ran twice.
    record = ImportRecord.objects.get(pk=record_id)
    try:
        with visible_progress(record) as progress:
            run_import(
                record=record,
                batches=read_batches(
                    Path(settings.MEDIA_ROOT) / record.stored_path,
                    choices=Choices.from_json(record.choices),
                    limits=Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES),
                ),
                mapping=record.mapping,
                actor=record.made_by,
                progress=progress,
            )
    except ImportCancelled as cancelled:
        end(record, ImportRecord.State.CANCELLED, cancelled.code, str(cancelled))
    except PortalError as refused:
        end(record, ImportRecord.State.FAILED, refused.code, str(refused))
    except DatabaseError as error:
        meant = refusal_of(error)
        if meant is None:
            log.exception("import %s", record.key)
        code, message = (meant.code, str(meant)) if meant else ("database_error", unexpected())
        end(record, ImportRecord.State.FAILED, code, message)
    except Exception:
        log.exception("import %s", record.key)
        end(record, ImportRecord.State.FAILED, "unexpected", unexpected())
        raise


def unexpected() -> str:
    return _("导入时发生意外错误，没有写入任何内容；错误已记录，请联系管理员。")


def end(record: ImportRecord, state: ImportRecord.State, code: str, message: str) -> None:
    """Close the record in a transaction of its own: the import's was rolled back."""
    with transaction.atomic():
        ImportRecord.objects.filter(pk=record.pk).update(
            state=state,
            failure_code=code,
            failure_message=message,
            imported=0,
            changed=0,
            unchanged=0,
            finished_at=now(),
        )


def at_work(task: str, **arguments: int) -> bool:
    """Whether a worker that still gives signs of life has such a job in hand.

    The job of a killed worker remains ``doing`` for ever; the queue's heartbeats are of real time.
    """
    return ProcrastinateJob.objects.filter(
        task_name=task,
        status="doing",
        args=arguments,
        worker__last_heartbeat__gte=Now() - HEARTBEAT_MISSED,
    ).exists()


@app.periodic(cron="*/10 * * * *")
@app.task(name="close_abandoned_imports", queue="imports")
def close_abandoned_imports(timestamp: int = 0) -> None:
    """A worker that was killed leaves its import running; its transaction is gone, so say so."""
    for record in ImportRecord.objects.filter(state=ImportRecord.State.RUNNING):
        if not at_work("run_import_job", record_id=record.pk):
            end(record, ImportRecord.State.FAILED, "worker_lost", unexpected())

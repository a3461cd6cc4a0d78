"""Jobs of screening files."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from parcels.imports.tasks import at_work
from parcels.intake.gate import Limits
from parcels.screening.errors import ScreeningCancelled
from parcels.screening.models import BulkScreening
from parcels.screening.operations import close_screening, run_screening
from portal.base.errors import PortalError

log = logging.getLogger(__name__)


@app.task(name="run_screening_job", queue="imports")
def run_screening_job(screening_id: int) -> None:
    """Screen a queued file; its record says what came of it, whatever happens."""
    of = BulkScreening.State
    claimed = BulkScreening.objects.filter(pk=screening_id, state=of.QUEUED).update(
        state=of.RUNNING
    )
    if not claimed:
        return  # Cancelled meanwhile, or a job that ran twice.
    screening = BulkScreening.objects.get(pk=screening_id)
    try:
        counts = run_screening(screening, limits=Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES))
    except ScreeningCancelled as error:
        close_screening(
            screening=screening, state=of.CANCELLED, code=error.code, message=str(error)
        )
    except PortalError as error:
        close_screening(screening=screening, state=of.FAILED, code=error.code, message=str(error))
    except Exception:
        log.exception("screening %s", screening.key)
        close_screening(
            screening=screening, state=of.FAILED, code="unexpected", message=unexpected()
        )
        raise
    else:
        close_screening(screening=screening, state=of.DONE, counts=counts)


def unexpected() -> str:
    return _("筛查时发生意外错误，没有留下结果；错误已记录，请联系管理员。")


@app.periodic(cron="*/10 * * * *")
@app.task(name="close_abandoned_screenings", queue="imports")
def close_abandoned_screenings(timestamp: int = 0) -> None:
    """A worker that was killed leaves its screening running; say so."""
    for screening in BulkScreening.objects.filter(state=BulkScreening.State.RUNNING):
        if not at_work("run_screening_job", screening_id=screening.pk):
            close_screening(
                screening=screening,
                state=BulkScreening.State.FAILED,
                code="worker_lost",
                message=unexpected(),
            )

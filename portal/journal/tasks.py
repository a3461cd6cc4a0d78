"""Jobs of the journal."""

from __future__ import annotations

from procrastinate.contrib.django import app

from portal.journal.operations import seal_day


@app.periodic(cron="50 15 * * *")  # 23:50 in Asia/Shanghai: the seal bears the day it closes.
@app.task(name="seal_journal_day", queue="upkeep", queueing_lock="seal_journal_day")
def seal_journal_day(timestamp: int) -> None:
    """Put all heads into the day's Merkle root."""
    seal_day()

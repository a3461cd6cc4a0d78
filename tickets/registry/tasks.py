"""Jobs of the register."""

from __future__ import annotations

from contextlib import suppress

from procrastinate.contrib.django import app

from portal.base.errors import NotFound
from tickets.registry.operations import remind_of_ending_pledges
from tickets.registry.verification.export import export_file


@app.periodic(cron="15 1 * * *")  # 09:15 in Asia/Shanghai.
@app.task(name="remind_of_ending_pledges", queue="upkeep", queueing_lock="remind_of_ending_pledges")
def remind_of_ending_pledges_daily(timestamp: int) -> None:
    """Each pledge and term once."""
    remind_of_ending_pledges()


@app.periodic(cron="0 16 * * *")  # 00:00 in Asia/Shanghai: the day's root stands.
@app.task(name="renew_open_export", queue="upkeep", queueing_lock="renew_open_export")
def renew_open_export(timestamp: int) -> None:
    """Before somebody asks for it; nothing before the first root."""
    with suppress(NotFound):
        export_file()

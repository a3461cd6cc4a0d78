"""Jobs of the register."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.registry.operations import remind_of_ending_pledges


@app.periodic(cron="15 1 * * *")  # 09:15 in Asia/Shanghai.
@app.task(name="remind_of_ending_pledges", queue="upkeep", queueing_lock="remind_of_ending_pledges")
def remind_of_ending_pledges_daily(timestamp: int) -> None:
    """Each pledge and term once."""
    remind_of_ending_pledges()

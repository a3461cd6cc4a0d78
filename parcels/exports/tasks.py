"""Upkeep of what is read and exported."""

from __future__ import annotations

from procrastinate.contrib.django import app

from parcels.exports.operations import forget_land_read


@app.periodic(cron="20 3 * * *")
@app.task(name="forget_land_read", queue="upkeep", queueing_lock="forget_land_read")
def forget_former_days(timestamp: int = 0) -> None:
    """What programs read counts for its own day alone."""
    forget_land_read()

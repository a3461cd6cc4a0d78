"""Jobs of supervision."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.supervision.operations.inspections import propose_follow_ups
from tickets.supervision.operations.watching import check_issued_areas


@app.periodic(cron="30 18 * * *")  # 02:30 in Asia/Shanghai.
@app.task(name="check_issued_areas", queue="upkeep", queueing_lock="check_issued_areas")
def check_issued_areas_nightly(timestamp: int) -> None:
    """New permits, fire points and land-use changes on issued land, and measures whose term has
    passed, become proposals."""
    check_issued_areas()
    propose_follow_ups()

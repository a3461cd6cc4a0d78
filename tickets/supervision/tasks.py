"""Jobs of supervision."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.supervision.operations.escalation import tell_of_overdue_supervision
from tickets.supervision.operations.inspections import propose_follow_ups
from tickets.supervision.operations.watching import check_issued_areas


@app.periodic(cron="30 18 * * *")  # 02:30 in Asia/Shanghai.
@app.task(name="check_issued_areas", queue="upkeep", queueing_lock="check_issued_areas")
def check_issued_areas_nightly(timestamp: int) -> None:
    """New permits, fire points and land-use changes on issued land, and measures whose term has
    passed, become proposals."""
    check_issued_areas()
    propose_follow_ups()


@app.periodic(cron="40 0 * * *")  # 08:40 in Asia/Shanghai.
@app.task(
    name="tell_of_overdue_supervision", queue="upkeep", queueing_lock="tell_of_overdue_supervision"
)
def tell_of_overdue_supervision_daily(timestamp: int) -> None:
    """Each passed term of a complaint, a visit or measures once."""
    tell_of_overdue_supervision()

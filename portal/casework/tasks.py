"""Jobs of casework."""

from __future__ import annotations

import time

from procrastinate.contrib.django import app

from portal.casework.documents import orphans
from portal.casework.escalation import tell_of_overdue
from portal.casework.notices import give_up_dead_webhooks
from portal.casework.operations import refresh_all_deadlines

# Longer than any act lasts: a file younger than this may still get its row.
ORPHAN_AGE_S = 24 * 3600


@app.periodic(cron="40 3 * * *")
@app.task(name="erase_orphan_documents", queue="upkeep", queueing_lock="erase_orphan_documents")
def erase_orphan_documents(timestamp: int) -> None:
    """Files that an act wrote and then rolled back."""
    for path in list(orphans(older_than_s=ORPHAN_AGE_S, now_s=time.time())):
        path.unlink(missing_ok=True)


@app.periodic(cron="5 0 * * *")
@app.task(name="refresh_deadlines", queue="upkeep", queueing_lock="refresh_deadlines")
def refresh_deadlines_daily(timestamp: int) -> None:
    """A clock that stands still moves its deadlines by a day each working day."""
    refresh_all_deadlines()


@app.periodic(cron="30 8 * * *")
@app.task(name="tell_of_overdue", queue="upkeep", queueing_lock="tell_of_overdue")
def tell_of_overdue_daily(timestamp: int) -> None:
    """Each passed deadline once; a morning that failed is made up for by the next."""
    tell_of_overdue()


@app.periodic(cron="*/10 * * * *")
@app.task(name="give_up_dead_webhooks", queue="upkeep", queueing_lock="give_up_dead_webhooks")
def give_up_dead_webhooks_often(timestamp: int) -> None:
    """As often as the outbox goes its rounds."""
    give_up_dead_webhooks()

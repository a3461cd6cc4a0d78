"""Jobs of the accounts."""

from __future__ import annotations

import time

from procrastinate.contrib.django import app

from portal.accounts.documents import orphans
from portal.accounts.operations import erase_refused_files, forget_old_traces

ORPHAN_AFTER_S = 24 * 3600.0


@app.periodic(cron="40 3 * * *")
@app.task(name="tidy_accounts", queue="upkeep", queueing_lock="tidy_accounts")
def tidy_accounts(timestamp: int) -> None:
    """Forget what the law does not let us keep, and files that a rolled-back act left behind."""
    forget_old_traces()
    erase_refused_files()
    for path in orphans(older_than_s=ORPHAN_AFTER_S, now_s=time.time()):
        path.unlink(missing_ok=True)

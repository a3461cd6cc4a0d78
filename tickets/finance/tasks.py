"""Jobs of finance."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.finance.operations import tell_banks


@app.periodic(cron="*/10 * * * *")
@app.task(name="tell_banks", queue="upkeep", queueing_lock="tell_banks")
def tell_banks_of_threats(timestamp: int) -> None:
    """Freeze, reversal, a term that is over, a value below the loan: each once while it stands."""
    tell_banks()

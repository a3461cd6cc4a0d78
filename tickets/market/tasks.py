"""Jobs of the market: what the one clock ends."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.market.operations import (
    close_due_biddings,
    end_due_listings,
    free_ended_listings,
    lapse_overdue_orders,
    lapse_overdue_trades,
)


@app.periodic(cron="* * * * *")
@app.task(name="end_market_terms", queue="upkeep", queueing_lock="end_market_terms")
def end_market_terms(timestamp: int) -> None:
    """Close biddings, expire listings, let unpaid trades lapse, free what nothing holds any more."""
    close_due_biddings()
    end_due_listings()
    lapse_overdue_trades()
    lapse_overdue_orders()
    free_ended_listings()

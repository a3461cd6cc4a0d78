"""Jobs of the market: what the one clock ends."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tickets.market.operations import (
    close_due_biddings,
    close_due_pools,
    end_due_contracts,
    end_due_listings,
    free_ended_listings,
    lapse_overdue_orders,
    lapse_overdue_trades,
    remind_of_overdue_payments,
)


@app.periodic(cron="* * * * *")
@app.task(name="end_market_terms", queue="upkeep", queueing_lock="end_market_terms")
def end_market_terms(timestamp: int) -> None:
    """Close biddings, expire listings, end unpaid deals, free what nothing holds any more; say which
    payments the cashier has not looked at."""
    close_due_biddings()
    end_due_listings()
    lapse_overdue_trades()
    lapse_overdue_orders()
    remind_of_overdue_payments()
    free_ended_listings()
    close_due_pools()
    end_due_contracts()

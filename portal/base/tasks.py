"""Jobs of the ground floor."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from portal.base import idempotency, outbox


@app.task(
    name="deliver_message",
    queue="outbox",
    retry=RetryStrategy(max_attempts=10, exponential_wait=2, retry_exceptions=[OSError]),
)
def deliver_message(message_id: str) -> None:
    """Deliver one message; again after 1, 2, 4 … seconds while the mail server refuses."""
    outbox.deliver(message_id)


@app.periodic(cron="*/10 * * * *")
@app.task(name="redeliver_overdue", queue="outbox", queueing_lock="redeliver_overdue")
def redeliver_overdue(timestamp: int) -> None:
    """Pick up messages that no job takes any more."""
    outbox.redeliver_overdue()


@app.periodic(cron="20 3 * * *")
@app.task(name="purge_ground_floor", queue="upkeep", queueing_lock="purge_ground_floor")
def purge_ground_floor(timestamp: int) -> None:
    """Forget request keys and delivered messages after their 30 days."""
    idempotency.purge_request_keys()
    outbox.purge_delivered()

"""What the one place that opens write transactions tries again, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portal.base.models import NumberCounter
from portal.base.transactions import RETRIES, write_transaction
from tests.base.sessions import PATIENCE_SECONDS, at_once, in_own_session, meanwhile
from tests.conftest import own_database


@pytest.fixture(scope="module", autouse=True)
def database(
    template_database: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """One database for the module, where commits are real."""
    with django_db_blocker.unblock(), own_database(template_database):
        yield


@pytest.fixture(autouse=True)
def counters(database: None) -> None:
    """Two rows to quarrel over: years 2001 and 2002, both at 0."""
    NumberCounter.objects.all().delete()
    NumberCounter.objects.bulk_create(
        NumberCounter(kind="", year=year, last=0) for year in (2001, 2002)
    )


def add_one(year: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE base_numbercounter SET last = last + 1 WHERE year = %s", [year])


def standing() -> list[int]:
    return list(NumberCounter.objects.order_by("year").values_list("last", flat=True))


def add_one_elsewhere(year: int) -> None:
    """Committed by another session while this one's transaction is open."""
    with meanwhile(lambda: add_one(year)) as done:
        done.result()


def freeze_the_view() -> None:
    """From here on a row that another session changes cannot be changed here: 40001."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM base_numbercounter")


def quarrelling(times: int, *, attempts: list[int]) -> Callable[[], str]:
    """An operation that another session defeats by 40001 so many times."""

    @write_transaction
    def operation() -> str:
        attempts.append(len(attempts))
        freeze_the_view()
        add_one(2002)  # Undone with each defeat.
        if len(attempts) <= times:
            add_one_elsewhere(2001)
        add_one(2001)
        return "done"

    return operation


def test_a_deadlock_is_retried_and_both_sessions_come_through() -> None:
    meet = Barrier(2)
    attempts: list[tuple[int, int]] = []

    def crossing(first: int, second: int) -> Callable[[], None]:
        @write_transaction
        def operation() -> None:
            again = (first, second) in attempts
            attempts.append((first, second))
            add_one(first)
            if not again:
                meet.wait(PATIENCE_SECONDS)  # Each holds one row now and asks for the other's.
            add_one(second)

        return operation

    at_once([crossing(2001, 2002), crossing(2002, 2001)])
    assert len(attempts) == 3  # One was chosen as the victim and ran again.
    assert standing() == [2, 2]


@pytest.mark.parametrize("defeats", [0, 1, RETRIES])
def test_a_serialization_failure_is_retried_up_to_three_times(defeats: int) -> None:
    attempts: list[int] = []
    assert quarrelling(defeats, attempts=attempts)() == "done"
    assert len(attempts) == defeats + 1
    assert standing() == [defeats + 1, 1]  # Nothing of a defeated attempt stays.


def test_after_three_retries_the_failure_is_told() -> None:
    attempts: list[int] = []
    with pytest.raises(OperationalError) as caught:
        quarrelling(RETRIES + 1, attempts=attempts)()
    assert getattr(caught.value.__cause__, "sqlstate", None) == "40001"
    assert len(attempts) == RETRIES + 1
    assert standing()[1] == 0


def test_a_failure_at_commit_is_retried_too() -> None:
    """Under SERIALIZABLE the loser of a write skew is often told only when it commits."""
    attempts: list[int] = []

    def copy_the_sum(year: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            cursor.execute("SELECT sum(last) FROM base_numbercounter")
            total = cursor.fetchone()[0]
            cursor.execute(
                "UPDATE base_numbercounter SET last = %s + 1 WHERE year = %s", [total, year]
            )

    @write_transaction
    def skewed() -> None:
        attempts.append(1)
        copy_the_sum(2001)
        if len(attempts) == 1:
            with meanwhile(transaction.atomic(lambda: copy_the_sum(2002))) as other:
                other.result()

    skewed()
    assert len(attempts) == 2
    assert standing() == [2, 1]


def test_another_operational_error_is_not_retried() -> None:
    attempts: list[int] = []

    @write_transaction
    def impatient() -> None:
        attempts.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        add_one(2001)

    with transaction.atomic():
        add_one(2001)
        with meanwhile(impatient) as other, pytest.raises(OperationalError, match="lock timeout"):
            other.result()
    assert len(attempts) == 1


def test_the_outermost_call_retries_for_the_inner_ones() -> None:
    inner_attempts: list[int] = []
    outer_attempts: list[int] = []

    @write_transaction
    def outer() -> str:
        outer_attempts.append(1)
        freeze_the_view()
        return inner()

    @write_transaction
    def inner() -> str:
        inner_attempts.append(1)
        if len(inner_attempts) == 1:
            add_one_elsewhere(2001)
        add_one(2001)
        return "done"

    assert outer() == "done"
    assert (len(outer_attempts), len(inner_attempts)) == (2, 2)
    assert standing() == [2, 0]


def test_inside_somebody_elses_transaction_nothing_is_retried() -> None:
    attempts: list[int] = []

    @write_transaction
    def operation() -> None:
        attempts.append(1)
        add_one_elsewhere(2001)
        add_one(2001)

    with pytest.raises(OperationalError), transaction.atomic():
        freeze_the_view()
        operation()
    assert len(attempts) == 1


def test_what_waits_for_the_commit_happens_once() -> None:
    happened: list[str] = []
    attempts: list[int] = []

    @write_transaction
    def operation() -> None:
        attempts.append(1)
        freeze_the_view()
        transaction.on_commit(lambda: happened.append("sent"))
        if len(attempts) == 1:
            add_one_elsewhere(2001)
        add_one(2001)

    operation()
    assert (len(attempts), happened) == (2, ["sent"])


def test_an_operation_is_one_transaction() -> None:
    @write_transaction
    def halfway() -> None:
        add_one(2001)
        assert in_own_session_sees() == [0, 0]
        raise RuntimeError

    def in_own_session_sees() -> list[int]:
        with meanwhile(standing) as other:
            return other.result()

    with pytest.raises(RuntimeError):
        halfway()
    assert standing() == [0, 0]
    assert in_own_session(standing) == [0, 0]

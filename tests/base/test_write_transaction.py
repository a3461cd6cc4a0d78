"""The one place that opens write transactions: what it retries, and what refusals become."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from portal.base import guarantees
from portal.base.errors import PortalError
from portal.base.guarantees import NothingIsRewritten, stands_for
from portal.base.models import NumberCounter
from portal.base.transactions import RETRIES, write_transaction
from tests.base.sessions import PATIENCE_SECONDS, at_once, in_own_session, meanwhile


@pytest.fixture
def counters(committed_db: str) -> None:
    """Two rows to quarrel over: years 2001 and 2002, both at 0."""
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


# --- retries --------------------------------------------------------------------------------------
@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
@pytest.mark.parametrize("defeats", [0, 1, RETRIES])
def test_a_serialization_failure_is_retried_up_to_three_times(defeats: int) -> None:
    attempts: list[int] = []
    assert quarrelling(defeats, attempts=attempts)() == "done"
    assert len(attempts) == defeats + 1
    assert standing() == [defeats + 1, 1]  # Nothing of a defeated attempt stays.


@pytest.mark.usefixtures("counters")
def test_after_three_retries_the_failure_is_told() -> None:
    attempts: list[int] = []
    with pytest.raises(OperationalError) as caught:
        quarrelling(RETRIES + 1, attempts=attempts)()
    assert getattr(caught.value.__cause__, "sqlstate", None) == "40001"
    assert len(attempts) == RETRIES + 1
    assert standing()[1] == 0


@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
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


@pytest.mark.usefixtures("counters")
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


# --- refusals -------------------------------------------------------------------------------------
class BlockNotFree(PortalError):
    code = "block_not_free"
    message = "只有 {free_kg} 千克可用（{other}）"


@pytest.fixture(autouse=True)
def block_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class stands for a constraint of these tests' own, for each test alone."""
    monkeypatch.setattr(guarantees, "_REFUSALS", dict(guarantees._REFUSALS))
    stands_for("test_block_is_free")(BlockNotFree)


def refuse(detail: str, *, constraint: str = "test_block_is_free") -> None:
    """As one of our triggers does it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('test.detail', %s, true), set_config('test.name', %s, true)",
            [detail, constraint],
        )
        cursor.execute(
            "DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation', "
            "CONSTRAINT = current_setting('test.name'), DETAIL = current_setting('test.detail'); "
            "END $$"
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("detail", "facts", "text"),
    [
        ('{"free_kg": 12, "other": "林"}', {"free_kg": 12, "other": "林"}, "12 千克可用（林）"),
        ('{"free_kg": 12}', {"free_kg": 12}, "12 千克可用（?）"),
        ("", {}, "? 千克"),
        ("Key (a)=(1) already exists.", {}, "? 千克"),
        ("[1, 2]", {}, "? 千克"),
        ("12", {}, "? 千克"),
    ],
)
def test_what_a_trigger_refuses_arrives_as_the_rule_with_its_facts(
    detail: str, facts: dict[str, Any], text: str
) -> None:
    with pytest.raises(BlockNotFree) as caught:
        write_transaction(refuse)(detail)
    assert caught.value.facts == facts
    assert text in str(caught.value)
    assert isinstance(caught.value.__cause__, IntegrityError)


@pytest.mark.django_db
def test_a_constraint_that_no_rule_stands_for_stays_a_database_error() -> None:
    with pytest.raises(IntegrityError):
        write_transaction(refuse)("{}", constraint="test_nobody_knows")


@pytest.mark.django_db
def test_an_error_of_no_constraint_stays_a_database_error() -> None:
    with pytest.raises(DatabaseError, match="division by zero"):
        write_transaction(connection.cursor().execute)("SELECT 1 / 0")


def test_what_is_refused_at_commit_is_translated_too(committed_db: str) -> None:
    @write_transaction
    def twice_the_same() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE block (kg int, CONSTRAINT test_block_is_free "
                "UNIQUE (kg) DEFERRABLE INITIALLY DEFERRED)"
            )
            cursor.execute("INSERT INTO block VALUES (1), (1)")

    with pytest.raises(BlockNotFree):
        twice_the_same()


@pytest.mark.django_db
def test_the_caller_of_a_refused_inner_operation_may_go_on() -> None:
    @write_transaction
    def outer() -> None:
        NumberCounter.objects.create(kind="", year=2001, last=1)
        with pytest.raises(BlockNotFree):
            inner()
        NumberCounter.objects.create(kind="", year=2002, last=1)

    @write_transaction
    def inner() -> None:
        NumberCounter.objects.create(kind="", year=2003, last=1)
        refuse("{}")

    outer()
    assert list(NumberCounter.objects.values_list("year", flat=True)) == [2001, 2002]


@pytest.mark.django_db
def test_a_refusal_of_python_undoes_the_operation_and_keeps_its_class() -> None:
    @write_transaction
    def operation() -> None:
        NumberCounter.objects.create(kind="", year=2001, last=1)
        raise BlockNotFree(free_kg=1, other="")

    with pytest.raises(BlockNotFree):
        operation()
    assert not NumberCounter.objects.exists()


@pytest.mark.django_db
def test_rewriting_is_refused_in_words() -> None:
    with pytest.raises(NothingIsRewritten, match="只能追加"):
        write_transaction(refuse)("", constraint="nothing_is_rewritten")

"""What the database refuses arrives as the rule that was not kept, with its facts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection

from portal.base import guarantees
from portal.base.errors import PortalError
from portal.base.guarantees import NothingIsRewritten, stands_for
from portal.base.models import NumberCounter
from portal.base.transactions import each_apart, joining, write_transaction


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
def test_what_joins_has_no_savepoint_and_is_undone_with_all_of_it(
    django_assert_num_queries: Any,
) -> None:
    @write_transaction
    def outer(*, refused: bool = False) -> None:
        with joining():
            inner(refused=refused)

    @write_transaction
    def inner(*, refused: bool) -> None:
        NumberCounter.objects.create(kind="", year=2001, last=1)
        if refused:
            raise BlockNotFree(free_kg=1, other="")

    with pytest.raises(BlockNotFree):
        outer(refused=True)
    assert not NumberCounter.objects.exists()
    with django_assert_num_queries(3):  # Its own savepoint, the row, the savepoint's release.
        outer()


@pytest.mark.django_db
def test_what_a_joined_operation_calls_may_be_refused_alone() -> None:
    @write_transaction
    def joined() -> None:
        with pytest.raises(BlockNotFree):
            inner()
        NumberCounter.objects.create(kind="", year=2002, last=1)

    @write_transaction
    def inner() -> None:
        NumberCounter.objects.create(kind="", year=2001, last=1)
        refuse("{}")

    @write_transaction
    def outer() -> None:
        with joining():
            joined()

    outer()
    assert list(NumberCounter.objects.values_list("year", flat=True)) == [2002]


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


@pytest.mark.django_db
def test_a_row_that_is_refused_keeps_no_other_of_the_job_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @write_transaction
    def act(year: int) -> bool:
        NumberCounter.objects.create(kind="T", year=year, last=1)
        if year == 2:
            refuse("")
        if year == 3:
            raise DatabaseError("no room")
        return year != 4  # Nothing was to be done.

    assert each_apart([1, 2, 3, 4, 5], act) == 2
    kept = NumberCounter.objects.filter(kind="T").order_by("year")
    assert list(kept.values_list("year", flat=True)) == [1, 4, 5]
    assert [record.getMessage()[:1] for record in caplog.records] == ["2", "3"]

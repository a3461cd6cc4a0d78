"""A prepared statement is part of the session like any other, and is planned once."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from portal.base.models import IdempotencyKey, NumberCounter
from portal.base.statements import columns_of, prepared_cursor, row_as

READ = "SELECT last FROM base_numbercounter WHERE year = %s"


def last_of(year: int) -> int | None:
    with prepared_cursor() as cursor:
        cursor.execute(READ, [year])
        row = cursor.fetchone()
    return row[0] if row else None


@pytest.mark.django_db
def test_it_sees_what_its_transaction_wrote_and_no_more_when_that_is_undone() -> None:
    with transaction.atomic():
        NumberCounter.objects.create(kind="", year=2001, last=7)
        assert last_of(2001) == 7
        transaction.set_rollback(True)
    assert last_of(2001) is None


@pytest.mark.django_db
def test_a_session_plans_it_once_whatever_the_values() -> None:
    for year in (2001, 2002, 2003):
        last_of(year)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements "
            "WHERE statement LIKE 'SELECT last FROM base_numbercounter%'"
        )
        assert cursor.fetchall() == [(3,)]


@pytest.mark.django_db
def test_what_it_refuses_is_an_error_of_django() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute("INSERT INTO base_numbercounter (kind, year) VALUES (%s, %s)", ["", 2001])


@pytest.mark.django_db
def test_a_row_is_read_as_its_model() -> None:
    kept = IdempotencyKey.objects.create(
        user_key=uuid.uuid4(), operation="transfer", key="first", content_sha256=bytes(32)
    )
    with prepared_cursor() as cursor:
        cursor.execute(
            f"SELECT {columns_of(IdempotencyKey, 'kept')} FROM base_idempotencykey AS kept"
        )
        found = row_as(IdempotencyKey, cursor.fetchone())
    assert found == kept
    assert (found.user_key, found.operation) == (kept.user_key, "transfer")
    assert not found._state.adding

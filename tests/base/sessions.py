"""Several sessions of the application's role at once, and what a refusal must be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, TypeVar

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connections, transaction

from tests.conftest import owner_connection

T = TypeVar("T")
PATIENCE_SECONDS = 30


def in_own_session(act: Callable[[], T]) -> T:
    """Run ``act`` in this thread, then close the Django connections that it opened."""
    try:
        return act()
    finally:
        connections.close_all()


@contextmanager
def meanwhile(act: Callable[[], T]) -> Iterator[Future[T]]:
    """Run ``act`` in a session of its own for as long as the block lasts."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(in_own_session, act)


def at_once(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Run every act in a session of its own, all begun together; the results in order."""
    start = Barrier(len(acts))

    def one(act: Callable[[], T]) -> T:
        start.wait(PATIENCE_SECONDS)
        return in_own_session(act)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def as_owner() -> psycopg.Connection[Any]:
    """An autocommit session of the owner on the present test database."""
    return owner_connection(settings.DATABASES["owner"]["NAME"])


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint or trigger that refused."""
    refused = error if isinstance(error, psycopg.Error) else error.__cause__
    assert isinstance(refused, psycopg.Error)
    return refused.diag.constraint_name


@contextmanager
def refused_by(constraint: str) -> Iterator[None]:
    """The block is refused by this constraint; what stood before it in the transaction stays."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        yield
    assert constraint_of(caught.value) == constraint

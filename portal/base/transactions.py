"""The one place that opens write transactions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, OperationalError, connection, transaction

from portal.base.errors import PortalError
from portal.base.guarantees import refusal_of

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
Row = TypeVar("Row")

RETRIES = 3
# deadlock_detected and serialization_failure: the database undid all of it, so it may run again.
RETRYABLE = {"40P01", "40001"}

_joining: ContextVar[bool] = ContextVar("joining", default=False)


@contextmanager
def joining(joins: bool = True) -> Iterator[None]:
    """Write transactions that are called here are part of the present one, without savepoints.

    For a caller that lets every refusal pass: all of it is undone anyway. Those that they call in
    their turn have savepoints again.
    """
    token = _joining.set(joins)
    try:
        yield
    finally:
        _joining.reset(token)


def write_transaction(operation: Callable[P, R]) -> Callable[P, R]:
    """Run ``operation`` in one transaction and translate what the database refuses.

    An outermost call is retried three times after a deadlock; inside another write transaction it
    becomes a savepoint (or a part of it, see ``joining``) and the outermost call retries for both.
    """

    @wraps(operation)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> R:
        outermost = not connection.in_atomic_block
        joins = _joining.get()
        for attempt in range(RETRIES + 1):
            try:
                with transaction.atomic(savepoint=not joins), joining(False):
                    return operation(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if not outermost or state not in RETRYABLE or attempt == RETRIES:
                    raise
                time.sleep(0.01 * 2**attempt)
            except DatabaseError as error:
                refusal = refusal_of(error)
                if refusal is None:
                    raise
                raise refusal from error
        raise AssertionError("unreachable")  # pragma: no cover

    return in_transaction


def each_apart(rows: Iterable[Row], act: Callable[[Row], bool]) -> int:
    """With how many rows of a job ``act``, a write transaction of its own each, had something to do.

    One that is refused stays as it is and is logged; the others go on.
    """
    done = 0
    for row in rows:
        try:
            done += act(row)
        except (PortalError, DatabaseError):
            log.exception("%s stays: the job's act was refused", row)
    return done

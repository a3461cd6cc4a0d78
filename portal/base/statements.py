"""Statements of the busiest reads and writes: their values travel beside the text, so that a session plans once.

Django's own cursors write the values into the text, which leaves nothing to prepare. Its query
builder costs more than the statements that an act of the ledger runs, so those are written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


@contextmanager
def prepared_cursor(*, binary: bool = False) -> Iterator[CursorWrapper]:
    """Like ``connection.cursor()``, in the same session and transaction, for prepared statements.

    ``binary``: what is read travels as it is; bytes are not written out in hexadecimal digits.
    """
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    bare: Any = psycopg.Cursor(connection.connection)
    if binary:
        bare.format = psycopg.pq.Format.BINARY
    with wrap(bare) as cursor:
        yield cursor


def columns_of(model: type[Model], relation: str) -> str:
    """The columns of ``model`` in its own order, out of ``relation``, for ``row_as``."""
    return ", ".join(f"{relation}.{field.column}" for field in model._meta.concrete_fields)


def width_of(model: type[Model]) -> int:
    """How many columns ``columns_of`` names."""
    return len(model._meta.concrete_fields)


def row_as(model: type[Row], values: Sequence[Any]) -> Row:
    """The row whose ``columns_of`` were read."""
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(DEFAULT_DB_ALIAS, names, values)

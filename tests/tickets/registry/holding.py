"""The guarantees of blocks, tickets and chains, derived again from the rows: cheap on a test's few."""

from __future__ import annotations

from django.db import connection

from tickets.registry.verification.checks import BLOCKS, CHAINS, TICKETS


def broken_guarantees() -> list[str]:
    """The first fault of each kind, as ``verify_register`` names it; land and journal left out."""
    found = []
    with connection.cursor() as cursor:
        for check in (*BLOCKS, *TICKETS, *CHAINS):
            cursor.execute(check.statement)
            if row := cursor.fetchone():
                found.append(f"{check.code}: {row[0]}")
    return found

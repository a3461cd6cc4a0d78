"""What ``verify_register`` looks for is all that a freshly migrated database has."""

from __future__ import annotations

import pytest
from django.db import connection

from tickets.registry.verification.guards import guards, missing_guard, our_apps

# Those that Django makes of fields: keys, references, uniqueness and signs.
STANDING = """
SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relname = ANY(%(tables)s)
UNION
SELECT relname, conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE contype IN ('c', 'u', 'x') AND relname = ANY(%(tables)s)
  AND conname !~ '(_check|_key|_uniq|_pkey)[0-9]*$'
"""


@pytest.mark.django_db
def test_every_trigger_and_constraint_of_the_migrations_is_looked_for() -> None:
    """One that a migration makes in a way that is not read appears here and nowhere else."""
    tables = [
        model._meta.db_table
        for config in our_apps()
        for model in config.get_models(include_auto_created=True)
    ]
    with connection.cursor() as cursor:
        assert missing_guard(cursor) is None
        cursor.execute(STANDING, {"tables": tables})
        assert set(cursor.fetchall()) <= guards()

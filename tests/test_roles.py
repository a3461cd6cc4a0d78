"""The tests run as the application's role, and that role owns nothing."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import ProgrammingError

pytestmark = pytest.mark.django_db


def test_application_role_owns_no_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), bool_or(pg_get_userbyid(relowner) = current_user) FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
        )
        tables, owns_one = cursor.fetchone()
    assert tables > 20
    assert owns_one is False


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "UPDATE base_installation SET clock_offset = interval '1 day'",
        "ALTER TABLE journal_event DISABLE TRIGGER ALL",
        "DROP TRIGGER nothing_is_rewritten ON journal_event",
        "DELETE FROM journal_event",
        "TRUNCATE journal_event",
        "UPDATE journal_head SET seq = 0",
        "SELECT portal_append_only('parcels_parcel')",
        "INSERT INTO parcels_verifiedtitle (kind) VALUES ('land_use')",
    ],
)
def test_application_role_may_not(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission|owner"):
        cursor.execute(statement)

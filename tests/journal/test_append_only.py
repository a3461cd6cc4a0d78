"""Guarantee 7: nobody rewrites the journal, from however many sessions at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from portal.journal.models import Event
from portal.journal.operations import record_event, seal_day
from portal.journal.queries import verify_journal
from tests.base.sessions import as_owner, at_once, constraint_of
from tests.conftest import app_connection, own_database

COLUMNS = "subject_kind, subject_key, seq, verb, actor_key, facts, previous_hash, hash"
APPEND = f"INSERT INTO journal_event ({COLUMNS}) VALUES ('title', 'B', 0, 'verify', NULL, '{{}}', '', '')"
INSUFFICIENT_PRIVILEGE = "42501"

REWRITINGS = [
    "UPDATE journal_event SET verb = 'x'",
    "UPDATE journal_event SET facts = '{}' WHERE seq = 1",
    "UPDATE journal_event SET id = id",
    "DELETE FROM journal_event",
    "DELETE FROM journal_event WHERE seq = 3",
    "TRUNCATE journal_event",
    "TRUNCATE journal_event, journal_head CASCADE",
    f"INSERT INTO journal_event (id, {COLUMNS}) "
    "SELECT id, subject_kind, subject_key, 0, 'x', NULL, '{}', '', '' FROM journal_event "
    "ON CONFLICT (subject_kind, subject_key, seq) DO UPDATE SET verb = 'x'",
    "MERGE INTO journal_event USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "SELECT * FROM journal_event FOR UPDATE",
    "UPDATE journal_head SET seq = 0",
    "INSERT INTO journal_head (subject_kind, subject_key, seq, hash) VALUES ('t', 'B', 9, '')",
    "DELETE FROM journal_head",
    "TRUNCATE journal_head",
    "UPDATE journal_seal SET heads = 0",
    "DELETE FROM journal_seal",
    "TRUNCATE journal_seal",
    "ALTER TABLE journal_event DISABLE TRIGGER journal_chain",
    "DROP TRIGGER nothing_is_rewritten ON journal_event",
    "SET session_replication_role = replica",
    "SELECT setval('journal_event_id_seq', 1)",
    "CREATE OR REPLACE FUNCTION journal_chain() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NEW; END'",
]

OWNERS_REWRITINGS = [
    statement
    for statement in REWRITINGS
    if statement.split()[0] in {"UPDATE", "DELETE", "TRUNCATE", "MERGE"}
    and not statement.removeprefix("TRUNCATE ").endswith("journal_head")
    and "UPDATE journal_head" not in statement
]


@pytest.fixture(scope="module", autouse=True)
def journal(
    template_database: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """One database for the module: what is refused changes nothing."""
    with django_db_blocker.unblock(), own_database(template_database):
        for _ in range(3):
            record_event(subject_kind="title", subject_key="A", verb="verify", actor_key=None)
        seal_day()
        yield


def kept() -> list[tuple[Any, ...]]:
    rows = Event.objects.filter(subject_key="A").order_by("id")
    return [(row.pk, row.seq, row.verb, row.facts, bytes(row.hash)) for row in rows]


@pytest.mark.parametrize("statement", REWRITINGS)
def test_sessions_of_the_application_role_never_rewrite_the_journal(statement: str) -> None:
    """Four sessions try at once while a fifth holds an act of its own open."""

    def attempt() -> str | None:
        try:
            with app_connection(options="-c lock_timeout=5s") as session:
                session.execute(statement)
        except psycopg.Error as refusal:
            return refusal.sqlstate
        return None

    before = kept()
    with app_connection() as writer:
        writer.execute(APPEND)
        assert at_once([attempt] * 4) == [INSUFFICIENT_PRIVILEGE] * 4
        writer.rollback()
    assert kept() == before
    assert verify_journal().faults == []


@pytest.mark.parametrize("statement", OWNERS_REWRITINGS)
def test_the_owner_too_is_refused_until_the_trigger_is_lifted(statement: str) -> None:
    before = kept()
    with as_owner() as owner, pytest.raises(psycopg.IntegrityError) as caught:
        owner.execute(statement)
    assert constraint_of(caught.value) == "nothing_is_rewritten"
    assert kept() == before
    assert verify_journal().faults == []


def test_after_every_refusal_the_chain_goes_on() -> None:
    with app_connection() as session:
        session.execute(APPEND)
    record_event(subject_kind="title", subject_key="A", verb="verify", actor_key=None)
    assert [event[1] for event in kept()] == [1, 2, 3, 4]
    assert verify_journal().faults == []

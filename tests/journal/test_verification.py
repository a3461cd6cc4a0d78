"""``verify_journal`` finds what the owner changed by hand, and says nothing of a whole journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from portal.base.clock import advance_clock, today
from portal.journal.models import Event, Seal
from portal.journal.operations import record_event, seal_day
from portal.journal.queries import JournalReport, verify_journal
from tests.base.sessions import as_owner
from tests.conftest import ROOT, own_database


def append(subject: str, **facts: Any) -> None:
    record_event(
        subject_kind="title", subject_key=subject, verb="verify", actor_key=None, facts=facts
    )


TABLES = ("journal_event", "journal_head", "journal_seal")


@pytest.fixture(scope="module", autouse=True)
def sealed_days(
    template_database: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """Two sealed days: A with four events, B with two, C of the second day with one."""
    with django_db_blocker.unblock(), own_database(template_database):
        assert verify_journal() == JournalReport(events=0, subjects=0, seals=0, faults=[])
        for number, subject in enumerate("AABA"):
            append(subject, number=number)
        seal_day()
        advance_clock(timedelta(days=1))
        for number, subject in enumerate("BCA"):
            append(subject, number=number)
        seal_day()
        with as_owner() as owner:
            for table in TABLES:
                owner.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
        yield


@pytest.fixture(autouse=True)
def put_back_afterwards(sealed_days: None) -> Iterator[None]:
    """Each test finds the journal as it was; a new database for each would take far longer."""
    yield
    with as_owner() as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            owner.execute(f"DELETE FROM {table}")
            owner.execute(f"INSERT INTO {table} TABLE kept_{table}")
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def by_hand(*statements: str) -> None:
    """As the owner, who alone can lift the triggers, and puts them back afterwards."""
    with as_owner() as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            assert owner.execute(statement).rowcount, "the change found nothing to change"
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def faults() -> str:
    return " | ".join(verify_journal().faults)


def of(subject: str, seq: int) -> str:
    return f"subject_key = '{subject}' AND seq = {seq}"


# --- whole ----------------------------------------------------------------------------------------
def test_a_whole_journal_has_no_fault() -> None:
    assert verify_journal() == JournalReport(events=7, subjects=3, seals=2, faults=[])


def test_lifting_the_triggers_alone_is_no_fault() -> None:
    by_hand()
    append("A")
    assert verify_journal().faults == []


# --- events ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        "verb = 'reject'",
        "facts = '{\"number\": 7}'",
        "facts = '{}'",
        "actor_key = gen_random_uuid()",
        "recorded_at = recorded_at - interval '1 microsecond'",
        "subject_key = 'D'",
        "subject_kind = 'claim'",
        "seq = 9",
        "hash = decode(repeat('ab', 32), 'hex')",
        "previous_hash = decode(repeat('ab', 32), 'hex')",
    ],
)
@pytest.mark.parametrize(("subject", "seq"), [("A", 1), ("A", 2), ("A", 4), ("C", 1)])
def test_a_change_of_any_field_of_any_event_is_found(change: str, subject: str, seq: int) -> None:
    event = Event.objects.get(subject_key=subject, seq=seq)
    by_hand(f"UPDATE journal_event SET {change} WHERE id = {event.pk}")
    assert "chain broken" in faults()


def test_the_first_broken_event_is_named() -> None:
    event = Event.objects.get(subject_key="A", seq=2)
    by_hand(f"UPDATE journal_event SET verb = 'reject' WHERE {of('A', 2)}")
    assert f"journal_event id={event.pk}: chain broken" in verify_journal().faults


@pytest.mark.parametrize(("subject", "seq"), [("A", 1), ("A", 2), ("A", 4), ("C", 1)])
def test_a_removed_event_is_found(subject: str, seq: int) -> None:
    by_hand(f"DELETE FROM journal_event WHERE {of(subject, seq)}")
    assert faults() != ""


def test_two_events_that_changed_places_are_found() -> None:
    by_hand(
        f"UPDATE journal_event SET seq = 99 WHERE {of('A', 1)}",
        f"UPDATE journal_event SET seq = 1 WHERE {of('A', 2)}",
        f"UPDATE journal_event SET seq = 2 WHERE {of('A', 99)}",
    )
    assert "chain broken" in faults()


REHASH = """
DO $$
DECLARE
  event journal_event%ROWTYPE;
  before bytea := decode(repeat('00', 32), 'hex');
BEGIN
  FOR event IN SELECT * FROM journal_event WHERE subject_key = 'A' ORDER BY seq LOOP
    UPDATE journal_event SET previous_hash = before, hash = journal_event_hash(before,
      event.subject_kind, event.subject_key, event.seq, event.verb, event.actor_key,
      event.recorded_at, event.facts) WHERE id = event.id RETURNING hash INTO before;
  END LOOP;
  UPDATE journal_head SET hash = before WHERE subject_key = 'A';
END $$
"""


def forge_a_whole_chain() -> None:
    """The best forgery there is: one field changed, every later hash and the head made to fit."""
    with as_owner() as owner:
        owner.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        owner.execute(f"UPDATE journal_event SET verb = 'reject' WHERE {of('A', 2)}")
        owner.execute(REHASH)
        owner.execute("ALTER TABLE journal_event ENABLE TRIGGER USER")


def test_a_chain_forged_to_its_end_is_found_by_the_seal() -> None:
    forge_a_whole_chain()
    first_day = Seal.objects.earliest("day").day
    assert verify_journal().faults == [f"journal_seal {first_day}: root differs"]


def test_a_subject_removed_with_its_head_is_found_by_the_seal() -> None:
    by_hand(
        "DELETE FROM journal_event WHERE subject_key = 'C'",
        "DELETE FROM journal_head WHERE subject_key = 'C'",
    )
    assert verify_journal().faults == [f"journal_seal {today()}: root differs"]


def test_an_event_slipped_under_a_seal_is_found() -> None:
    with as_owner() as owner:
        owner.execute(
            "INSERT INTO journal_event (subject_kind, subject_key, seq, verb, facts, "
            "previous_hash, hash) VALUES ('title', 'D', 0, 'verify', '{}', '', '')"
        )
    by_hand("UPDATE journal_event SET id = 0 WHERE subject_key = 'D'")
    assert "root differs" in faults()


# --- heads ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_head SET seq = seq + 1 WHERE subject_key = 'A'",
        "UPDATE journal_head SET hash = decode(repeat('00', 32), 'hex') WHERE subject_key = 'A'",
        "UPDATE journal_head SET subject_key = 'D' WHERE subject_key = 'A'",
        "DELETE FROM journal_head WHERE subject_key = 'A'",
        "INSERT INTO journal_head (subject_kind, subject_key, seq, hash) VALUES ('t', 'D', 1, '')",
    ],
)
def test_a_head_that_differs_from_the_last_event_is_found(statement: str) -> None:
    by_hand(statement)
    assert "differs from the last event" in faults()


# --- seals ----------------------------------------------------------------------------------------
FIRST = "day = (SELECT min(day) FROM journal_seal)"
LAST = "day = (SELECT max(day) FROM journal_seal)"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE journal_seal SET root = decode(repeat('ab', 32), 'hex') WHERE {FIRST}",
        f"UPDATE journal_seal SET root = decode(repeat('ab', 32), 'hex') WHERE {LAST}",
        f"UPDATE journal_seal SET previous_root = decode(repeat('ab', 32), 'hex') WHERE {LAST}",
        f"UPDATE journal_seal SET last_event_id = last_event_id - 1 WHERE {LAST}",
        f"UPDATE journal_seal SET last_event_id = last_event_id + 99 WHERE {FIRST}",
        f"UPDATE journal_seal SET day = day + 9 WHERE {FIRST}",
        f"DELETE FROM journal_seal WHERE {FIRST}",
        f"UPDATE journal_seal SET heads = heads + 1 WHERE {FIRST}",
        f"UPDATE journal_seal SET day = day - 9 WHERE {FIRST}",
    ],
)
def test_a_changed_seal_is_found(statement: str) -> None:
    by_hand(statement)
    assert "root differs" in faults()


def test_a_seal_that_the_application_made_up_is_found() -> None:
    """Its role may append seals, not true ones of its own choice."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_seal (day, last_event_id, heads, root, previous_root) "
            "SELECT day + 1, last_event_id, heads, root, root FROM journal_seal "
            "ORDER BY day DESC LIMIT 1"
        )
    assert "root differs" in faults()


# --- the command ----------------------------------------------------------------------------------
def command() -> tuple[int, str, str]:
    """Exit status, standard output and standard error of ``verify_journal``."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_journal", stdout=out, stderr=err)
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def test_the_command_prints_json_alone_and_ends_with_0_when_whole() -> None:
    status, out, err = command()
    assert (status, err) == (0, "")
    assert json.loads(out) == {"events": 7, "subjects": 3, "seals": 2, "faults": []}


def test_the_command_ends_with_1_and_the_fault() -> None:
    by_hand(f"UPDATE journal_event SET verb = 'reject' WHERE {of('A', 2)}")
    status, out, err = command()
    assert (status, err) == (1, "")
    assert any("chain broken" in fault for fault in json.loads(out)["faults"])


def test_the_command_ends_with_2_when_it_cannot_read() -> None:
    with as_owner() as owner:
        owner.execute("ALTER TABLE journal_event RENAME TO journal_elsewhere")
        status, out, err = command()
        owner.execute("ALTER TABLE journal_elsewhere RENAME TO journal_event")
    assert (status, out) == (2, "")
    assert "journal_event" in err


def test_the_command_works_from_the_command_line() -> None:
    app = settings.DATABASES["default"]
    by_hand(f"UPDATE journal_event SET verb = 'reject' WHERE {of('A', 2)}")
    url = f"postgis://{app['USER']}:{app['PASSWORD']}@{app['HOST']}:{app['PORT']}/{app['NAME']}"
    ended = subprocess.run(
        [sys.executable, "manage.py", "verify_journal"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "portal.settings.embedded",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["events"] == 7

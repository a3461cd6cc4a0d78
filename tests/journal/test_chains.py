"""Guarantee 7: each subject's events are chained by the database, whoever writes them."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.base.clock import advance_clock, now
from portal.journal.models import Event, Head
from portal.journal.operations import record_event
from portal.journal.queries import verify_journal
from tests.base.sessions import at_once, meanwhile
from tests.conftest import app_connection

START = bytes(32)
COLUMNS = "subject_kind, subject_key, seq, verb, actor_key, facts, previous_hash, hash"
INSERT = f"INSERT INTO journal_event ({COLUMNS}) VALUES (%s, %s, 0, %s, %s, %s, '', '')"


def append(subject: str = "A", verb: str = "verify", **facts: Any) -> Event:
    """One act, read back as the database filled it."""
    event = record_event(
        subject_kind="title", subject_key=subject, verb=verb, actor_key=None, facts=facts
    )
    event.refresh_from_db()
    return event


def chain(subject: str = "A") -> list[Event]:
    return list(Event.objects.filter(subject_kind="title", subject_key=subject).order_by("seq"))


def expected_hash(event: Event, facts_text: str) -> bytes:
    """SHA-256 over the link before and every field with its length in front."""
    micros = (event.recorded_at.timestamp() * 1_000_000).__round__()
    parts = [
        event.subject_kind,
        event.subject_key,
        str(event.seq),
        event.verb,
        str(event.actor_key) if event.actor_key else "",
        str(micros),
        facts_text,
    ]
    text = "".join(f"{len(part.encode())}:{part}" for part in parts)
    return hashlib.sha256(bytes(event.previous_hash) + text.encode()).digest()


def facts_text(event: Event) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT facts::text FROM journal_event WHERE id = %s", [event.pk])
        text: str = cursor.fetchone()[0]
    return text


def is_whole(events: list[Event]) -> bool:
    """Numbered from one, each link the hash of the one before, each hash its own content's."""
    before = START
    for place, event in enumerate(events, start=1):
        if event.seq != place or bytes(event.previous_hash) != before:
            return False
        if bytes(event.hash) != expected_hash(event, facts_text(event)):
            return False
        before = bytes(event.hash)
    return True


# --- one chain per subject ------------------------------------------------------------------------
@pytest.mark.django_db
def test_events_of_a_subject_form_one_chain() -> None:
    for number in range(5):
        append(facts={"number": number})
    events = chain()
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert is_whole(events)
    head = Head.objects.get(subject_kind="title", subject_key="A")
    assert (head.seq, bytes(head.hash)) == (5, bytes(events[-1].hash))


@pytest.mark.django_db
def test_each_subject_has_a_chain_of_its_own() -> None:
    for subject in ("A", "B", "A", "B", "B"):
        append(subject)
    record_event(subject_kind="claim", subject_key="A", verb="determine", actor_key=None)
    assert [len(chain(subject)) for subject in "AB"] == [2, 3]
    assert is_whole(chain("A"))
    assert is_whole(chain("B"))
    assert Event.objects.get(subject_kind="claim").seq == 1
    assert Head.objects.filter(subject_key__in="AB").count() == 3


@pytest.mark.django_db
def test_raw_sql_is_chained_like_any_other() -> None:
    append()
    actor = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, ["title", "A", "return", actor, '{"z": 1, "a": [2.50, "林"]}'])
        cursor.execute(
            f"INSERT INTO journal_event ({COLUMNS}) "
            "SELECT 'title', 'A', 0, 'note', NULL, jsonb_build_object('n', n), '', '' "
            "FROM generate_series(1, 10) AS n"
        )
    events = chain()
    assert [event.seq for event in events] == list(range(1, 13))
    assert [event.facts.get("n") for event in events[2:]] == list(range(1, 11))
    assert is_whole(events)
    assert events[1].actor_key == actor


FORGED = ("title", "A", 77, "verify", None, "{}", b"\1" * 32, b"\2" * 32)
FORGED_TIME = "2001-01-01T00:00:00Z"


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["insert", "copy"])
def test_nobody_chooses_place_time_id_or_hash(way: str) -> None:
    append()
    before = now()
    columns = f"id, recorded_at, {COLUMNS}"
    with connection.cursor() as cursor:
        if way == "insert":
            cursor.execute(
                f"INSERT INTO journal_event ({columns}) "
                "VALUES (999999, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [FORGED_TIME, *FORGED],
            )
        else:
            with cursor.copy(f"COPY journal_event ({columns}) FROM STDIN") as lines:
                lines.write_row((999999, FORGED_TIME, *FORGED))
    append()
    events = chain()
    assert [event.seq for event in events] == [1, 2, 3]
    assert is_whole(events)
    assert before < events[1].recorded_at < now()
    assert 999999 not in [event.pk for event in events]


@pytest.mark.django_db
def test_ids_rise_with_the_place_in_the_chain() -> None:
    with connection.cursor() as cursor:
        # Drawn early by whoever likes, an id would otherwise slip under a seal.
        cursor.execute("SELECT nextval('journal_event_id_seq') FROM generate_series(1, 5)")
        early = cursor.fetchone()[0]
        first = append()
        cursor.execute(
            f"INSERT INTO journal_event (id, {COLUMNS}) "
            "VALUES (%s, 'title', 'A', 0, 'verify', NULL, '{}', '', '')",
            [early],
        )
    assert [event.pk for event in chain()] == sorted(event.pk for event in chain())
    assert chain()[1].pk > first.pk


@pytest.mark.django_db
def test_events_bear_the_portals_time() -> None:
    advance_clock(timedelta(days=400))
    recorded_at = append().recorded_at
    assert timedelta(0) < now() - recorded_at < timedelta(seconds=5)


@pytest.mark.django_db
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(2**53), 2**53),
                st.floats(allow_nan=False, allow_infinity=False),
                st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            ),
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_facts_are_chained_and_verified(facts: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        for one in facts:
            record_event(subject_kind="title", subject_key="A", verb="v", actor_key=None, facts=one)
        assert len(chain()) == len(facts)
        assert is_whole(chain())
        assert verify_journal().faults == []
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c", "d"), ("a", "bc", "d")),
        (("a", "b", "cd"), ("a", "bc", "d")),
        (("a", "1:b", "c"), ("a1:", "b", "c")),
    ],
)
def test_no_two_events_share_a_text(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Lengths stand before the fields, so shifting a border changes the hash."""

    def hash_of(kind: str, key: str, verb: str) -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT journal_event_hash(%s, %s, %s, 1, %s, NULL, '2026-01-01 UTC', '{}')",
                [START, kind, key, verb],
            )
            return bytes(cursor.fetchone()[0])

    assert hash_of(*one) != hash_of(*other)


@pytest.mark.django_db
def test_an_act_undone_is_not_in_the_chain() -> None:
    append()
    with transaction.atomic():
        append()
        append("B")
        transaction.set_rollback(True)
    append()
    assert is_whole(chain())
    assert len(chain()) == 2
    assert not Head.objects.filter(subject_key="B").exists()
    assert verify_journal().faults == []


@pytest.mark.django_db
def test_a_place_in_a_chain_is_taken_once() -> None:
    constraint = "one_event_per_place_in_chain"
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conname = %s", [constraint])
        assert cursor.fetchone() == (constraint,)


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["subject_kind", "subject_key", "verb", "facts"])
def test_an_event_says_what_was_done_to_what(missing: str) -> None:
    values: dict[str, Any] = {
        "subject_kind": "title", "subject_key": "A", "verb": "verify", "facts": "{}", missing: None,
    }  # fmt: skip
    with pytest.raises(IntegrityError, match="null value"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_event (subject_kind, subject_key, seq, verb, facts, previous_hash, "
            "hash) VALUES (%(subject_kind)s, %(subject_key)s, 0, %(verb)s, %(facts)s, '', '')",
            values,
        )


@pytest.mark.django_db
def test_the_recorded_event_carries_what_the_database_filled() -> None:
    event = record_event(subject_kind="title", subject_key="A", verb="verify", actor_key=None)
    assert (event.seq, bytes(event.previous_hash)) == (1, START)
    assert bytes(event.hash) == bytes(Event.objects.get().hash)


# --- concurrent sessions --------------------------------------------------------------------------
def test_sessions_that_write_one_subject_at_once_make_one_chain(committed_db: str) -> None:
    def write(session: int) -> None:
        for number in range(10):
            with transaction.atomic():
                append(session=session, number=number)
                if (session + number) % 3 == 0:
                    transaction.set_rollback(True)

    at_once([lambda session=session: write(session) for session in range(8)])
    kept = sum((session + number) % 3 != 0 for session in range(8) for number in range(10))
    events = chain()
    assert len(events) == kept
    assert is_whole(events)
    assert [event.pk for event in events] == sorted(event.pk for event in events)
    moments = [event.recorded_at for event in events]
    assert moments == sorted(moments)
    assert verify_journal().faults == []


def test_first_events_of_a_subject_written_at_once_make_one_chain(committed_db: str) -> None:
    def write() -> None:
        with app_connection() as session:
            session.execute(INSERT, ["title", "A", "verify", None, "{}"])

    at_once([write] * 8)
    assert [event.seq for event in chain()] == list(range(1, 9))
    assert is_whole(chain())
    assert Head.objects.filter(subject_key="A").count() == 1


def test_a_session_waits_for_its_own_subject_only(committed_db: str) -> None:
    def write(subject: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return append(subject).seq

    with transaction.atomic():
        append("A")
        with meanwhile(lambda: write("B")) as other_subject:
            assert other_subject.result() == 1
        with (
            meanwhile(lambda: write("A")) as same_subject,
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            same_subject.result()
    with meanwhile(lambda: write("A")) as afterwards:
        assert afterwards.result() == 2

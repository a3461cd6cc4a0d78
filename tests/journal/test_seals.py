"""Sealing a day: one Merkle root over all heads, complete, bound to the seal before it."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from datetime import date, timedelta
from threading import Event as Signal

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.base.clock import CITY_TIME, advance_clock, now, today
from portal.journal.models import Event, Head, Seal
from portal.journal.operations import EMPTY_ROOT, merkle_root, record_event, seal_day
from portal.journal.queries import verify_journal
from portal.journal.tasks import seal_journal_day
from tests.base.sessions import PATIENCE_SECONDS, at_once, meanwhile
from tests.conftest import app_connection

leaves = st.lists(st.binary(min_size=32, max_size=32), max_size=40)
patient = hypothesis_settings(deadline=None)


def append(subject: str = "A") -> None:
    record_event(subject_kind="title", subject_key=subject, verb="verify", actor_key=None)


def rfc_6962(data: list[bytes]) -> bytes:
    """Merkle Tree Hash as RFC 6962, section 2.1 defines it: split at the largest power of two."""
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    split = 1 << (len(data) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_6962(data[:split]) + rfc_6962(data[split:])).digest()


def heads() -> list[bytes]:
    rows = Head.objects.all()
    return [
        bytes(row.hash)
        for row in sorted(rows, key=lambda row: (row.subject_kind, row.subject_key.encode()))
    ]


def root_of(day: date, previous_root: bytes) -> bytes:
    """What a day's seal must say: the root over its date, the seal before it, how many chains there
    are of each kind, and all heads."""
    kinds = Counter(Head.objects.values_list("subject_kind", flat=True))
    counted = json.dumps(dict(kinds), sort_keys=True, separators=(",", ":")).encode()
    return rfc_6962([day.isoformat().encode(), previous_root, counted, *heads()])


def made(seal: Seal | None) -> Seal:
    assert seal is not None
    seal.refresh_from_db()
    return seal


# --- the root -------------------------------------------------------------------------------------
@patient
@given(leaves.filter(bool))
def test_the_root_is_rfc_6962s(data: list[bytes]) -> None:
    assert merkle_root(data) == rfc_6962(data)


@patient
@given(leaves.filter(bool), st.data())
def test_a_changed_lost_added_or_moved_leaf_changes_the_root(
    data: list[bytes], drawn: st.DataObject
) -> None:
    root = merkle_root(data)
    place = drawn.draw(st.integers(0, len(data) - 1))
    changed = bytes([data[place][0] ^ 1]) + data[place][1:]
    assert merkle_root([*data[:place], changed, *data[place + 1 :]]) != root
    assert merkle_root([*data[:place], *data[place + 1 :]]) != root
    assert merkle_root([*data, data[place]]) != root
    if data != data[::-1]:
        assert merkle_root(data[::-1]) != root


def test_of_nothing_the_root_is_zero() -> None:
    assert merkle_root([]) == EMPTY_ROOT == bytes(32)


# --- a day ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_seal_covers_every_head_and_counts_them() -> None:
    for subject in ("B", "a", "A", "林", "B", "é"):
        append(subject)
    seal = made(seal_day())
    assert seal.day == today()
    assert seal.heads == Head.objects.count() == len(heads())
    assert seal.last_event_id == Event.objects.latest("id").pk
    assert bytes(seal.previous_root) == EMPTY_ROOT
    assert bytes(seal.root) == root_of(today(), EMPTY_ROOT)
    assert abs(now() - seal.sealed_at) < timedelta(seconds=5)


@pytest.mark.django_db
def test_a_day_is_sealed_once() -> None:
    append()
    first = made(seal_day())
    append()
    assert seal_day() is None
    assert bytes(Seal.objects.get().root) == bytes(first.root)


@pytest.mark.django_db
def test_each_seal_binds_the_one_before() -> None:
    roots = [EMPTY_ROOT]
    for _day in range(4):
        append()
        seal = made(seal_day())
        assert bytes(seal.previous_root) == roots[-1]
        assert bytes(seal.root) == root_of(today(), roots[-1])
        roots.append(bytes(seal.root))
        advance_clock(timedelta(days=1))
    assert len(set(roots)) == 5
    assert verify_journal().faults == []


@pytest.mark.django_db
def test_a_day_without_acts_has_a_seal_of_its_own() -> None:
    append()
    first = made(seal_day())
    advance_clock(timedelta(days=3))
    second = made(seal_day())
    assert second.day == first.day + timedelta(days=3)
    assert second.last_event_id == first.last_event_id
    assert bytes(second.root) != bytes(first.root)
    assert verify_journal().faults == []


@pytest.mark.django_db
def test_an_empty_journal_can_be_sealed() -> None:
    assert not Event.objects.exists()
    seal = made(seal_day())
    assert (seal.heads, seal.last_event_id) == (0, 0)
    assert bytes(seal.root) == root_of(today(), EMPTY_ROOT)


@pytest.mark.django_db
def test_the_day_is_the_citys() -> None:
    midnight = now().astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    advance_clock(midnight + timedelta(days=1, minutes=-10) - now())
    evening = made(seal_day())
    advance_clock(timedelta(minutes=11))
    assert made(seal_day()).day == evening.day + timedelta(days=1)
    assert evening.day == midnight.date()


@pytest.mark.django_db
def test_later_acts_leave_an_earlier_seal_true() -> None:
    append("A")
    seal_day()
    for subject in ("A", "B", "A"):
        append(subject)
    assert verify_journal().faults == []


@pytest.mark.django_db
def test_the_nightly_job_seals_the_day() -> None:
    seal_journal_day(timestamp=0)
    seal_journal_day(timestamp=0)
    assert [seal.day for seal in Seal.objects.all()] == [today()]


@pytest.mark.django_db
def test_the_database_keeps_one_seal_per_day() -> None:
    seal_day()
    with pytest.raises(IntegrityError, match="journal_seal_pkey"):
        Seal.objects.create(
            day=today(), last_event_id=0, heads=0, root=bytes(32), previous_root=bytes(32)
        )


# --- concurrent sessions --------------------------------------------------------------------------
def test_a_seal_waits_for_acts_under_way_and_covers_them(committed_db: str) -> None:
    append("A")
    with meanwhile(seal_day) as sealing:  # Keeps this thread's transaction apart from the seal's.
        sealing.result()
    advance_clock(timedelta(days=1))
    with transaction.atomic():
        append("B")
        under_way = Event.objects.latest("id").pk
        append("C")
        with (
            meanwhile(wait_briefly_to_seal) as impatient,
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            impatient.result()
    seal = made(seal_day())
    assert seal.last_event_id > under_way
    assert seal.heads == 3
    assert verify_journal().faults == []


def wait_briefly_to_seal() -> Seal | None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    return seal_day()


def test_an_act_committed_while_the_seal_waits_is_covered(committed_db: str) -> None:
    act = (
        "INSERT INTO journal_event (subject_kind, subject_key, seq, verb, facts, previous_hash, "
        "hash) VALUES ('title', %s, 0, 'verify', '{}', '', '')"
    )
    with app_connection() as writer:
        writer.execute(act, ["A"])
        with meanwhile(seal_day) as sealing:
            until_somebody_waits()
            writer.execute(act, ["B"])  # The seal is waiting; this transaction goes on undisturbed.
            writer.commit()
            seal = sealing.result(PATIENCE_SECONDS)
    assert seal is not None
    assert seal.heads == 2
    assert verify_journal().faults == []


def until_somebody_waits() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_of_sessions_that_seal_at_once_one_does(committed_db: str) -> None:
    append()
    seals = at_once([seal_day] * 6)
    assert sum(seal is not None for seal in seals) == 1
    assert Seal.objects.count() == 1
    assert verify_journal().faults == []


def test_seals_made_amid_writing_are_true_for_ever(committed_db: str) -> None:
    ended = Signal()

    def write(session: int) -> int:
        written = 0
        while not ended.is_set():
            with transaction.atomic():
                append(f"{session}-{written % 3}")
                append("shared")
                if written % 5 == 4:
                    transaction.set_rollback(True)
            written += 1
        return written

    def seal_days() -> list[date]:
        days = []
        try:
            for _day in range(8):
                days.append(made(seal_day()).day)
                advance_clock(timedelta(days=1))
        finally:
            ended.set()
        return days

    *written, days = at_once(
        [*(lambda session=session: write(session) for session in range(4)), seal_days]
    )
    assert len(set(days)) == 8
    assert min(written) > 0
    report = verify_journal()
    assert report.seals == 8
    assert report.faults == []

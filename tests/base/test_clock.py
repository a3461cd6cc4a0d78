"""Guarantee 9: one clock, which only the owner marks as movable, and which never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import F

from portal.base.clock import (
    CITY_TIME,
    PortalNow,
    advance_clock,
    advance_to,
    catch_up,
    now,
    today,
)
from portal.base.models import Installation, OutboxMessage
from portal.base.story import STORY_SPAN
from tests.base.sessions import as_owner, at_once, constraint_of, meanwhile, refused_by

SECOND = timedelta(seconds=1)


def offset() -> timedelta:
    """How far the portal's clock is from the machine's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_now() - clock_timestamp()")
        found: timedelta = cursor.fetchone()[0]
    return found


@pytest.mark.django_db
def test_python_and_sql_read_one_clock() -> None:
    advance_clock(timedelta(days=3))
    before = now()
    stored = OutboxMessage.objects.create(channel="email", recipient="a@b.cn").made_at
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_now()")
        by_sql = cursor.fetchone()[0]
    by_query = Installation.objects.annotate(moment=PortalNow()).get().moment
    assert before < stored < by_sql < by_query < now()


@pytest.mark.django_db
def test_the_clock_runs_within_a_transaction() -> None:
    moments = [now() for _ in range(20)]
    assert moments == sorted(set(moments))


@pytest.mark.django_db
def test_a_new_test_database_has_the_machines_time() -> None:
    assert abs(offset()) < SECOND
    assert Installation.objects.get().kind == "test"


@pytest.mark.django_db
def test_the_clock_moves_forward_by_what_was_asked() -> None:
    before = now()
    moved = advance_clock(timedelta(days=400, hours=5))
    assert timedelta(0) <= moved - before - timedelta(days=400, hours=5) < SECOND
    assert advance_clock(timedelta(0)) > moved  # It runs on from there.
    advance_clock(timedelta(hours=1))
    assert abs(offset() - timedelta(days=400, hours=6)) < SECOND


@pytest.mark.django_db
@pytest.mark.parametrize("step", [-timedelta(microseconds=1), -timedelta(days=1), timedelta.min])
def test_the_clock_never_goes_back(step: timedelta) -> None:
    advance_clock(timedelta(days=10))
    with refused_by("the_clock_never_goes_back"):
        advance_clock(step)
    assert abs(offset() - timedelta(days=10)) < SECOND


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["-1 month", "1 day -25 hours", "1 year -366 days"])
def test_no_way_of_writing_a_step_turns_the_clock_back(step: str) -> None:
    with refused_by("the_clock_never_goes_back"), connection.cursor() as cursor:
        cursor.execute("SELECT portal_clock_advance(%s::interval)", [step])


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["1 month -30 days", "1 month"])
def test_time_runs_forward_under_an_offset_of_months(step: str) -> None:
    """30 days are a month to ``<`` but not to ``+``: in February such a step goes two days back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_clock_advance(%s::interval)", [step])
        # portal_now()'s own sum, for every twelve hours of two years of the machine's clock.
        cursor.execute(
            "SELECT count(*) FILTER (WHERE shown < at), count(*) FILTER (WHERE shown <= before) "
            "FROM (SELECT at, at + clock_offset AS shown, "
            "             lag(at + clock_offset) OVER (ORDER BY at) AS before "
            "      FROM base_installation, generate_series(timestamptz '2027-01-01 UTC', "
            "           timestamptz '2028-12-31 UTC', interval '12 hours') AS at) AS clock"
        )
        assert cursor.fetchone() == (0, 0)


@pytest.mark.django_db
def test_every_time_zone_of_a_session_reads_the_same_moment() -> None:
    for _quarter in range(4):
        advance_clock(timedelta(days=91))
        with connection.cursor() as cursor:
            spans = []
            for zone in ("UTC", "America/New_York"):
                cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
                cursor.execute(
                    "SELECT extract(epoch FROM portal_now()) - extract(epoch FROM clock_timestamp())"
                )
                spans.append(float(cursor.fetchone()[0]))
        assert spans[0] == pytest.approx(spans[1], abs=1)


@pytest.mark.django_db
def test_a_day_ends_at_midnight_in_the_city() -> None:
    midnight = now().astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    advance_clock(tomorrow - timedelta(seconds=30) - now())
    assert today() == midnight.date()
    advance_clock(timedelta(seconds=60))
    assert today() == tomorrow.date()
    assert now().astimezone(UTC).date() == midnight.date()  # 16:00 in UTC.


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE base_installation SET clock_offset = interval '1 hour'",
        "UPDATE base_installation SET kind = 'embedded'",
        "INSERT INTO base_installation VALUES (2, 'test', interval '1 hour', 'portal_app')",
        "DELETE FROM base_installation",
        "TRUNCATE base_installation",
        "CREATE OR REPLACE FUNCTION portal_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "ALTER FUNCTION portal_now() RENAME TO portal_then",
        "DROP FUNCTION portal_clock_advance(interval)",
    ],
)
def test_the_application_role_cannot_write_the_clock(statement: str) -> None:
    refusal = "permission denied|must be owner"
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match=refusal):
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_temporary_table_does_not_stand_in_for_the_clock() -> None:
    """Every session may make temporary tables; they come first in its search path."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE base_installation AS "
            "SELECT 1 AS id, 'test' AS kind, interval '-1 year' AS clock_offset"
        )
    assert abs(offset()) < SECOND


@pytest.mark.parametrize("kind", ["embedded", "test"])
def test_a_demonstration_or_test_database_moves_its_clock(committed_db: str, kind: str) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = %s", [kind])
    advance_clock(timedelta(hours=1))
    with meanwhile(offset) as other_session:
        assert abs(other_session.result() - timedelta(hours=1)) < SECOND


def test_a_production_database_does_not_move_its_clock(committed_db: str) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = 'production'")
    with refused_by("production_clock_has_no_offset"):
        advance_clock(timedelta(hours=1))
    assert abs(offset()) < SECOND


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "UPDATE base_installation SET kind = 'production', clock_offset = interval '1 second'",
            "production_clock_has_no_offset",
        ),
        ("UPDATE base_installation SET kind = 'production'", "production_clock_has_no_offset"),
        (
            "INSERT INTO base_installation VALUES (2, 'test', interval '0', 'portal_app')",
            "one_installation_row",
        ),
    ],
)
def test_not_even_the_owner_gives_a_production_an_offset(
    committed_db: str, statement: str, constraint: str
) -> None:
    advance_clock(timedelta(days=1))
    with as_owner() as owner, pytest.raises(psycopg.IntegrityError) as caught:
        owner.execute(statement)
    assert constraint_of(caught.value) == constraint


def test_steps_taken_at_once_all_count(committed_db: str) -> None:
    at_once([lambda: advance_clock(timedelta(hours=1))] * 8)
    assert abs(offset() - timedelta(hours=8)) < SECOND


def test_a_rolled_back_step_is_not_taken(committed_db: str) -> None:
    with transaction.atomic():
        advance_clock(timedelta(hours=1))
        transaction.set_rollback(True)
    assert abs(offset()) < SECOND


@pytest.mark.django_db
def test_stored_times_come_from_the_database_alone() -> None:
    """A default of Python's would be the machine's time, days behind a moved clock."""
    advance_clock(timedelta(days=30))
    message = OutboxMessage.objects.create(channel="email", recipient="a@b.cn")
    assert message.made_at > datetime.now(UTC) + timedelta(days=29)
    OutboxMessage.objects.update(delivered_at=PortalNow())
    assert OutboxMessage.objects.filter(delivered_at__gt=F("made_at")).exists()


@pytest.mark.django_db
def test_the_clock_is_not_left_without_a_time() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute("SELECT portal_clock_advance(NULL)")
    assert abs(offset()) < SECOND


def test_a_story_begins_in_the_past_and_ends_at_the_machines_time(committed_db: str) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET clock_offset = %s", [-STORY_SPAN])
    begun = now()
    assert abs(offset() + STORY_SPAN) < SECOND
    later = begun + timedelta(days=30)
    assert timedelta(0) <= advance_to(later) - later < SECOND
    assert advance_to(begun) > later  # It does not go back.
    catch_up()
    assert Installation.objects.get().clock_offset == timedelta(0)
    advance_clock(timedelta(hours=1))
    catch_up()
    assert Installation.objects.get().clock_offset == timedelta(hours=1)

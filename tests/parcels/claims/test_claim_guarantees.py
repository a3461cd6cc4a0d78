"""Guarantee 1: land has one claim at a time, whoever writes it and however many at once."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from typing import Any

import psycopg
import pytest
import shapely
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.db.utils import IntegrityError, ProgrammingError

from parcels.claims.queries import days
from parcels.models import Claim
from tests.base.sessions import as_owner, constraint_of, refused_by
from tests.conftest import app_connection
from tests.factories.land import square
from tests.parcels.claims.areas import NEXT_PERIOD, PERIOD, area_at, claim_at, make_live
from tests.parcels.claims.race import (
    INSERT,
    SESSIONS,
    Wish,
    assert_land_has_one_claim,
    conflict_area_m2,
    race,
    random_round,
)

ONE_AT_A_TIME = "land_has_one_claim_at_a_time"
ROUNDS = 20
PLACES: list[tuple[str, Callable[[], MultiPolygon], bool]] = [
    ("touching side by side", lambda: square(100, 0), False),
    ("touching at a corner", lambda: square(100, 100), False),
    ("overlapping by a strip of 1 m", lambda: square(99, 0), True),
    ("a sliver of 2 cm", lambda: square(99.98, 0), False),
    ("a strip of 6 cm, two square metres and more", lambda: square(99.94, 0), True),
    ("half a square metre in a corner", lambda: square(99.4, 99.4), False),
    ("four square metres in a corner", lambda: square(98, 98), True),
    ("a whole inside the other", lambda: square(20, 20, 30), True),
    ("the other whole inside it", lambda: square(-50, -50, 300), True),
    ("an exact copy", lambda: square(0, 0), True),
    ("a long thin strip with a real bulge", lambda: with_bulge(), True),
    ("a notch of 0.3 m", lambda: with_notch(), True),
    ("a strip of 6 cm and three square metres", lambda: square(10, 10, 0.06, 50), True),
    ("a strip of 4 cm and two square metres", lambda: square(10, 10, 0.04, 50), False),
    ("far away", lambda: square(1000, 0), False),
]
IDS = [row[0] for row in PLACES]


def with_bulge() -> MultiPolygon:
    """A strip 2 cm wide and 90 m long into the first square, with a bulge of 1 m."""
    return joined(square(100, 0), square(99.98, 5, 0.04, 90), square(99, 40, 2, 2))


def with_notch() -> MultiPolygon:
    """A tooth 0.3 m wide and 5 m long into the first square."""
    return joined(square(100, 0), square(95, 40, 6, 0.3))


def joined(*shapes: MultiPolygon) -> MultiPolygon:
    """Their union as a MultiPolygon."""
    united = shapes[0]
    for shape in shapes[1:]:
        united = united.union(shape)  # type: ignore[assignment]
    return MultiPolygon(united, srid=4490) if isinstance(united, Polygon) else united


def copy_in(session: psycopg.Connection[Any], *claims: tuple[int, str, str]) -> None:
    """COPY of (version, period, state)."""
    with (
        session.cursor() as cursor,
        cursor.copy(
            "COPY parcels_claim (key, number, version_id, period, geom, state, ended_because, "
            "ended_decision) FROM STDIN"
        ) as copy,
    ):
        for version, period, state in claims:
            copy.write_row((uuid.uuid4(), "C-1", version, period, empty(), state, "", ""))


def empty() -> str:
    return "SRID=4490;MULTIPOLYGON EMPTY"


@pytest.mark.django_db
@pytest.mark.parametrize(("shape", "conflicts"), [row[1:] for row in PLACES], ids=IDS)
def test_two_live_claims_of_one_period_never_conflict(
    shape: Callable[[], MultiPolygon], conflicts: bool
) -> None:
    first = claim_at(square(0, 0), state="live")
    second = claim_at(shape())
    assert (conflict_area_m2(first.geom, second.geom) > 0) == conflicts
    with refused_by(ONE_AT_A_TIME) if conflicts else nullcontext():
        make_live(second)
    assert Claim.objects.live().count() == (1 if conflicts else 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "last", "conflicts"),
    [
        (date(2025, 12, 31), date(2030, 12, 30), True),
        (date(2026, 1, 1), date(2030, 12, 31), False),
        (date(2016, 1, 1), date(2020, 12, 31), False),
        (date(2016, 1, 1), date(2021, 1, 1), True),
        (date(2023, 5, 5), date(2023, 5, 5), True),
    ],
)
def test_the_same_land_with_a_disjoint_period_is_legal(
    first: date, last: date, conflicts: bool
) -> None:
    claim_at(square(0, 0), state="live")
    second = claim_at(square(0, 0), period=days(first, last))
    with refused_by(ONE_AT_A_TIME) if conflicts else nullcontext():
        make_live(second)


@pytest.mark.django_db
def test_an_ended_claim_gives_its_land_free() -> None:
    first, second = claim_at(square(0, 0), state="live"), claim_at(square(50, 0))
    with refused_by(ONE_AT_A_TIME):
        make_live(second)
    Claim.objects.filter(pk=first.pk).update(state="ended", ended_because="withdrawn")
    make_live(second)


@pytest.mark.django_db
def test_an_earlier_pending_claim_refuses_the_determination_but_not_the_submission() -> None:
    earlier, later = claim_at(square(0, 0)), claim_at(square(50, 0))
    with refused_by(ONE_AT_A_TIME):
        make_live(later)
    make_live(earlier)
    with refused_by(ONE_AT_A_TIME):
        make_live(later)
    Claim.objects.filter(pk=earlier.pk).update(state="ended", ended_because="rejected")
    make_live(later)


@pytest.mark.django_db
@pytest.mark.parametrize(("east", "conflicts"), [(50, True), (100, False)])
def test_two_claims_of_one_statement_are_compared_with_each_other(
    east: int, conflicts: bool
) -> None:
    versions = [area_at(square(0, 0)).pk, area_at(square(east, 0)).pk]
    statement = (
        "INSERT INTO parcels_claim (key, number, version_id, period, geom, state, ended_because, "
        "ended_decision) SELECT gen_random_uuid(), 'X', id, '[2021-01-01,2026-01-01)', geom, "
        "'live', '', '' FROM parcels_projectareaversion WHERE id = ANY (%s)"
    )
    with refused_by(ONE_AT_A_TIME) if conflicts else nullcontext(), connection.cursor() as cursor:
        cursor.execute(statement, [versions])
    assert Claim.objects.live().count() == (0 if conflicts else 2)


@pytest.mark.django_db
@pytest.mark.parametrize(("east", "conflicts"), [(50, True), (100, False)])
def test_two_claims_made_live_by_one_update_are_compared_too(east: int, conflicts: bool) -> None:
    claims = claim_at(square(0, 0)), claim_at(square(east, 0))
    with refused_by(ONE_AT_A_TIME) if conflicts else nullcontext():
        make_live(*claims)


@pytest.mark.parametrize(("east", "conflicts"), [(50, True), (100, False)])
def test_copy_goes_through_the_same_trigger(committed_db: str, east: int, conflicts: bool) -> None:
    period = "[2021-01-01,2026-01-01)"
    claim_at(square(0, 0), state="live")
    version, apart = area_at(square(east, 0)).pk, area_at(square(900, 0)).pk
    with app_connection(autocommit=True) as session:
        if not conflicts:
            copy_in(session, (version, period, "live"), (apart, period, "live"))
            assert Claim.objects.live().count() == 3
            return
        with pytest.raises(psycopg.errors.ExclusionViolation) as refusal:
            copy_in(session, (version, period, "live"), (apart, period, "live"))
        assert constraint_of(refusal.value) == ONE_AT_A_TIME
    assert Claim.objects.live().count() == 1


@pytest.mark.django_db
def test_upsert_goes_through_the_same_trigger() -> None:
    claim_at(square(0, 0), state="live")
    second = claim_at(square(50, 0))
    statement = (
        "INSERT INTO parcels_claim (key, number, version_id, period, geom, state, ended_because, "
        "ended_decision) SELECT key, number, version_id, period, geom, 'pending', '', '' "
        "FROM parcels_claim WHERE id = %s ON CONFLICT (key) DO UPDATE SET state = 'live'"
    )
    with refused_by(ONE_AT_A_TIME), connection.cursor() as cursor:
        cursor.execute(statement, [second.pk])


@pytest.mark.django_db
def test_refusal_carries_the_other_claim_the_area_and_the_shape() -> None:
    first, second = claim_at(square(0, 0), state="live"), claim_at(square(90, 0))
    with pytest.raises(IntegrityError) as refusal:
        make_live(second)
    cause = refusal.value.__cause__
    assert isinstance(cause, psycopg.Error)
    facts = json.loads(cause.diag.message_detail or "")
    assert facts["other"] == str(first.key)
    assert facts["other_number"] == first.number
    assert facts["other_state"] == "live"
    assert facts["area_m2"] == pytest.approx(conflict_area_m2(first.geom, second.geom), rel=1e-3)
    told = shapely.geometry.shape(facts["shape"])
    shared = shapely.from_wkb(bytes(first.geom.intersection(second.geom).wkb))
    assert shapely.symmetric_difference(told, shared).area < 1e-4 * shared.area


CHANGES = [
    "geom = ST_Multi(ST_Envelope(ST_Buffer(geom, 0.001)))",
    "period = '[2030-01-01,2031-01-01)'",
    "version_id = version_id + 1",
    "number = 'another'",
    "submitted_at = now() - interval '1 year'",
    "key = gen_random_uuid()",
    "id = id + 1000000",
]


@pytest.mark.django_db
@pytest.mark.parametrize("change", [*CHANGES, "live_at = now()", "ended_at = now()"])
def test_application_may_write_only_the_columns_of_a_claims_course(change: str) -> None:
    claim = claim_at(square(0, 0))
    statement = f"UPDATE parcels_claim SET {change} WHERE id = {claim.pk}"
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission"):
        cursor.execute(statement)


@pytest.mark.parametrize("change", CHANGES)
def test_land_and_period_of_a_claim_never_change_for_the_owner_either(
    committed_db: str, change: str
) -> None:
    claim, _other = claim_at(square(0, 0)), claim_at(square(500, 0))
    with as_owner() as owner, pytest.raises(psycopg.IntegrityError) as refusal:
        owner.execute(f"UPDATE parcels_claim SET {change} WHERE id = {claim.pk}")
    assert constraint_of(refusal.value) == "claim_land_and_period_never_change"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM parcels_claim",
        "TRUNCATE parcels_claim CASCADE",
        "DELETE FROM parcels_projectareaversion",
        "UPDATE parcels_projectareaversion SET number = 7",
        "TRUNCATE parcels_projectareaversion CASCADE",
        "ALTER TABLE parcels_claim DISABLE TRIGGER ALL",
        "DROP TRIGGER claims_do_not_conflict ON parcels_claim",
        "SET session_replication_role = replica",
    ],
)
def test_application_may_not(statement: str) -> None:
    claim_at(square(0, 0))
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match=r"permission|owner"):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    # A bare TRUNCATE is refused for the foreign keys already; CASCADE gets past them.
    ["DELETE FROM parcels_claim", "TRUNCATE parcels_claim CASCADE"],
)
def test_the_owner_does_not_remove_a_claim_either(committed_db: str, statement: str) -> None:
    claim_at(square(0, 0))
    with as_owner() as owner, pytest.raises(psycopg.IntegrityError, match="nothing is rewritten"):
        owner.execute(statement)


@pytest.mark.django_db
def test_a_claims_land_and_times_are_what_the_database_says() -> None:
    version = area_at(square(0, 0))
    claim = Claim.objects.create(
        version=version,
        period=PERIOD,
        number="X",
        geom=square(5000, 5000),
        submitted_at="1999-01-01T00:00:00Z",
        live_at="1999-01-01T00:00:00Z",
    )
    claim.refresh_from_db()
    assert claim.geom.equals_exact(version.geom)
    assert claim.submitted_at.year > 2020
    assert claim.live_at is None


@pytest.mark.django_db
def test_tables_of_the_session_do_not_stand_in_for_the_registers_own() -> None:
    claim_at(square(0, 0), state="live")
    second = claim_at(square(50, 0))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE parcels_claim (LIKE public.parcels_claim) ON COMMIT DROP")
        cursor.execute("CREATE TEMP TABLE base_policy (LIKE public.base_policy) ON COMMIT DROP")
        with refused_by(ONE_AT_A_TIME):
            cursor.execute(
                "UPDATE public.parcels_claim SET state = 'live' WHERE id = %s", [second.pk]
            )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("course", "refusal"),
    [
        (["live"], None),
        (["ended"], None),
        (["live", "ended"], None),
        (["live", "pending"], "claim_moves_by_the_table"),
        (["ended", "live"], "claim_moves_by_the_table"),
        (["ended", "pending"], "claim_moves_by_the_table"),
        (["gone"], "claim_moves_by_the_table"),
    ],
)
def test_a_claim_moves_by_the_table(course: list[str], refusal: str | None) -> None:
    claim = claim_at(square(0, 0))
    *before, last = course
    for state in before:
        move(claim, state)
    with refused_by(refusal) if refusal else nullcontext():
        move(claim, last)


def move(claim: Claim, state: str) -> None:
    because = "withdrawn" if state == "ended" else ""
    Claim.objects.filter(pk=claim.pk).update(state=state, ended_because=because)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["ended", "gone"])
def test_a_claim_begins_as_pending_or_live(state: str) -> None:
    with refused_by("claim_begins_pending_or_live"):
        claim_at(square(0, 0), state=state)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("end", "refusal"),
    [
        ({"ended_because": "withdrawn"}, "filed_claim_ends_by_decision_only"),
        ({"ended_because": "rejected"}, "filed_claim_ends_by_decision_only"),
        ({"ended_because": "issuance_cancelled"}, "filed_claim_ends_by_decision_only"),
        # With a decision too: nothing of it was issued and cancelled whole.
        (
            {"ended_because": "issuance_cancelled", "ended_decision": "伊林决〔2026〕1号"},
            "filed_claim_ends_with_its_whole_issuance",
        ),
    ],
)
def test_a_filed_claim_ends_by_a_decision_of_its_own_only(
    end: dict[str, str], refusal: str
) -> None:
    claim = claim_at(square(0, 0), state="live")
    Claim.objects.filter(pk=claim.pk).update(filed_at="2026-01-01T00:00:00Z")
    with refused_by(refusal):
        Claim.objects.filter(pk=claim.pk).update(state="ended", **end)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "change", "refusal"),
    [
        ("pending", {"filed_at": "2026-01-01T00:00:00Z"}, "live_claim_is_filed_once"),
        (
            "live",
            {"filed_at": "2026-01-01T00:00:00Z", "state": "ended", "ended_because": "withdrawn"},
            "live_claim_is_filed_once",
        ),
        ("live", {"state": "ended"}, "claim_ends_for_a_reason"),
        ("live", {"ended_because": "withdrawn"}, "claim_ends_for_a_reason"),
        (
            "live",
            {"state": "ended", "ended_because": "issuance_cancelled", "ended_decision": "x"},
            "filed_claim_ends_by_decision_only",
        ),
    ],
)
def test_an_end_or_a_filing_out_of_place_is_refused(
    before: str, change: dict[str, str], refusal: str
) -> None:
    claim = claim_at(square(0, 0), state=before)
    with refused_by(refusal):
        Claim.objects.filter(pk=claim.pk).update(**change)


@pytest.mark.django_db
def test_a_filing_is_never_taken_back() -> None:
    claim = claim_at(square(0, 0), state="live")
    Claim.objects.filter(pk=claim.pk).update(filed_at="2026-01-01T00:00:00Z")
    for again in (None, "2027-01-01T00:00:00Z"):
        with refused_by("live_claim_is_filed_once"):
            Claim.objects.filter(pk=claim.pk).update(filed_at=again)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("period", "refusal"),
    [
        ("[2021-01-01,2026-01-01)", None),
        ("empty", "claim_period_is_bounded"),
        ("[2021-01-01,)", "claim_period_is_bounded"),
        ("(,2021-01-01)", "claim_period_is_bounded"),
        ("[-infinity,2021-01-01)", "claim_period_is_finite"),
        ("[2021-01-01,infinity)", "claim_period_is_finite"),
    ],
)
def test_a_monitoring_period_has_a_first_and_a_last_day(period: str, refusal: str | None) -> None:
    version = area_at(square(0, 0))
    values: dict[str, Any] = {
        "number": "X", "period": period, "version": version.pk, "state": "pending",
    }  # fmt: skip
    with (
        pytest.raises(IntegrityError) if refusal else nullcontext() as caught,
        connection.cursor() as cursor,
    ):
        cursor.execute(INSERT, values)
    if caught is not None:
        assert constraint_of(caught.value) in {refusal, "claim_period_is_finite"}


@pytest.mark.parametrize("state", ["pending", "live"])
@pytest.mark.parametrize(
    "level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE]
)
def test_claims_are_checked_under_read_committed_only(
    committed_db: str, level: psycopg.IsolationLevel, state: str
) -> None:
    version = area_at(square(0, 0))
    values = {
        "number": "X", "period": "[2021-01-01,2026-01-01)", "version": version.pk, "state": state,
    }  # fmt: skip
    with app_connection() as session:
        session.isolation_level = level
        with pytest.raises(psycopg.IntegrityError, match="READ COMMITTED"):
            session.execute(INSERT, values)


def test_a_claim_waits_for_one_under_way_on_its_land_and_only_there(committed_db: str) -> None:
    """A pending claim not yet committed is waited for; land a cell away is not."""
    one, far = area_at(square(0, 0)).pk, area_at(square(0, 30_000)).pk
    values = {"number": "X", "period": "[2021-01-01,2026-01-01)", "state": "pending"}
    with app_connection() as first, app_connection(autocommit=True) as second:
        first.execute(INSERT, {**values, "version": one})
        second.execute("SET lock_timeout = '300ms'")
        second.execute(INSERT, {**values, "version": far, "state": "live"})
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(INSERT, {**values, "version": one, "state": "live"})


def test_land_of_more_than_64_cells_takes_the_lock_of_all(committed_db: str) -> None:
    wide, far = area_at(square(0, 0, 60_000)).pk, area_at(square(200_000, 200_000)).pk
    values = {"number": "X", "period": "[2021-01-01,2026-01-01)", "state": "live"}
    with app_connection() as first, app_connection(autocommit=True) as second:
        first.execute(INSERT, {**values, "version": wide})
        second.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(INSERT, {**values, "version": far})


def test_of_rivals_at_once_exactly_one_stands_and_neighbours_all_do(committed_db: str) -> None:
    """Five claim overlapping land; one touches it, one has other years, one lies far away."""
    for turn in range(ROUNDS):
        north = 2000 * turn
        first, last = date(2021, 1, 1), date(2025, 12, 31)
        dice = random.Random(turn)

        def wish(
            shape: MultiPolygon, since: date = first, until: date = last, now: bool = True
        ) -> Wish:
            return Wish(shape, since, until, now, f"R-{uuid.uuid4().hex[:10]}")

        rivals = [wish(square(10 * at, north), now=dice.random() < 0.5) for at in range(5)]
        touching = wish(square(-100, north))
        other_years = wish(square(0, north), date(2026, 1, 1), date(2030, 12, 31))
        far = wish(square(5000, north))
        wishes = [*rivals, touching, other_years, far]
        assert len(wishes) == SESSIONS
        outcomes = race(wishes)
        assert outcomes[:5].count("live") <= 1
        assert outcomes[5:] == ["live"] * 3
        assert_land_has_one_claim(wishes, outcomes)
        if all(rival.at_once for rival in rivals):
            assert outcomes[:5].count("live") == 1


@pytest.mark.parametrize("first_seed", [1000])
def test_claims_at_random_never_conflict_and_never_deadlock(
    committed_db: str, first_seed: int
) -> None:
    for turn in range(ROUNDS):
        random_round(first_seed + turn, north_m=2000 * turn)


@pytest.mark.django_db
def test_periods_of_claims_follow_each_other_without_a_day_between() -> None:
    assert PERIOD.upper == NEXT_PERIOD.lower
    claim_at(square(0, 0), period=PERIOD, state="live")
    claim_at(square(0, 0), period=NEXT_PERIOD, state="live")

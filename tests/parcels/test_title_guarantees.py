"""Guarantee 2: one verified title of a kind of right on a piece of land, kept by the database."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest
from django.contrib.gis.geos import MultiPolygon
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from parcels.errors import TitleWithoutDecision
from parcels.models import (
    Parcel,
    ParcelVersion,
    Right,
    RightKind,
    TitleCertificate,
    VerifiedTitle,
)
from portal.base.clock import now
from portal.base.guarantees import refusal_of
from tests.conftest import app_connection
from tests.factories.land import decision_on, parcel_at, square, title_on, verify
from tests.parcels.reviews.bench import approver, cancelled, clerk

CONFLICT = "verified titles conflict"
VERIFY = "UPDATE parcels_titlecertificate SET state = 'verified', takeover_id = %s WHERE id = %s"


def with_bulge() -> MultiPolygon:
    """A strip 2 cm wide and 90 m long beside the origin's square, with a bulge 1 m into it."""
    base = square(100, 0)
    strip = square(100 - 0.02, 5, 0.04, 90)
    bulge = square(99, 40, 2, 2)
    merged = base.union(strip).union(bulge)
    return merged if isinstance(merged, MultiPolygon) else MultiPolygon(merged, srid=4490)


NEIGHBOURS = [
    ("touching side by side", lambda: square(100, 0), False),
    ("overlapping by a strip of 1 m", lambda: square(99, 0), True),
    ("a sliver of 2 cm", lambda: square(100 - 0.02, 0), False),
    ("a long strip with a real bulge", with_bulge, True),
    ("a whole inside the other", lambda: square(20, 20, 30), True),
    ("an exact copy", lambda: square(0, 0), True),
    ("a corner of half a square metre", lambda: square(99.4, 99.4), False),
    ("a corner of four square metres", lambda: square(98, 98), True),
    ("far away", lambda: square(1000, 0), False),
]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("shape", "conflicts"), [row[1:] for row in NEIGHBOURS], ids=[r[0] for r in NEIGHBOURS]
)
def test_two_verified_titles_of_one_right_never_conflict(shape, conflicts: bool) -> None:  # type: ignore[no-untyped-def]
    first, second = title_on(parcel_at(square(0, 0))), title_on(parcel_at(shape()))
    verify(first)
    with pytest.raises(IntegrityError, match=CONFLICT) if conflicts else nullcontext():
        verify(second)


@pytest.mark.django_db
@pytest.mark.parametrize("conflicts", [True, False])
def test_two_titles_verified_in_one_statement_are_compared_too(conflicts: bool) -> None:
    first = title_on(parcel_at(square(0, 0)))
    second = title_on(parcel_at(square(50 if conflicts else 100, 0)))
    with pytest.raises(IntegrityError, match=CONFLICT) if conflicts else nullcontext():
        verify(first, second)


def judge(*titles: TitleCertificate) -> list[tuple[int, int]]:
    """The conflicts that the database tells before these are verified."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT certificate, other FROM judge_titles(%s) ORDER BY 1, 2",
            [[title.pk for title in titles]],
        )
        return list(cursor.fetchall())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("shape", "conflicts"), [row[1:] for row in NEIGHBOURS], ids=[r[0] for r in NEIGHBOURS]
)
def test_titles_are_judged_as_the_guard_judges_them(shape, conflicts: bool) -> None:  # type: ignore[no-untyped-def]
    first, second = title_on(parcel_at(square(0, 0))), title_on(parcel_at(shape()))
    assert judge(first, second) == ([(first.pk, second.pk)] if conflicts else [])
    with pytest.raises(IntegrityError, match=CONFLICT) if conflicts else nullcontext():
        with transaction.atomic():
            verify(first, second)
    if conflicts:
        verify(first)
        assert judge(second) == [(second.pk, first.pk)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "between", ["another beside it", "one verified meanwhile", "a further right"]
)
def test_what_was_judged_counts_only_for_the_very_next_titles_and_whole(between: str) -> None:
    first, later = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(50, 0)))
    assert judge(first) == []
    if between == "another beside it":
        with pytest.raises(IntegrityError, match=CONFLICT):
            verify(first, later)
        return
    if between == "one verified meanwhile":
        verify(later)
    else:
        verify(title_on(parcel_at(square(50, 0)), kind=RightKind.LAND_USE))
        judge(first)
        Right.objects.filter(certificate=first).update(kind=RightKind.LAND_USE)
    with pytest.raises(IntegrityError, match=CONFLICT):
        verify(first)


def test_what_was_judged_counts_in_its_own_transaction_only(committed_db: str) -> None:
    first, later = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(50, 0)))
    assert judge(first) == []
    verify(later)
    with pytest.raises(IntegrityError, match=CONFLICT):
        verify(first)
    with app_connection(autocommit=True) as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("INSERT INTO parcels_judgedtitle SELECT * FROM parcels_judgedtitle")


@pytest.mark.django_db
def test_land_that_was_reshaped_since_it_was_judged_is_compared() -> None:
    verify(title_on(parcel_at(square(200, 0))))
    land = parcel_at(square(0, 0))
    title = title_on(land)
    assert judge(title) == []
    ParcelVersion.objects.standing().filter(parcel=land).update(stands_to=now())
    ParcelVersion.objects.create(
        parcel=land, number=2, geom=square(150, 0), because="correction", stands_from=now()
    )
    with pytest.raises(IntegrityError, match=CONFLICT):
        verify(title)


def test_nobody_else_verifies_on_land_that_is_being_judged(committed_db: str) -> None:
    first, rival = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(50, 0)))
    with app_connection() as judging, app_connection() as session:
        judging.execute("SELECT count(*) FROM judge_titles(%s)", [[first.pk]])
        session.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute(VERIFY, [decision_on(rival).pk, rival.pk])


@pytest.mark.django_db
def test_another_kind_of_right_may_lie_on_the_same_land() -> None:
    land = parcel_at(square(0, 0))
    verify(title_on(land, kind=RightKind.LAND_OWNERSHIP))
    verify(title_on(land, kind=RightKind.TREE_OWNERSHIP))
    assert VerifiedTitle.objects.filter(parcel=land, ended_at=None).count() == 2


@pytest.mark.django_db
def test_one_verified_certificate_stands_per_parcel_and_right() -> None:
    land = parcel_at(square(0, 0))
    verify(title_on(land))
    with pytest.raises(IntegrityError, match="one_verified_certificate_per_parcel_and_right"):
        verify(title_on(land))


@pytest.mark.django_db
def test_certificate_number_is_unique_among_verified_titles() -> None:
    number = "伊市林证字（2010）第0012345号"
    verify(title_on(parcel_at(square(0, 0)), number=number))
    with pytest.raises(IntegrityError, match="one_verified_certificate_of_a_number"):
        verify(title_on(parcel_at(square(500, 0)), number=number))


@pytest.mark.django_db
def test_unit_number_is_unique_among_verified_titles() -> None:
    unit = "654002103023JE00000L00000001"
    verify(title_on(parcel_at(square(0, 0), unit_number=unit)))
    with pytest.raises(IntegrityError, match="one_verified_title_of_a_unit_number"):
        verify(title_on(parcel_at(square(500, 0), unit_number=unit)))


@pytest.mark.django_db
def test_registered_titles_may_overlap_for_that_is_what_the_bench_is_for() -> None:
    title_on(parcel_at(square(0, 0)))
    title_on(parcel_at(square(50, 0)))
    assert TitleCertificate.objects.filter(state="registered").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcels_titlecertificate SET number = 'x' WHERE id = {title}",
        "UPDATE parcels_titlecertificate SET area_m2_certified = 5 WHERE id = {title}",
        "UPDATE parcels_titlecertificate SET state = 'registered' WHERE id = {title}",
        "DELETE FROM parcels_titlecertificate WHERE id = {title}",
        "UPDATE parcels_right SET share_denominator = 2 WHERE certificate_id = {title}",
        "DELETE FROM parcels_right WHERE certificate_id = {title}",
        "INSERT INTO parcels_right (certificate_id, parcel_id, kind, party_id, share_numerator, "
        "share_denominator) SELECT certificate_id, parcel_id, 'land_use', party_id, 1, 1 "
        "FROM parcels_right WHERE certificate_id = {title}",
        "UPDATE parcels_parcelversion SET stands_to = portal_now() WHERE parcel_id = {parcel}",
        "UPDATE parcels_verifiedtitle SET ended_at = portal_now()",
        "DELETE FROM parcels_verifiedtitle",
        "INSERT INTO parcels_titlecertificate (key, kind, number, number_key, state) VALUES "
        "(gen_random_uuid(), 'forest', 'n', 'n', 'verified')",
    ],
)
def test_a_verified_title_is_frozen(statement: str) -> None:
    land = parcel_at(square(0, 0))
    title = title_on(land)
    verify(title)
    with connection.cursor() as cursor, pytest.raises((IntegrityError, ProgrammingError)):
        cursor.execute(statement.format(title=title.pk, parcel=land.pk))


@pytest.mark.django_db
def test_a_cancelled_title_gives_its_land_free_and_stays_readable() -> None:
    first, second = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(50, 0)))
    verify(first)
    cancelled(first, clerk("clerk"), approver("approver"))
    verify(second)
    holds = VerifiedTitle.objects.order_by("id")
    assert [(hold.certificate_id, hold.ended_at is None) for hold in holds] == [
        (first.pk, False),
        (second.pk, True),
    ]


@pytest.mark.django_db
def test_a_certificate_without_rights_is_never_verified() -> None:
    with pytest.raises(IntegrityError, match="without rights"):
        verify(title_on())


@pytest.mark.django_db
def test_a_title_is_verified_by_a_decision_alone() -> None:
    """Article 3: neither the application's role nor a decision on other titles makes one verified."""
    title, other = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(500, 0)))
    of_one = decision_on(other)
    TitleCertificate.objects.filter(pk=other.pk).update(state="verified", takeover=of_one)
    for decision in (None, of_one.pk, decision_on(title, other).pk, of_one.pk + 1000):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            connection.cursor().execute(VERIFY, [decision, title.pk])
        told = refusal_of(refusal.value)
        assert isinstance(told, TitleWithoutDecision)
    title.refresh_from_db()
    assert title.state == "registered"


def test_of_two_titles_verified_at_once_under_a_decision_on_one_only_one_stands(
    committed_db: str,
) -> None:
    titles = [title_on(parcel_at(square(500 * at, 0))) for at in range(2)]
    of_one = decision_on(titles[0]).pk
    refused = at_once([[of_one, title.pk] for title in titles])
    assert sorted(bool(one) for one in refused) == [False, True]


@pytest.mark.parametrize("rounds", [6])
def test_of_overlapping_titles_verified_at_once_exactly_one_stands(
    committed_db: str, rounds: int
) -> None:
    """Eight sessions verify eight overlapping titles at the same moment; neighbours all stand."""
    for round_number in range(rounds):
        north = 1000 * round_number
        rivals = [title_on(parcel_at(square(3 * i, north))) for i in range(7)]
        apart = title_on(parcel_at(square(5000, north)))
        results = at_once([[decision_on(one).pk, one.pk] for one in [*rivals, apart]])
        assert sum(result is None for result in results[:7]) == 1
        assert results[7] is None
        assert all("conflict" in (result or "conflict") for result in results)


def test_verified_titles_are_checked_under_read_committed_only(committed_db: str) -> None:
    title = title_on(parcel_at(square(0, 0)))
    with app_connection() as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.IntegrityError, match="READ COMMITTED"):
            session.execute(VERIFY, [decision_on(title).pk, title.pk])


def at_once(verdicts: list[list[int]]) -> list[str | None]:
    """Verify each (decision, title) in a session of its own, together; each refusal, or None."""

    def one(given: list[int]) -> str | None:
        try:
            with app_connection() as session:
                session.execute(VERIFY, given)
        except psycopg.IntegrityError as refusal:
            return str(refusal)
        return None

    with ThreadPoolExecutor(len(verdicts)) as pool:
        return list(pool.map(one, verdicts))


@pytest.mark.django_db
def test_conflict_names_the_other_certificate_its_area_and_place() -> None:
    first, second = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(90, 0)))
    verify(first)
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        verify(second)
    detail = refusal.value.__cause__.diag.message_detail  # type: ignore[union-attr]
    assert first.number in detail
    assert Parcel.objects.count() == 2
    assert json.loads(detail)["area_m2"] == pytest.approx(1000, rel=0.001)

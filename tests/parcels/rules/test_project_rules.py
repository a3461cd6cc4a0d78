"""Each rule on project areas: what it accepts and what it refuses, on one set-up."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.exclusions import take_in_exclusions
from parcels.claims.queries import days
from parcels.models import Claim, ExclusionArea
from parcels.rules.table import Stage, Subject
from portal.accounts.models import Party, PartyLink, PartyMember
from portal.base.clock import now, today
from tests.factories.land import parcel_at, square, title_on
from tests.parcels.claims.areas import (
    NEXT_PERIOD,
    PERIOD,
    claim_at,
    exclusion_at,
    somebody,
)
from tests.parcels.rules.asking import ask, found_by, held_by, levels, verified_land

pytestmark = pytest.mark.django_db
PROJECT = Subject.PROJECT
SAMPLES = settings.FIXTURES / "samples"


def person(name: str = "张三", kind: str = Party.Kind.PERSON) -> Party:
    """A holder; but for names alone, one whose identity was checked."""
    if kind == Party.Kind.NAME_ONLY:
        return Party.objects.create(kind=kind, name=name)
    return Party.objects.create(
        kind=kind,
        name=name,
        identity_key_id="k",
        identity_sealed=b"sealed",
        identity_digest=uuid.uuid4().bytes * 2,
        identity_prefix="654002",
        identity_last4="1234",
        checked_at=now(),
    )


@pytest.mark.parametrize(
    ("east_m", "expected"),
    [
        (0, []),
        (50, []),  # Across the border of the two titles.
        (100.005, [("sliver", "warning")]),
        (101, [("uncovered", "conflict")]),
        (500, [("uncovered", "conflict")]),
    ],
)
def test_a_project_is_covered_by_verified_titles(
    east_m: float, expected: list[tuple[str, str]]
) -> None:
    verified_land(square(0, 0), square(100, 0))
    outcome = ask(square(east_m, 0), PROJECT)
    assert levels("covered_by_titles", outcome) == expected
    if east_m == 101:
        assert found_by("covered_by_titles", outcome)["uncovered"].area_m2 == pytest.approx(
            100, rel=0.01
        )


def test_a_registered_title_or_another_right_covers_nothing() -> None:
    title_on(parcel_at(square(0, 0)))
    verified_land(square(0, 0), kind="land_ownership")
    assert levels("covered_by_titles", ask(square(0, 0), PROJECT)) == [("uncovered", "conflict")]


def test_uncovered_land_is_judged_part_by_part() -> None:
    verified_land(square(0, 0), square(100.02, 0, 99.98, 100))
    shape = MultiPolygon(square(0, 0, 200, 100)[0], square(300, 0, 10, 100)[0], srid=4490)
    found = found_by("covered_by_titles", ask(shape, PROJECT))
    assert found["sliver"].area_m2 == pytest.approx(2, rel=0.05)
    assert found["uncovered"].area_m2 == pytest.approx(1000, rel=0.02)


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        ("applicant", []),
        ("stranger", [("other_holder", "conflict")]),
        ("name", [("unknown_holder", "conflict")]),  # Linked before anything is determined.
        ("linked name", []),
        ("stranger's linked name", [("other_holder", "conflict")]),
        ("member", []),
        ("former member", [("other_holder", "conflict")]),
    ],
)
def test_titles_belong_to_the_applicant(holder: str, expected: list[tuple[str, str]]) -> None:
    applicant = person("伊林集体", Party.Kind.COLLECTIVE)
    stranger = person("李四")
    name = person("伊林集体", Party.Kind.NAME_ONLY)
    member = person("王五")
    checked = {"linked name": applicant, "stranger's linked name": stranger}.get(holder)
    if checked is not None:
        PartyLink.objects.create(
            name_only=name, checked=checked, evidence="营业执照", linked_by=somebody()
        )
    if "member" in holder:
        PartyMember.objects.create(
            collective=applicant,
            member=member,
            share_numerator=1,
            share_denominator=1,
        )
        if holder == "former member":
            PartyMember.objects.update(ended_at=now())
    holders = {"applicant": applicant, "stranger": stranger}
    party = holders.get(holder) or (member if "member" in holder else name)
    held_by(party, square(0, 0))
    outcome = ask(square(10, 10, 50), PROJECT, applicants=[applicant])
    assert levels("title_of_applicant", outcome) == expected


def test_every_co_owner_of_a_title_is_asked_for() -> None:
    one, other = person("甲"), person("乙")
    held_by(one, square(0, 0), other)
    shape = square(10, 10, 50)
    both = ask(shape, PROJECT, applicants=[one, other])
    alone = ask(shape, PROJECT, applicants=[one])
    assert levels("title_of_applicant", both) == []
    assert levels("title_of_applicant", alone) == [("other_holder", "conflict")]


def test_every_title_under_the_land_is_among_the_linked_ones() -> None:
    owner = person("甲")
    linked, other = held_by(owner, square(0, 0)), held_by(owner, square(100, 0))
    held_by(owner, square(200, 0))  # Only touched.
    both = square(0, 0, 200, 100)
    found = found_by("linked_titles", ask(both, PROJECT, certificates=[linked]))["unlinked"]
    assert (found.severity.value, found.other_number) == ("conflict", other.number)
    assert found.area_m2 == pytest.approx(10_000, rel=1e-2)
    assert levels("linked_titles", ask(both, PROJECT, certificates=[linked, other])) == []
    assert levels("linked_titles", ask(both, PROJECT)) == []  # Not asked while drawing.


def test_a_neighbours_title_that_is_only_touched_is_not_asked_for() -> None:
    one, other = person("甲"), person("乙")
    held_by(one, square(0, 0))
    held_by(other, square(100, 0))
    assert not levels(
        "title_of_applicant", ask(square(0, 0, 100.005, 100), PROJECT, applicants=[one])
    )


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (date(2025, 12, 31), []),
        (date(2025, 12, 30), [("ends_early", "conflict")]),
        (None, []),
    ],
)
def test_a_title_outlives_the_monitoring_period(
    term: date | None, expected: list[tuple[str, str]]
) -> None:
    verified_land(square(0, 0), term_ends_on=term)
    outcome = ask(square(0, 0), PROJECT, period=PERIOD)
    assert levels("title_outlives_period", outcome) == expected
    assert levels("title_outlives_period", ask(square(0, 0), PROJECT)) == []


@pytest.mark.parametrize(("days_left", "strikes"), [(0, False), (-1, True)])
def test_an_expired_title_beneath_a_project(days_left: int, strikes: bool) -> None:
    verified_land(square(0, 0), term_ends_on=today() + timedelta(days=days_left))
    expected = [("expired", "warning")] if strikes else []
    assert levels("title_expired", ask(square(0, 0), PROJECT)) == expected


@pytest.mark.parametrize(
    ("east_m", "period", "state", "expected"),
    [
        (50, PERIOD, "live", [("live", "conflict")]),
        (50, None, "live", [("live", "conflict")]),
        (50, NEXT_PERIOD, "live", []),
        (100, PERIOD, "live", []),
        (99.98, PERIOD, "live", [("sliver", "warning")]),
        (50, PERIOD, "pending", [("pending", "warning")]),
    ],
)
def test_overlap_with_a_claim_of_a_shared_period(
    east_m: float, period: DateRange | None, state: str, expected: list[tuple[str, str]]
) -> None:
    claim = claim_at(square(0, 0), state=state)
    outcome = ask(square(east_m, 0), PROJECT, stage=Stage.SUBMIT, period=period)
    assert levels("overlap_claim", outcome) == expected
    for level, found in found_by("overlap_claim", outcome).items():
        assert (found.other_kind, found.other, found.other_key) == (
            "claim", claim.number, str(claim.key),
        )  # fmt: skip
        if level == "pending":
            assert claim.number in found.message
            assert str(claim.submitted_at.year) in found.message


def test_an_ended_claim_is_no_longer_found() -> None:
    claim = claim_at(square(0, 0), state="live")
    Claim.objects.filter(pk=claim.pk).update(state="ended", ended_because="withdrawn")
    assert levels("overlap_claim", ask(square(0, 0), PROJECT)) == []


def test_of_two_pending_claims_only_the_later_is_held_up() -> None:
    earlier, later = claim_at(square(0, 0)), claim_at(square(50, 0))
    of_earlier = ask(square(0, 0), PROJECT, period=PERIOD, own_claim=earlier.pk)
    of_later = ask(square(50, 0), PROJECT, period=PERIOD, own_claim=later.pk)
    assert levels("overlap_claim", of_earlier) == [("pending_later", "info")]
    assert levels("overlap_claim", of_later) == [("pending", "conflict")]


@pytest.mark.parametrize("kind", ["ccer", "vcs", "other"])
@pytest.mark.parametrize(
    ("status", "period", "expected"),
    [
        ("registered", PERIOD, [("registered", "conflict")]),
        ("planned", PERIOD, [("planned", "conflict")]),
        ("registered", days(date(2010, 1, 1), date(2014, 12, 31)), [("registered", "conflict")]),
        ("ended", PERIOD, [("ended_in_period", "conflict")]),
        ("ended", days(date(2010, 1, 1), date(2014, 12, 31)), [("ended", "info")]),
        ("ended", None, [("ended_any_period", "conflict")]),
    ],
)
def test_overlap_with_another_programme(
    kind: str, status: str, period: DateRange | None, expected: list[tuple[str, str]]
) -> None:
    exclusion_at(square(0, 0), kind=kind, status=status)
    assert levels("overlap_exclusion", ask(square(50, 0), PROJECT, period=period)) == expected
    assert levels("overlap_exclusion", ask(square(100, 0), PROJECT, period=period)) == []
    assert levels("overlap_exclusion", ask(square(99.98, 0), PROJECT, period=period)) == [
        ("sliver", "warning")
    ]


def test_a_replaced_exclusion_area_is_no_longer_found() -> None:
    exclusion = exclusion_at(square(0, 0))
    ExclusionArea.objects.filter(pk=exclusion.pk).update(replaced_at="2026-01-01T00:00:00Z")
    assert levels("overlap_exclusion", ask(square(0, 0), PROJECT)) == []


@pytest.mark.parametrize(
    ("method", "period", "expected"),
    [
        ("clear_cut", PERIOD, [("clear_cut", "conflict")]),
        ("clear_cut", None, [("clear_cut", "conflict")]),
        ("clear_cut", NEXT_PERIOD, []),
        ("tending", PERIOD, []),
    ],
)
def test_a_harvest_planned_in_the_period_excludes_but_tending_does_not(
    method: str, period: DateRange | None, expected: list[tuple[str, str]]
) -> None:
    exclusion_at(
        square(0, 0),
        kind="harvest",
        method=method,
        begins_on=date(2025, 3, 1),
        ends_on=date(2025, 12, 31),
    )
    outcome = ask(square(50, 0), PROJECT, period=period)
    assert levels("harvest_in_period", outcome) == expected
    assert levels("overlap_exclusion", outcome) == []


def sample(name: str, number: str) -> MultiPolygon:
    take_in_exclusions(path=SAMPLES / name, actor=None)
    return ExclusionArea.objects.get(number=number).geom


@pytest.mark.parametrize(
    ("file", "number", "rule", "severity"),
    [
        ("其他机制项目.geojson", "CCER-14-001-2024-0137", "overlap_exclusion", "conflict"),
        ("其他机制项目.geojson", "VCS-4821", "overlap_exclusion", "conflict"),
        ("采伐规划.gpkg", "伊市采字〔2026〕011号", "harvest_in_period", "conflict"),
        ("采伐规划.gpkg", "伊市采字〔2026〕024号", "harvest_in_period", None),
    ],
)
def test_the_samples_exclude_as_their_readme_says(
    file: str, number: str, rule: str, severity: str | None
) -> None:
    shape: GEOSGeometry = sample(file, number).centroid.buffer(0.0003)
    period = days(date(2024, 1, 1), date(2026, 12, 31))
    outcome = ask(MultiPolygon(shape, srid=4490), PROJECT, period=period)
    told = [(found.severity.value, found.other) for found in outcome.findings if found.rule == rule]
    assert told == ([(severity, number)] if severity else [])


def test_stages_differ_in_severity_alone() -> None:
    claim_at(square(0, 0))
    severities = {
        stage: levels("overlap_claim", ask(square(50, 0), PROJECT, stage=stage))[0][1]
        for stage in Stage
    }
    assert [severities[stage] for stage in Stage] == [
        "warning", "warning", "conflict", "conflict", "warning",
    ]  # fmt: skip

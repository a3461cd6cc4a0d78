"""Each rule on titles: what it accepts and what it refuses, on one set-up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import shapely
from django.contrib.gis.geos import MultiPolygon

from parcels.models import RightKind, TitleCertificate
from parcels.rules.table import RULES, Stage, Subject
from portal.base.clock import today
from tests.factories.land import (
    METRE_LAT,
    METRE_LON,
    ORIGIN_LAT,
    ORIGIN_LON,
    parcel_at,
    square,
    title_on,
    verify,
)
from tests.parcels.claims.areas import exclusion_at
from tests.parcels.rules.asking import (
    ask,
    found_by,
    levels,
    parcel_in,
    verified_land,
    wkb_of,
)

pytestmark = pytest.mark.django_db
TITLE = Subject.TITLE
UNIT = "654002103023JE00000L00000001"


def polygon(*ring: tuple[float, float], holes: Any = ()) -> bytes:
    """Points in metres from the origin → a candidate's shape."""

    def place(points: Any) -> list[tuple[float, float]]:
        return [(ORIGIN_LON + x * METRE_LON, ORIGIN_LAT + y * METRE_LAT) for x, y in points]

    return wkb_of(shapely.Polygon(place(ring), [place(hole) for hole in holes]))


@pytest.mark.parametrize(
    ("ring", "level"),
    [
        (((0, 0), (100, 0), (100, 100), (0, 100), (0, 0)), None),
        (((0, 0), (100, 100), (100, 0), (0, 100), (0, 0)), "invalid"),
    ],
)
def test_valid_geometry_names_the_place_where_it_goes_wrong(ring: Any, level: str | None) -> None:
    outcome = ask(polygon(*ring), TITLE)
    found = found_by("valid_geometry", outcome)
    assert list(found) == ([level] if level else [])
    if level:
        place = shapely.from_wkb(found[level].shape)
        assert isinstance(place, shapely.Point)
        assert place.x == pytest.approx(ORIGIN_LON + 50 * METRE_LON, abs=1e-7)
        assert "边界线自相交" in found[level].message
        assert outcome.verdict == "conflict"


def test_an_empty_shape_is_no_shape_and_stops_no_other_candidate() -> None:
    outcome = ask(wkb_of(shapely.MultiPolygon()), TITLE)
    assert levels("valid_geometry", outcome) == [("empty", "conflict")]
    assert len(outcome.findings) == 1


@pytest.mark.parametrize(
    ("width_m", "count"),
    [(5.0, 0), (1.9, 0), (1.5, 1), (0.2, 1)],  # At 100 m, 1° is 1.75 m wide.
)
def test_sharp_angle_marks_the_corner_of_a_spike(width_m: float, count: int) -> None:
    shape = polygon((0, 0), (100, 0), (100, 50), (200, 50 + width_m / 2), (100, 50 + width_m),
                    (100, 100), (0, 100), (0, 0))  # fmt: skip
    found = found_by("sharp_angle", ask(shape, TITLE))
    assert bool(found) == bool(count)
    if count:
        [point] = shapely.get_parts(shapely.from_wkb(found["sharp"].shape))
        assert point.x == pytest.approx(ORIGIN_LON + 200 * METRE_LON, abs=1e-8)
        assert found["sharp"].facts["count"] == 1


def test_sharp_angle_sees_the_corner_where_a_ring_begins() -> None:
    shape = polygon((200, 50.1), (100, 50.2), (100, 100), (0, 100), (0, 0), (100, 0), (100, 50),
                    (200, 50.1))  # fmt: skip
    assert found_by("sharp_angle", ask(shape, TITLE))["sharp"].facts["count"] == 1


@pytest.mark.parametrize(("apart_m", "strikes"), [(0.02, False), (0.005, True)])
def test_close_vertices_are_told_with_their_distance(apart_m: float, strikes: bool) -> None:
    shape = polygon((0, 0), (100, 0), (100, 50), (100, 50 + apart_m), (100, 100), (0, 100), (0, 0))
    found = found_by("close_vertices", ask(shape, TITLE))
    assert bool(found) == strikes
    if strikes:
        assert found["close"].facts["metres"] == pytest.approx(apart_m, abs=3e-4)


@pytest.mark.parametrize(("side_m", "strikes"), [(1.1, False), (0.9, True)])
def test_tiny_holes_are_told(side_m: float, strikes: bool) -> None:
    hole = ((50, 50), (50, 50 + side_m), (50 + side_m, 50 + side_m), (50 + side_m, 50), (50, 50))
    shape = polygon((0, 0), (100, 0), (100, 100), (0, 100), (0, 0), holes=[hole])
    found = found_by("tiny_hole", ask(shape, TITLE))
    assert bool(found) == strikes
    if strikes:
        assert found["tiny"].area_m2 == pytest.approx(side_m**2, rel=0.01)


@pytest.mark.parametrize(("side_m", "strikes"), [(1.1, False), (0.9, True)])
def test_tiny_parts_are_told(side_m: float, strikes: bool) -> None:
    shape = MultiPolygon(square(0, 0)[0], square(300, 0, side_m)[0], srid=4490)
    assert bool(found_by("tiny_part", ask(shape, TITLE))) == strikes


@pytest.mark.parametrize(
    ("shape", "level"),
    [
        (square(0, 0), None),
        (square(500_000, 0), "outside"),
        (square(0, 0, 40_000), "partly_outside"),
    ],
)
def test_leaving_the_schematic_outline_of_the_city_is_a_warning_only(
    shape: MultiPolygon, level: str | None
) -> None:
    expected = [(level, "warning")] if level else []
    assert levels("within_city", ask(shape, TITLE)) == expected


@pytest.mark.parametrize(("side_m", "severity"), [(3.3, None), (3.0, "conflict")])
def test_minimum_area(side_m: float, severity: str | None) -> None:
    expected = [("small", severity)] if severity else []
    assert levels("minimum_area", ask(square(0, 0, side_m), TITLE)) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (1.0, []),
        (0.995, []),
        (1.03, [("note", "info")]),
        (0.96, [("note", "info")]),
        (1.06, [("reason", "warning")]),
        (0.5, [("reason", "warning")]),
        (15.0, [("looks_like_mu", "warning")]),
        (None, []),
    ],
)
def test_area_against_certificate(ratio: float | None, expected: list[tuple[str, str]]) -> None:
    certified = None if ratio is None else parcel_at(square(0, 5000)).versions.get().area_m2 * ratio
    outcome = ask(square(0, 0), TITLE, area_m2_certified=certified)
    assert levels("area_against_certificate", outcome) == expected


@pytest.mark.parametrize(
    ("days_left", "stage", "expected"),
    [
        (0, Stage.REVIEW, []),
        (-1, Stage.REVIEW, [("expired", "conflict")]),
        (-1, Stage.DRAW, [("expired", "warning")]),
        (None, Stage.REVIEW, []),
    ],
)
def test_an_expired_right(
    days_left: int | None, stage: Stage, expected: list[tuple[str, str]]
) -> None:
    term = None if days_left is None else today() + timedelta(days=days_left)
    assert levels("right_expired", ask(square(0, 0), TITLE, stage=stage, term_ends_on=term)) == (
        expected
    )


@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize(("own", "strikes"), [(False, True), (True, False)])
def test_a_unit_number_stands_on_one_parcel(verified: bool, own: bool, strikes: bool) -> None:
    parcel = parcel_at(square(500, 0), unit_number=UNIT)
    title = title_on(parcel)
    if verified:
        verify(title)
    outcome = ask(square(0, 0), TITLE, unit_key=UNIT, parcel_id=parcel.pk if own else None)
    level = ("unit_verified", "conflict") if verified else ("unit_registered", "warning")
    assert levels("duplicate_number", outcome) == ([level] if strikes else [])


@pytest.mark.parametrize("state", ["registered", "verified", "cancelled"])
@pytest.mark.parametrize("own", [False, True])
def test_a_certificates_number_stands_on_one_certificate_in_force(state: str, own: bool) -> None:
    title = title_on(parcel_at(square(500, 0)))
    if state == "verified":
        verify(title)
    elif state == "cancelled":
        TitleCertificate.objects.filter(pk=title.pk).update(state=state)
    outcome = ask(
        square(0, 0),
        TITLE,
        certificate_key=title.number_key,
        certificate_id=title.pk if own else None,
    )
    told = {"registered": "warning", "verified": "conflict"}
    expected = [] if own or state == "cancelled" else [(f"certificate_{state}", told[state])]
    assert levels("duplicate_number", outcome) == expected


@pytest.mark.parametrize(
    ("east_m", "level"),
    [(100, None), (99.98, "sliver"), (99, "real"), (0, "real")],
)
@pytest.mark.parametrize("verified", [False, True])
def test_overlap_with_another_title(east_m: float, level: str | None, verified: bool) -> None:
    if verified:
        verified_land(square(0, 0))
    else:
        title_on(parcel_at(square(0, 0)))
    outcome = ask(square(east_m, 0), TITLE, right_kinds=(RightKind.TREE_OWNERSHIP,))
    if level is None:
        assert outcome.findings == []
        return
    real = ("verified", "conflict") if verified else ("registered", "warning")
    expected = ("sliver", "warning") if level == "sliver" else real
    assert levels("overlap_title", outcome) == [expected]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (RightKind.TREE_OWNERSHIP, [("verified", "conflict")]),
        (RightKind.LAND_OWNERSHIP, [("other_right", "info")]),
    ],
)
def test_only_a_verified_title_of_the_same_right_is_a_conflict_for_the_bench(
    kind: str, expected: list[tuple[str, str]]
) -> None:
    verified_land(square(0, 0), kind=kind)
    outcome = ask(square(50, 0), TITLE, right_kinds=(RightKind.TREE_OWNERSHIP,))
    assert levels("overlap_title", outcome) == expected


def test_a_parcel_is_not_compared_with_itself() -> None:
    parcel = parcel_at(square(0, 0))
    assert ask(square(0, 0), TITLE, parcel_id=parcel.pk).findings == []
    assert levels("overlap_title", ask(square(0, 0), TITLE)) == [("registered", "warning")]


@pytest.mark.parametrize(
    ("state", "kind", "expected"),
    [
        ("verified", RightKind.TREE_OWNERSHIP, [("verified", "conflict")]),
        ("registered", RightKind.TREE_OWNERSHIP, [("registered", "warning")]),
        ("verified", RightKind.LAND_USE, []),
        ("cancelled", RightKind.TREE_OWNERSHIP, []),
    ],
)
def test_another_certificate_of_the_same_right_on_the_very_parcel_is_told(
    state: str, kind: str, expected: list[tuple[str, str]]
) -> None:
    parcel = parcel_at(square(0, 0))
    title = title_on(parcel, kind=kind)
    if state == "verified":
        verify(title)
    if state == "cancelled":
        TitleCertificate.objects.filter(pk=title.pk).update(state=state)
    own = title_on(parcel, kind=RightKind.TREE_OWNERSHIP)
    outcome = ask(
        square(0, 0), TITLE, parcel_id=parcel.pk, certificate_id=own.pk,
        right_kinds=(RightKind.TREE_OWNERSHIP,),
    )  # fmt: skip
    assert levels("rival_title", outcome) == expected
    if expected:
        [found] = found_by("rival_title", outcome).values()
        assert found.other == title.number
        assert found.area_m2 == pytest.approx(10_000, rel=0.01)


def test_parts_of_one_overlap_are_judged_one_by_one() -> None:
    """A sliver and a conflict with the same neighbour: both are told, each with its own shape."""
    teeth = square(0, 0).union(square(99, 10, 2, 2)).union(square(99, 50, 1.01, 40))
    parcel_at(MultiPolygon(teeth, srid=4490))
    found = found_by("overlap_title", ask(square(100, 0), TITLE))
    assert set(found) == {"registered", "sliver"}
    assert found["registered"].area_m2 == pytest.approx(2, rel=0.02)
    assert found["sliver"].area_m2 == pytest.approx(0.4, rel=0.05)
    assert found["sliver"].mean_width_m == pytest.approx(0.01, rel=0.1)


def test_the_other_side_is_called_by_unit_number_else_by_certificate() -> None:
    parcel_at(square(0, 0), unit_number=UNIT)
    title = title_on(parcel_at(square(0, 500)))
    bare = parcel_at(square(0, 1000))
    others = [ask(square(50, north), TITLE).findings[0].other for north in (0, 500, 1000)]
    assert others == [UNIT, title.number, str(bare.key)]


@pytest.mark.parametrize(
    ("east_m", "compartment", "strikes"),
    [
        (100, "0047", False),  # Touching.
        (100.3, "0047", True),  # A lane of 30 cm.
        (100.3, "0048", False),  # Another compartment.
        (101.5, "0047", False),  # Wider than title.gap_width_m.
        (99, "0047", False),  # Overlapping is another rule's matter.
    ],
)
def test_a_gap_between_neighbours_of_one_compartment(
    east_m: float, compartment: str, strikes: bool
) -> None:
    parcel_in(compartment, square(0, 0))
    outcome = ask(square(east_m, 0), TITLE, compartment="654002654002100/0047")
    found = found_by("gap", outcome)
    assert bool(found) == strikes
    if strikes:
        assert found["gap"].mean_width_m == pytest.approx(0.3, rel=0.05)
        assert found["gap"].area_m2 == pytest.approx(30, rel=0.05)


def test_a_gap_filled_by_a_third_parcel_is_none() -> None:
    parcel_in("0047", square(0, 0))
    parcel_in("0047", square(100, 0, 0.3, 100))
    assert not found_by("gap", ask(square(100.3, 0), TITLE, compartment="654002654002100/0047"))


def test_corners_of_a_mosaic_are_no_gaps() -> None:
    parcel_in("0047", square(0, 0))
    parcel_in("0047", square(0, 100))
    shape = polygon((100, 0), (160, 60), (100, 100), (100, 0))
    assert not found_by("gap", ask(shape, TITLE, compartment="654002654002100/0047"))


def test_a_certificates_area_is_compared_with_all_of_its_parcels() -> None:
    from parcels.rules.operations import check_certificate

    title = title_on(parcel_at(square(0, 0)), parcel_at(square(500, 0)))
    TitleCertificate.objects.filter(pk=title.pk).update(area_m2_certified=20_000)
    title.refresh_from_db()
    run = check_certificate(certificate=title, stage=Stage.REVIEW, actor=None)
    assert not run.findings.filter(rule="area_against_certificate").exists()
    assert len(run.candidates) == 2


def test_every_rule_has_its_file_and_every_file_its_rule() -> None:
    from parcels.rules.engine import SQL_FOLDER

    assert {path.stem for path in SQL_FOLDER.glob("*.sql")} == set(RULES)
    for rule in RULES.values():
        assert all(len(level.stages) == len(Stage) for level in rule.levels.values())


def test_policy_values_are_read_at_each_run() -> None:
    from decimal import Decimal

    from portal.base.policy import set_policy
    from tests.parcels.claims.areas import somebody

    assert not found_by("minimum_area", ask(square(0, 0), TITLE))
    set_policy(code="title.min_area_m2", value=Decimal(20_000), reason="试验", actor=somebody())
    outcome = ask(square(0, 0), TITLE)
    assert found_by("minimum_area", outcome)
    assert outcome.policy_values["title.min_area_m2"] == 20_000


@pytest.mark.parametrize(
    ("facts", "rule", "expected"),
    [
        ({"kind": "ccer", "status": "registered"}, "overlap_exclusion", ("registered", "warning")),
        ({"kind": "vcs", "status": "planned"}, "overlap_exclusion", ("planned", "warning")),
        ({"kind": "other", "status": "ended"}, "overlap_exclusion", ("ended_any_period", "info")),
        ({"kind": "harvest", "method": "clear_cut", "status": "planned"}, "harvest_in_period",
         ("clear_cut", "warning")),
        ({"kind": "harvest", "method": "clear_cut", "status": "ended"}, "harvest_in_period",
         ("ended", "info")),
        ({"kind": "harvest", "method": "tending", "status": "planned"}, "harvest_in_period", None),
    ],
)  # fmt: skip
def test_another_programme_or_a_harvest_on_its_land_is_told_of_a_title_and_refuses_it_not(
    facts: dict[str, Any], rule: str, expected: tuple[str, str] | None
) -> None:
    exclusion_at(square(0, 0), **facts)
    for stage in (Stage.SUBMIT, Stage.REVIEW):
        found = levels(rule, ask(square(50, 0), Subject.TITLE, stage=stage))
        assert found == ([] if expected is None else [expected])
    for stage in (Stage.DRAW, Stage.SCREEN):  # Asked as projects there.
        assert levels(rule, ask(square(50, 0), Subject.TITLE, stage=stage)) == []

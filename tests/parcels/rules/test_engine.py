"""One engine: the same answer for one shape and for many, and the same as shapely's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapely
from django.contrib.gis.geos import MultiPolygon
from django.db import connection

from parcels.rules.engine import FEW, Candidate, Found, run_rules
from parcels.rules.table import Severity, Stage, Subject
from tests.factories.land import METRE_LAT, METRE_LON, ORIGIN_LAT, ORIGIN_LON, parcel_at, square
from tests.parcels.claims.areas import PERIOD, claim_at, exclusion_at
from tests.parcels.claims.race import conflict_area_m2, in_plane
from tests.parcels.rules.asking import verified_land

pytestmark = pytest.mark.django_db


def star(dice: random.Random, east_m: float, north_m: float) -> MultiPolygon:
    """A star-shaped polygon of 12 corners, 20 to 60 m from its middle."""
    import math

    corners = []
    for step in range(12):
        far, turn = dice.uniform(20, 60), step * math.pi / 6
        corners.append(
            (
                ORIGIN_LON + (east_m + far * math.cos(turn)) * METRE_LON,
                ORIGIN_LAT + (north_m + far * math.sin(turn)) * METRE_LAT,
            )
        )
    shape = shapely.MultiPolygon([shapely.Polygon(corners)])
    made = MultiPolygon.from_ewkt(f"SRID=4490;{shape.wkt}")
    assert isinstance(made, MultiPolygon)
    return made


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overlaps_agree_with_shapely_pair_by_pair(seed: int) -> None:
    dice = random.Random(seed)
    registered = {
        str(parcel_at(shape).key): shape
        for shape in (star(dice, dice.uniform(0, 400), dice.uniform(0, 400)) for _ in range(30))
    }
    shapes = [star(dice, dice.uniform(0, 400), dice.uniform(0, 400)) for _ in range(30)]
    outcome = run_rules(
        stage=Stage.SCREEN,
        subject=Subject.TITLE,
        candidates=[
            Candidate(ref=str(at), wkb=bytes(shape.wkb)) for at, shape in enumerate(shapes)
        ],
    )
    told = {
        (found.candidate, found.other): found.area_m2
        for found in outcome.findings
        if found.rule == "overlap_title" and found.severity is Severity.CONFLICT
    }
    expected = {
        (at, key): area
        for at, shape in enumerate(shapes)
        for key, other in registered.items()
        if (area := conflict_area_m2(shape, other)) > 0
    }
    assert told.keys() == expected.keys()
    assert len(told) > 20
    for pair, area in expected.items():
        assert told[pair] == pytest.approx(area, rel=1e-3)


def test_one_and_many_get_the_same_answer() -> None:
    verified_land(square(0, 0), square(100, 0))
    claim_at(square(30, 0), state="live")
    exclusion_at(square(60, 30))
    exclusion_at(square(0, 60), kind="harvest", method="clear_cut")
    candidates = [
        Candidate(ref=str(at), wkb=bytes(square(15 * at - 100, 3 * at).wkb)) for at in range(20)
    ]
    assert len(candidates) > FEW
    for subject in Subject:
        many = run_rules(stage=Stage.REVIEW, subject=subject, candidates=candidates, period=PERIOD)
        one_by_one = [
            run_rules(stage=Stage.REVIEW, subject=subject, candidates=[one], period=PERIOD)
            for one in candidates
        ]
        for mine, alone in zip(many.by_candidate(20), one_by_one, strict=True):
            assert [(f.rule, f.level, f.area_m2, f.other) for f in sorted(mine, key=repr)] == [
                (f.rule, f.level, f.area_m2, f.other)
                for f in sorted([_as_candidate(found, mine) for found in alone.findings], key=repr)
            ]


def _as_candidate(found: Found, others: Sequence[Found]) -> Found:
    return replace(found, candidate=others[0].candidate)


def test_a_run_writes_nothing_and_leaves_no_setting_behind() -> None:
    with connection.cursor() as cursor:
        run_rules(
            stage=Stage.DRAW,
            subject=Subject.PROJECT,
            candidates=[Candidate(ref="it", wkb=bytes(square(0, 0).wkb))],
        )
        cursor.execute("SELECT count(*) FROM parcels_rulerun")
        assert cursor.fetchone() == (0,)


def test_no_candidates_no_findings() -> None:
    outcome = run_rules(stage=Stage.DRAW, subject=Subject.TITLE, candidates=[])
    assert (outcome.findings, outcome.verdict) == ([], "clear")


def test_a_live_check_is_one_statement_that_is_planned_once() -> None:
    parcel_at(square(0, 0))
    for east_m in (50, 60, 70):
        run_rules(
            stage=Stage.DRAW,
            subject=Subject.TITLE,
            candidates=[Candidate(ref="it", wkb=bytes(square(east_m, 0).wkb))],
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(custom_plans) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT generic_plans >= 3 FROM pg_prepared_statements "
            "WHERE statement LIKE '%%overlap_title%%' ORDER BY generic_plans DESC LIMIT 1"
        )
        assert cursor.fetchone() == (True,)


def test_shapes_of_findings_lie_where_both_lie() -> None:
    parcel_at(square(0, 0))
    outcome = run_rules(
        stage=Stage.DRAW,
        subject=Subject.TITLE,
        candidates=[Candidate(ref="it", wkb=bytes(square(60, 0).wkb))],
    )
    [found] = outcome.findings
    assert found.shape is not None
    shared = shapely.intersection(in_plane(square(0, 0)), in_plane(square(60, 0)))
    made = MultiPolygon.from_ewkt(shapely.from_wkb(found.shape).wkt)
    made.srid = 4490
    assert shapely.symmetric_difference(in_plane(made), shared).area < 0.01  # type: ignore[arg-type]

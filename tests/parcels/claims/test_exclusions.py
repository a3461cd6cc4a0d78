"""Exclusion areas: written once, moved by a table, taken in from the files that bureaus bring."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.gis.geos import MultiPolygon
from django.db import connection
from django.db.utils import ProgrammingError

from parcels.claims.errors import (
    ExclusionIncomplete,
    ExclusionMoveNotAllowed,
    ExclusionReplaced,
)
from parcels.claims.exclusions import (
    ExclusionFacts,
    move_exclusion,
    register_exclusion,
    replace_exclusion,
    take_in_exclusions,
)
from parcels.errors import ShapeInvalid
from parcels.models import ExclusionArea
from portal.base.errors import PortalError
from tests.base.sessions import refused_by
from tests.factories.land import square
from tests.parcels.claims.areas import exclusion_at, somebody

pytestmark = pytest.mark.django_db
Kind, Status, Method = ExclusionArea.Kind, ExclusionArea.Status, ExclusionArea.Method
SAMPLES = settings.FIXTURES / "samples"
CCER = ExclusionFacts(
    kind=Kind.CCER, status=Status.PLANNED, number="CCER-1", begins_on=date(2022, 1, 1)
)


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (CCER, None),
        (replace(CCER, number=" "), ExclusionIncomplete),
        (replace(CCER, method="tending"), ExclusionIncomplete),
        (replace(CCER, kind=Kind.HARVEST), ExclusionIncomplete),
        (replace(CCER, kind=Kind.HARVEST, method="tending"), None),
    ],
)
def test_a_harvest_alone_has_a_method_and_all_have_a_number(
    facts: ExclusionFacts, refusal: type[PortalError] | None
) -> None:
    with pytest.raises(refusal) if refusal else nullcontext():
        register_exclusion(facts=facts, geom=square(0, 0), actor=somebody())


def test_an_invalid_shape_is_refused() -> None:
    bow = MultiPolygon.from_ewkt(
        "SRID=4490;MULTIPOLYGON(((81 43, 81.1 43.1, 81.1 43, 81 43.1, 81 43)))"
    )
    with pytest.raises(ShapeInvalid):
        register_exclusion(facts=CCER, geom=bow, actor=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "wanted", "allowed"),
    [
        (Status.PLANNED, Status.REGISTERED, True),
        (Status.PLANNED, Status.ENDED, True),
        (Status.REGISTERED, Status.ENDED, True),
        (Status.REGISTERED, Status.PLANNED, False),
        (Status.ENDED, Status.REGISTERED, False),
        (Status.ENDED, Status.ENDED, False),
    ],
)
def test_status_moves_by_the_table(
    now: ExclusionArea.Status, wanted: ExclusionArea.Status, allowed: bool
) -> None:
    exclusion = exclusion_at(square(0, 0), status=now)
    with nullcontext() if allowed else pytest.raises(ExclusionMoveNotAllowed):
        move_exclusion(exclusion=exclusion, status=wanted, actor=somebody())


def test_a_corrected_boundary_replaces_the_row_and_the_former_stays_readable() -> None:
    former = exclusion_at(square(0, 0))
    newer = replace_exclusion(exclusion=former, facts=CCER, geom=square(10, 0), actor=somebody())
    assert list(ExclusionArea.objects.standing()) == [newer]
    former.refresh_from_db()
    assert former.geom.equals_exact(square(0, 0))
    with pytest.raises(ExclusionReplaced):
        move_exclusion(exclusion=former, status=Status.ENDED, actor=somebody())
    with refused_by("nothing_is_rewritten"):
        ExclusionArea.objects.filter(pk=former.pk).update(replaced_at=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcels_exclusionarea SET geom = geom",
        "UPDATE parcels_exclusionarea SET period = '[2000-01-01,2001-01-01)'",
        "UPDATE parcels_exclusionarea SET kind = 'vcs'",
        "DELETE FROM parcels_exclusionarea",
        "TRUNCATE parcels_exclusionarea",
    ],
)
def test_application_may_not(statement: str) -> None:
    exclusion_at(square(0, 0))
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission"):
        cursor.execute(statement)


def test_projects_of_other_programmes_are_taken_in_once() -> None:
    path: Path = SAMPLES / "其他机制项目.geojson"
    first = take_in_exclusions(path=path, actor=None)
    assert (first.read, first.registered, first.rejected) == (2, 2, [])
    again = take_in_exclusions(path=path, actor=None)
    assert (again.registered, again.unchanged) == (0, 2)
    ccer = ExclusionArea.objects.get(kind="ccer")
    assert (ccer.number, ccer.status) == ("CCER-14-001-2024-0137", "registered")
    assert (ccer.period.lower, ccer.period.upper) == (date(2022, 1, 1), date(2042, 1, 1))
    assert ExclusionArea.objects.get(kind="vcs").number == "VCS-4821"


def test_harvest_plans_are_told_apart() -> None:
    outcome = take_in_exclusions(path=SAMPLES / "采伐规划.gpkg", actor=None)
    assert outcome.registered == 2
    assert dict(ExclusionArea.objects.values_list("number", "method")) == {
        "伊市采字〔2026〕011号": "clear_cut",
        "伊市采字〔2026〕024号": "tending",
    }


def test_rows_without_a_number_or_a_first_day_are_rejected_one_by_one(tmp_path: Path) -> None:
    def feature(east: int, **properties: str) -> str:
        shape = square(east, 0).geojson
        text = ", ".join(f'"{name}": "{value}"' for name, value in properties.items())
        return f'{{"type": "Feature", "geometry": {shape}, "properties": {{{text}}}}}'

    rows = [
        feature(0, programme="GS", project_no="GS-1", start="2020-01-01", end="2030-12-31"),
        feature(200, programme="GS", project_no="", start="2020-01-01", end=""),
        feature(400, programme="GS", project_no="GS-3", start="soon", end=""),
        feature(600, programme="GS", project_no="GS-4", start="2020-01-01", end="2019-01-01"),
        feature(800, programme="GS", project_no="GS-5", start="2020/01/01", end=""),
    ]
    path = tmp_path / "projects.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [' + ", ".join(rows) + "]}", encoding="utf-8"
    )
    outcome = take_in_exclusions(path=path, actor=None)
    assert (outcome.read, outcome.registered) == (5, 2)
    assert [row for row, _code, _words in outcome.rejected] == [2, 3, 4]
    assert set(ExclusionArea.objects.values_list("kind", flat=True)) == {"other"}

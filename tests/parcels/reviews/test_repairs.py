"""Repairs are exact: the border taken over is the neighbour's, and nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from parcels.reviews.errors import CutDoesNotCross, PartsDoNotTouch, RepairChangesNothing
from parcels.reviews.repairs import clip, cut_along, degrees, joined, plane, simplify, snap
from parcels.reviews.shapes import as_shapely
from tests.factories.land import square


def land(*place: float) -> Any:
    return as_shapely(square(*place))


PLOT, STRIP, SLIVER, GAP = (
    land(0, 0),
    land(97, 0, 100, 60),
    land(99.96, 60, 100, 40),
    land(0, 100.3),
)


@pytest.mark.parametrize(
    ("metres", "strip_m2", "sliver_m2"), [(0.5, 180, 0), (4, 0, 0)], ids=["narrow", "wide"]
)
def test_snapping_gives_narrow_overlaps_up_and_fills_narrow_gaps(
    metres: float, strip_m2: float, sliver_m2: float
) -> None:
    after = snap(PLOT, [STRIP, SLIVER, GAP], metres)
    assert after.is_valid
    assert plane(after).intersection(plane(STRIP)).area == pytest.approx(strip_m2, abs=0.1)
    assert plane(after).intersection(plane(SLIVER)).area == pytest.approx(sliver_m2, abs=0.001)
    assert plane(after).distance(plane(GAP)) < 1e-6
    theirs = {tuple(at) for one in (STRIP, SLIVER, GAP) for at in shapely.get_coordinates(one)}
    assert theirs & {tuple(at) for at in shapely.get_coordinates(after)}


def test_clipping_gives_up_all_that_the_neighbour_has() -> None:
    assert plane(clip(PLOT, [STRIP, SLIVER])).area == pytest.approx(9998.4 - 181.6, abs=1)


def test_simplifying_keeps_the_vertices_that_stay_to_the_last_digit() -> None:
    ring = list(PLOT.geoms[0].exterior.coords)
    middle = ((ring[0][0] + ring[1][0]) / 2, ring[0][1] + 1e-8)
    crooked = shapely.MultiPolygon([shapely.Polygon([ring[0], middle, *ring[1:]])])
    after = simplify(crooked, 0.05)
    assert {tuple(at) for at in shapely.get_coordinates(after)} == set(ring)


@pytest.mark.parametrize("act", [lambda: snap(PLOT, [], 1), lambda: simplify(PLOT, 0.01),
                                 lambda: clip(PLOT, [land(500, 0)])])  # fmt: skip
def test_a_repair_that_changes_nothing_says_so(act: Any) -> None:
    with pytest.raises(RepairChangesNothing):
        act()


def line(*points: tuple[float, float]) -> Any:
    x, y = plane(PLOT).bounds[:2]
    return degrees(shapely.LineString([(x + east, y + north) for east, north in points]))


def test_a_line_that_crosses_cuts_and_nothing_of_the_area_is_lost() -> None:
    pieces = cut_along(PLOT, line((40, -5), (60, 120)))
    assert len(pieces) == 2
    assert sum(plane(piece).area for piece in pieces) == pytest.approx(plane(PLOT).area, abs=0.01)


@pytest.mark.parametrize("points", [((40, 10), (60, 50)), ((300, 0), (300, 200))])
def test_a_line_that_does_not_cross_is_refused(points: Any) -> None:
    with pytest.raises(CutDoesNotCross):
        cut_along(PLOT, line(*points))


def test_only_parcels_that_touch_are_merged() -> None:
    assert plane(joined([PLOT, land(100, 0)])).area == pytest.approx(19_997, abs=1)
    with pytest.raises(PartsDoNotTouch):
        joined([PLOT, land(100, 0), land(300, 0)])

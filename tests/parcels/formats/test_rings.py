"""Rings without names: which is land, which a hole."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from parcels.intake.formats.geojson import Fault
from parcels.intake.formats.order import Kind, are_of, east_first, usual, usual_bounds
from parcels.intake.formats.rings import Points, assemble, closed, loops


def box(x: float, y: float, side: float) -> Points:
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], dtype=float)


@given(st.integers(1, 7), st.permutations(range(7)))
def test_any_depth_in_any_order_alternates(depth: int, order: list[int]) -> None:
    rings = [closed(box(at, at, 20 - 2 * at)) for at in order if at < depth]
    found = assemble(rings)
    areas = [(20 - 2 * at) ** 2 for at in range(depth)]
    assert found.is_valid
    assert found.area == sum(areas[0::2]) - sum(areas[1::2])


def test_a_hole_may_touch_its_ring_at_a_point() -> None:
    hole = np.array([(0, 5), (4, 3), (4, 7)], dtype=float)
    found = assemble([closed(np.array([(0, 0), (10, 0), (10, 10), (0, 10), (0, 5)])), closed(hole)])
    assert (found.is_valid, shapely.get_num_interior_rings(found)) == (True, 1)


def test_parts_may_touch_at_a_corner() -> None:
    found = assemble([closed(box(0, 0, 5)), closed(box(5, 5, 5))])
    assert (found.is_valid, len(found.geoms)) == (True, 2)


@pytest.mark.parametrize(
    ("rings", "code"),
    [
        ([box(0, 0, 4), box(2, 2, 4)], "rings_cross"),
        ([box(0, 0, 4), box(0, 0, 4)], "rings_twice"),
        ([box(0, 0, 4), box(0, 0, 4)[[2, 3, 0, 1]]], "rings_twice"),
        ([], "geometry_empty"),
    ],
)
def test_rings_that_make_no_land(rings: list[Points], code: str) -> None:
    with pytest.raises(Fault) as fault:
        assemble([closed(ring) for ring in rings])
    assert fault.value.code == code


@pytest.mark.parametrize("points", [[], [(0, 0)], [(0, 0), (1, 1), (0, 0)], [(0, 0)] * 5])
def test_three_corners_make_a_ring(points: list[tuple[float, float]]) -> None:
    with pytest.raises(Fault) as fault:
        closed(np.array(points, dtype=float).reshape(-1, 2))
    assert fault.value.code == "too_few_points"


def test_loops_end_where_they_began() -> None:
    one, other = box(0, 0, 4), box(9, 9, 4)
    points = np.vstack([one, one[:1], other, other[:1]])
    assert loops(points) == [slice(0, 5), slice(5, 10)]
    assert loops(one) == [slice(0, 4)]


@given(
    st.floats(4.6e6, 5.0e6), st.floats(4e5, 6e5), st.sampled_from([0.0, 27e6, 14e6]), st.booleans()
)
def test_the_size_tells_northing_from_easting(
    north: float, east: float, zone: float, exchanged: bool
) -> None:
    given_pair = (east + zone, north) if exchanged else (north, east + zone)
    [found], [told] = east_first(np.array([given_pair]))
    assert tuple(found) == (east + zone, north)
    assert told == exchanged


def test_one_mistyped_number_does_not_decide() -> None:
    points = np.array([(517_500.0, 4_878_000.0), (517_600.0, 4_878_100.0), (51_750.0, 4_878_000.0)])
    assert usual(points) == (Kind.EASTING, Kind.NORTHING)
    assert are_of(points, usual(points)).tolist() == [True, True, False]
    assert usual_bounds(points) == (517_500.0, 4_878_000.0, 517_600.0, 4_878_100.0)

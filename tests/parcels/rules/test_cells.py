"""The grid by which others' land is told, and the quick union of what shares its borders."""

from __future__ import annotations

import pytest
import shapely

from parcels.rules import cells

SIDE = 0.001


def box(column: float, row: float, wide: float = 1, tall: float = 1) -> shapely.Geometry:
    west, south = 81.3 + column * SIDE, 43.9 + row * SIDE
    return shapely.box(west, south, west + wide * SIDE, south + tall * SIDE)


@pytest.mark.parametrize(
    "pieces",
    [
        [box(0, 0), box(1, 0), box(1, 1)],
        [box(0, 0, 2), box(0, 1), box(1, 1)],  # A corner in the middle of another's side.
        [box(0, 0), box(0.5, 0.5)],
        [box(0, 0), box(0, 0)],
        [box(0, 0, 3, 3), box(1, 1)],
        [box(0, 0), box(5, 5)],
        [shapely.difference(box(0, 0, 3, 3), box(1, 1)), box(1, 1)],
        [shapely.multipolygons([box(0, 0), box(4, 0)]), box(1, 0)],
    ],
    ids=["shared", "corner", "overlap", "twice", "within", "apart", "filled hole", "parts"],
)
def test_the_quick_union_is_the_union(pieces: list[shapely.Geometry]) -> None:
    quick, long = cells.united(pieces), shapely.union_all(pieces)
    assert shapely.is_valid(quick)
    assert shapely.equals(quick, long)


def test_a_cell_is_told_by_its_middle_alone() -> None:
    drawing = box(0, 0, 2, 2)
    found = cells.inside(drawing, 20)
    whole = cells.squares(found, 20)
    assert shapely.get_num_geometries(whole) == 1
    assert len(cells.inside(whole, 20)) == len(found)
    assert not len(cells.inside(box(0, 0, 0.001, 0.001), 20))


def test_a_larger_shape_is_told_by_cells_of_twice_the_width() -> None:
    assert cells.step_for(box(0, 0), 20) == 20
    city = shapely.box(81.0, 43.8, 81.5, 44.2)
    step_m = cells.step_for(city, 20)
    assert step_m in (160, 320, 640)
    assert 0 < len(cells.inside(city, step_m)) <= cells.MOST

"""Land to write: near the city, valid, with holes, parts, islands and touching corners."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from parcels.exports.writer import Feature

WEST, SOUTH = 81.30, 43.95
STEP = 0.001  # About 80 m by 111 m.


def box(x: float, y: float, width: float, height: float | None = None) -> Any:
    """A rectangle in steps from the corner of the land."""
    high = width if height is None else height
    return shapely.box(
        WEST + x * STEP, SOUTH + y * STEP, WEST + (x + width) * STEP, SOUTH + (y + high) * STEP
    )


def without(outer: Any, *holes: Any) -> Any:
    return Polygon(outer.exterior, [hole.exterior for hole in holes])


# One of each kind of difficulty.
WITH_HOLE = MultiPolygon([without(box(0, 0, 10), box(2, 2, 3), box(6, 6, 2))])
WITH_ISLAND = MultiPolygon([without(box(0, 0, 10), box(2, 2, 6)), box(4, 4, 2)])
PARTS = MultiPolygon([box(0, 0, 3), box(5, 5, 2), box(9, 0, 1)])
TOUCHING_PARTS = MultiPolygon([box(0, 0, 3), box(3, 3, 3)])
# A hole whose corner lies in the middle of an edge, where no plane keeps it exactly.
TOUCHING_HOLE = MultiPolygon(
    [without(box(0, 0, 10), Polygon([(WEST, SOUTH + 5 * STEP), (WEST + 4 * STEP, SOUTH + 3 * STEP),
                                     (WEST + 4 * STEP, SOUTH + 7 * STEP)]))]
)  # fmt: skip
THIN = MultiPolygon([box(0, 0, 20, 0.00005)])  # Five millimetres high.
KINDS = {
    "hole": WITH_HOLE, "island": WITH_ISLAND, "parts": PARTS, "touching parts": TOUCHING_PARTS,
    "touching hole": TOUCHING_HOLE, "thin": THIN,
}  # fmt: skip


@st.composite
def rings(draw: Any, x: float, y: float, radius: float) -> Any:
    """A star-shaped polygon around a point, all in steps."""
    corners = draw(st.integers(3, 12))
    turns = (np.arange(corners) + draw(st.floats(0, 1))) * 2 * np.pi / corners
    far = np.array(draw(st.lists(st.floats(0.4, 1), min_size=corners, max_size=corners)))
    return Polygon(
        np.column_stack(
            [WEST + (x + radius * far * np.cos(turns)) * STEP,
             SOUTH + (y + radius * far * np.sin(turns)) * STEP]
        )
    )  # fmt: skip


@st.composite
def lands(draw: Any) -> MultiPolygon:
    """Up to three parts beside one another, each perhaps with a hole and an island in it."""
    parts = []
    for at in range(draw(st.integers(1, 3))):
        x, y = 30.0 * at, draw(st.floats(0, 20))
        outer = draw(rings(x, y, 10))
        if draw(st.booleans()):
            # 0.4 · cos(π/3) of the radius lies inside even of a triangle; half of that is safe.
            hole = draw(rings(x, y, 1.9))
            parts.append(without(outer, hole))
            if draw(st.booleans()):
                parts.append(draw(rings(x, y, 0.3)))
        else:
            parts.append(outer)
    found = MultiPolygon(parts)
    return found if found.is_valid else MultiPolygon([box(0, 0, 5)])


TEXTS = st.text(
    st.characters(codec="gb18030", exclude_categories=("Cs", "Cc")), max_size=20
) | st.sampled_from(["=1+1", "+1", "-1", "@SUM(A1)", "'x", "a,b", "面", "，", "\t", "0045"])
VALUES = st.none() | TEXTS | st.integers(-(10**17), 10**17) | st.floats(-1e6, 1e6) | st.booleans()


@st.composite
def features(draw: Any) -> list[Feature]:
    """A few features with the same columns."""
    names = draw(
        st.lists(
            st.sampled_from(["权利人", "面积", "林班", "note", "B", "name", "地块号"]), unique=True
        )
    )
    return [
        Feature({name: draw(VALUES) for name in names}, shape)
        for shape in draw(st.lists(lands(), min_size=1, max_size=3))
    ]

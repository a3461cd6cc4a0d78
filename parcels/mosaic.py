"""A made-up mosaic of parcels for benchmarks: like the samples, neighbours share every vertex.

Cells of a jittered grid over the city; each border is a wavy line drawn once and used by the cells
on both sides. Some cells have a hole, some are cut in two parts by a lane. The same seed gives the
same land. Rows of the grid are made one by one, so a million parcels need little memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from parcels.intake.features import Batch, as_multipolygons

WEST, SOUTH, EAST, NORTH = 81.05, 43.80, 81.55, 44.20
POINTS_PER_BORDER = 18  # 72 vertices a parcel, the mean of the samples.
JITTER = 0.11  # Of a cell's side: corners, then the waves of a border.
WAVE = 0.05
BATCH_PARCELS = 2000
HOLE_SHARE, PARTS_SHARE = 0.03, 0.03
SPECIES = ("雪岭云杉", "杨树", "榆树", "沙枣", "白蜡", "桦木")
Floats = NDArray[np.float64]


def grid_of(count: int) -> tuple[int, int]:
    """(columns, rows) of nearly square cells, at least ``count`` of them."""
    aspect = (EAST - WEST) * math.cos(math.radians(44)) / (NORTH - SOUTH)
    columns = max(1, round(math.sqrt(count * aspect)))
    return columns, math.ceil(count / columns)


def corners(seed: int, row: int, columns: int) -> Floats:
    """The corners on grid line ``row`` in units of cells: (columns + 1, 2)."""
    made = np.random.default_rng([seed, 0, row])
    at = np.column_stack([np.arange(columns + 1), np.full(columns + 1, row)]).astype(np.float64)
    return at + made.uniform(-JITTER, JITTER, at.shape)


def borders(seed: int, kind: int, row: int, start: Floats, end: Floats) -> Floats:
    """Wavy lines from ``start`` to ``end``: (lines, POINTS_PER_BORDER + 1, 2), ends kept."""
    made = np.random.default_rng([seed, kind, row])
    share = np.linspace(0, 1, POINTS_PER_BORDER + 1)
    straight = start[:, None, :] + (end - start)[:, None, :] * share[None, :, None]
    aside = np.stack([-(end - start)[:, 1], (end - start)[:, 0]], axis=1)
    wave = np.zeros((len(start), len(share)))
    for harmonic in (1, 2, 3):
        height = made.uniform(-WAVE, WAVE, len(start)) / harmonic
        wave += height[:, None] * np.sin(np.pi * harmonic * share)[None, :]
    return straight + wave[:, :, None] * aside[:, None, :]


def cells(seed: int, row: int, columns: int) -> NDArray[np.object_]:
    """The polygons of one row, in units of cells."""
    below, above = corners(seed, row, columns), corners(seed, row + 1, columns)
    south = borders(seed, 1, row, below[:-1], below[1:])
    north = borders(seed, 1, row + 1, above[:-1], above[1:])
    sides = borders(seed, 2, row, below, above)
    west, east = sides[:-1], sides[1:]
    rings = np.concatenate(
        [south[:, :-1], east[:, :-1], north[:, :0:-1], west[:, ::-1]], axis=1
    )  # Anticlockwise, closed by the last point of ``west`` reversed.
    made = np.random.default_rng([seed, 3, row])
    draw = made.uniform(size=columns)
    shapes: NDArray[np.object_] = np.asarray(shapely.polygons(rings), dtype=object)
    for at in np.flatnonzero(draw < HOLE_SHARE):
        shapes[at] = shapely.polygons(rings[at], [hole_in(rings[at])])
    for at in np.flatnonzero(draw > 1 - PARTS_SHARE):
        shapes[at] = in_two_parts(south[at], east[at], north[at], west[at])
    return shapes


def hole_in(ring: Floats) -> Floats:
    """A clearing of eight corners around the middle."""
    middle = ring[:-1].mean(axis=0)
    turn = -np.linspace(0, 2 * np.pi, 9)
    hole: Floats = middle + 0.12 * np.column_stack([np.cos(turn), np.sin(turn)])
    hole[-1] = hole[0]
    return hole


def in_two_parts(south: Floats, east: Floats, north: Floats, west: Floats) -> shapely.MultiPolygon:
    """The cell without the lane between two neighbouring points of its sides."""
    cut = POINTS_PER_BORDER // 2
    lower = np.concatenate([south[:-1], east[: cut + 1], west[cut::-1]])
    upper = np.concatenate(
        [east[cut + 1 : -1], north[::-1], west[-2:cut:-1], east[cut + 1 : cut + 2]]
    )
    return shapely.MultiPolygon([shapely.Polygon(lower), shapely.Polygon(upper)])


def mosaic(*, count: int, seed: int) -> Iterator[Batch]:
    """``count`` parcels in EPSG:4490 as batches of whole grid rows, with one-map columns."""
    columns, rows = grid_of(count)
    step = np.array([(EAST - WEST) / columns, (NORTH - SOUTH) / rows])
    rows_a_batch = max(1, BATCH_PARCELS // columns)
    done = 0
    for first in range(0, rows, rows_a_batch):
        lines = range(first, min(first + rows_a_batch, rows))
        shapes = np.concatenate([cells(seed, row, columns) for row in lines])[: count - done]
        placed = shapely.transform(shapes, lambda points: points * step + (WEST, SOUTH))
        numbers = np.arange(done, done + len(placed))
        area_ha = shapely.area(placed) * 111_132 * 111_320 * math.cos(math.radians(44)) / 10_000
        yield Batch(
            rows=[int(number) + 1 for number in numbers],
            columns=columns_of(numbers, area_ha),
            wkb=as_multipolygons(placed),
            warnings=[],
            rejects=[],
            total=count,
        )
        done += len(placed)


def columns_of(numbers: NDArray[np.int64], area_ha: Floats) -> dict[str, list[str | float]]:
    """Attributes under their national field names; every number occurs once."""
    township = [f"{101 + number % 8}" for number in numbers]
    return {
        "XIAN": ["654002"] * len(numbers),
        "XIANG": list(township),
        "CUN": [f"{number // 8 % 40 + 1:03d}" for number in numbers],
        "LIN_BAN": [f"{number // 400:04d}" for number in numbers],
        "XIAO_BAN": [f"{number + 1:07d}" for number in numbers],
        "MIAN_JI": [round(float(area), 4) for area in area_ha],
        "YOU_SHI_SZ": [SPECIES[number % len(SPECIES)] for number in numbers],
        "LQ_QLR": [f"测试权利人{number // 5}" for number in numbers],
        "ZQ_HAO": [f"伊市林证字（2026）第{number + 1:08d}号" for number in numbers],
        "BDCDYH": [
            f"654002{code}900JE{number % 100_000:05d}L{number // 100_000 + 1:08d}"
            for code, number in zip(township, numbers, strict=True)
        ],
    }

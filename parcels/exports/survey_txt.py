"""报备坐标, as bureaus want it back: GBK, CRLF, northing before easting, the zone in the easting.

Plots are described by the properties 地块编号, 地块名称, 图幅号, 地块用途 and 地类编码, and by
nothing else; the area is that of the written numbers on their plane, in hectares.
"""

from __future__ import annotations

import re
from pathlib import Path

import shapely

from parcels.exports.features import (
    DECIMALS_M,
    Feature,
    Job,
    Plain,
    Written,
    boundary_rings,
    columns_of,
    plain,
)
from parcels.intake.formats.rings import Points, assemble, closed

FIELDS = ("地块编号", "地块名称", "图幅号", "地块用途", "地类编码")
# EPSG → degrees between meridians, number of the zone.
ZONES = {4515: (3, 27), 4536: (3, 27), 4492: (6, 14), 4503: (6, 14)}
HECTARE_M2 = 10_000
_SEPARATORS = str.maketrans({",": "，", "@": "＠", "=": "＝"})


def write(path: Path, job: Job) -> Written:
    """One file of all features, a plot each."""
    plots: list[str] = []
    most_decimals = DECIMALS_M[0]
    for row, feature in enumerate(job.features, start=1):
        rings, decimals = boundary_rings(feature, row, job.crs_epsg)
        plots.extend(plot_lines(feature, row, rings, decimals))
        most_decimals = max(most_decimals, decimals)
    lines = [*header_lines(job, most_decimals), *plots]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(job.encoding))
    return Written(left_out=tuple(name for name in columns_of(job.features) if name not in FIELDS))


def header_lines(job: Job, decimals: int) -> list[str]:
    degrees, zone = ZONES[job.crs_epsg]
    made_on = job.maker.made_on.isoformat() if job.maker.made_on else ""
    return [
        "[属性描述]",
        "格式版本号=1.01版本",
        f"数据产生单位={field_text(job.maker.unit)}",
        f"数据产生日期={made_on}",
        "坐标系=2000国家大地坐标系",
        f"几度分带={degrees}",
        "投影类型=高斯克吕格",
        "计量单位=米",
        f"带号={zone}",
        f"精度={10**-decimals:.{decimals}f}",
        "转换参数=0,0,0,0,0,0,0",
        "[地块坐标]",
    ]


def plot_lines(feature: Feature, row: int, rings: list[Points], decimals: int) -> list[str]:
    """The plot's line and its points; each ring ends with its first point, which counts."""
    values = {name: field_text(plain(feature.properties.get(name))) for name in FIELDS}
    count = sum(len(ring) + 1 for ring in rings)
    area_ha = shapely.area(assemble([closed(ring) for ring in rings])) / HECTARE_M2
    lines = [
        f"{count},{area_ha:.4f},{values['地块编号'] or row},{values['地块名称']},面,"
        f"{values['图幅号']},{values['地块用途']},{values['地类编码']},@"
    ]
    first = 1
    for number, ring in enumerate(rings, start=1):
        names = [f"J{first + at}" for at in range(len(ring))]
        for name, (easting, northing) in zip(
            [*names, names[0]], [*ring.tolist(), ring[0].tolist()], strict=True
        ):
            lines.append(f"{name},{number},{northing:.{decimals}f},{easting:.{decimals}f}")
        first += len(ring)
    return lines


def field_text(value: Plain) -> str:
    """One field on its line; separators of the format become their full-width forms."""
    text = "" if value is None else str(value)
    return re.sub(r"\s+", " ", text).strip().translate(_SEPARATORS)

"""KML for phone maps and earth viewers. It knows WGS 84 only: CGCS2000 is centimetres away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import shapely

from parcels.exports.features import Feature, Job, Plain, Written, clean, plain

# The property under which a placemark is shown, best first.
NAMES = ("name", "地块名称", "名称", "地块编号", "地块号")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">'


def write(path: Path, job: Job) -> Written:
    """One folder of placemarks; all properties as extended data."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(f"{HEAD}\n<Document><Folder><name>{escape(job.layer)}</name>\n")
        for row, feature in enumerate(job.features, start=1):
            out.writelines(placemark(feature, row))
        out.write("</Folder></Document></kml>\n")
    return Written()


def placemark(feature: Feature, row: int) -> Iterator[str]:
    values = {clean(name): plain(value) for name, value in feature.properties.items()}
    shown = next((name for name in NAMES if text_of(values.get(name))), None)
    yield f"<Placemark><name>{escape(text_of(values[shown]) if shown else str(row))}</name>"
    yield "<ExtendedData>"
    for name, value in values.items():
        if value is not None and name != "name":
            yield f"<Data name={quoteattr(name)}><value>{escape(text_of(value))}</value></Data>"
    yield "</ExtendedData><MultiGeometry>"
    for part in shapely.orient_polygons(feature.shape).geoms:
        yield f"<Polygon><outerBoundaryIs>{ring(part.exterior)}</outerBoundaryIs>"
        for hole in part.interiors:
            yield f"<innerBoundaryIs>{ring(hole)}</innerBoundaryIs>"
        yield "</Polygon>"
    yield "</MultiGeometry></Placemark>\n"


def ring(line: Any) -> str:
    places = " ".join(f"{lon!r},{lat!r}" for lon, lat in shapely.get_coordinates(line).tolist())
    return f"<LinearRing><coordinates>{places}</coordinates></LinearRing>"


def text_of(value: Plain) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "" if value is None else str(value).strip()

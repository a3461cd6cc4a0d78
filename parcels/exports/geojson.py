"""GeoJSON with every digit, and its system named: who ignores ``crs`` is centimetres off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely

from parcels.exports.features import Job, Written, clean, plain


def write(path: Path, job: Job) -> Written:
    """One feature a line, so that two files can be compared."""
    head = {
        "type": "FeatureCollection",
        "name": job.layer,
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{job.crs_epsg}"}},
    }
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(dumped(head)[:-1] + ', "features": [\n')
        for at, feature in enumerate(job.features):
            out.write(",\n" if at else "")
            out.write(
                dumped(
                    {
                        "type": "Feature",
                        "properties": {
                            clean(name): plain(value) for name, value in feature.properties.items()
                        },
                        "geometry": {
                            "type": "MultiPolygon",
                            "coordinates": [
                                [
                                    shapely.get_coordinates(ring).tolist()
                                    for ring in (part.exterior, *part.interiors)
                                ]
                                # RFC 7946, 3.1.6: outer rings run counter-clockwise.
                                for part in shapely.orient_polygons(feature.shape).geoms
                            ],
                        },
                    }
                )
            )
        out.write("\n]}\n")
    return Written()


def dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

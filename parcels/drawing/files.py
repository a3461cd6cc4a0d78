"""The features of a file that somebody brings to draw from; nothing of it enters the register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from django.conf import settings

from parcels.drawing.errors import FileHasNoShapes
from parcels.imports.suspicion import notices_of_shift
from parcels.intake.columns import label_column
from parcels.intake.errors import reject_message
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, inspect_file, read_batches

FEATURES_AT_ONCE = 2000
VERTICES_AT_ONCE = 200_000


@dataclass(slots=True)
class Brought:
    """What a file holds: shapes that may be drawn with, and why the others may not."""

    crs: dict[str, Any]
    notices: list[dict[str, Any]]
    features: list[tuple[int, str, bytes]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    left_off: int = 0

    def reading_as_json(self) -> dict[str, Any]:
        """How the file was read and what of it was not: a page shows it and lets it be changed."""
        return {
            "crs": self.crs,
            "notices": self.notices,
            "problems": self.problems,
            "left_off": self.left_off,
        }

    def as_json(self) -> dict[str, Any]:
        return {
            **self.reading_as_json(),
            "features": [
                {"row": row, "label": label, "geometry": _geojson(wkb)}
                for row, label, wkb in self.features
            ],
        }


def read_drawing_file(path: Path, *, choices: Choices, limits: Limits | None = None) -> Brought:
    """Every good feature with its row and label; FileHasNoShapes when there is none."""
    limits = limits or Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES, cpu_seconds=60)
    found = inspect_file(path, choices=choices, limits=limits)
    described = found.as_json()
    brought = Brought(crs=described["crs"], notices=described["notices"])
    names = [column.name for column in found.fields]
    label = label_column(names) or next(
        (name for name in names if name.casefold() in ("name", "名称", "地块名称", "项目名称")),
        None,
    )
    vertices = 0
    for batch in read_batches(path, choices=choices, limits=limits):
        brought.problems.extend(
            {
                "row": reject.row,
                "code": reject.code,
                "message": reject_message(reject.code, reject.params),
                "lon": reject.lon,
                "lat": reject.lat,
            }
            for reject in batch.rejects
        )
        labels = batch.columns.get(label, []) if label else []
        for at, wkb in enumerate(batch.wkb):
            vertices += len(wkb) // 16
            if len(brought.features) >= FEATURES_AT_ONCE or vertices > VERTICES_AT_ONCE:
                brought.left_off += 1
                continue
            text = str(labels[at]) if labels and labels[at] not in (None, "") else ""
            brought.features.append((batch.rows[at], text, wkb))
    if not brought.features:
        reason = brought.problems[0]["message"] if brought.problems else ""
        raise FileHasNoShapes(reason=reason)
    return brought


def shifted_beside(brought: Brought, parcels: Sequence[int]) -> list[dict[str, str]]:
    """Notices where shapes fit these parcels only after the shift of phone maps (domain.md).

    Of one's own parcels alone: by others' one could try out where their borders run.
    """
    return notices_of_shift(((row, wkb) for row, _label, wkb in brought.features), among=parcels)


def _geojson(wkb: bytes) -> dict[str, Any]:
    shape = shapely.from_wkb(wkb)
    found: dict[str, Any] = shapely.geometry.mapping(shape)
    return found

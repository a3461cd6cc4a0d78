"""Findings as a GeoPackage, written a thousand at a time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from pyogrio.raw import write

from parcels.rules.engine import Found
from parcels.rules.screening import Screened
from parcels.rules.table import RULES

AT_A_TIME = 1000
LAYER = "findings"
FIELDS = (
    "candidate",
    "verdict",
    "rule",
    "title",
    "article",
    "severity",
    "other_kind",
    "other",
    "area_m2",
    "mean_width_m",
    "message",
)
_NUMBERS = {"area_m2", "mean_width_m"}


class FindingsFile:
    """A context in which findings are added; the file appears whole when it ends well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.stem}.part.gpkg")
        self.waiting: list[tuple[Screened, Found]] = []
        self.begun = False

    def __enter__(self) -> FindingsFile:
        self.partial.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write()
            self.partial.replace(self.path)
        self.partial.unlink(missing_ok=True)

    def add(self, screened: Screened) -> None:
        self.waiting.extend((screened, found) for found in screened.findings)
        if len(self.waiting) >= AT_A_TIME:
            self._write()

    def _write(self) -> None:
        """Append what waits; the first time also when nothing does, for the empty layer."""
        if self.begun and not self.waiting:
            return
        rows = [_row(screened, found) for screened, found in self.waiting]
        columns: list[Any] = []
        for place, name in enumerate(FIELDS):
            values = [row[place] for row in rows]
            kind = np.float64 if name in _NUMBERS else object
            columns.append(np.array(values, dtype=kind))
        shapes = np.empty(len(rows), dtype=object)
        shapes[:] = [_iso_wkb(found.shape) for _screened, found in self.waiting]
        write(
            self.partial,
            geometry=shapes,
            field_data=columns,
            fields=list(FIELDS),
            driver="GPKG",
            layer=LAYER,
            geometry_type="Unknown",
            crs="EPSG:4490",
            append=self.begun,
        )
        self.begun = True
        self.waiting.clear()


def _row(screened: Screened, found: Found) -> tuple[Any, ...]:
    rule = RULES[found.rule]
    return (
        str(screened.id),
        screened.verdict,
        found.rule,
        str(rule.title),
        rule.article,
        found.severity.value,
        found.other_kind,
        found.other,
        np.nan if found.area_m2 is None else found.area_m2,
        np.nan if found.mean_width_m is None else found.mean_width_m,
        found.message,
    )


def _iso_wkb(shape: bytes | None) -> bytes | None:
    """PostGIS's extended WKB without its SRID, which the layer says."""
    if shape is None:
        return None
    if not shape[4] & 0x20:
        return shape
    return shape[:4] + bytes([shape[4] & ~0x20]) + shape[9:]

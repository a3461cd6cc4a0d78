"""``make_parcels --count N --seed S [--out FILE]``: a mosaic for benchmarks (design.md)."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import geopandas
import orjson
import pyogrio
import shapely
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from parcels.imports.command_line import as_it_reads, ended_when_not_run
from parcels.imports.operations import run_import
from parcels.imports.outcome import Outcome
from parcels.intake.columns import propose_mapping
from parcels.intake.features import Batch
from parcels.models import ImportRecord
from parcels.mosaic import mosaic
from portal.base.clock import today

ROWS_PER_WRITE = 20_000


class Command(BaseCommand):
    """Exit status 0 when all parcels were made, 2 when none were."""

    help = "生成测试用宗地拼图。 Make a mosaic of parcels for benchmarks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, required=True)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", type=Path, help=".gpkg / .geojson / .shp")

    def handle(self, *args: Any, **options: Any) -> None:
        count, seed, out = options["count"], options["seed"], options["out"]
        if count < 1 or seed < 0:
            self.stderr.write(_("--count 须大于 0，--seed 不能为负。"))
            sys.exit(2)
        with ended_when_not_run(self.stderr.write):
            made = write_file(out, count, seed) if out else self.into_database(count, seed)
        self.stdout.write(orjson.dumps({"count": count, "seed": seed, **made}).decode())

    def into_database(self, count: int, seed: int) -> dict[str, Any]:
        """Through the import itself, so that what is measured later is what imports make."""
        name = f"make_parcels --count {count} --seed {seed}"
        record = ImportRecord.objects.create(
            purpose=ImportRecord.Purpose.REGISTERED,
            file_name=name,
            file_sha256=hashlib.sha256(name.encode()).hexdigest(),
            file_bytes=0,
            survey_year=today().year,
            right_kinds=["tree_ownership"],
        )
        batches = mosaic(count=count, seed=seed)
        outcome = run_import(
            record=record,
            batches=batches,
            mapping=propose_mapping(
                ["XIAN", "XIANG", "CUN", "LIN_BAN", "XIAO_BAN", "MIAN_JI", "YOU_SHI_SZ", "LQ_QLR",
                 "ZQ_HAO", "BDCDYH"]
            ),
            actor=None,
            progress=as_it_reads(self.tell),
        )  # fmt: skip
        return {
            "imported": outcome.imported,
            "changed": outcome.changed,
            "unchanged": outcome.unchanged,
        }

    def tell(self, outcome: Outcome) -> None:
        if outcome.read % 10_000 < 1000:
            self.stderr.write(f"{outcome.read}/{outcome.total}")


def write_file(path: Path, count: int, seed: int) -> dict[str, Any]:
    """The mosaic as a file of one layer, written in pieces."""
    path.unlink(missing_ok=True)
    waiting: list[Batch] = []
    written = 0
    for batch in mosaic(count=count, seed=seed):
        waiting.append(batch)
        if sum(len(item.rows) for item in waiting) >= ROWS_PER_WRITE:
            written += _append(path, waiting, append=written > 0)
            waiting = []
    if waiting:
        written += _append(path, waiting, append=written > 0)
    return {"written": written, "file": str(path)}


def _append(path: Path, batches: list[Batch], *, append: bool) -> int:
    columns = {
        name: [value for batch in batches for value in batch.columns[name]]
        for name in batches[0].columns
    }
    shapes = shapely.from_wkb([wkb for batch in batches for wkb in batch.wkb])
    frame = geopandas.GeoDataFrame(columns, geometry=shapes, crs=4490)
    pyogrio.write_dataframe(frame, path, append=append)
    return len(frame)

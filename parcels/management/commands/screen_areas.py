"""``screen_areas FILE``: a file of areas against the register (design.md, "Interfaces")."""

from __future__ import annotations

import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import orjson
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from parcels.imports.command_line import (
    LIMITS,
    add_reading_options,
    choices_from,
    columns_from,
    ended_when_not_run,
    tell_reading,
)
from parcels.imports.reading import reading_json
from parcels.imports.suspicion import shift_notices
from parcels.intake.reader import inspect_file
from parcels.rules.errors import ScreeningRefused
from parcels.rules.findings_file import FindingsFile
from parcels.rules.period import parse_period
from parcels.rules.screening import (
    FACTS,
    Counts,
    Screening,
    as_json,
    propose_columns,
    screen_file,
)
from parcels.rules.table import Subject

KEPT_IN_MEMORY_BYTES = 8 * 1024**2


class Command(BaseCommand):
    """Exit status 0: all clear; 1: findings or unreadable features; 2: not screened."""

    help = "用登记簿筛查文件中的范围。 Screen the areas of a file against the register."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as", dest="subject", required=True, choices=[subject.value for subject in Subject]
        )
        parser.add_argument("--period", help="2021-01-01/2025-12-31")
        parser.add_argument("--id", dest="id_field", metavar="FIELD")
        parser.add_argument("--out", type=Path, metavar="FINDINGS.gpkg")
        add_reading_options(parser)
        parser.add_argument(
            "--sessions", type=int, default=0, help="数据库会话数；默认每个处理器一个。"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # The answer waits until it is whole: what stands on standard output is always valid JSON.
        with tempfile.SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES) as answer:
            with ended_when_not_run(self.stderr.write):
                counts = self.screen(options, answer)
            answer.seek(0)
            for line in answer:
                self.stdout.write(line.decode(), ending="")
        sys.exit(0 if counts.clear == counts.candidates else 1)

    def screen(self, options: dict[str, Any], answer: IO[bytes]) -> Counts:
        """Write the JSON of design.md to ``answer``, one candidate a line."""
        out: Path | None = options["out"]
        if out is not None and (out.suffix.lower() != ".gpkg" or not out.parent.is_dir()):
            raise ScreeningRefused(reason=_("--out 须为已有文件夹里的 .gpkg 文件"))
        path, choices = options["file"], choices_from(options)
        inspection = inspect_file(path, choices=choices, limits=LIMITS)
        columns = columns_from(options, inspection, propose=propose_columns, targets=FACTS)
        reading = reading_json(
            inspection, columns, choices=choices, notices=shift_notices(inspection)
        )
        tell_reading(self.stderr.write, path.name, reading)
        screening = Screening(
            path=path,
            subject=Subject(options["subject"]),
            period=parse_period(options["period"]) if options["period"] else None,
            id_field=options["id_field"],
            with_shapes=out is not None,
            sessions=options["sessions"],
            choices=choices,
            limits=LIMITS,
            columns=columns,
        )
        counts = Counts()
        answer.write(b'{"candidates": [')
        with FindingsFile(out) if out is not None else nullcontext() as file:
            for screened in screen_file(screening, inspection, progress=self.tell):
                answer.write(b",\n" if counts.candidates else b"\n")
                answer.write(as_json(screened))
                counts.add(screened)
                if screened.rejected:
                    self.stderr.write(
                        _("第 {row} 行：{reason}").format(
                            row=screened.row, reason=screened.rejected
                        )
                    )
                if file is not None:
                    file.add(screened)
        answer.write(b'\n], "counts": ' + orjson.dumps(asdict(counts)))
        answer.write(b', "reading": ' + orjson.dumps(reading) + b"}\n")
        return counts

    def tell(self, done: int, total: int | None) -> None:
        of = f"/{total}" if total else ""
        self.stderr.write(_("已筛查 {done}{of}").format(done=done, of=of))

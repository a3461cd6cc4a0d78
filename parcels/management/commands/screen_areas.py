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
from django.db import OperationalError
from django.utils.translation import gettext as _

from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, Inspection, inspect_file, parse_seven_parameters
from parcels.rules.errors import ScreeningRefused
from parcels.rules.findings_file import FindingsFile
from parcels.rules.period import parse_period
from parcels.rules.screening import Counts, Screening, as_json, screen_file
from parcels.rules.table import Subject
from portal.base.errors import PortalError

COMMAND_LINE_LIMIT_BYTES = 16 * 1024**3  # The operator's own files; the web has its own limit.
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
        parser.add_argument("--layer")
        parser.add_argument("--crs", type=int, help="EPSG")
        parser.add_argument("--encoding")
        parser.add_argument(
            "--seven-parameters",
            default="",
            metavar="X,Y,Z,RX,RY,RZ,S",
            help="西安80、北京54 到 CGCS2000 的七参数（米、秒、ppm，布尔莎模型）",
        )
        parser.add_argument(
            "--sessions", type=int, default=0, help="数据库会话数；默认每个处理器一个。"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # The answer waits until it is whole: what stands on standard output is always valid JSON.
        with tempfile.SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES) as answer:
            try:
                counts = self.screen(options, answer)
            except PortalError as error:
                self.stderr.write(f"{error.code}: {error}")
                sys.exit(2)
            except OperationalError as error:
                self.stderr.write(f"database_away: {error}")
                sys.exit(2)
            answer.seek(0)
            for line in answer:
                self.stdout.write(line.decode(), ending="")
        sys.exit(0 if counts.clear == counts.candidates else 1)

    def screen(self, options: dict[str, Any], answer: IO[bytes]) -> Counts:
        """Write the JSON of design.md to ``answer``, one candidate a line."""
        out: Path | None = options["out"]
        if out is not None and (out.suffix.lower() != ".gpkg" or not out.parent.is_dir()):
            raise ScreeningRefused(reason=_("--out 须为已有文件夹里的 .gpkg 文件"))
        screening = Screening(
            path=options["file"],
            subject=Subject(options["subject"]),
            period=parse_period(options["period"]) if options["period"] else None,
            id_field=options["id_field"],
            with_shapes=out is not None,
            sessions=options["sessions"],
            choices=Choices(
                layer=options["layer"],
                crs_epsg=options["crs"],
                encoding=options["encoding"],
                seven_parameters=parse_seven_parameters(options["seven_parameters"]),
            ),
            limits=Limits(file_bytes=COMMAND_LINE_LIMIT_BYTES),
        )
        inspection = inspect_file(
            screening.path, choices=screening.choices, limits=screening.limits
        )
        self.say_how_it_is_read(inspection)
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
        answer.write(b'\n], "counts": ' + orjson.dumps(asdict(counts)) + b"}\n")
        return counts

    def say_how_it_is_read(self, inspection: Inspection) -> None:
        self.stderr.write(
            _("{format}，图层 {layer}，编码 {encoding}，坐标系 {crs}").format(
                format=inspection.format,
                layer=inspection.layer,
                encoding=inspection.encoding.value if inspection.encoding else "-",
                crs=inspection.crs.name,
            )
        )
        for notice in inspection.as_json()["notices"]:
            self.stderr.write(notice["message"])

    def tell(self, done: int, total: int | None) -> None:
        of = f"/{total}" if total else ""
        self.stderr.write(_("已筛查 {done}{of}").format(done=done, of=of))
